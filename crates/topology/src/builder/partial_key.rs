//! Java's serialised form of `PartialKeyGrouping`, the only way that Storm's thrift has for this grouping.

use bytes::Bytes;
use storm_thrift::types::Grouping;

/// Partial key grouping on these fields: each key goes to the less busy of two tasks.
pub fn partial_key_grouping(fields: &[String]) -> Grouping {
    Grouping::CustomSerialized(Bytes::from(serialised(fields)))
}

/// `new PartialKeyGrouping(new Fields(fields))` as `ObjectOutputStream` writes it.
fn serialised(fields: &[String]) -> Vec<u8> {
    let count = u32::try_from(fields.len()).unwrap_or(u32::MAX);
    let mut out = Stream(b"\xac\xed\x00\x05".to_vec());
    out.class("org.apache.storm.grouping.PartialKeyGrouping", 0xe8ca_94eb_892f_55c0, 2, 5);
    out.field('L', "assignmentCreator", "Lorg/apache/storm/grouping/PartialKeyGrouping$AssignmentCreator;");
    out.field('L', "fields", "Lorg/apache/storm/tuple/Fields;");
    out.field_again('L', "outFields", 0x02);
    out.field('L', "targetSelector", "Lorg/apache/storm/grouping/PartialKeyGrouping$TargetSelector;");
    out.field('L', "targetTasks", "Ljava/util/List;");
    out.end_class();

    let creator = "org.apache.storm.grouping.PartialKeyGrouping$RandomTwoTaskAssignmentCreator";
    out.class(creator, 0xe9d5_ac07_9bbb_d5fa, 2, 0);
    out.end_class();

    out.class("org.apache.storm.tuple.Fields", 0xd11f_2ce2_c2ed_fb00, 2, 2);
    out.field_again('L', "fields", 0x04);
    out.field('L', "index", "Ljava/util/Map;");
    out.end_class();
    out.class("java.util.ArrayList", 0x7881_d21d_99c7_619d, 3, 1);
    out.primitive('I', "size");
    out.end_class();
    out.int(count);
    out.bytes(b"w\x04");
    out.int(count);
    for field in fields {
        out.bytes(b"t");
        out.utf(field);
    }
    out.bytes(b"x");

    // Every object and string so far has a number; the names of the fields have 0x0d and on.
    let map_class = 0x0d + count;
    let integer_class = map_class + 2;
    out.class("java.util.HashMap", 0x0507_dac1_c316_60d1, 3, 2);
    out.primitive('F', "loadFactor");
    out.primitive('I', "threshold");
    out.end_class();
    out.map_header(count);
    for i in 0..count {
        out.again(0x0d + i);
        if i == 0 {
            out.class("java.lang.Integer", 0x12e2_a0a4_f781_8738, 2, 1);
            out.primitive('I', "value");
            out.bytes(b"x");
            out.class_only("java.lang.Number", 0x86ac_951d_0b94_e08b, 2, 0);
            out.end_class();
        } else {
            out.bytes(b"s");
            out.again(integer_class);
        }
        out.int(i);
    }
    // The end of the map; outFields is null.
    out.bytes(b"xp");
    let selector = "org.apache.storm.grouping.PartialKeyGrouping$BalancedTargetSelector";
    out.class(selector, 0x590f_affd_990c_4335, 2, 1);
    out.field_again('L', "targetTaskStats", 0x09);
    out.end_class();
    out.bytes(b"s");
    out.again(map_class);
    out.map_header(0);
    // The end of the map; targetTasks is null.
    out.bytes(b"xp");
    out.0
}

struct Stream(Vec<u8>);

impl Stream {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn int(&mut self, v: u32) {
        self.bytes(&v.to_be_bytes());
    }

    /// `DataOutput.writeUTF`: each UTF-16 unit by itself, and NUL in two bytes.
    fn utf(&mut self, text: &str) {
        let mut encoded = Vec::new();
        for unit in text.encode_utf16() {
            match unit {
                1..=0x7f => encoded.push(unit as u8),
                0 | 0x80..=0x7ff => encoded.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
                _ => encoded.extend([
                    0xe0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]),
            }
        }
        // Names of fields are far shorter than 64 KiB; a longer one is cut, and the grouping then names no field.
        encoded.truncate(usize::from(u16::MAX));
        self.bytes(&(encoded.len() as u16).to_be_bytes());
        self.bytes(&encoded);
    }

    /// An object of a class that has not been described yet; its `fields` follow.
    fn class(&mut self, name: &str, version: u64, flags: u8, fields: u16) {
        self.bytes(b"s");
        self.class_only(name, version, flags, fields);
    }

    fn class_only(&mut self, name: &str, version: u64, flags: u8, fields: u16) {
        self.bytes(b"r");
        self.utf(name);
        self.bytes(&version.to_be_bytes());
        self.bytes(&[flags]);
        self.bytes(&fields.to_be_bytes());
    }

    /// No annotations, no superclass.
    fn end_class(&mut self) {
        self.bytes(b"xp");
    }

    fn primitive(&mut self, kind: char, name: &str) {
        self.bytes(&[kind as u8]);
        self.utf(name);
    }

    fn field(&mut self, kind: char, name: &str, class: &str) {
        self.primitive(kind, name);
        self.bytes(b"t");
        self.utf(class);
    }

    fn field_again(&mut self, kind: char, name: &str, handle: u32) {
        self.primitive(kind, name);
        self.again(handle);
    }

    fn again(&mut self, handle: u32) {
        self.bytes(b"q");
        self.int(0x7e_0000 + handle);
    }

    fn map_header(&mut self, entries: u32) {
        let (load_factor, threshold, buckets) = (0.75_f32, if entries == 0 { 0 } else { 12 }, 16);
        self.bytes(&load_factor.to_be_bytes());
        self.int(threshold);
        self.bytes(b"w\x08");
        self.int(buckets);
        self.int(entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by `Utils.javaSerialize(new PartialKeyGrouping(new Fields("word")))` of Apache Storm 2.8.3, its middle left out.
    #[test]
    fn begins_and_ends_as_javas_own() {
        let bytes = serialised(&["word".to_owned()]);
        assert_eq!(bytes.len(), 859);
        assert!(bytes.starts_with(b"\xac\xed\x00\x05sr\x00,org.apache.storm.grouping.PartialKeyGrouping\xe8\xca"));
        let end: &[u8] = b"sq\x00~\x00\x0e?@\x00\x00\x00\x00\x00\x00w\x08\x00\x00\x00\x10\x00\x00\x00\x00xp";
        assert!(bytes.ends_with(end));
    }
}
