package supervisor;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.generated.ExecutorInfo;
import org.apache.storm.generated.LSWorkerHeartbeat;
import org.apache.storm.generated.LocalAssignment;
import org.apache.storm.utils.LocalState;

/**
 * {@code LocalStates read DIR} prints what Storm's LocalState finds; {@code LocalStates write DIR} writes one of each record,
 * several versions of it.
 */
public final class LocalStates {
    public static void main(String[] args) throws Exception {
        LocalState state = new LocalState(args[1], true);
        if (args[0].equals("write")) {
            for (int version = 1; version <= 6; version++) {
                write(state, version);
            }
            state.cleanup(4);
        }
        print(state);
    }

    private static void write(LocalState state, int version) {
        state.setSupervisorId("from-java-" + version);
        state.setApprovedWorkers(Map.of("worker-" + version, 6700));
        LocalAssignment assignment = new LocalAssignment("wc-1-17", List.of(new ExecutorInfo(1, 2), new ExecutorInfo(3, 3)));
        assignment.set_owner("joe");
        state.setLocalAssignmentsMap(Map.of(6700, assignment));
        state.setWorkerHeartBeat(new LSWorkerHeartbeat(version, "wc-1-17", List.of(new ExecutorInfo(-1, -1)), 6700));
    }

    private static void print(LocalState state) {
        System.out.println("supervisor-id " + state.getSupervisorId());
        System.out.println("approved-workers " + orEmpty(state.getApprovedWorkers()));
        Map<Integer, LocalAssignment> assignments = state.getLocalAssignmentsMap();
        if (assignments != null) {
            new TreeMap<>(assignments).forEach((port, a) -> System.out.println(
                "local-assignment " + port + " " + a.get_topology_id() + " " + executors(a.get_executors()) + " " + a.get_owner()));
        }
        LSWorkerHeartbeat beat = state.getWorkerHeartBeat();
        if (beat != null) {
            System.out.println("worker-heartbeat " + beat.get_time_secs() + " " + beat.get_topology_id() + " "
                + executors(beat.get_executors()) + " " + beat.get_port());
        }
    }

    private static Map<String, Integer> orEmpty(Map<String, Integer> map) {
        return map == null ? Map.of() : new TreeMap<>(map);
    }

    private static String executors(List<ExecutorInfo> list) {
        StringBuilder text = new StringBuilder();
        list.forEach(e -> text.append(text.length() == 0 ? "" : ",").append(e.get_task_start()).append('-').append(e.get_task_end()));
        return text.toString();
    }
}
