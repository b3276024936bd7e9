//! Partial key groupings as Java reads them.

use serde_json::json;
use storm_thrift::types::Grouping;
use storm_topology::builder::partial_key_grouping;

use super::run_java;

fn hex(fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
    let Grouping::CustomSerialized(bytes) = partial_key_grouping(&fields) else { panic!("not serialised") };
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn java_reads_partial_key_groupings() {
    let many: Vec<String> = (0..40).map(|i| format!("field {i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases: [&[&str]; 5] = [&["word"], &["a", "b"], &["wörd", "語", "🌩"], &["z", "y", "x", "w"], &many];
    let answers = run_java("topology.Pieces", &cases.map(hex), &[]);
    for (fields, answer) in cases.iter().zip(answers) {
        assert_eq!(answer["fields"], json!(fields));
        assert_eq!(answer["chosen"], json!(1));
        // With one field Java's map has only one order, and all is the same.
        if let [_] = fields {
            assert_eq!(answer["again"], json!(hex(fields)));
        }
    }
}
