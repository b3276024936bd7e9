package client;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.NullStruct;
import org.apache.storm.generated.ShellComponent;
import org.apache.storm.generated.SpoutSpec;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.generated.StreamInfo;
import org.apache.storm.generated.TopologyInitialStatus;
import org.apache.storm.generated.SubmitOptions;

/**
 * {@code SubmitShell NAME WORKERS [INACTIVE]}: submits a topology of shell components, {@code lines.py} to
 * {@code split.py}, from the jar that {@code -Dstorm.jar} names.
 */
public final class SubmitShell {
    public static void main(String[] args) throws Exception {
        StormTopology topology = new StormTopology(new HashMap<>(), new HashMap<>(), new HashMap<>());
        SpoutSpec lines = new SpoutSpec(shell("lines.py"), common(Collections.emptyMap(), "line"));
        topology.put_to_spouts("lines", lines);
        Map<GlobalStreamId, Grouping> inputs = new HashMap<>();
        inputs.put(new GlobalStreamId("lines", "default"), Grouping.shuffle(new NullStruct()));
        topology.put_to_bolts("split", new Bolt(shell("split.py"), common(inputs, "word")));

        Config conf = new Config();
        conf.setNumWorkers(Integer.parseInt(args[1]));
        SubmitOptions options = new SubmitOptions(
            List.of(args).contains("INACTIVE") ? TopologyInitialStatus.INACTIVE : TopologyInitialStatus.ACTIVE);
        StormSubmitter.submitTopology(args[0], conf, topology, options);
        System.out.println("submitted " + args[0]);
    }

    private static ComponentObject shell(String script) {
        ShellComponent shell = new ShellComponent();
        shell.set_execution_command("python3");
        shell.set_script(script);
        return ComponentObject.shell(shell);
    }

    private static ComponentCommon common(Map<GlobalStreamId, Grouping> inputs, String... fields) {
        Map<String, StreamInfo> streams = new HashMap<>();
        streams.put("default", new StreamInfo(Arrays.asList(fields), false));
        ComponentCommon common = new ComponentCommon(inputs, streams);
        common.set_parallelism_hint(1);
        return common;
    }
}
