package bench;

import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** The source of every topology: texts in turn, as fast as asked or each at its time. */
final class Texts extends BaseRichSpout {
    /** Of tuples emitted as fast as possible one in so many has its latency taken. (With a rate, every one.) */
    private static final int TIMED = 16;

    private final String field;
    private final String[] texts;
    private transient SpoutOutputCollector out;
    private transient Meter.Task meter;
    private boolean ack;
    private long rate;
    private long start;
    private long sent;
    private int next;

    Texts(String field, String... texts) {
        this.field = field;
        this.texts = texts;
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext ctx, SpoutOutputCollector collector) {
        Load load = new Load(conf);
        out = collector;
        meter = Meter.task(load.dir, ctx);
        ack = load.ack;
        rate = load.rate;
    }

    @Override
    public void nextTuple() {
        if (Meter.stopped || rate == 0) {
            return;
        }
        // The time from which its latency counts, or, below zero, that it is not taken.
        long from;
        if (rate < 0) {
            from = ack && sent % TIMED == 0 ? System.nanoTime() : -1 - sent;
        } else {
            long now = System.nanoTime();
            if (start == 0) {
                start = now;
            }
            // Its time, whenever it is really emitted.
            from = start + (long) (sent * 1e9 / rate);
            if (from > now) {
                return;
            }
        }
        String text = texts[next];
        next = next + 1 == texts.length ? 0 : next + 1;
        if (ack) {
            out.emit(new Values(text), (Long) from);
        } else {
            out.emit(new Values(text));
        }
        sent++;
        meter.emitted();
    }

    @Override
    public void ack(Object id) {
        meter.acked();
        long from = (Long) id;
        if (from >= 0) {
            meter.latency(System.nanoTime() - from);
        }
    }

    @Override
    public void fail(Object id) {
        meter.failed();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields(field));
    }
}
