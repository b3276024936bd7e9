package bench;

import java.util.Map;

/** What src/load.rs says of the keys. */
final class Load {
    final String kind;
    final boolean ack;
    final boolean local;
    final int counters;
    /** Tuples a second, 0 for none; negative: as fast as asked. */
    final long rate;
    final String script;
    final String dir;

    Load(Map<String, Object> conf) {
        kind = (String) conf.get("bench.kind");
        ack = (Boolean) conf.get("bench.ack");
        local = (Boolean) conf.get("bench.local");
        counters = ((Number) conf.get("bench.counters")).intValue();
        Object given = conf.get("bench.rate");
        rate = given == null ? -1 : ((Number) given).longValue();
        script = (String) conf.get("bench.script");
        dir = (String) conf.get("bench.dir");
    }
}
