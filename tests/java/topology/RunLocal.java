package topology;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.storm.LocalCluster;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.utils.Utils;

/**
 * {@code RunLocal THRIFT CONF}: runs the topology of a file (thrift) with the configuration of another (JSON) on Apache
 * Storm in this process, until the standard input ends. The folder {@code resources} is taken from the class path.
 */
public final class RunLocal {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        StormTopology topology = Utils.thriftDeserialize(StormTopology.class, Files.readAllBytes(Path.of(args[0])));
        Map<String, Object> conf = (Map<String, Object>) JSONValue.parseWithException(Files.readString(Path.of(args[1])));
        LocalCluster cluster = new LocalCluster();
        cluster.submitTopology("judged", conf, topology);
        System.out.println("submitted");
        while (System.in.read() >= 0) {
            // Anything but the end is ignored.
        }
        System.exit(0);
    }
}
