//! The daemons of a release of Apache Storm, told by their command lines: also a JVM that hides from the JDK's tools has one.

use crate::process::Entry;

const CLASSES: [(&str, &str); 6] = [
    ("nimbus", "org.apache.storm.daemon.nimbus.Nimbus"),
    ("supervisor", "org.apache.storm.daemon.supervisor.Supervisor"),
    ("ui", "org.apache.storm.daemon.ui.UIServer"),
    ("logviewer", "org.apache.storm.daemon.logviewer.LogviewerServer"),
    ("drpc", "org.apache.storm.daemon.drpc.DRPCServer"),
    ("pacemaker", "org.apache.storm.pacemaker.Pacemaker"),
];

/// The role of a process, if it is a daemon of a release, or the script of one that is about to become it.
pub fn apache_role(entry: &Entry) -> Option<&'static str> {
    let program = entry.args.first().map_or("", |a| a.rsplit('/').next().unwrap_or(a));
    if program == "java" {
        let class = |arg: &String| CLASSES.iter().find(|(_, class)| class == arg).map(|(role, _)| *role);
        return entry.args.iter().find_map(class);
    }
    let script = |arg: &str| arg.ends_with("/bin/storm") || arg.ends_with("/bin/storm.py");
    let verb = entry.args.windows(2).find(|pair| script(&pair[0])).map(|pair| pair[1].as_str())?;
    CLASSES.iter().find(|(role, _)| *role == verb).map(|(role, _)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_one_from_its_script_to_its_jvm() {
        let role = |line: &str| {
            let args = line.split(' ').map(str::to_owned).collect();
            apache_role(&Entry { args, ..Entry::default() })
        };
        for (line, found) in [
            ("bash /opt/storm/bin/storm nimbus", Some("nimbus")),
            ("python3 /opt/storm/bin/storm.py ui", Some("ui")),
            ("/usr/bin/java -server -cp x org.apache.storm.daemon.supervisor.Supervisor", Some("supervisor")),
            ("java -cp x org.apache.storm.daemon.logviewer.LogviewerServer", Some("logviewer")),
            ("java -cp x org.apache.storm.daemon.worker.Worker t s 6628 6700 w", None),
            ("grep org.apache.storm.daemon.nimbus.Nimbus", None),
            ("bash /opt/storm/bin/storm list", None),
            ("vim /opt/storm/bin/storm", None),
        ] {
            assert_eq!(role(line), found, "{line}");
        }
    }
}
