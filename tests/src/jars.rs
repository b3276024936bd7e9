//! Topology jars of Python components.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers;

/// Packs scripts into `resources/` of a jar, with Apache Storm's own storm.py beside them.
const PACK: &str = r#"
import os, sys, zipfile
jar, multilang = sys.argv[1:3]
with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("resources/storm.py", zipfile.ZipFile(multilang).read("resources/storm.py"))
    for script in sys.argv[3:]:
        out.write(script, "resources/" + os.path.basename(script))
"#;

/// Makes `jar` of the named scripts of `tests/python`.
pub fn python_jar(jar: &Path, scripts: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let files: Vec<PathBuf> = scripts.iter().map(|script| folder.join(script)).collect();
    let mut python = Command::new("python3");
    python.args(["-c", PACK]).arg(jar).arg(peers::multilang_python_jar()).args(files);
    let output = python.output().expect("python3 runs");
    assert!(output.status.success(), "{python:?}: {}", String::from_utf8_lossy(&output.stderr));
}
