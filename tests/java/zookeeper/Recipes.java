package zookeeper;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/**
 * {@code Recipes CONNECT}: Curator's LeaderLatch, PersistentNode, TreeCache, CuratorCache and InterProcessMutex. Prints
 * {@code restart the server} when it wants to see them live through that, and {@code the end} when all is well.
 */
public final class Recipes {
    private static CuratorFramework first;
    private static CuratorFramework second;

    public static void main(String[] args) throws Exception {
        first = connect(args[0]);
        second = connect(args[0]);
        treeCache();
        curatorCache();
        mutex();
        leaderLatch();
        persistentNode();
        second.close();
        first.close();
        System.out.println("the end");
        System.exit(0);
    }

    private static CuratorFramework connect(String address) {
        CuratorFramework zk = CuratorFrameworkFactory.builder().connectString(address).sessionTimeoutMs(15_000)
            .connectionTimeoutMs(15_000).retryPolicy(new RetryForever(100)).build();
        zk.start();
        return zk;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
        System.out.println(what);
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void await(Condition condition, String what) throws Exception {
        for (int i = 0; i < 600 && !condition.holds(); i++) {
            Thread.sleep(50);
        }
        check(condition.holds(), what);
    }

    private static void treeCache() throws Exception {
        LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
        first.create().creatingParentsIfNeeded().forPath("/tree/a", bytes("1"));
        try (TreeCache cache = TreeCache.newBuilder(first, "/tree").build()) {
            cache.getListenable().addListener((zk, event) ->
                seen.add(event.getType() + (event.getData() == null ? "" : " " + event.getData().getPath())));
            cache.start();
            List<String> start = List.of(next(seen), next(seen), next(seen));
            check(start.equals(List.of("NODE_ADDED /tree", "NODE_ADDED /tree/a", "INITIALIZED")), "the cache fills: " + start);
            second.create().creatingParentsIfNeeded().forPath("/tree/b/c/d", bytes("2"));
            second.setData().forPath("/tree/a", bytes("3"));
            second.delete().forPath("/tree/b/c/d");
            await(() -> cache.getCurrentData("/tree/b/c") != null && cache.getCurrentData("/tree/b/c/d") == null
                && new String(cache.getCurrentData("/tree/a").getData(), StandardCharsets.UTF_8).equals("3"), "the cache follows");
            second.delete().deletingChildrenIfNeeded().forPath("/tree");
            await(() -> cache.getCurrentData("/tree") == null, "the cache empties");
        }
    }

    private static String next(LinkedBlockingQueue<String> queue) throws Exception {
        String event = queue.poll(20, TimeUnit.SECONDS);
        return event == null ? "nothing" : event;
    }

    /** This one lives on a persistent recursive watch. */
    private static void curatorCache() throws Exception {
        try (CuratorCache cache = CuratorCache.build(first, "/cache")) {
            cache.start();
            for (int i = 0; i < 100; i++) {
                second.create().creatingParentsIfNeeded().forPath("/cache/" + i % 10 + "/" + i, bytes("" + i));
            }
            await(() -> cache.size() == 111, "all nodes are in the cache");
            second.setData().forPath("/cache/3/13", bytes("new"));
            second.delete().forPath("/cache/4/14");
            await(() -> cache.size() == 110
                && new String(cache.get("/cache/3/13").orElseThrow().getData(), StandardCharsets.UTF_8).equals("new"), "and follow");
        }
    }

    private static void mutex() throws Exception {
        int[] counter = new int[1];
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            InterProcessMutex mutex = new InterProcessMutex(i % 2 == 0 ? first : second, "/mutex");
            threads.add(new Thread(() -> {
                try {
                    for (int n = 0; n < 10; n++) {
                        mutex.acquire();
                        int before = counter[0];
                        Thread.sleep(1);
                        counter[0] = before + 1;
                        mutex.release();
                    }
                } catch (Exception e) {
                    e.printStackTrace();
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        check(counter[0] == 40, "the mutex excludes: " + counter[0]);
    }

    private static void leaderLatch() throws Exception {
        LeaderLatch one = new LeaderLatch(first, "/latch", "one");
        LeaderLatch two = new LeaderLatch(second, "/latch", "two");
        one.start();
        check(one.await(20, TimeUnit.SECONDS), "the first one leads");
        two.start();
        await(() -> two.getParticipants().size() == 2, "two take part");
        check(!two.hasLeadership() && two.getLeader().getId().equals("one"), "the second one sees the first");
        List<String> nodes = first.getChildren().forPath("/latch");
        check(nodes.stream().allMatch(name -> name.matches("_c_[0-9a-f-]{36}-latch-[0-9]{10}")), "their nodes: " + nodes.size());
        LeaderLatch three = new LeaderLatch(first, "/latch", "three");
        three.start();
        await(() -> three.getParticipants().size() == 3, "three take part");
        one.close();
        check(two.await(20, TimeUnit.SECONDS), "the second one follows");
        // Its session ends without a word.
        second.getZookeeperClient().getZooKeeper().close();
        check(three.await(40, TimeUnit.SECONDS), "the third one follows");
        three.close();
        try {
            two.close();
        } catch (Exception e) {
            System.out.println("the second one could not say goodbye");
        }
    }

    private static void persistentNode() throws Exception {
        try (PersistentNode node = new PersistentNode(first, CreateMode.EPHEMERAL, false, "/persistent", bytes("mine"));
            LeaderLatch latch = new LeaderLatch(first, "/latch-2", "alone")) {
            node.start();
            check(node.waitForInitialCreate(20, TimeUnit.SECONDS), "the node is there");
            long session = first.getZookeeperClient().getZooKeeper().getSessionId();
            first.delete().forPath("/persistent");
            await(() -> first.checkExists().forPath("/persistent") != null, "the node comes back");
            node.setData(bytes("changed"));
            await(() -> new String(first.getData().forPath("/persistent"), StandardCharsets.UTF_8).equals("changed"), "the data is kept");
            latch.start();
            check(latch.await(20, TimeUnit.SECONDS), "the latch leads");

            CountDownLatch lost = new CountDownLatch(1);
            CountDownLatch found = new CountDownLatch(1);
            first.getConnectionStateListenable().addListener((zk, state) -> {
                if (state == ConnectionState.SUSPENDED) {
                    lost.countDown();
                } else if (state == ConnectionState.RECONNECTED) {
                    found.countDown();
                }
            });
            System.out.println("restart the server");
            check(lost.await(60, TimeUnit.SECONDS) && found.await(60, TimeUnit.SECONDS), "the server was restarted");
            check(first.getZookeeperClient().getZooKeeper().getSessionId() == session, "the session goes on");
            Stat stat = first.checkExists().forPath("/persistent");
            check(stat != null && stat.getEphemeralOwner() == session, "the node was kept");
            check(latch.await(20, TimeUnit.SECONDS), "the latch leads again");
            first.delete().forPath("/persistent");
            await(() -> first.checkExists().forPath("/persistent") != null, "the node comes back again");
        }
        await(() -> first.checkExists().forPath("/persistent") == null, "the node goes with its owner");
    }
}
