package bench;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import org.apache.storm.task.TopologyContext;

/** Counting inside the components, as in src/meter.rs: the same lines, once a second, into DIR/PID.jsonl. */
final class Meter {
    private static final long PERIOD = 1_000_000_000L;
    private static final List<Task> TASKS = new ArrayList<>();
    private static Path dir;

    /** Spouts shall emit no more. */
    static volatile boolean stopped;

    private Meter() {
    }

    static synchronized Task task(String folder, TopologyContext ctx) {
        if (dir == null) {
            dir = Path.of(folder);
            Thread thread = new Thread(Meter::run, "meter");
            thread.setDaemon(true);
            thread.start();
        }
        Task task = new Task(ctx.getThisComponentId(), ctx.getThisTaskId());
        TASKS.add(task);
        return task;
    }

    private static void run() {
        Path file = dir.resolve(ProcessHandle.current().pid() + ".jsonl");
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            long next = System.nanoTime();
            while (true) {
                next += PERIOD;
                long wait = Math.max(0, next - System.nanoTime());
                Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
                write(out);
                if (Files.exists(dir.resolve("stop"))) {
                    stopped = true;
                }
            }
        } catch (IOException e) {
            // The driver misses the lines and says so.
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized void write(BufferedWriter out) throws IOException {
        for (Task task : TASKS) {
            out.write(task.line());
            out.newLine();
        }
        out.flush();
    }

    /** The counters of one task. Only the task writes them, so a load and a store are enough. */
    static final class Task {
        // Apart from whatever lies before and after them in memory.
        private static final int FIRST = 16;
        private static final int EMITTED = 17;
        private static final int ACKED = 18;
        private static final int FAILED = 19;
        private static final int EXECUTED = 20;
        private static final int SIZE = 37;
        // The buckets of src/latency.rs.
        private static final int STEP_BITS = 7;
        private static final long LONGEST = (1L << 40) - 1;

        private final String component;
        private final int task;
        private final AtomicLongArray counts = new AtomicLongArray(SIZE);
        private final AtomicLongArray latency = new AtomicLongArray(index(LONGEST) + 1);

        Task(String component, int task) {
            this.component = component;
            this.task = task;
        }

        void emitted() {
            oneMoreOf(EMITTED);
        }

        void acked() {
            oneMoreOf(ACKED);
        }

        void failed() {
            oneMoreOf(FAILED);
        }

        void executed() {
            oneMoreOf(EXECUTED);
        }

        void latency(long nanos) {
            int index = index(Math.max(0, Math.min(nanos, LONGEST)));
            latency.lazySet(index, latency.get(index) + 1);
        }

        private static int index(long nanos) {
            int octave = Math.max(0, 63 - Long.numberOfLeadingZeros(nanos | 1) - STEP_BITS);
            return (octave << STEP_BITS) + (int) (nanos >> octave);
        }

        private void oneMoreOf(int counter) {
            long before = counts.get(counter);
            if (before == 0 && counts.get(FIRST) == 0) {
                counts.lazySet(FIRST, System.nanoTime());
            }
            counts.lazySet(counter, before + 1);
        }

        String line() {
            StringBuilder buckets = new StringBuilder();
            for (int i = 0; i < latency.length(); i++) {
                long count = latency.get(i);
                if (count > 0) {
                    buckets.append(buckets.length() == 0 ? "" : ",").append('[').append(i).append(',').append(count).append(']');
                }
            }
            return "{\"at\":" + System.nanoTime() + ",\"component\":\"" + component + "\",\"task\":" + task
                + ",\"first\":" + counts.get(FIRST) + ",\"emitted\":" + counts.get(EMITTED) + ",\"acked\":" + counts.get(ACKED)
                + ",\"failed\":" + counts.get(FAILED) + ",\"executed\":" + counts.get(EXECUTED) + ",\"latency\":[" + buckets + "]}";
        }
    }
}
