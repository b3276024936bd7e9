package topology;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.Thrift;
import org.apache.storm.daemon.StormCommon;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.generated.StreamInfo;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.utils.Utils;

/**
 * Each line of the input is {@code {"conf": {}, "thrift": "hex"}}; each line of the output says what Apache Storm makes of that
 * topology: its system topology, its tasks, its executors, or its error. {@code SystemTopology keys} prints the names
 * of the configuration keys.
 */
public final class SystemTopology {
    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            List<Object> keys = new ArrayList<>();
            for (Field field : Config.class.getFields()) {
                if (Modifier.isStatic(field.getModifiers()) && field.getType() == String.class) {
                    keys.add(field.get(null));
                }
            }
            System.out.println(JSONValue.toJSONString(keys));
            return;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                answer(line, answer);
            } catch (Exception e) {
                Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
                answer.clear();
                answer.put("error", cause.toString());
            }
            System.out.println(JSONValue.toJSONString(answer));
        }
    }

    @SuppressWarnings("unchecked")
    private static void answer(String line, Map<String, Object> answer) throws Exception {
        Map<String, Object> request = (Map<String, Object>) JSONValue.parseWithException(line);
        Map<String, Object> conf = (Map<String, Object>) request.get("conf");
        byte[] bytes = HexFormat.of().parseHex((String) request.get("thrift"));
        StormTopology topology = Utils.thriftDeserialize(StormTopology.class, bytes);

        Method normalize = Class.forName("org.apache.storm.daemon.nimbus.Nimbus")
                .getDeclaredMethod("normalizeTopology", Map.class, StormTopology.class);
        normalize.setAccessible(true);
        StormTopology normal = (StormTopology) normalize.invoke(null, conf, topology);
        StormTopology system = StormCommon.systemTopology(conf, normal);
        Map<Integer, String> tasks = StormCommon.stormTaskInfo(normal, conf);

        Map<String, List<Integer>> ofComponent = Utils.reverseMap(tasks);
        Map<String, Object> components = new LinkedHashMap<>();
        for (Map.Entry<String, Object> entry : StormCommon.allComponents(system).entrySet()) {
            ComponentCommon common = StormCommon.getComponentCommon(entry.getValue());
            Map<String, Object> described = new LinkedHashMap<>();
            Map<String, Object> streams = new LinkedHashMap<>();
            for (Map.Entry<String, StreamInfo> stream : common.get_streams().entrySet()) {
                streams.put(stream.getKey(), List.of(stream.getValue().is_direct(), stream.getValue().get_output_fields()));
            }
            List<Object> inputs = new ArrayList<>();
            for (Map.Entry<GlobalStreamId, Grouping> input : common.get_inputs().entrySet()) {
                Grouping g = input.getValue();
                Object fields = g.is_set_fields() ? g.get_fields() : List.of();
                inputs.add(List.of(input.getKey().get_componentId(), input.getKey().get_streamId(),
                        Thrift.groupingType(g).getFieldName(), fields));
            }
            described.put("streams", streams);
            described.put("inputs", inputs);
            described.put("conf", StormCommon.componentConf(entry.getValue()));
            described.put("start", StormCommon.numStartExecutors(entry.getValue()));
            List<Integer> own = ofComponent.getOrDefault(entry.getKey(), List.of());
            described.put("tasks", own);
            Map<String, Object> executors = new LinkedHashMap<>();
            for (int n : new int[] {0, 1, 2, 3, 7}) {
                List<Object> runs = new ArrayList<>();
                for (List<Integer> run : Utils.partitionFixed(n, own)) {
                    runs.add(List.of(run.get(0), run.get(run.size() - 1)));
                }
                executors.put(Integer.toString(n), runs);
            }
            described.put("executors", executors);
            components.put(entry.getKey(), described);
        }
        answer.put("components", components);
    }
}
