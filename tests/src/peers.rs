//! The real programs our tests are judged by: Apache Storm, Apache ZooKeeper, Curator, kazoo and gRPC's own.
//!
//! They come through Maven and pip into `target/peers`, once: each set is fetched into a scratch folder and renamed
//! into place under a name that carries its version, so an existing folder is always complete and a change of
//! version fetches anew. A file lock keeps test binaries that start together from fetching twice.
//!
//! A missing tool or registry panics with what to install: there is nothing a test could do instead.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const STORM: &str = "2.8.3";
const ZOOKEEPER: &str = "3.9.5";
const CURATOR: &str = "5.9.0";
const SLF4J: &str = "2.0.17";
const METRICS: &str = "4.2.37";
const SNAPPY: &str = "1.1.10.8";
const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";
const KAZOO: &str = "kazoo==2.11.0";
const GRPC: &str = "1.85.1";
const JSON_SCHEMA: &str = "jsonschema==4.26.0";

/// Class path of Apache Storm's workers and of topologies: `storm-client` with what it needs.
pub fn storm_client_classpath() -> String {
    wildcard(&storm_client_jars())
}

/// The folder with the jars of [`storm_client_classpath`].
pub fn storm_client_jars() -> PathBuf {
    jars("storm-client", STORM, &[dependency("org.apache.storm", "storm-client", STORM)])
}

/// Class path of Apache Storm's daemons and of its command line (`org.apache.storm.command.*`).
pub fn storm_server_classpath() -> String {
    wildcard(&storm_server_jars())
}

/// The folder with the jars of [`storm_server_classpath`].
pub fn storm_server_jars() -> PathBuf {
    // storm-core wants storm-clojure, whose own dependencies live in a registry that not everybody can reach.
    let without_clojure = "<exclusions><exclusion><groupId>org.apache.storm</groupId>\
                           <artifactId>storm-clojure</artifactId></exclusion></exclusions>";
    let core = dependency("org.apache.storm", "storm-core", STORM)
        .replace("</dependency>", &format!("{without_clojure}</dependency>"));
    let server = dependency("org.apache.storm", "storm-server", STORM);
    let client = dependency("org.apache.storm", "storm-client", STORM);
    jars("storm-server", STORM, &[core, server, client])
}

/// Class path of Apache ZooKeeper (server and `ZooKeeperMain`) and of Curator's recipes on top of it.
pub fn zookeeper_classpath() -> String {
    let set = [
        dependency("org.apache.zookeeper", "zookeeper", ZOOKEEPER),
        dependency("org.apache.curator", "curator-recipes", CURATOR),
        // The server needs both, but declares them as provided.
        dependency("io.dropwizard.metrics", "metrics-core", METRICS),
        dependency("org.xerial.snappy", "snappy-java", SNAPPY),
        dependency("org.slf4j", "slf4j-simple", SLF4J),
    ];
    wildcard(&jars("zookeeper", ZOOKEEPER, &set))
}

/// The jar that holds `resources/storm.py`, Apache Storm's multilang library for Python.
pub fn multilang_python_jar() -> PathBuf {
    // Its parent pom is not served everywhere, so no class path is resolved from it: the one jar is copied.
    let dir = fetched(&format!("multilang-python-{STORM}"), |scratch| {
        maven(&[
            format!("{DEPENDENCY_PLUGIN}:copy"),
            format!("-Dartifact=org.apache.storm:multilang-python:{STORM}"),
            format!("-DoutputDirectory={}", scratch.display()),
            "-Dmdep.useBaseVersion=true".to_owned(),
        ]);
    });
    dir.join(format!("multilang-python-{STORM}.jar"))
}

/// What `PYTHONPATH` must hold for `import kazoo`.
pub fn python_path() -> PathBuf {
    python_packages(&KAZOO.replace("==", "-"), &[KAZOO.to_owned()])
}

/// What `PYTHONPATH` must hold for `import grpc`, with its health and reflection services.
pub fn python_grpc_path() -> PathBuf {
    let packages = ["grpcio-health-checking", "grpcio-reflection"].map(|name| format!("{name}=={GRPC}"));
    python_packages(&format!("grpc-{GRPC}"), &packages)
}

