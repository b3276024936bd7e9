//! A systemd that runs as the first process of namespaces of its own, with a network, units and, over the machine's files, a root of its
//! own: what it starts ends with it, and nothing of the machine is changed. Needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Nest, Process};
use crate::wait::{wait_for, wait_until};

const START: Duration = Duration::from_secs(30);

/// What systemd needs to come up, and nothing else: the units of the machine are not looked at.
const TARGETS: [(&str, &str); 6] = [
    ("sysinit.target", "DefaultDependencies=no"),
    ("basic.target", "DefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target"),
    ("network-online.target", ""),
    ("shutdown.target", "DefaultDependencies=no"),
    ("multi-user.target", "Requires=basic.target\nAfter=basic.target\nAllowIsolate=yes"),
    ("default.target", "Requires=multi-user.target\nAfter=multi-user.target\nAllowIsolate=yes"),
];

const NAMESPACES: [&str; 6] = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--net"];

/// The namespaces are made already: they get what systemd wants to find, and it gets the place of this shell. What is written goes to
/// memory ($1) and is gone at the end, but for what is in the folder of the test ($2), and the units of an administrator ($3).
const BOOT: &str = r#"
set -e
ip link set lo up
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount --rbind /dev dev
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount --bind "$2" ".$2"
mount --bind "$3" etc/systemd/system
export SYSTEMD_UNIT_PATH=/etc/systemd/system:/lib/systemd/system:$4 container=storm-test
# Of the machine's own units none is started.
rm -f lib/systemd/system/*.target lib/systemd/system/*.socket lib/systemd/system/*.timer lib/systemd/system/*.path
rm -rf lib/systemd/system/*.wants
exec chroot . /lib/systemd/systemd --system --log-target=console --show-status=no
"#;

pub struct Systemd<'a> {
    nest: &'a Nest,
    /// What is in `/etc/systemd/system` there.
    pub units: PathBuf,
    memory: PathBuf,
    targets: PathBuf,
    group: PathBuf,
    running: Option<(Process, u32)>,
}

impl<'a> Systemd<'a> {
    pub fn boot(nest: &'a Nest) -> Systemd<'a> {
        let [units, memory, targets] = ["units", "memory", "targets"].map(|n| nest.dir().join("systemd").join(n));
        for folder in [&units, &memory, &targets] {
            fs::create_dir_all(folder).expect("made");
        }
        for (name, text) in TARGETS {
            fs::write(targets.join(name), format!("[Unit]\n{text}\n")).expect("written");
        }
        let group = unified().join(format!("storm-test-{}", nest.dir().file_name().expect("a name").to_string_lossy()));
        let mut systemd = Systemd { nest, units, memory, targets, group, running: None };
        systemd.start();
        systemd
    }

    fn start(&mut self) {
        fs::create_dir_all(&self.group).unwrap_or_else(|e| panic!("systemd needs root: {}: {e}", self.group.display()));
        let mut shell = Command::new("sh");
        // The group is entered before the namespaces are made: it is the root of theirs.
        shell.args(["-c", "echo $$ > \"$1/cgroup.procs\"; shift; exec unshare \"$@\"", "sh"]).arg(&self.group);
        shell.args(NAMESPACES).args(["--fork", "--kill-child", "--propagation", "private", "sh", "-c", BOOT, "sh"]);
        shell.arg(&self.memory).arg(self.nest.dir()).arg(&self.units).arg(&self.targets);
        let unshare = self.nest.spawn("systemd", shell);
        let init = wait_for(START, "the first process", || {
            let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", unshare.pid())).ok()?;
            children.split_whitespace().next()?.parse().ok()
        });
        self.running = Some((unshare, init));
        wait_until(START, "systemd to be up", || {
            let (unshare, _) = self.running.as_mut().expect("just started");
            assert!(unshare.ended().is_none(), "systemd ended: {}", unshare.output());
            self.nest.run(self.command("systemctl", &["is-system-running"])).stdout.trim() == "running"
        });
    }

    /// A command there.
    pub fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let (_, init) = self.running.as_ref().expect("it runs");
        let mut command = Command::new("nsenter");
        command.args(["--target", &init.to_string(), "--root", "--wd"]).args(NAMESPACES);
        command.arg(program.as_ref()).args(args);
        command
    }

    /// What a property of a unit is.
    pub fn property(&self, unit: &str, name: &str) -> String {
        let command = self.command("systemctl", &["show", "--property", name, "--value", unit]);
        self.nest.run(command).ok().trim().to_owned()
    }

    /// The power goes: every process is gone at once, and with it what was in memory.
    pub fn power_off(&mut self) {
        let (mut unshare, init) = self.running.take().expect("it runs");
        crate::process::kill(init, rustix::process::Signal::KILL);
        unshare.wait(START);
        wait_until(START, "the groups to be empty", || remove(&self.group));
    }

    /// And comes back.
    pub fn power_on(&mut self) {
        self.start();
    }
}

impl Drop for Systemd<'_> {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.power_off();
        }
    }
}

/// Where control groups of version 2 are.
fn unified() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let place = fields.filter(|f| f.get(2) == Some(&"cgroup2")).find_map(|f| f.get(1).map(PathBuf::from));
    place.expect("control groups of version 2 are mounted")
}

/// Removes groups from the lowest up; false as long as one of them has processes.
fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) && !remove(&entry.path()) {
            return false;
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}
