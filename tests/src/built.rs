//! The programs of this workspace, built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `stormctl` binary, built as this test was (`--release` or not), once in each test binary.
pub fn stormctl() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build(&["--bin", "stormctl"], "stormctl"))
}

/// Builds something of the workspace and gives the path of its program in the folder of the profile. With `STORM_TEST_PROGRAMS`
/// nothing is built, and the program is the one in that folder.
pub fn build(what: &[&str], program: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("STORM_TEST_PROGRAMS") {
        let program = Path::new(&folder).join(program);
        assert!(program.exists(), "{} is not there; STORM_TEST_PROGRAMS says that it is", program.display());
        return program;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // The whole workspace is named so that features, and with them what is built, are those of the other commands.
    build.args(["build", "--quiet", "--workspace"]).args(what);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root"));
    let output = build.output().unwrap_or_else(|e| panic!("cannot run {build:?}: {e}"));
    assert!(output.status.success(), "{build:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    // <target>/<profile>/deps/<this test>, examples/<this program>, or <target>/<profile>/<this program> for the benches
    let this = std::env::current_exe().expect("the path of this program");
    let folder = this.parent().expect("the folder of this program");
    let inner = folder.ends_with("deps") || folder.ends_with("examples");
    let profile = if inner { folder.parent().expect("the folder of the profile") } else { folder };
    profile.join(program)
}
