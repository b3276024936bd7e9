package thrift;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.storm.generated.Nimbus;
import org.apache.storm.thrift.TBase;
import org.apache.storm.thrift.TEnum;
import org.apache.storm.thrift.TFieldIdEnum;
import org.apache.storm.thrift.TFieldRequirementType;
import org.apache.storm.thrift.TUnion;
import org.apache.storm.thrift.meta_data.EnumMetaData;
import org.apache.storm.thrift.meta_data.FieldMetaData;
import org.apache.storm.thrift.meta_data.FieldValueMetaData;
import org.apache.storm.thrift.meta_data.ListMetaData;
import org.apache.storm.thrift.meta_data.MapMetaData;
import org.apache.storm.thrift.meta_data.SetMetaData;
import org.apache.storm.thrift.meta_data.StructMetaData;
import org.apache.storm.thrift.protocol.TType;

/**
 * Prints every thrift type and service argument of {@code org.apache.storm.generated} as one JSON object,
 * read from the metadata that the generated classes carry about themselves.
 */
public final class DescribeTypes {
    public static void main(String[] args) throws Exception {
        String jar = Nimbus.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        Map<String, String> types = new TreeMap<>();
        try (JarFile file = new JarFile(jar)) {
            for (JarEntry entry : Collections.list(file.entries())) {
                String name = entry.getName();
                if (!name.startsWith("org/apache/storm/generated/") || !name.endsWith(".class")) {
                    continue;
                }
                Class<?> type = Class.forName(name.replace('/', '.').substring(0, name.length() - 6));
                if (TEnum.class.isAssignableFrom(type)) {
                    types.put(shortName(type), describeEnum(type));
                } else if (TBase.class.isAssignableFrom(type)) {
                    types.put(shortName(type), describeStruct(type));
                }
            }
        }
        List<String> lines = new ArrayList<>();
        types.forEach((name, description) -> lines.add("\"" + name + "\": " + description));
        System.out.println("{\n" + String.join(",\n", lines) + "\n}");
    }

    private static String describeEnum(Class<?> type) {
        List<String> values = new ArrayList<>();
        for (Object constant : type.getEnumConstants()) {
            values.add("\"" + ((Enum<?>) constant).name() + "\": " + ((TEnum) constant).getValue());
        }
        return "{\"kind\": \"enum\", \"values\": {" + String.join(", ", values) + "}}";
    }

    private static String describeStruct(Class<?> type) throws Exception {
        Field declared = type.getField("metaDataMap");
        @SuppressWarnings("unchecked")
        Map<TFieldIdEnum, FieldMetaData> metadata = (Map<TFieldIdEnum, FieldMetaData>) declared.get(null);
        TreeMap<Short, String> fields = new TreeMap<>();
        metadata.forEach((id, field) -> fields.put(id.getThriftFieldId(),
            "{\"id\": " + id.getThriftFieldId() + ", \"name\": \"" + field.fieldName + "\", \"type\": \""
                + typeName(field.valueMetaData) + "\", \"required\": \"" + requirement(field.requirementType) + "\"}"));
        String kind = TUnion.class.isAssignableFrom(type) ? "union"
            : Throwable.class.isAssignableFrom(type) ? "exception" : "struct";
        return "{\"kind\": \"" + kind + "\", \"fields\": [" + String.join(", ", fields.values()) + "]}";
    }

    private static String requirement(byte type) {
        switch (type) {
            case TFieldRequirementType.REQUIRED: return "required";
            case TFieldRequirementType.OPTIONAL: return "optional";
            case TFieldRequirementType.DEFAULT: return "default";
            default: throw new IllegalArgumentException("requirement type " + type);
        }
    }

    private static String typeName(FieldValueMetaData type) {
        if (type instanceof StructMetaData) {
            return shortName(((StructMetaData) type).structClass);
        } else if (type instanceof EnumMetaData) {
            return shortName(((EnumMetaData) type).enumClass);
        } else if (type instanceof ListMetaData) {
            return "list<" + typeName(((ListMetaData) type).elemMetaData) + ">";
        } else if (type instanceof SetMetaData) {
            return "set<" + typeName(((SetMetaData) type).elemMetaData) + ">";
        } else if (type instanceof MapMetaData) {
            MapMetaData map = (MapMetaData) type;
            return "map<" + typeName(map.keyMetaData) + "," + typeName(map.valueMetaData) + ">";
        } else if (type.isBinary()) {
            return "binary";
        }
        switch (type.type) {
            case TType.VOID: return "void";
            case TType.BOOL: return "bool";
            case TType.BYTE: return "i8";
            case TType.I16: return "i16";
            case TType.I32: return "i32";
            case TType.I64: return "i64";
            case TType.DOUBLE: return "double";
            case TType.STRING: return "string";
            case TType.STRUCT: return type.getTypedefName();
            default: throw new IllegalArgumentException("thrift type " + type.type + " " + type.getTypedefName());
        }
    }

    /** {@code Nimbus.submitTopology_args} for a nested class, the bare name else. */
    private static String shortName(Class<?> type) {
        return type.getName().substring(Nimbus.class.getPackageName().length() + 1).replace('$', '.');
    }
}
