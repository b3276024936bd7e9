package bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.topology.BoltDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/**
 * Program NAME DOCUMENT: submits the topology that the document (JSON, the topology's configuration) says.
 * The twin of src/bin/bench-topology.
 */
public final class Program {
    private Program() {
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        String text = Files.readString(Path.of(args[1]));
        Config conf = new Config();
        conf.putAll((Map<String, Object>) JSONValue.parseWithException(text));
        StormSubmitter.submitTopology(args[0], conf, define(new Load(conf)).createTopology());
    }

    private static TopologyBuilder define(Load load) {
        TopologyBuilder topology = new TopologyBuilder();
        if (load.kind.equals("chain")) {
            topology.setSpout("spout", new Texts("v", "some data"));
            flow(load, topology.setBolt("id", new Bolts.Identity()), "spout");
            flow(load, topology.setBolt("null", new Bolts.Nothing()), "id");
            return topology;
        }
        topology.setSpout("spout", new Texts("sentence", "the cow jumped over the moon", "an apple a day keeps the doctor away",
            "four score and seven years ago", "snow white and the seven dwarfs", "i am at two with nature"));
        if (load.kind.equals("multilang")) {
            flow(load, topology.setBolt("split", new Bolts.PythonSplit(load.script)), "spout");
        } else {
            flow(load, topology.setBolt("split", new Bolts.Split()), "spout");
        }
        topology.setBolt("count", new Bolts.Count(), load.counters).fieldsGrouping("split", new Fields("word"));
        return topology;
    }

    private static void flow(Load load, BoltDeclarer bolt, String from) {
        if (load.local) {
            bolt.localOrShuffleGrouping(from);
        } else {
            bolt.shuffleGrouping(from);
        }
    }
}
