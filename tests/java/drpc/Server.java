package drpc;

import org.apache.storm.generated.DRPCExecutionException;
import org.apache.storm.generated.DRPCExceptionType;
import org.apache.storm.generated.DistributedRPC;
import org.apache.storm.thrift.protocol.TBinaryProtocol;
import org.apache.storm.thrift.server.THsHaServer;
import org.apache.storm.thrift.transport.TNonblockingServerSocket;

/**
 * {@code Server PORT}: Apache Storm's own processor of DRPC calls on the transport of its daemon. {@code exclaim}
 * answers with an exclamation mark, everything else fails as a call that no topology serves.
 */
public final class Server {
    public static void main(String[] args) throws Exception {
        DistributedRPC.Iface handler = (function, argument) -> {
            if (function.equals("exclaim")) {
                return argument + "!";
            }
            DRPCExecutionException failed = new DRPCExecutionException("nobody serves " + function);
            failed.set_type(DRPCExceptionType.FAILED_REQUEST);
            throw failed;
        };
        THsHaServer.Args options = new THsHaServer.Args(new TNonblockingServerSocket(Integer.parseInt(args[0])));
        options.processor(new DistributedRPC.Processor<>(handler)).protocolFactory(new TBinaryProtocol.Factory(true, true));
        System.out.println("serving");
        new THsHaServer(options).serve();
    }
}
