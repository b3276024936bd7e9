package zookeeper;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/**
 * {@code Transcript CONNECT}: does nearly everything that the client can do, and prints what comes of it without what
 * may differ from server to server: clocks, session ids, and the numbers of transactions, of which only the order
 * counts (Apache ZooKeeper gives numbers to failures too).
 */
public final class Transcript {
    private static final Map<String, LinkedBlockingQueue<String>> events = new HashMap<>();
    private static final List<String> lines = new ArrayList<>();
    private static final TreeSet<Long> zxids = new TreeSet<>(List.of(0L));
    private static ZooKeeper a;
    private static ZooKeeper b;

    private interface Call {
        Object run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        a = connect(args[0], "a");
        b = connect(args[0], "b");
        nodes();
        multis();
        lists();
        watches();
        alwaysWatches();
        sessions(args[0]);
        lines.add("the end");
        b.close();
        // The numbers of transactions become their ranks.
        List<Long> order = new ArrayList<>(zxids);
        for (String line : lines) {
            StringBuilder out = new StringBuilder();
            String[] parts = line.split("§", -1);
            for (int i = 0; i < parts.length; i++) {
                out.append(i % 2 == 0 ? parts[i] : "#" + order.indexOf(Long.parseLong(parts[i])));
            }
            System.out.println(out);
        }
    }

    private static ZooKeeper connect(String address, String name) throws Exception {
        LinkedBlockingQueue<String> queue = events.computeIfAbsent(name, n -> new LinkedBlockingQueue<>());
        ZooKeeper zk = new ZooKeeper(address, 10_000, event -> queue.add(show(event)));
        if (!"None null SyncConnected".equals(queue.poll(20, TimeUnit.SECONDS))) {
            throw new IllegalStateException("no connection");
        }
        return zk;
    }

    private static String show(WatchedEvent event) {
        return event.getType() + " " + event.getPath() + " " + event.getState();
    }

    private static void step(String what, Call call) {
        String result;
        try {
            result = show(call.run());
        } catch (KeeperException e) {
            result = e.code() + " " + e.getPath();
            if (e.getResults() != null) {
                result += " " + show(e.getResults());
            }
        } catch (Exception e) {
            result = e.toString();
        }
        lines.add(what + ": " + result);
    }

    private static String show(Object value) {
        if (value instanceof byte[] bytes) {
            return "\"" + new String(bytes, StandardCharsets.UTF_8) + "\"";
        }
        if (value instanceof Stat stat) {
            return show(stat);
        }
        if (value instanceof List<?> list) {
            List<String> shown = new ArrayList<>();
            list.forEach(item -> shown.add(show(item)));
            return shown.toString();
        }
        if (value instanceof ACL acl) {
            return acl.getPerms() + ":" + acl.getId().getScheme() + ":" + acl.getId().getId();
        }
        if (value instanceof OpResult.CreateResult created) {
            return "created " + created.getPath() + " " + show(created.getStat());
        }
        if (value instanceof OpResult.SetDataResult set) {
            return "set " + show(set.getStat());
        }
        if (value instanceof OpResult.GetDataResult got) {
            return "got " + show(got.getData()) + " " + show(got.getStat());
        }
        if (value instanceof OpResult.GetChildrenResult got) {
            return "children " + sorted(got.getChildren());
        }
        if (value instanceof OpResult.ErrorResult error) {
            return "error " + error.getErr();
        }
        if (value instanceof OpResult result) {
            return result.getClass().getSimpleName();
        }
        return String.valueOf(value);
    }

    private static String show(Stat stat) {
        zxids.addAll(List.of(stat.getCzxid(), stat.getMzxid(), stat.getPzxid()));
        long owner = stat.getEphemeralOwner();
        String who = owner == 0 ? "nobody" : owner == a.getSessionId() ? "a" : owner == b.getSessionId() ? "b" : "?";
        return "c§" + stat.getCzxid() + "§ m§" + stat.getMzxid() + "§ p§" + stat.getPzxid() + "§ version "
            + stat.getVersion() + " cversion " + stat.getCversion() + " aversion " + stat.getAversion() + " of " + who
            + " length " + stat.getDataLength() + " children " + stat.getNumChildren()
            + (stat.getMtime() >= stat.getCtime() ? "" : " time runs backwards");
    }

