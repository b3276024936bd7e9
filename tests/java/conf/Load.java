package conf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.minidev.json.JSONValue;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * What Apache Storm's YAML reader makes of documents: they come on the standard input, with a NUL after each, and each
 * is answered by a line of JSON: ["value", V] or ["error", message]. Scalars carry their Java class.
 */
public class Load {
    public static void main(String[] args) throws Exception {
        String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        StringBuilder out = new StringBuilder();
        int start = 0;
        for (int end = input.indexOf('\0'); end >= 0; end = input.indexOf('\0', start)) {
            out.append(JSONValue.toJSONString(load(input.substring(start, end)))).append('\n');
            start = end + 1;
        }
        System.out.write(out.toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    static List<Object> load(String text) {
        try {
            Object value = new Yaml(new SafeConstructor(new LoaderOptions())).load(text);
            return List.of("value", describe(value));
        } catch (RuntimeException e) {
            return List.of("error", String.valueOf(e.getMessage()));
        } catch (StackOverflowError e) {
            return List.of("error", "recursion");
        }
    }

    static Object describe(Object value) {
        if (value instanceof Map) {
            List<Object> entries = new ArrayList<>();
            for (Map.Entry<?, ?> e : ((Map<?, ?>) value).entrySet()) {
                entries.add(List.of(describe(e.getKey()), describe(e.getValue())));
            }
            return List.of("map", entries);
        } else if (value instanceof List) {
            List<Object> items = new ArrayList<>();
            for (Object item : (List<?>) value) {
                items.add(describe(item));
            }
            return List.of("list", items);
        } else if (value == null) {
            return List.of("null", "");
        } else if (value instanceof Date || value instanceof Set || value.getClass().isArray()) {
            return List.of("java", value.getClass().getSimpleName());
        }
        String kind = value instanceof String ? "text" : value instanceof Boolean ? "bool" : value instanceof Double ? "float" : "int";
        return List.of(kind, value.toString());
    }
}
