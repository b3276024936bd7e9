//! What users' files have had wrong: each input with its findings and what becomes of it.

mod hostile;
mod log4j;
mod slips;
mod values;
mod zoo;

use std::path::Path;

use storm_lint::{CODES, Finding, Host, Level, Subject, lint, mend};

/// A machine about which enough is known.
fn host() -> Host {
    Host {
        home: Some("/opt/storm".into()),
        environment: [("HOME".to_owned(), "/home/ann".to_owned())].into(),
        ephemeral_ports: Some(32768..=60999),
        memory_mb: Some(2048),
        ..Host::default()
    }
}

/// The findings of a file as `line:column code`.
#[track_caller]
fn found(path: &str, text: &str) -> Vec<String> {
    lint(&[Subject::new(path, text)], &host()).iter().map(short).collect()
}

#[track_caller]
fn short(f: &Finding) -> String {
    assert!(CODES.iter().any(|c| c.code == f.code), "{} has no entry in the table", f.code);
    let level = match f.level {
        Level::Error => "",
        Level::Warning => "warning ",
        Level::Note => "note ",
    };
    format!("{}:{} {level}{}", f.mark.line, f.mark.column, f.code)
}

/// What a file becomes, which must then have nothing wrong that can be mended.
#[track_caller]
fn mended(path: &str, text: &str) -> String {
    let mended = mend(&[Subject::new(path, text)], 0, &host(), &[]);
    let again = mend(&[Subject::new(path, mended.text.as_str())], 0, &host(), &[]);
    assert_eq!(again.text, mended.text, "mending twice changes more");
    mended.text
}

/// A `storm.yaml` with one thing wrong: where it is, and the file without it.
#[track_caller]
fn case(text: &str, findings: &[&str], becomes: &str) {
    let all = found("storm.yaml", text);
    assert_eq!(all, findings, "in\n{text}");
    assert_eq!(mended("storm.yaml", text), becomes);
    let code = |f: &str| f.rsplit(' ').next().unwrap_or_default().to_owned();
    let before: Vec<String> = findings.iter().map(|f| code(f)).collect();
    let left = found("storm.yaml", becomes);
    assert!(left.iter().all(|l| before.contains(&code(l))), "{left:?}");
}

fn zoo_case(text: &str, findings: &[&str], becomes: &str) {
    assert_eq!(found("zoo.cfg", text), findings, "in\n{text}");
    assert_eq!(mended("zoo.cfg", text), becomes);
}

#[test]
fn the_files_that_ship_are_faultless() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| std::fs::read_to_string(root.join("conf").join(name)).unwrap();
    let storm = read("storm.yaml.example");
    assert_eq!(found("storm.yaml", &storm), [""; 0]);
    // As its own first line says: without the sign at the beginning.
    let key = |l: &str| {
        l.strip_prefix('#').filter(|l| l.starts_with(char::is_alphabetic) && l.contains(": ")).map(str::to_owned)
    };
    let used: String = storm.split_inclusive('\n').map(|l| key(l).unwrap_or_else(|| l.to_owned())).collect();
    let findings = found("storm.yaml", &used);
    assert!(findings.iter().all(|f| f.ends_with("config/memory")), "{findings:?}");
    let zoo = Subject::new("zoo.cfg", read("zoo.cfg.example"));
    let findings = lint(&[Subject::new("storm.yaml", used), zoo.clone()], &host());
    assert!(findings.iter().all(|f| f.path == Path::new("storm.yaml")), "{findings:?}");
    let ensemble = zoo.text.as_str().replace("#server.", "server.");
    assert_eq!(found("zoo.cfg", &ensemble), [""; 0]);
    let defaults = found("storm.yaml", storm_conf::DEFAULTS);
    assert!(defaults.iter().all(|f| f.contains(" warning ") && !f.contains("/needs")), "{defaults:?}");
}

#[test]
fn every_code_is_reached_by_a_case() {
    // The files of the cases, as one text: each code that a rule has must stand in one of them.
    let cases = [include_str!("slips.rs"), include_str!("values.rs"), include_str!("zoo.rs"), include_str!("log4j.rs")]
        .concat();
    let missing: Vec<&str> =
        CODES.iter().map(|c| c.code).filter(|code| !cases.contains(&format!(" {code}\""))).collect();
    assert_eq!(missing, [""; 0]);
}
