//! A release of Apache Storm that plays the roles of this machine instead of our own daemons.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use storm_conf::Conf;
use storm_machine::process::sweep::MARK;
use storm_machine::process::{Listeners, Record};

use crate::cli::Role;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The key that names the folder of the release.
pub const HOME_KEY: &str = "stormctl.storm.home";
const JAVA_KEY: &str = "stormctl.java.home";
const PYTHON_KEY: &str = "stormctl.python";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    home: PathBuf,
    java_home: Option<PathBuf>,
    python: Option<PathBuf>,
}

impl Release {
    /// The release that plays this role here; `None` where our own daemon does.
    pub fn of(role: Role, conf: &Conf) -> Option<Release> {
        let path = |key: &str| conf.str(key).filter(|text| !text.is_empty()).map(PathBuf::from);
        let plays = matches!(role, Role::Nimbus | Role::Supervisor | Role::Ui | Role::Logviewer);
        let home = path(HOME_KEY).filter(|_| plays)?;
        Some(Release { home, java_home: path(JAVA_KEY), python: path(PYTHON_KEY) })
    }

    /// This process becomes the daemon, through the release's own program; what is returned is why it does not.
    pub fn exec(&self, role: Role, ctx: &Context, record: &Record) -> Failure {
        let prepared = self.command(role, ctx).and_then(|command| {
            record.outlive_exec().map_err(|e| Failure::io("the pid file cannot be kept", &e))?;
            Ok(command)
        });
        match prepared {
            Ok(mut command) => {
                let e = command.exec();
                let script = command.get_program().to_string_lossy().into_owned();
                Failure::new(Exit::NotInstalled, "storm/no-script", format!("cannot run {script}"))
                    .evidence(e.to_string())
                    .hint(format!("set {HOME_KEY} to the folder of a release, which has bin/storm"))
            }
            Err(failure) => failure,
        }
    }

    fn command(&self, role: Role, ctx: &Context) -> Result<Command, Failure> {
        let mut command = Command::new(self.home.join("bin/storm"));
        command.arg(role.name());
        for setting in ctx.global.overrides() {
            command.args(["-c", &setting]);
        }
        if let Some(file) = &ctx.file {
            let file = std::path::absolute(file).map_err(|e| Failure::io(file.display().to_string(), &e))?;
            // It looks for a file of this name on its class path.
            let folder = file.parent().filter(|_| file.file_name().is_some_and(|name| name == "storm.yaml"));
            let Some(folder) = folder else {
                return Err(Failure::new(
                    Exit::ConfigInvalid,
                    "storm/file-name",
                    "Apache Storm's daemons read a file of the name storm.yaml",
                )
                .evidence(file.display().to_string()));
            };
            command.env("STORM_CONF_DIR", folder).env("STORM_CONF_FILE", &file).env(MARK, &file);
        }
        if let Some(java_home) = &self.java_home {
            let java = java_home.join("bin/java");
            if !java.is_file() {
                return Err(Failure::new(
                    Exit::NotInstalled,
                    "java/no-java",
                    format!("there is no {}", java.display()),
                )
                .evidence(format!("{JAVA_KEY}: {}", java_home.display()))
                .hint(format!("name a JDK or JRE with {JAVA_KEY} in storm.yaml")));
            }
            command.env("JAVA_HOME", java_home);
        } else if let Some(java_home) = std::env::var_os("JAVA_HOME").map(PathBuf::from)
            && !java_home.join("bin/java").is_file()
        {
            let what = format!("JAVA_HOME is {}, which has no bin/java: the java on PATH is used", java_home.display());
            ctx.printer.note(&what);
            command.env_remove("JAVA_HOME");
        }
        if let Some(python) = &self.python {
            command.env("PYTHON", python);
        }
        // Built-in components of our topologies are children of Apache's workers, which look for this program.
        if let Ok(stormctl) = std::env::current_exe() {
            command.env("STORMCTL", stormctl);
        }
        Ok(command)
    }
}

/// Where a daemon of a release serves, once it does: unlike ours it does not write that into its file.
pub fn address(role: Role, conf: &Conf, pid: i32) -> Option<String> {
    Release::of(role, conf)?;
    let port = conf.int(role.port_key()?).and_then(|port| u16::try_from(port).ok())?;
    Listeners::read().of(pid)?.contains(&port).then(|| format!("{}:{port}", conf.hostname()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_release_plays_storms_roles_and_no_other() {
        let mut conf = Conf::defaults();
        assert_eq!(Release::of(Role::Nimbus, &conf), None);
        assert_eq!(Release::of(Role::Ui, &conf), None);
        conf.set(HOME_KEY, json!("/opt/storm/apache-storm-2.8.3"));
        for role in [Role::Nimbus, Role::Supervisor, Role::Ui, Role::Logviewer] {
            assert!(Release::of(role, &conf).is_some(), "{role:?}");
        }
        for role in [Role::Zookeeper, Role::Agent] {
            assert_eq!(Release::of(role, &conf), None, "{role:?}");
        }
    }
}
