//! Changed files, judged by Apache Storm's own YAML reader.

use serde_json::{Map, Value, json};
use storm_conf::yaml;
use storm_lint::{Host, Level, Subject, edit, lint, mend};
use storm_tests::random::Random;

use super::snakeyaml::{DOCUMENTS, load, same, slip};

fn subject(text: &str) -> Subject {
    Subject::new("storm.yaml", text)
}

/// A value that a key may be given.
fn value(random: &mut Random) -> Value {
    let texts = [
        "a",
        "",
        "yes",
        "010",
        "-Xmx1g -Dx=y",
        "it's",
        "\"q\"",
        "a: b",
        "#c",
        "a #b",
        "%h",
        "ü",
        "x\ny",
        "2001-12-14",
        "~",
    ];
    let text = texts[random.below(texts.len() as u64) as usize];
    match random.below(8) {
        0 => json!(random.below(100_000)),
        1 => json!(random.below(2) == 0),
        2 => json!(1.5e300),
        3 => json!([text, random.below(10), text]),
        4 => json!([]),
        5 => json!({text: [1, null], "k": {"l": text}}),
        _ => json!(text),
    }
}

/// The keys and values that Java has, without the one.
fn others<'j>(java: &'j Value, key: &str) -> Vec<&'j Value> {
    let entries = java[1][1].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().filter(|e| e[0][1] != key).collect()
}

fn entry<'j>(java: &'j Value, key: &str) -> Option<&'j Value> {
    java[1][1].as_array()?.iter().find(|e| e[0] == json!(["text", key])).map(|e| &e[1])
}

#[test]
fn a_key_that_is_set_or_removed_changes_nothing_else() {
    let mut random = Random::new(5);
    let mut bases: Vec<String> = DOCUMENTS.iter().map(|d| (*d).to_owned()).collect();
    bases.push(DOCUMENTS[0].replace("\n#", "\n"));
    let (mut before, mut after, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..3000 {
        let text = match round % 3 {
            0 => bases[random.below(bases.len() as u64) as usize].clone(),
            _ => slip(&bases[random.below(bases.len() as u64) as usize], &mut random),
        };
        let keys: Vec<String> = match storm_conf::read_yaml(&text).0.map(|n| n.to_value()) {
            // A key that is no text is another one for Java.
            Some(Value::Object(map)) => {
                map.keys().filter(|k| yaml::reads_as_text(k) && !k.starts_with(['[', '{'])).cloned().collect()
            }
            _ => Vec::new(),
        };
        let key = match random.below(3) {
            0 => "a.new.key".to_owned(),
            _ if keys.is_empty() => "ui.port".to_owned(),
            _ => keys[random.below(keys.len() as u64) as usize].clone(),
        };
        let change = (random.below(4) > 0).then(|| value(&mut random));
        let changed = match &change {
            Some(value) => edit::set(&subject(&text), &key, value),
            None => edit::unset(&subject(&text), &key),
        };
        if let Ok(changed) = changed {
            before.push(text);
            after.push(changed);
            changes.push((key, change));
        }
    }
    assert!(changes.len() > 1000, "{} changes", changes.len());
    let (java_before, java_after) = (load(&before), load(&after));
    let mut judged = 0;
    for (i, (key, change)) in changes.iter().enumerate() {
        // What Java does not read was none of its business before either.
        if java_before[i][0] == "error" {
            continue;
        }
        judged += 1;
        let what = format!("{key} = {change:?}\n--- before\n{}\n--- after\n{}\n{}", before[i], after[i], java_after[i]);
        assert_eq!(java_after[i][0], "value", "{what}");
        assert_eq!(others(&java_before[i], key), others(&java_after[i], key), "{what}");
        match change {
            Some(value) => assert!(entry(&java_after[i], key).is_some_and(|j| same(value, j)), "{what}"),
            None => assert!(entry(&java_after[i], key).is_none(), "{what}"),
        }
    }
    assert!(judged > 900, "{judged} judged");
}

/// Every document as slips make it: what has no error left after mending, Apache Storm reads, and as we do.
#[test]
fn what_is_faultless_apache_storm_reads() {
    let mut random = Random::new(7);
    let host = Host::default();
    let mut documents = Vec::new();
    let mut mended_ones = 0;
    let bases: Vec<String> =
        DOCUMENTS[..3].iter().map(|d| d.replace("\n#", "\n")).chain([DOCUMENTS[6].to_owned()]).collect();
    for _ in 0..2500 {
        let base = &bases[random.below(bases.len() as u64) as usize];
        let text = slip(base, &mut random);
        let mended = mend(&[subject(&text)], 0, &host, &[]);
        if !mended.is_broken() {
            mended_ones += usize::from(mended.text != text);
            documents.push(mended.text);
        }
    }
    assert!(mended_ones > 300, "{mended_ones} were mended");
    let java = load(&documents);
    let wrong: Vec<String> = documents
        .iter()
        .zip(&java)
        .filter(|(document, java)| {
            let ours = storm_conf::read_yaml(document).0.map_or(Value::Object(Map::new()), |n| n.to_value());
            let empty = ours == json!({}) && java[1][0] == "null";
            java[0] == "error" || !(empty || same(&ours, &java[1]))
        })
        .map(|(document, java)| {
            format!(
                "{java}\n--- {:?}\n{document}",
                lint(&[subject(document)], &host).iter().map(|f| f.code).collect::<Vec<_>>()
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        documents.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n=====\n")
    );
    assert_eq!(lint(&[subject("")], &host).iter().filter(|f| f.level == Level::Error).count(), 0);
}
