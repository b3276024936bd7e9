//! Our own daemons and workers, told by what they were started as.

use crate::process::Entry;

/// What a native process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeRole {
    Zookeeper,
    Nimbus,
    Supervisor,
    Ui,
    Logviewer,
    Agent,
    /// Its arguments are those of Storm's worker: topology, supervisor, supervisor's port, port, worker.
    Worker {
        args: [String; 5],
    },
}

impl NativeRole {
    pub fn is_worker(&self) -> bool {
        matches!(self, NativeRole::Worker { .. })
    }

    pub fn name(&self) -> &'static str {
        match self {
            NativeRole::Zookeeper => "zookeeper",
            NativeRole::Nimbus => "nimbus",
            NativeRole::Supervisor => "supervisor",
            NativeRole::Ui => "ui",
            NativeRole::Logviewer => "logviewer",
            NativeRole::Agent => "agent",
            NativeRole::Worker { .. } => "worker",
        }
    }

    /// The main class of Apache's program for this role: what scripts that read `jps` look for. Apache has no agent.
    pub fn class(&self) -> &'static str {
        match self {
            NativeRole::Zookeeper => "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            NativeRole::Nimbus => "org.apache.storm.daemon.nimbus.Nimbus",
            NativeRole::Supervisor => "org.apache.storm.daemon.supervisor.Supervisor",
            NativeRole::Ui => "org.apache.storm.daemon.ui.UIServer",
            NativeRole::Logviewer => "org.apache.storm.daemon.logviewer.LogviewerServer",
            NativeRole::Agent => "stormctl.Agent",
            NativeRole::Worker { .. } => "org.apache.storm.daemon.worker.Worker",
        }
    }

    pub fn main_args(&self) -> String {
        match self {
            NativeRole::Worker { args } => args.join(" "),
            _ => String::new(),
        }
    }
}

/// The role of a process, if it is one of ours.
pub fn native_role(entry: &Entry) -> Option<NativeRole> {
    let mut args = entry.args.iter().skip(1);
    let verb = loop {
        match args.next()?.as_str() {
            "--config" | "-c" | "-o" | "--output" | "--timeout" => drop(args.next()),
            flag if flag.starts_with('-') => {}
            verb => break verb,
        }
    };
    let program = entry.args.first().map_or("", |a| a.rsplit('/').next().unwrap_or(a));
    let ours = program == "stormctl" || entry.comm == "stormctl";
    match verb {
        "worker" => {
            // A Rust topology is a program of any name that becomes the worker; Java's has its class before.
            let rest: Vec<String> = args.cloned().collect();
            let args: [String; 5] = rest.get(..5)?.to_vec().try_into().ok()?;
            let ports = args[2].parse::<u16>().is_ok() && args[3].parse::<u16>().is_ok();
            ports.then_some(NativeRole::Worker { args })
        }
        "nimbus" if ours || entry.comm == "nimbus" => Some(NativeRole::Nimbus),
        "supervisor" if ours || entry.comm == "supervisor" => Some(NativeRole::Supervisor),
        "ui" if ours || entry.comm == "ui" => Some(NativeRole::Ui),
        "logviewer" if ours || entry.comm == "logviewer" => Some(NativeRole::Logviewer),
        // `stormctl agent issue` and its like are commands.
        "agent" if (ours || entry.comm == "agent") && args.next().is_none_or(|a| a.starts_with('-')) => {
            Some(NativeRole::Agent)
        }
        "dev-zookeeper" | "dev_zookeeper" | "zookeeper" if ours || entry.comm == "zookeeper" => {
            Some(NativeRole::Zookeeper)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(comm: &str, line: &str) -> Option<NativeRole> {
        let args = line.split(' ').map(str::to_owned).collect();
        native_role(&Entry { comm: comm.into(), args, ..Entry::default() })
    }

    #[test]
    fn roles_are_told_by_the_command_line() {
        assert_eq!(role("nimbus", "/opt/bin/stormctl --config x nimbus --log-file y"), Some(NativeRole::Nimbus));
        assert_eq!(role("zookeeper", "stormctl dev-zookeeper"), Some(NativeRole::Zookeeper));
        assert_eq!(role("ui", "stormctl --config x ui --detach"), Some(NativeRole::Ui));
        assert_eq!(role("logviewer", "stormctl logviewer").unwrap().name(), "logviewer");
        assert_eq!(role("vim", "vim nimbus"), None);
        assert_eq!(role("stormctl", "stormctl start nimbus"), None);
        assert_eq!(role("agent", "stormctl --config x agent --log-file /l/agent.log"), Some(NativeRole::Agent));
        assert_eq!(role("stormctl", "stormctl agent issue host1"), None);
        let worker = role("wordcount", "resources/wordcount worker wc-1-1 sup 6628 6700 w1").unwrap();
        assert_eq!(worker.main_args(), "wc-1-1 sup 6628 6700 w1");
        assert_eq!(role("x", "x worker wc sup here there w1"), None);
        assert_eq!(role("x", "x worker"), None);
    }
}
