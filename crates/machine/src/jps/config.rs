//! Which configuration file a process has read, by its command line and environment.

use std::path::{Path, PathBuf};

use crate::process::Entry;
use crate::process::sweep::MARK;

/// The configuration file of one of Storm's or ZooKeeper's processes, Java or native.
pub fn file(entry: &Entry, java: bool, role: &str) -> Option<PathBuf> {
    let cwd = entry.cwd().unwrap_or_default();
    let lookup = Lookup { entry, cwd: &cwd, exists: &|path| path.is_file() };
    if java { lookup.of_java(role) } else { lookup.of_native() }
}

struct Lookup<'a> {
    entry: &'a Entry,
    cwd: &'a Path,
    exists: &'a dyn Fn(&Path) -> bool,
}

impl Lookup<'_> {
    fn of_native(&self) -> Option<PathBuf> {
        let args = &self.entry.args;
        let flag = args.iter().position(|a| a == "--config").and_then(|i| args.get(i + 1).cloned());
        let flag = flag.or_else(|| args.iter().find_map(|a| a.strip_prefix("--config=").map(str::to_owned)));
        let named =
            flag.or_else(|| ["STORM_CONF_FILE", "STORM_WORKER_CONF", MARK].iter().find_map(|v| self.entry.variable(v)));
        let path = self.cwd.join(named.filter(|n| !n.is_empty())?);
        let inside = path.join("storm.yaml");
        Some(if (self.exists)(&inside) { inside } else { path })
    }

    fn of_java(&self, role: &str) -> Option<PathBuf> {
        let args = &self.entry.args;
        if role == "zookeeper" {
            let main =
                args.iter().position(|a| a.starts_with("org.apache.zookeeper.") || a.ends_with("DevZookeeper"))?;
            return args.get(main + 1).map(|file| self.cwd.join(file));
        }
        let property = |name: &str| {
            let prefix = format!("-D{name}=");
            args.iter().find_map(|a| a.strip_prefix(&prefix)).filter(|v| !v.is_empty())
        };
        let class_path = args.iter().position(|a| a == "-cp" || a == "-classpath").and_then(|i| args.get(i + 1));
        let folders = || class_path.into_iter().flat_map(|p| p.split(':')).filter(|p| !p.is_empty());
        // Storm looks for its file on the class path, unless it is told another absolute one.
        let name = property("storm.conf.file").unwrap_or("storm.yaml");
        let on_class_path = folders().map(|folder| self.cwd.join(folder).join(name)).find(|f| (self.exists)(f));
        let in_home = || property("storm.home").map(|home| Path::new(home).join("conf").join(name));
        on_class_path.or_else(|| in_home().filter(|f| (self.exists)(f)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(line: &str, java: bool, role: &str, there: &[&str]) -> Option<String> {
        let entry = Entry { pid: -1, args: line.split(' ').map(str::to_owned).collect(), ..Entry::default() };
        let exists = |path: &Path| there.iter().any(|t| Path::new(t) == path);
        let lookup = Lookup { entry: &entry, cwd: Path::new("/w"), exists: &exists };
        let found = if java { lookup.of_java(role) } else { lookup.of_native() };
        found.map(|f| f.display().to_string())
    }

    #[test]
    fn native_processes_name_it() {
        assert_eq!(look("stormctl --config x.yaml nimbus", false, "nimbus", &[]).as_deref(), Some("/w/x.yaml"));
        let folder = look("stormctl --config=/c nimbus", false, "nimbus", &["/c/storm.yaml"]);
        assert_eq!(folder.as_deref(), Some("/c/storm.yaml"));
        assert_eq!(look("stormctl nimbus", false, "nimbus", &[]), None);
    }

    #[test]
    fn java_finds_it_on_the_class_path() {
        let line = "java -cp lib/*:/s/conf -Dstorm.conf.file= -Dstorm.home=/s org.apache.storm.daemon.nimbus.Nimbus";
        assert_eq!(look(line, true, "nimbus", &["/s/conf/storm.yaml"]).as_deref(), Some("/s/conf/storm.yaml"));
        let line = "java -cp /x/* -Dstorm.home=/s -Dstorm.conf.file=/etc/my.yaml N";
        assert_eq!(look(line, true, "nimbus", &["/etc/my.yaml"]).as_deref(), Some("/etc/my.yaml"));
        assert_eq!(look("java -cp /x/* N", true, "nimbus", &[]), None);
        let zk = "java -Xmx1g org.apache.zookeeper.server.quorum.QuorumPeerMain conf/zoo.cfg";
        assert_eq!(look(zk, true, "zookeeper", &[]).as_deref(), Some("/w/conf/zoo.cfg"));
    }
}