/// What `PYTHONPATH` must hold for `import jsonschema`.
pub fn json_schema_path() -> PathBuf {
    python_packages(&JSON_SCHEMA.replace("==", "-"), &[JSON_SCHEMA.to_owned()])
}

/// A program of a Debian package: the one on `PATH`, else that of the package, unpacked beside the other peers.
#[derive(Debug, Clone)]
pub struct Debian {
    pub program: PathBuf,
    /// Where the package was unpacked, if it is not installed.
    pub root: Option<PathBuf>,
}

impl Debian {
    pub fn zsh() -> Debian {
        Debian::of("zsh", "bin/zsh", &["zsh", "zsh-common"])
    }

    pub fn fish() -> Debian {
        Debian::of("fish", "usr/bin/fish", &["fish", "fish-common", "libpcre2-32-0"])
    }

    pub fn mandoc() -> Debian {
        Debian::of("mandoc", "usr/bin/mandoc", &["mandoc"])
    }

    /// Run by root it also wants the account `sshd`, which only an installation of the package makes.
    pub fn sshd() -> Debian {
        Debian::of("sshd", "usr/sbin/sshd", &["openssh-server", "libwrap0", "libnsl2", "libtirpc3"])
    }

    fn of(name: &str, program: &str, packages: &[&str]) -> Debian {
        if let Some(program) = on_path(name) {
            return Debian { program, root: None };
        }
        let root = fetched(&format!("debian-{name}"), |scratch| {
            let advice =
                format!("install the package {name}, or see that apt-get reaches its archive (apt-get update)");
            let apt = tool("apt-get", &format!("{name} itself"));
            let get = || {
                let mut get = Command::new(&apt);
                get.arg("download").args(packages).current_dir(scratch);
                get
            };
            // A machine that has never asked for the lists of packages, or not for long, does so now.
            if !get().output().is_ok_and(|output| output.status.success()) {
                let mut update = Command::new(&apt);
                update.arg("update");
                run(update, &advice);
                run(get(), &advice);
            }
            for package in entries(scratch) {
                let mut unpack = Command::new(tool("dpkg-deb", &format!("{name} itself")));
                unpack.arg("-x").arg(&package).arg(scratch);
                run(unpack, &advice);
            }
            // fish looks for its files beside its own folder: all of them, or none.
            let etc = scratch.join("usr/etc");
            std::os::unix::fs::symlink("../etc", &etc).unwrap_or_else(|e| panic!("cannot link {}: {e}", etc.display()));
        });
        Debian { program: root.join(program), root: Some(root) }
    }

    /// Starts it; what it needs of its package it finds there.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            command.env("LD_LIBRARY_PATH", root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH)));
        }
        command
    }
}

fn python_packages(name: &str, packages: &[String]) -> PathBuf {
    fetched(name, |scratch| {
        let mut pip = Command::new(tool("python3", "the Debian package python3"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--target"]).arg(scratch).args(packages);
        run(pip, "install Debian's python3-pip if pip is missing, and check that the package registry is reachable");
    })
}

/// The classes of every program under `tests/java`, compiled.
///
/// ZooKeeper and Curator come first on the compiler's class path, then Apache Storm's server and client.
pub fn java_classes() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("java");
    let mut sources = Vec::new();
    collect(&root, "java", &mut sources);
    sources.sort();
    assert!(!sources.is_empty(), "no Java source under {}", root.display());
    let mut hash = DefaultHasher::new();
    (STORM, ZOOKEEPER, CURATOR).hash(&mut hash);
    for source in &sources {
        source.strip_prefix(&root).expect("collected below the root").hash(&mut hash);
        read(source).hash(&mut hash);
    }
    let classpath = format!("{}:{}", zookeeper_classpath(), storm_server_classpath());
    fetched(&format!("classes-{:016x}", hash.finish()), |scratch| {
        let mut javac = Command::new(tool("javac", "a JDK, for example the Debian package default-jdk-headless"));
        javac.args(["-nowarn", "-encoding", "UTF-8", "-cp", &classpath, "-d"]).arg(scratch).args(&sources);
        run(javac, "mend the program under tests/java that the compiler names");
    })
}

/// A `java` command with this class path, still without its main class.
pub fn java(classpath: &[&str]) -> Command {
    let mut java = Command::new(tool("java", "a JDK, for example the Debian package default-jdk-headless"));
    java.arg("-cp").arg(classpath.join(":"));
    java
}

/// The folder that holds everything fetched, `target/peers` of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root").join("target/peers")
}

