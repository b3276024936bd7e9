//! `jar`, `classpath`, `server-classpath`: Java topologies, with the class path and the properties of `storm jar`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use storm_machine::programs;

use crate::cli::{Global, storm::Jar};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;

/// What `storm.py` reads of its environment and of `conf/storm_env.ini`.
struct Environment {
    java: PathBuf,
    user_conf_dir: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Environment {
    fn read(home: &Path) -> Environment {
        let conf_dir = std::env::var_os("STORM_CONF_DIR").map_or_else(|| home.join("conf"), PathBuf::from);
        let text = fs::read_to_string(conf_dir.join("storm_env.ini")).unwrap_or_default();
        let mut variables: BTreeMap<String, String> = std::env::vars().collect();
        variables.extend(environment_section(&text));
        let java = match variables.get("JAVA_HOME").filter(|h| !h.is_empty()) {
            Some(java_home) => Path::new(java_home).join("bin/java"),
            None => "java".into(),
        };
        let own = variables.get("HOME").map(|h| Path::new(h).join(".storm"));
        let user_conf_dir = own.filter(|d| d.join("storm.yaml").is_file()).unwrap_or(conf_dir);
        Environment { java, user_conf_dir, variables }
    }
}

/// The lines of the section `[environment]`.
fn environment_section(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[environment]";
        } else if let Some((key, value)) = line.split_once(['=', ':'])
            && inside
            && !line.starts_with(['#', ';'])
        {
            found.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Libraries {
    Worker,
    Server,
}

/// As `get_classpath` of `storm.py`: what is not there is left out.
fn classpath(home: &Path, libraries: Libraries, daemon: bool, env: &Environment, extra: &[String]) -> String {
    let all_jars = |dir: PathBuf| dir.is_dir().then(|| dir.join("*").display().to_string());
    let lib = if libraries == Libraries::Worker { "lib-worker" } else { "lib" };
    let mut parts: Vec<String> = all_jars(home.to_owned()).into_iter().collect();
    parts.extend(all_jars(home.join(lib)));
    parts.extend(all_jars(home.join("extlib")));
    if daemon {
        parts.extend(all_jars(home.join("extlib-daemon")));
    }
    let variable = |name: &str| env.variables.get(name).filter(|v| !v.is_empty()).cloned();
    parts.extend(variable("STORM_EXT_CLASSPATH"));
    if daemon {
        parts.extend(variable("STORM_EXT_CLASSPATH_DAEMON"));
    }
    parts.extend(extra.iter().filter(|p| !p.is_empty()).cloned());
    parts.join(":")
}

/// The home, if Apache Storm's jars are in it.
fn apache_home(ctx: &Context, libraries: Libraries) -> Result<PathBuf, Failure> {
    let home = std::path::absolute(ctx.conf.home()).unwrap_or_else(|_| ctx.conf.home());
    let lib = home.join(if libraries == Libraries::Worker { "lib-worker" } else { "lib" });
    if lib.is_dir() {
        return Ok(home);
    }
    Err(Failure::new(
        Exit::NotInstalled,
        "java/no-storm",
        "Apache Storm's jars are not here, and Java topologies need them",
    )
    .evidence(format!("{}: no such folder", lib.display()))
    .hint("unpack a release of Apache Storm 2.8 and name it: STORM_HOME=DIR, or storm.home in storm.yaml"))
}

pub fn show_classpath(ctx: &Context, server: bool) -> Result<(), Failure> {
    let libraries = if server { Libraries::Server } else { Libraries::Worker };
    let home = apache_home(ctx, libraries)?;
    let env = Environment::read(&home);
    ctx.printer.show(&Classpath(classpath(&home, libraries, true, &env, &[])))
}

struct Classpath(String);

impl Report for Classpath {
    const KIND: &'static str = "Classpath";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), self.0.split(':').map(Value::from).collect())])
    }

    fn text(&self, _wide: bool) -> String {
        format!("{}\n", self.0)
    }

    fn names(&self) -> Vec<String> {
        self.0.split(':').map(str::to_owned).collect()
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

impl Jar {
    /// `storm jar` takes its own options from behind the class as well.
    pub fn hoist(&mut self, global: &mut Global) {
        let mut own = Vec::new();
        let mut args = std::mem::take(&mut self.args).into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-c" => global.set.extend(args.next()),
                "--config" => global.config = args.next().map(PathBuf::from).or(global.config.take()),
                _ => own.push(arg),
            }
        }
        self.args = own;
    }
}

/// Becomes the JVM; only returns when that is not possible, or nothing is to be done.
pub fn jar(ctx: &Context, args: &Jar) -> Result<(), Failure> {
    let libraries = if args.storm_server_classpath { Libraries::Server } else { Libraries::Worker };
    let home = apache_home(ctx, libraries)?;
    if !args.jar.is_file() {
        return Err(Failure::new(Exit::NotFound, "java/no-jar", format!("there is no jar {}", args.jar.display())));
    }
    let env = Environment::read(&home);
    let artifacts = if args.artifacts.is_empty() { Map::new() } else { resolve(args, &home, &env)? };
    let java_args = command_line(ctx, args, &home, &env, &artifacts);
    let words: Vec<String> = java_args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    ctx.printer.note(&format!("Running: {} {}", env.java.display(), words.join(" ")));
    if args.dry.dry_run {
        return Ok(());
    }
    let e = Command::new(&env.java).args(java_args).envs(&env.variables).exec();
    Err(no_java(&env, &e))
}

/// Which variable named it, where it was looked for, and which one is there instead.
fn no_java(env: &Environment, e: &std::io::Error) -> Failure {
    let path = env.variables.get("PATH").cloned().unwrap_or_default();
    let on_path = programs::on_path(path.as_ref(), "java").into_iter().next();
    let what = format!("{} cannot be started", env.java.display());
    let failure = Failure::new(Exit::NotInstalled, "java/no-java", what).evidence(e.to_string());
    let home = env.variables.get("JAVA_HOME").filter(|home| !home.is_empty());
    let failure = match home {
        Some(home) => failure.evidence(format!("JAVA_HOME is {home}")),
        None => failure.evidence("JAVA_HOME is not set"),
    };
    match on_path {
        Some(java) if home.is_some() => failure
            .evidence(format!("{} is on PATH", java.display()))
            .hint("unset JAVA_HOME, or let it name the folder of a JDK or JRE (17 or later)"),
        _ => failure
            .evidence(format!("no java in {}", path.replace(':', ", ")))
            .hint("install a Java runtime (17 or later), or name its folder with JAVA_HOME"),
    }
}

fn command_line(
    ctx: &Context,
    args: &Jar,
    home: &Path,
    env: &Environment,
    artifacts: &Map<String, Value>,
) -> Vec<OsString> {
    let jar = args.jar.display().to_string();
    let mut extra = vec![jar.clone(), env.user_conf_dir.display().to_string(), home.join("bin").display().to_string()];
    extra.extend(args.jars.split(',').map(str::to_owned));
    extra.extend(artifacts.values().filter_map(Value::as_str).map(str::to_owned));
    let libraries = if args.storm_server_classpath { Libraries::Server } else { Libraries::Worker };
    let options: Vec<String> = ctx.global.overrides().iter().map(|s| quote_plus(s)).collect();
    // The file that we read ourselves, wherever it was found.
    let file = ctx.file.as_ref().and_then(|f| std::path::absolute(f).ok());
    let mut line = vec![
        "-client".to_owned(),
        "-Ddaemon.name=".to_owned(),
        format!("-Dstorm.options={}", options.join(",")),
        format!("-Dstorm.home={}", home.display()),
        format!("-Dstorm.log.dir={}", ctx.conf.log_dir().display()),
        format!("-Djava.library.path={}", ctx.conf.str("java.library.path").unwrap_or_default()),
        format!("-Dstorm.conf.file={}", file.map(|f| f.display().to_string()).unwrap_or_default()),
        "-cp".to_owned(),
        classpath(home, libraries, false, env, &extra),
    ];
    line.extend(env.variables.get("STORM_JAR_JVM_OPTS").map(|o| words(o)).unwrap_or_default());
    line.push(format!("-Dstorm.jar={jar}"));
    line.push(format!("-Dstorm.dependency.jars={}", args.jars));
    line.push(format!("-Dstorm.dependency.artifacts={}", Value::Object(artifacts.clone())));
    line.push(args.class.clone());
    line.extend(args.args.iter().cloned());
    line.into_iter().map(OsString::from).collect()
}

/// Maven coordinates with the files that Apache Storm's resolver fetched for them.
fn resolve(args: &Jar, home: &Path, env: &Environment) -> Result<Map<String, Value>, Failure> {
    let tools = home.join("lib-tools/submit-tools");
    if !tools.is_dir() {
        return Err(Failure::new(
            Exit::NotInstalled,
            "java/no-resolver",
            "--artifacts needs Apache Storm's dependency resolver",
        )
        .evidence(format!("{}: no such folder", tools.display()))
        .hint("name jars that you have with --jars"));
    }
    let mut command = Command::new(&env.java);
    command
        .arg("-client")
        .arg("-cp")
        .arg(tools.join("*"))
        .arg("org.apache.storm.submit.command.DependencyResolverMain");
    command.arg("--artifacts").arg(&args.artifacts).arg("--artifactRepositories").arg(&args.artifact_repositories);
    let options = [
        ("--mavenLocalRepositoryDirectory", &args.maven_local),
        ("--proxyUrl", &args.proxy_url),
        ("--proxyUsername", &args.proxy_user),
        ("--proxyPassword", &args.proxy_password),
    ];
    for (flag, value) in options.into_iter().filter(|(_, value)| !value.is_empty()) {
        command.arg(flag).arg(value);
    }
    let output = command.envs(&env.variables).stderr(Stdio::inherit()).output().map_err(|e| no_java(env, &e))?;
    let failed = |cause: String| {
        Failure::new(Exit::Failed, "java/artifacts", "the artifacts cannot be resolved")
            .evidence(args.artifacts.clone())
            .evidence(cause)
    };
    if !output.status.success() {
        return Err(failed(format!("the resolver ended with {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| failed(format!("its answer is no JSON: {e}")))
}

/// `urllib.parse.quote_plus`, which Java's `URLDecoder` reads.
fn quote_plus(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Words as a shell splits them, with its quotes; an open quote ends with the text.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => all.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    all.extend(word);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn options_of_storm_py_after_the_class_are_ours() {
        let line = "stormctl jar t.jar C a -c k=v --remote --config f.yaml b";
        let cli = crate::cli::Cli::try_parse_from(line.split(' ')).unwrap();
        let (mut global, crate::cli::Verb::Jar(mut jar)) = (cli.global, cli.verb) else { panic!() };
        jar.hoist(&mut global);
        assert_eq!(jar.args, ["a", "--remote", "b"]);
        assert_eq!((global.set, global.config), (vec!["k=v".to_owned()], Some("f.yaml".into())));
    }

    #[test]
    fn words_quotes_and_sections() {
        assert_eq!(words(r#"-Xmx1g  -Da="b c" 'd e' f\ g ''"#), ["-Xmx1g", "-Da=b c", "d e", "f g", ""]);
        assert_eq!(quote_plus("a.b=[\"x y\"]/é"), "a.b%3D%5B%22x+y%22%5D%2F%C3%A9");
        let ini = "[other]\nX=1\n[environment]\n# no\nLD_LIBRARY_PATH = /a:/b\n";
        assert_eq!(environment_section(ini), [("LD_LIBRARY_PATH".to_owned(), "/a:/b".to_owned())]);
    }

    #[test]
    fn what_is_not_there_is_not_on_the_class_path() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("lib-worker")).unwrap();
        let mut env = Environment::read(home.path());
        env.variables = BTreeMap::from([("STORM_EXT_CLASSPATH".to_owned(), "/x.jar".to_owned())]);
        let path = classpath(home.path(), Libraries::Worker, false, &env, &["t.jar".into(), String::new()]);
        let home = home.path().display();
        assert_eq!(path, format!("{home}/*:{home}/lib-worker/*:/x.jar:t.jar"));
    }
}
