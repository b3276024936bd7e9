package org.apache.storm.daemon.supervisor;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.container.DefaultResourceIsolationManager;
import org.apache.storm.metric.StormMetricsRegistry;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.utils.LocalState;
import org.apache.storm.utils.Utils;

/**
 * {@code LaunchCommand CONF LOCALSTATE SUPERVISOR-ID SUPERVISOR-PORT PORT}: lets Storm's own supervisor code launch the worker of the
 * assignment that the local state has for the port, and prints the command instead of executing it: the worker id and the
 * arguments, then the environment.
 */
public final class LaunchCommand {
    /** Does not execute anything. */
    private static final class Printer extends DefaultResourceIsolationManager {
        @Override
        public void launchWorkerProcess(String user, String topologyId, Map<String, Object> topoConf, int port, String workerId,
                List<String> command, Map<String, String> env, String logPrefix, ExitCodeCallback exit, File dir) {
            // Storm's own log comes before.
            System.out.println("-- command");
            System.out.println(workerId);
            command.forEach(System.out::println);
            System.out.println("-- environment");
            new TreeMap<>(env).forEach((name, value) -> System.out.println(name + "=" + value));
            System.out.println("-- end");
        }
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        Map<String, Object> conf = Utils.readDefaultConfig();
        conf.putAll((Map<String, Object>) JSONValue.parseWithException(Files.readString(Path.of(args[0]))));
        LocalState state = new LocalState(args[1], true);
        int port = Integer.parseInt(args[4]);
        StormMetricsRegistry metrics = new StormMetricsRegistry();
        Printer printer = new Printer();
        printer.prepare(conf);
        BasicContainer container = new BasicContainer(Container.ContainerType.LAUNCH, conf, args[2], Integer.parseInt(args[3]), port,
            state.getLocalAssignmentsMap().get(port), printer, state, null, metrics, new ContainerMemoryTracker(metrics));
        container.setup();
        container.launch();
        System.exit(0);
    }
}
