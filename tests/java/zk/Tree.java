package zk;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.storm.blobstore.KeySequenceNumber;
import org.apache.storm.callback.DefaultWatcherCallBack;
import org.apache.storm.cluster.ClusterStateContext;
import org.apache.storm.cluster.ClusterUtils;
import org.apache.storm.cluster.DaemonType;
import org.apache.storm.cluster.IStormClusterState;
import org.apache.storm.generated.Assignment;
import org.apache.storm.generated.ClusterWorkerHeartbeat;
import org.apache.storm.generated.Credentials;
import org.apache.storm.generated.LogConfig;
import org.apache.storm.generated.NimbusSummary;
import org.apache.storm.generated.ProfileRequest;
import org.apache.storm.generated.StormBase;
import org.apache.storm.generated.SupervisorInfo;
import org.apache.storm.nimbus.NimbusInfo;
import org.apache.storm.shade.org.apache.curator.framework.CuratorFramework;
import org.apache.storm.thrift.TBase;
import org.apache.storm.thrift.TDeserializer;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.utils.Utils;
import org.apache.storm.zookeeper.ClientZookeeper;

/**
 * {@code Tree PORT SCRIPT ANSWERS}: runs a script of calls of Storm's own IStormClusterState, one a line, and writes what they
 * answer. Structs are the hexadecimal digits of their thrift bytes. Stays when all is done, so that its ephemeral nodes do too.
 */
public final class Tree {
    private static final Map<String, Object> conf = Utils.readStormConfig();
    private static IStormClusterState state;

    public static void main(String[] args) throws Exception {
        conf.put("storm.zookeeper.servers", List.of("127.0.0.1"));
        conf.put("storm.zookeeper.port", Integer.parseInt(args[0]));
        state = ClusterUtils.mkStormClusterState(conf, new ClusterStateContext(DaemonType.NIMBUS, conf));
        List<String> answers = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] words = line.split(" ");
            for (String answer : call(words)) {
                answers.add(words[0] + " " + answer);
            }
        }
        Files.write(Path.of(args[2]), answers);
        System.out.println("done");
        Thread.sleep(Long.MAX_VALUE);
    }

    private static List<String> call(String[] w) throws Exception {
        switch (w[0]) {
            case "activeStorms": return sorted(state.activeStorms());
            case "stormBase": return one(state.stormBase(w[1], null));
            case "remoteAssignmentInfo": return one(state.remoteAssignmentInfo(w[1], null));
            case "supervisors": return sorted(state.supervisors(null));
            case "supervisorInfo": return one(state.supervisorInfo(w[1]));
            case "nimbuses": return many(state.nimbuses());
            case "heartbeatStorms": return sorted(state.heartbeatStorms());
            case "getWorkerHeartbeat": return one(state.getWorkerHeartbeat(w[1], w[2], Long.valueOf(w[3])));
            case "errorTopologies": return sorted(state.errorTopologies());
            case "errors": return many(state.errors(w[1], Utils.urlDecodeUtf8(w[2])));
            case "lastError": return one(state.lastError(w[1], Utils.urlDecodeUtf8(w[2])));
            case "credentials": return one(state.credentials(w[1], null));
            case "topologyLogConfig": return one(state.topologyLogConfig(w[1], null));
            case "getTopologyProfileRequests": return many(state.getTopologyProfileRequests(w[1]));
            case "activeKeys": return sorted(state.activeKeys());
            case "blobstoreInfo": return sorted(state.blobstoreInfo(w[1]));
            case "getKeySequenceNumber": return List.of(Integer.toString(sequence(w[1], NimbusInfo.parse(w[2]))));
            case "setupBlob": {
                NimbusInfo nimbus = NimbusInfo.parse(w[2]);
                state.setupBlob(w[1], nimbus, sequence(w[1], nimbus));
                return List.of();
            }
            case "activateStorm": state.activateStorm(w[1], struct(new StormBase(), w[2]), conf); return List.of();
            case "setAssignment": state.setAssignment(w[1], struct(new Assignment(), w[2]), conf); return List.of();
            case "supervisorHeartbeat": state.supervisorHeartbeat(w[1], struct(new SupervisorInfo(), w[2])); return List.of();
            case "addNimbusHost": state.addNimbusHost(w[1], struct(new NimbusSummary(), w[2])); return List.of();
            case "workerHeartbeat":
                state.workerHeartbeat(w[1], w[2], Long.valueOf(w[3]), struct(new ClusterWorkerHeartbeat(), w[4]));
                return List.of();
            case "reportError":
                state.reportError(w[1], Utils.urlDecodeUtf8(w[2]), w[3], Long.valueOf(w[4]), new RuntimeException(w[5]));
                return List.of();
            case "setCredentials": state.setCredentials(w[1], struct(new Credentials(), w[2]), conf); return List.of();
            case "setTopologyLogConfig": state.setTopologyLogConfig(w[1], struct(new LogConfig(), w[2]), conf); return List.of();
            case "setWorkerProfileRequest":
                state.setWorkerProfileRequest(w[1], struct(new ProfileRequest(), w[2]));
                return List.of();
            case "removeStorm": state.removeStorm(w[1]); return List.of();
            default: throw new IllegalArgumentException(w[0]);
        }
    }

    private static int sequence(String key, NimbusInfo nimbus) throws Exception {
        CuratorFramework zk = ClientZookeeper.mkClient(
            conf, List.of("127.0.0.1"), conf.get("storm.zookeeper.port"), (String) conf.get("storm.zookeeper.root"),
            new DefaultWatcherCallBack(), conf, DaemonType.NIMBUS);
        try {
            return new KeySequenceNumber(key, nimbus).getKeySequenceNumber(zk);
        } finally {
            zk.close();
        }
    }

    private static <T extends TBase<?, ?>> T struct(T empty, String hex) throws Exception {
        new TDeserializer().deserialize(empty, HexFormat.of().parseHex(hex));
        return empty;
    }

    private static List<String> one(TBase<?, ?> value) throws Exception {
        return List.of(value == null ? "null" : HexFormat.of().formatHex(new TSerializer().serialize(value)));
    }

    private static List<String> many(List<? extends TBase<?, ?>> values) throws Exception {
        List<String> answers = new ArrayList<>();
        for (TBase<?, ?> value : values) {
            answers.addAll(one(value));
        }
        return answers;
    }

    private static List<String> sorted(List<String> names) {
        return names.stream().sorted().toList();
    }
}