    private static List<String> sorted(List<String> names) {
        List<String> copy = new ArrayList<>(names);
        Collections.sort(copy);
        return copy;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String create(ZooKeeper zk, String path, CreateMode mode) throws Exception {
        return zk.create(path, bytes("data"), ZooDefs.Ids.OPEN_ACL_UNSAFE, mode);
    }

    private static Object stat(String path) throws Exception {
        return a.exists(path, false);
    }

    private static void nodes() {
        step("fresh root", () -> stat("/"));
        step("fresh children", () -> sorted(a.getChildren("/", false)));
        step("fresh system", () -> List.of(stat("/zookeeper"), stat("/zookeeper/quota"), stat("/zookeeper/config")));
        step("config", () -> a.getACL("/zookeeper/config", null));
        step("create", () -> create(a, "/n", CreateMode.PERSISTENT));
        step("again", () -> create(a, "/n", CreateMode.PERSISTENT));
        step("orphan", () -> create(a, "/no/n", CreateMode.PERSISTENT));
        step("create2", () -> {
            Stat stat = new Stat();
            return a.create("/n/two", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat) + " " + show(stat);
        });
        step("null data", () -> a.getData("/n/two", false, null) == null);
        step("empty data", () -> a.create("/n/empty", new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        step("is empty", () -> a.getData("/n/empty", false, null));
        for (CreateMode mode : CreateMode.values()) {
            step("create " + mode, () -> mode.isTTL()
                ? a.create("/n/" + mode, bytes("x"), ZooDefs.Ids.OPEN_ACL_UNSAFE, mode, new Stat(), 5000)
                : create(a, "/n/" + mode, mode));
        }
        step("by b", () -> create(b, "/n/b", CreateMode.EPHEMERAL));
        step("ephemeral", () -> stat("/n/b"));
        step("container", () -> stat("/n/CONTAINER"));
        step("below ephemeral", () -> create(a, "/n/b/c", CreateMode.PERSISTENT));
        step("sequential alone", () -> create(a, "/n/", CreateMode.PERSISTENT_SEQUENTIAL));
        step("stat", () -> stat("/n"));
        step("children", () -> sorted(a.getChildren("/n", false)));
        step("children2", () -> {
            Stat stat = new Stat();
            return sorted(a.getChildren("/n", null, stat)) + " " + show(stat);
        });
        step("children of none", () -> a.getChildren("/none", false));
        step("data", () -> {
            Stat stat = new Stat();
            return show(a.getData("/n", false, stat)) + " " + show(stat);
        });
        step("data of none", () -> a.getData("/none", false, null));
        step("exists none", () -> stat("/none"));
        step("set", () -> a.setData("/n", bytes("longer data"), 0));
        step("set old", () -> a.setData("/n", bytes("x"), 0));
        step("set none", () -> a.setData("/none", bytes("x"), -1));
        step("set any", () -> a.setData("/n", null, -1));
        step("delete parent", () -> remove("/n", -1));
        step("delete old", () -> remove("/n/two", 5));
        step("delete", () -> remove("/n/two", 0));
        step("delete none", () -> remove("/n/two", 0));
        step("delete system", () -> remove("/zookeeper/quota", -1));
        step("after", () -> stat("/n"));
        step("ephemerals of a", () -> sorted(a.getEphemerals()));
        step("ephemerals of b", () -> sorted(b.getEphemerals("/n")));
        step("ephemerals elsewhere", () -> sorted(b.getEphemerals("/x")));
        step("all children", () -> a.getAllChildrenNumber("/n"));
        step("all nodes", () -> a.getAllChildrenNumber("/"));
        step("all of none", () -> a.getAllChildrenNumber("/none"));
        step("unicode", () -> create(a, "/n/äöü ☃", CreateMode.PERSISTENT));
        step("sync", () -> {
            LinkedBlockingQueue<String> done = new LinkedBlockingQueue<>();
            a.sync("/n", (rc, path, ctx) -> done.add(rc + " " + path), null);
            return done.poll(10, TimeUnit.SECONDS);
        });
        step("large", () -> a.create("/n/large", new byte[1_000_000], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        step("large length", () -> a.getData("/n/large", false, null).length);
    }

    private static Object remove(String path, int version) throws Exception {
        a.delete(path, version);
        return "deleted";
    }

    private static void multis() {
        List<ACL> open = ZooDefs.Ids.OPEN_ACL_UNSAFE;
        step("multi", () -> a.multi(List.of(
            Op.create("/m", bytes("m"), open, CreateMode.PERSISTENT),
            Op.create("/m/c", bytes("c"), open, CreateMode.CONTAINER),
            Op.create("/m/s-", bytes("s"), open, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.check("/m", 0), Op.setData("/m", bytes("mm"), 0), Op.setData("/m", bytes("mmm"), 1),
            Op.delete("/m/c", 0))));
        step("multi stat", () -> stat("/m"));
        step("multi fails", () -> a.multi(List.of(
            Op.create("/m/x", bytes("m"), open, CreateMode.PERSISTENT), Op.check("/m", 7), Op.delete("/m/x", 0))));
        step("multi fails first", () -> a.multi(List.of(Op.delete("/none", 0), Op.check("/m", 2))));
        step("multi fails last", () -> a.multi(List.of(Op.setData("/m", bytes("no"), 2), Op.delete("/m", -1))));
        step("multi left nothing", () -> stat("/m"));
        step("multi of checks", () -> a.multi(List.of(Op.check("/m", 2), Op.check("/n", -1))));
        step("multi of nothing", () -> a.multi(List.of()));
        step("multi read", () -> a.multi(List.of(
            Op.getData("/m"), Op.getChildren("/m"), Op.getData("/none"), Op.getChildren("/zookeeper"))));
        step("transaction", () -> a.transaction().delete("/none", -1).create("/y", null, open, CreateMode.PERSISTENT).commit());
    }

    private static void lists() throws Exception {
        step("who", () -> sorted(a.whoAmI().stream().map(info -> info.getAuthScheme() + ":" + info.getUser()).toList()));
        step("creator without proof", () -> a.create("/l", null, ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        a.addAuthInfo("digest", bytes("bob:secret"));
        step("creator", () -> a.create("/l", bytes("l"), ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        step("who", () -> sorted(a.whoAmI().stream().map(info -> info.getAuthScheme() + ":" + info.getUser()).toList()));
        step("own list", () -> {
            Stat stat = new Stat();
            return show(a.getACL("/l", stat)) + " " + show(stat);
        });
        step("foreign list", () -> b.getACL("/l", null));
        step("foreign read", () -> b.getData("/l", false, null));
        step("foreign exists", () -> b.exists("/l", false));
        step("foreign children", () -> b.getChildren("/l", false));
        step("foreign write", () -> b.setData("/l", null, -1));
        step("foreign create", () -> create(b, "/l/x", CreateMode.PERSISTENT));
        step("foreign multi", () -> b.multi(List.of(Op.check("/l", 0))));
        step("foreign multi read", () -> b.multi(List.of(Op.getData("/l"), Op.getChildren("/l"))));
        step("own child", () -> create(a, "/l/x", CreateMode.PERSISTENT));
        step("foreign delete", () -> {
            b.delete("/l/x", -1);
            return "deleted";
        });
        ACL reader = new ACL(ZooDefs.Perms.READ, new Id("world", "anyone"));
        ACL bob = new ACL(ZooDefs.Perms.ALL, new Id("auth", "ignored"));
        step("set list", () -> a.setACL("/l", Arrays.asList(bob, reader, reader), 0));
        step("set list old", () -> a.setACL("/l", List.of(reader), 0));
        step("set list of none", () -> a.setACL("/none", List.of(reader), 0));
        step("redacted", () -> b.getACL("/l", null));
        step("foreign read", () -> b.getData("/l", false, null));
        step("foreign set list", () -> b.setACL("/l", ZooDefs.Ids.OPEN_ACL_UNSAFE, -1));
        for (String bad : List.of("sasl:x", "digest:x", "digest:x:y:z", "ip:nowhere", "ip:10.0.0.1/40", "world:someone", "ip:10.0.0.0/8", "ip:::1")) {
            String[] parts = bad.split(":", 2);
            step("list " + bad, () -> a.create("/l/" + parts[0] + "-", null,
                List.of(new ACL(ZooDefs.Perms.ALL, new Id(parts[0], parts[1]))), CreateMode.PERSISTENT_SEQUENTIAL));
        }
        step("by address", () -> a.create("/l/ip", bytes("ip"),
            List.of(new ACL(ZooDefs.Perms.ALL, new Id("ip", "127.0.0.0/8"))), CreateMode.PERSISTENT));
        step("read by address", () -> b.getData("/l/ip", false, null));
        step("empty list", () -> a.setACL("/l", List.of(), -1));
        step("the node's stat", () -> stat("/l"));
    }

    private static void expect(String client, int count) throws Exception {
        List<String> got = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            got.add(events.get(client).poll(5, TimeUnit.SECONDS));
        }
        // An answer comes after all events before it.
        (client.equals("a") ? a : b).exists("/", false);
        events.get(client).drainTo(got);
        lines.add("events of " + client + ": " + got);
    }

    private static void watches() throws Exception {
        step("watch none", () -> b.exists("/w", true));
        step("make it", () -> create(a, "/w", CreateMode.PERSISTENT));
        expect("b", 1);
        step("watch", () -> List.of(b.exists("/w", true) != null, b.getChildren("/w", true)));
        step("child", () -> create(a, "/w/c", CreateMode.PERSISTENT));
        expect("b", 1);
        step("change twice", () -> List.of(a.setData("/w", bytes("1"), -1), a.setData("/w", bytes("2"), -1)));
        expect("b", 1);
        step("watch child", () -> List.of(b.getData("/w/c", true, null).length, b.getChildren("/w/c", true), b.getChildren("/w", true)));
        step("delete child", () -> remove("/w/c", -1));
        expect("b", 2);
        step("watch of the forbidden", () -> b.getData("/l/sasl", true, null));
        step("watch in multi", () -> List.of(b.getChildren("/w", true), b.exists("/w/1", true) == null));
        step("multi", () -> a.multi(List.of(
            Op.create("/w/1", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), Op.delete("/w/1", -1))));
        expect("b", 2);
        step("not told", () -> b.exists("/hidden", true));
        step("hidden", () -> a.create("/hidden", null, ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
        expect("b", 0);
        step("remove no watch", () -> {
            b.removeAllWatches("/w", Watcher.WatcherType.Any, true);
            return "removed";
        });
        step("a watch to remove", () -> b.getData("/w", true, null));
        step("remove wrong kind", () -> {
            b.removeAllWatches("/w", Watcher.WatcherType.Children, false);
            return "removed";
        });
        step("remove it", () -> {
            b.removeAllWatches("/w", Watcher.WatcherType.Data, false);
            return "removed";
        });
        expect("b", 1);
        step("not any more", () -> a.setData("/w", null, -1));
        expect("b", 0);
    }

    private static void alwaysWatches() throws Exception {
        step("persistent", () -> {
            b.addWatch("/w", AddWatchMode.PERSISTENT);
            return "added";
        });
        step("changes", () -> List.of(a.setData("/w", bytes("3"), -1), a.setData("/w", bytes("4"), -1), create(a, "/w/p", CreateMode.PERSISTENT)));
        expect("b", 3);
        step("recursive", () -> {
            b.addWatch("/w", AddWatchMode.PERSISTENT_RECURSIVE);
            return "added";
        });
        step("below", () -> List.of(create(a, "/w/p/q", CreateMode.PERSISTENT), a.setData("/w/p/q", bytes("5"), -1), remove("/w/p/q", -1)));
        expect("b", 3);
        step("both", () -> remove("/w/p", -1));
        expect("b", 2);
        Watcher named = event -> events.get("b").add("named " + show(event));
        step("remove a stranger", () -> {
            b.removeWatches("/w", named, Watcher.WatcherType.Any, false);
            return "removed";
        });
        step("remove all", () -> {
            b.removeAllWatches("/w", Watcher.WatcherType.Any, false);
            return "removed";
        });
        step("none left", () -> a.setData("/w", bytes("6"), -1));
        lines.add("after removal: " + new TreeSet<>(drained("b")));
    }

    private static List<String> drained(String client) throws Exception {
        List<String> got = new ArrayList<>();
        b.exists("/", false);
        // Events are handed over on a thread of their own.
        for (String event; (event = events.get(client).poll(500, TimeUnit.MILLISECONDS)) != null; ) {
            got.add(event);
        }
        return got;
    }

    private static void sessions(String address) throws Exception {
        step("own node", () -> create(a, "/own", CreateMode.EPHEMERAL));
        step("watch own node", () -> b.exists("/own", true) != null);
        ZooKeeper again = new ZooKeeper(address, 10_000, event -> events.computeIfAbsent("again", n -> new LinkedBlockingQueue<>()).add(show(event)),
            a.getSessionId(), a.getSessionPasswd());
        step("the session moves", () -> again.exists("/own", false).getEphemeralOwner() == again.getSessionId());
        step("the session ends", () -> {
            again.close();
            return "closed";
        });
        expect("b", 1);
        step("gone", () -> b.exists("/own", false));
        ZooKeeper late = new ZooKeeper(address, 10_000, event -> events.computeIfAbsent("late", n -> new LinkedBlockingQueue<>()).add(show(event)),
            a.getSessionId(), a.getSessionPasswd());
        step("a dead session", () -> late.exists("/", false));
        late.close();
        a.close();
        a = b;
    }
}
