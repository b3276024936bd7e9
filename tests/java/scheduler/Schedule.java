package scheduler;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.generated.WorkerResources;
import org.apache.storm.metric.StormMetricsRegistry;
import org.apache.storm.scheduler.Cluster;
import org.apache.storm.scheduler.DefaultScheduler;
import org.apache.storm.scheduler.EvenScheduler;
import org.apache.storm.scheduler.ExecutorDetails;
import org.apache.storm.scheduler.IScheduler;
import org.apache.storm.scheduler.INimbus;
import org.apache.storm.scheduler.SchedulerAssignment;
import org.apache.storm.scheduler.SchedulerAssignmentImpl;
import org.apache.storm.scheduler.SupervisorDetails;
import org.apache.storm.scheduler.Topologies;
import org.apache.storm.scheduler.TopologyDetails;
import org.apache.storm.scheduler.WorkerSlot;
import org.apache.storm.scheduler.resource.normalization.ResourceMetrics;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.utils.Utils;

/**
 * Each line of the input is a scheduling problem, each line of the output what Apache Storm's scheduler makes of it:
 * {@code {topology: {executors: {"first-last": "node:port"}, resources: {"node:port": [onheap, offheap, cpu,
 * shared onheap, shared offheap, {name: amount}, {name: amount}]}}}}, or {@code {error: text}} if it fails.
 */
public final class Schedule {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println("answer\t" + JSONValue.toJSONString(answer((Map<String, Object>) JSONValue.parseWithException(line))));
        }
        System.exit(0);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> answer(Map<String, Object> problem) throws Exception {
        Map<String, Object> conf = Utils.readDefaultConfig();
        conf.putAll((Map<String, Object>) problem.get("conf"));
        Map<String, SupervisorDetails> supervisors = new HashMap<>();
        for (Map.Entry<String, Object> node : ((Map<String, Object>) problem.get("nodes")).entrySet()) {
            Map<String, Double> resources = new HashMap<>();
            supervisors.put(node.getKey(), new SupervisorDetails(node.getKey(), node.getKey() + ".host", null,
                (Collection<Number>) node.getValue(), resources));
        }
        Map<String, TopologyDetails> topologies = new LinkedHashMap<>();
        Map<String, SchedulerAssignment> assignments = new HashMap<>();
        for (Map.Entry<String, Object> entry : ((Map<String, Object>) problem.get("topologies")).entrySet()) {
            Map<String, Object> t = (Map<String, Object>) entry.getValue();
            Map<ExecutorDetails, String> executors = new HashMap<>();
            for (Map.Entry<String, Object> e : ((Map<String, Object>) t.get("executors")).entrySet()) {
                executors.put(executor(e.getKey()), (String) e.getValue());
            }
            StormTopology topology = Utils.thriftDeserialize(StormTopology.class, HexFormat.of().parseHex((String) t.get("thrift")));
            topologies.put(entry.getKey(), new TopologyDetails(entry.getKey(), conf, topology,
                ((Number) t.get("workers")).intValue(), executors, "me"));
            Map<ExecutorDetails, WorkerSlot> placed = new HashMap<>();
            for (Map.Entry<String, Object> e : ((Map<String, Object>) t.get("existing")).entrySet()) {
                String[] slot = ((String) e.getValue()).split(":");
                placed.put(executor(e.getKey()), new WorkerSlot(slot[0], Integer.parseInt(slot[1])));
            }
            if (!placed.isEmpty()) {
                assignments.put(entry.getKey(), new SchedulerAssignmentImpl(entry.getKey(), placed, null, null));
            }
        }
        Topologies all = new Topologies(topologies);
        StormMetricsRegistry registry = new StormMetricsRegistry();
        Cluster cluster = new Cluster(new Standalone(), new ResourceMetrics(registry), supervisors, assignments, all, conf);
        IScheduler scheduler = "even".equals(problem.get("policy")) ? new EvenScheduler() : new DefaultScheduler();
        scheduler.prepare(conf, registry);
        Map<String, Object> answer = new TreeMap<>();
        try {
            scheduler.schedule(all, cluster);
        } catch (RuntimeException e) {
            answer.put("error", e.toString());
            return answer;
        }
        for (String id : topologies.keySet()) {
            SchedulerAssignment assignment = cluster.getAssignmentById(id);
            Map<String, Object> executors = new TreeMap<>();
            Map<String, Object> resources = new TreeMap<>();
            if (assignment != null) {
                assignment.getExecutorToSlot().forEach((e, s) ->
                    executors.put(e.getStartTask() + "-" + e.getEndTask(), s.getNodeId() + ":" + s.getPort()));
                for (WorkerSlot slot : assignment.getSlots()) {
                    WorkerResources r = cluster.getWorkerResources(slot);
                    if (r != null) {
                        List<Object> values = new ArrayList<>(List.of(r.get_mem_on_heap(), r.get_mem_off_heap(), r.get_cpu(),
                            r.get_shared_mem_on_heap(), r.get_shared_mem_off_heap()));
                        values.add(r.get_resources());
                        values.add(r.get_shared_resources());
                        resources.put(slot.getNodeId() + ":" + slot.getPort(), values);
                    }
                }
            }
            Map<String, Object> one = new TreeMap<>();
            one.put("executors", executors);
            one.put("resources", resources);
            answer.put(id, one);
        }
        return answer;
    }

    private static ExecutorDetails executor(String text) {
        String[] tasks = text.split("-");
        return new ExecutorDetails(Integer.parseInt(tasks[0]), Integer.parseInt(tasks[1]));
    }

    private static final class Standalone implements INimbus {
        @Override
        public void prepare(Map<String, Object> conf, String dir) {
        }

        @Override
        public Collection<WorkerSlot> allSlotsAvailableForScheduling(Collection<SupervisorDetails> supervisors, Topologies topologies,
                                                                     java.util.Set<String> missing) {
            return new ArrayList<>();
        }

        @Override
        public void assignSlots(Topologies topologies, Map<String, Collection<WorkerSlot>> slots) {
        }

        @Override
        public String getHostName(Map<String, SupervisorDetails> supervisors, String node) {
            return node + ".host";
        }

        @Override
        public IScheduler getForcedScheduler() {
            return null;
        }
    }
}
