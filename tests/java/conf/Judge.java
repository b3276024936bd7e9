package conf;

import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.minidev.json.JSONValue;
import org.apache.storm.utils.ConfigUtils;
import org.apache.storm.utils.Utils;
import org.apache.storm.validation.ConfigValidation;
import org.apache.storm.validation.ConfigValidationAnnotations.*;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * What Apache Storm makes of configurations, as one JSON object: its defaults, the kind of value that it demands of
 * each key, and what its YAML reader makes of every line of the standard input as the value of a key.
 */
public class Judge {
    public static void main(String[] args) throws Exception {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("defaults", Utils.findAndReadConfigFile("defaults.yaml", true));
        all.put("kinds", kinds());
        List<Object> scalars = new ArrayList<>();
        String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String line : input.split("\n")) {
            scalars.add(scalar(line));
        }
        all.put("scalars", scalars);
        System.out.println(JSONValue.toJSONString(all));
    }

    static List<String> scalar(String text) {
        try {
            Map<?, ?> map = new Yaml(new SafeConstructor(new LoaderOptions())).load("k: " + text);
            Object value = map.get("k");
            return value == null ? List.of("null", "") : List.of(value.getClass().getSimpleName(), value.toString());
        } catch (RuntimeException e) {
            return List.of("error", String.valueOf(e.getMessage()));
        }
    }

    static Map<String, String> kinds() throws Exception {
        Map<String, String> kinds = new TreeMap<>();
        for (Class<?> c : ConfigValidation.getConfigClasses()) {
            for (Field f : c.getFields()) {
                if (f.getType() == String.class && Modifier.isStatic(f.getModifiers())) {
                    kinds.merge((String) f.get(null), kind(f), Judge::stricter);
                }
            }
        }
        return kinds;
    }

    /** Two classes speak of one key: null is not allowed when one of them says so. */
    static String stricter(String a, String b) {
        return a.endsWith("!") ? a : b;
    }

    static String kind(Field f) {
        String word = "any";
        String bound = "";
        boolean required = false;
        for (Annotation a : f.getAnnotations()) {
            if (a instanceof IsPositiveNumber) {
                bound = ((IsPositiveNumber) a).includeZero() ? ">=0" : ">0";
            } else if (a instanceof NotNull) {
                required = true;
            }
        }
        for (Annotation a : f.getAnnotations()) {
            if (a instanceof IsInteger) {
                word = "int" + bound;
            } else if (a instanceof IsLong) {
                word = "long" + bound;
            } else if (a instanceof IsNumber) {
                word = "number" + bound;
            } else if (a instanceof IsBoolean) {
                word = "bool";
            } else if (a instanceof IsStringOrStringList) {
                word = "string|strings";
            } else if (a instanceof IsStringList) {
                word = "strings";
            } else if (a instanceof IsMapEntryType) {
                Class<?> value = ((IsMapEntryType) a).valueType();
                word = value == String.class ? "map<string>" : value == Number.class ? "map<number>" : "map";
            } else if (a instanceof IsMapEntryCustom || a instanceof IsType && ((IsType) a).type() == Map.class) {
                word = "map";
            } else if (a instanceof IsNoDuplicateInList) {
                return "ports" + (required ? "!" : "");
            } else if (a instanceof IsListEntryCustom || a instanceof IsKryoReg) {
                word = "list";
            } else if (a instanceof IsString) {
                String[] accepted = ((IsString) a).acceptedValues();
                boolean all = accepted.length == 1 && accepted[0].isEmpty();
                word = all ? "string" : "one-of(" + String.join(",", accepted) + ")";
            } else if (a instanceof IsImplementationOfClass) {
                word = "string";
            } else if (a instanceof CustomValidator) {
                String validator = ((CustomValidator) a).validatorClass().getSimpleName();
                word = validator.equals("PacemakerAuthTypeValidator") ? "one-of(NONE,DIGEST,KERBEROS)" : "map";
            }
        }
        if (word.equals("any") && !bound.isEmpty()) {
            word = "number" + bound;
        }
        return word + (required ? "!" : "");
    }
}
