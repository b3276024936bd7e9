package zk;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * {@code Latch CONNECT ID}: queues with Curator's own LeaderLatch where Storm's Nimbus does, prints {@code leader} and
 * {@code not leader} as it becomes the one or the other, and {@code sees ID} when its view of the leader changes.
 */
public final class Latch {
    public static void main(String[] args) throws Exception {
        CuratorFramework zk = CuratorFrameworkFactory.newClient(args[0], 6000, 6000, new ExponentialBackoffRetry(100, 5));
        zk.start();
        LeaderLatch latch = new LeaderLatch(zk, "/leader-lock", args[1]);
        latch.addListener(new LeaderLatchListener() {
            @Override
            public void isLeader() {
                System.out.println("leader");
            }

            @Override
            public void notLeader() {
                System.out.println("not leader");
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                latch.close();
                zk.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        latch.start();
        String last = "";
        while (true) {
            String seen = latch.getLeader().getId();
            if (!seen.equals(last)) {
                System.out.println("sees " + seen);
                last = seen;
            }
            Thread.sleep(20);
        }
    }
}
