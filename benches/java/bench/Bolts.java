package bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** The steps of the topologies. */
final class Bolts {
    private Bolts() {
    }

    private abstract static class Counting extends BaseRichBolt {
        private final Fields fields;
        protected transient OutputCollector out;
        protected transient Meter.Task meter;

        Counting(String... fields) {
            this.fields = new Fields(fields);
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext ctx, OutputCollector collector) {
            out = collector;
            meter = Meter.task(new Load(conf).dir, ctx);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            if (fields.size() > 0) {
                declarer.declare(fields);
            }
        }
    }

    /** Passes on what it gets. */
    static final class Identity extends Counting {
        Identity() {
            super("v");
        }

        @Override
        public void execute(Tuple tuple) {
            meter.executed();
            out.emit(tuple, new Values(tuple.getValue(0)));
            out.ack(tuple);
        }
    }

    /** Only counts. */
    static final class Nothing extends Counting {
        @Override
        public void execute(Tuple tuple) {
            meter.executed();
            out.ack(tuple);
        }
    }

    /** Splits sentences into words. */
    static final class Split extends Counting {
        Split() {
            super("word");
        }

        @Override
        public void execute(Tuple tuple) {
            meter.executed();
            for (String word : tuple.getString(0).split(" ")) {
                out.emit(tuple, new Values(word));
            }
            out.ack(tuple);
        }
    }

    /** Counts words, and emits each with its count so far. */
    static final class Count extends Counting {
        private final Map<String, Long> counts = new HashMap<>();

        Count() {
            super("word", "count");
        }

        @Override
        public void execute(Tuple tuple) {
            meter.executed();
            String word = tuple.getString(0);
            Long count = counts.merge(word, 1L, Long::sum);
            out.emit(tuple, new Values(word, count));
            out.ack(tuple);
        }
    }

    /** The splitter in Python. */
    static final class PythonSplit extends ShellBolt implements IRichBolt {
        PythonSplit(String script) {
            super("python3", script);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("word"));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }
}
