package topology;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.storm.grouping.PartialKeyGrouping;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.tuple.Fields;
import org.apache.storm.utils.Utils;

/**
 * Each line of the input is the serialised form of a {@code PartialKeyGrouping}, in hexadecimal digits; each line of the output says
 * which fields Java finds in it, and to which of two tasks it sends some tuples.
 */
public final class Pieces {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            PartialKeyGrouping grouping =
                    Utils.javaDeserialize(HexFormat.of().parseHex(line), PartialKeyGrouping.class);
            Field fields = PartialKeyGrouping.class.getDeclaredField("fields");
            fields.setAccessible(true);
            List<String> names = ((Fields) fields.get(grouping)).toList();
            Map<String, Object> answer = new HashMap<>();
            answer.put("fields", names);
            WorkerTopologyContext context = new WorkerTopologyContext(null, Map.of(), Map.of(), Map.of(),
                    Map.of("s", Map.of("default", new Fields(names))), "id", "/", "/", 0, List.of(), Map.of(), Map.of(),
                    null, null, null);
            grouping.prepare(context, new org.apache.storm.generated.GlobalStreamId("s", "default"), List.of(3, 4));
            answer.put("chosen", grouping.chooseTasks(1, List.copyOf(names)).size());
            answer.put("again", HexFormat.of().formatHex(Utils.javaSerialize(new PartialKeyGrouping(new Fields(names)))));
            System.out.println(JSONValue.toJSONString(answer));
        }
    }
}
