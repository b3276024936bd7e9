//! Every error code with its meaning: those of this program's own table, of `config lint` and of `doctor`.

use std::sync::LazyLock;

/// What `stormctl explain CODE` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub code: String,
    /// What it means, in one line.
    pub about: String,
    /// What to do.
    pub fix: String,
    /// Who says it.
    pub by: &'static str,
}

/// The table of this program's own.
static OWN: LazyLock<Vec<[&'static str; 3]>> = LazyLock::new(|| {
    let lines = include_str!("codes.txt").lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    lines
        .map(|line| {
            let mut parts = line.splitn(3, " | ");
            std::array::from_fn(|_| parts.next().unwrap_or_default())
        })
        .collect()
});

/// All of them, by their names.
pub fn all() -> impl Iterator<Item = Code> {
    let own = OWN.iter().map(|[code, about, fix]| Code {
        code: (*code).to_owned(),
        about: (*about).to_owned(),
        fix: (*fix).to_owned(),
        by: "stormctl",
    });
    let lint = storm_lint::CODES.iter().map(|c| Code {
        code: c.code.to_owned(),
        about: c.about.to_owned(),
        fix: format!("{}; `stormctl config lint` names the place, and --fix mends what it can", c.why),
        by: "config lint",
    });
    let rules = storm_doctor::rules::all().map(|r| Code {
        code: r.code.to_owned(),
        about: r.about.to_owned(),
        fix: "`stormctl doctor` shows the evidence and the command against it".to_owned(),
        by: "doctor",
    });
    let mut all: Vec<Code> = own.chain(lint).chain(rules).collect();
    all.sort_by(|a, b| a.code.cmp(&b.code));
    // What a command and lint both say is told once.
    all.dedup_by(|later, kept| later.code == kept.code);
    all.into_iter()
}

pub fn find(name: &str) -> Option<Code> {
    all().find(|c| c.code == name)
}

/// The code whose name is most like this.
pub fn nearest(name: &str) -> Option<String> {
    let names: Vec<String> = all().map(|c| c.code).collect();
    storm_conf::nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_table_is_sorted_and_whole() {
        let names: Vec<&str> = OWN.iter().map(|[code, ..]| *code).collect();
        assert!(names.is_sorted(), "{names:?}");
        for [code, about, fix] in OWN.iter() {
            assert!(!about.is_empty() && !fix.is_empty(), "{code}");
        }
    }

    /// The texts between quotes that read like a code, in the part of a source that is no test.
    fn literals(source: &str) -> Vec<String> {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let word =
            |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let code = |text: &&str| match text.split_once('/') {
            Some((family, name)) => word(family) && word(name),
            None => false,
        };
        // Between any two quotes: which of them open a text is of no importance here.
        source.split('"').filter(code).map(str::to_owned).collect()
    }

    fn sources(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// What reads like a code and is none: folders, types, actions of the dashboard.
    const NO_CODES: &[&str] = &[
        "bin/java",
        "bin/storm",
        "bin/stormctl",
        "crates/storm",
        "data/zookeeper",
        "conf/agent-tls",
        "systemd/private",
        "systemd/user",
        "lib-tools/submit-tools",
        "stormctl/v1",
        "application/octet-stream",
        "play/pause",
        "nimbus/inbox",
        "nimbus/history",
        "conf/src",
        "install/src",
        "ctl/src",
        "tui/src",
    ];

    /// Each code that the sources name has a page, and each page a code.
    #[test]
    fn every_code_of_the_sources_has_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut files = Vec::new();
        for folder in ["conf/src", "crates", "daemons", "install/src", "ctl/src"] {
            sources(&root.join(folder), &mut files);
        }
        let mut said = BTreeSet::new();
        for file in files.iter().filter(|f| !f.components().any(|c| c.as_os_str() == "tests")) {
            said.extend(literals(&std::fs::read_to_string(file).unwrap()));
        }
        // One word alone is a code too.
        said.extend(["io", "deadline", "interrupted"].map(str::to_owned));
        let known: BTreeSet<String> = all().map(|c| c.code).collect();
        let unknown: Vec<&String> =
            said.iter().filter(|c| !known.contains(*c) && !NO_CODES.contains(&c.as_str())).collect();
        assert!(unknown.is_empty(), "no page for {unknown:?}");
        let unused: Vec<&String> = known.iter().filter(|c| !said.contains(*c)).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
    }
}
