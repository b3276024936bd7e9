package nimbus;

import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import org.apache.storm.blobstore.FileBlobStoreImpl;
import org.apache.storm.blobstore.LocalFsBlobStoreFile;
import org.apache.storm.generated.AccessControl;
import org.apache.storm.generated.AccessControlType;
import org.apache.storm.generated.SettableBlobMeta;
import org.apache.storm.utils.Utils;

/**
 * {@code BlobFiles DIR LIST}: the files of Storm's local blobstore, by the class that keeps them.
 *
 * <p>LIST holds one job a line, tab-separated: {@code read KEY} prints {@code KEY, version, length, acl, replication};
 * {@code write KEY LENGTH} makes a blob of so many bytes {@code (i * 7) & 0xff}, open to all; {@code list} prints
 * every name that the class finds. Keys are encoded as in URLs; every answer starts with {@code answer}, unlike Storm's logs.
 */
public final class BlobFiles {
    public static void main(String[] args) throws Exception {
        FileBlobStoreImpl store = new FileBlobStoreImpl(new File(args[0]), new HashMap<>());
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] job = line.split("\t");
            String key = job.length > 1 ? java.net.URLDecoder.decode(job[1], "UTF-8") : "";
            switch (job[0]) {
                case "read":
                    LocalFsBlobStoreFile data = store.read("data_" + key);
                    byte[] meta;
                    try (InputStream in = store.read("meta_" + key).getInputStream()) {
                        meta = in.readAllBytes();
                    }
                    SettableBlobMeta m = Utils.thriftDeserialize(SettableBlobMeta.class, meta);
                    System.out.println("answer\t" + job[1] + "\t" + data.getVersion() + "\t" + data.getFileLength() + "\t" + m.get_acl().size()
                        + ":" + m.get_acl().get(0).get_access() + "\t" + m.get_replication_factor());
                    break;
                case "write":
                    byte[] bytes = new byte[Integer.parseInt(job[2])];
                    for (int i = 0; i < bytes.length; i++) {
                        bytes[i] = (byte) (i * 7);
                    }
                    SettableBlobMeta open = new SettableBlobMeta();
                    open.add_to_acl(new AccessControl(AccessControlType.OTHER, 7));
                    open.set_replication_factor(2);
                    write(store.write("meta_" + key, true), Utils.thriftSerialize(open));
                    write(store.write("data_" + key, true), bytes);
                    System.out.println("answer\t" + job[1] + "\t" + store.read("data_" + key).getVersion());
                    break;
                case "list":
                    for (Iterator<String> names = store.listKeys(); names.hasNext();) {
                        System.out.println("answer\t" + java.net.URLEncoder.encode(names.next(), "UTF-8"));
                    }
                    break;
                default:
                    throw new IllegalArgumentException(line);
            }
        }
        System.exit(0);
    }

    private static void write(LocalFsBlobStoreFile file, byte[] bytes) throws Exception {
        try (OutputStream out = file.getOutputStream()) {
            out.write(bytes);
        }
        file.commit();
    }
}
