package thrift;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import org.apache.storm.thrift.TBase;
import org.apache.storm.thrift.TDeserializer;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.thrift.protocol.TBinaryProtocol;

/**
 * {@code RoundTrip IN OUT}: IN is a row of records (type name, thrift binary), each string and each byte array with
 * its length in front. Every record is decoded by the generated class of that name and encoded again into OUT:
 * a status byte (0 = well), then the bytes, or the exception's text.
 */
public final class RoundTrip {
    public static void main(String[] args) throws Exception {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(args[0])));
             DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(args[1])))) {
            while (true) {
                int length;
                try {
                    length = in.readInt();
                } catch (EOFException end) {
                    return;
                }
                String name = new String(in.readNBytes(length), StandardCharsets.UTF_8);
                byte[] bytes = in.readNBytes(in.readInt());
                byte[] answer;
                byte status = 0;
                try {
                    answer = again(name, bytes);
                } catch (Exception e) {
                    status = 1;
                    answer = e.toString().getBytes(StandardCharsets.UTF_8);
                }
                out.writeByte(status);
                out.writeInt(answer.length);
                out.write(answer);
            }
        }
    }

    private static byte[] again(String name, byte[] bytes) throws Exception {
        Class<?> type = Class.forName("org.apache.storm.generated." + name.replace('.', '$'));
        TBase<?, ?> value = (TBase<?, ?>) type.getDeclaredConstructor().newInstance();
        new TDeserializer(new TBinaryProtocol.Factory()).deserialize(value, bytes);
        return new TSerializer(new TBinaryProtocol.Factory()).serialize(value);
    }
}