fn dependency(group: &str, artifact: &str, version: &str) -> String {
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
    )
}

/// The folder with the jars of these dependencies and of all that they need at run time.
fn jars(name: &str, version: &str, dependencies: &[String]) -> PathBuf {
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>peers</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{}</dependencies></project>\n",
        dependencies.concat()
    );
    let mut hash = DefaultHasher::new();
    pom.hash(&mut hash);
    fetched(&format!("{name}-{version}-{:08x}", hash.finish() as u32), |scratch| {
        let file = scratch.join("pom.xml");
        fs::write(&file, &pom).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
        maven(&[
            "-f".to_owned(),
            file.display().to_string(),
            format!("{DEPENDENCY_PLUGIN}:copy-dependencies"),
            "-DincludeScope=runtime".to_owned(),
            format!("-DoutputDirectory={}", scratch.display()),
        ]);
        // Two bindings of slf4j in one folder quarrel; Apache's own release ships log4j2's only.
        for jar in entries(scratch) {
            let jar_name = jar.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if jar_name.starts_with("slf4j-reload4j-") || jar_name.starts_with("reload4j-") {
                fs::remove_file(&jar).unwrap_or_else(|e| panic!("cannot remove {}: {e}", jar.display()));
            }
        }
    })
}

fn wildcard(dir: &Path) -> String {
    format!("{}/*", dir.display())
}

/// Runs Maven, at first without the network: what an earlier run has cached needs none.
fn maven(args: &[String]) {
    let mvn = tool("mvn", "the Debian package maven");
    let offline = Command::new(&mvn).args(["-q", "-B", "-o"]).args(args).output();
    if offline.is_ok_and(|output| output.status.success()) {
        return;
    }
    let mut online = Command::new(&mvn);
    online.args(["-q", "-B"]).args(args);
    run(online, "check that Maven reaches its registry (~/.m2/settings.xml names a mirror, if you need one)");
}

/// `target/peers/<name>`, made by `fetch` in a scratch folder if it is not there yet.
pub(crate) fn fetched(name: &str, fetch: impl FnOnce(&Path)) -> PathBuf {
    let root = root();
    let done = root.join(name);
    if done.is_dir() {
        return done;
    }
    fs::create_dir_all(&root).unwrap_or_else(|e| panic!("cannot create {}: {e}", root.display()));
    let lock_path = root.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).unwrap_or_else(|e| panic!("cannot create {}: {e}", lock_path.display()));
    lock.lock().unwrap_or_else(|e| panic!("cannot lock {}: {e}", lock_path.display()));
    if done.is_dir() {
        return done;
    }
    let scratch = root.join(format!("{name}.part"));
    // Left by a run that was killed half way.
    if scratch.exists() {
        fs::remove_dir_all(&scratch).unwrap_or_else(|e| panic!("cannot remove {}: {e}", scratch.display()));
    }
    fs::create_dir(&scratch).unwrap_or_else(|e| panic!("cannot create {}: {e}", scratch.display()));
    fetch(&scratch);
    fs::rename(&scratch, &done).unwrap_or_else(|e| panic!("cannot rename {} into place: {e}", scratch.display()));
    done
}

/// The path of a program on `PATH`.
fn tool(name: &str, package: &str) -> PathBuf {
    on_path(name).unwrap_or_else(|| panic!("the tests need `{name}`, which is not on PATH: install {package}"))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn run(mut command: Command, advice: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?} failed with {}: {advice}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn collect(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for path in entries(dir) {
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension() == Some(OsStr::new(extension)) {
            found.push(path);
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
    list.map(|entry| entry.unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display())).path()).collect()
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|e| panic!("cannot read {}: {e}", file.display()))
}
