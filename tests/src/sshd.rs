//! Hosts that are reached over ssh: a real `sshd` each, on a loopback address of its own, with a home of its own.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::peers::Debian;
use crate::ports::free_port;
use crate::process::{Nest, Process, kill};
use crate::wait::wait_until;

const START: Duration = Duration::from_secs(20);

pub struct SshHost {
    /// The address by which others know it.
    pub address: String,
    pub port: u16,
    /// Where its users are at home.
    pub home: PathBuf,
    folder: PathBuf,
    sshd: Option<Process>,
}

/// Some hosts, and the configuration with which `ssh` gets there.
pub struct SshHosts {
    pub hosts: Vec<SshHost>,
    /// For `ssh -F`.
    pub config: PathBuf,
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

fn keygen(file: &Path) -> String {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(file);
    let output = command.output().unwrap_or_else(|e| panic!("the tests need openssh-client: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(file.with_extension("pub")).expect("its public half")
}

impl SshHosts {
    /// As many hosts, at 127.0.0.2 and on.
    pub fn start(nest: &Nest, count: u8) -> SshHosts {
        let folder = nest.dir().join("ssh");
        fs::create_dir_all(&folder).expect("a folder");
        let key = folder.join("key");
        let public = keygen(&key);
        let known = folder.join("known_hosts");
        let (mut hosts, mut known_hosts) = (Vec::new(), String::new());
        for number in 0..count {
            let address = format!("127.0.0.{}", 2 + number);
            let folder = nest.dir().join(format!("host{}", number + 1));
            let home = folder.join("home");
            fs::create_dir_all(&home).expect("a home");
            let port = free_port();
            let host_key = keygen(&folder.join("host_key"));
            known_hosts.push_str(&format!("[{address}]:{port} {host_key}"));
            write(&folder.join("authorized_keys"), &public);
            hosts.push(SshHost { address, port, home, folder, sshd: None });
        }
        write(&known, &known_hosts);
        let config = folder.join("config");
        write(
            &config,
            &format!(
                "Host *\n  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  \
                 GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n",
                key = key.display(),
                known = known.display()
            ),
        );
        let mut all = SshHosts { hosts, config };
        for host in &mut all.hosts {
            host.start(nest);
        }
        all
    }
}

impl SshHost {
    pub fn start(&mut self, nest: &Nest) {
        // Both are compiled into sshd; a root without them gets no sshd.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").expect("the folder for separated privileges");
            let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let there = accounts.lines().any(|l| l.starts_with("sshd:"));
            assert!(there, "root's sshd needs the account sshd: install the package openssh-server");
        }
        let mut marked = Command::new("true");
        nest.mark(&mut marked);
        let variables = marked.get_envs().filter_map(|(k, v)| Some(format!(" {}={}", k.to_str()?, v?.to_str()?)));
        let folder = self.folder.display();
        let text = format!(
            "ListenAddress {address}\nPort {port}\nHostKey {folder}/host_key\nPidFile {folder}/sshd.pid\n\
             AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\nSetEnv HOME={home} TMPDIR={home}{variables}\n",
            address = self.address,
            port = self.port,
            home = self.home.display(),
            variables = variables.collect::<String>(),
        );
        let config = self.folder.join("sshd_config");
        write(&config, &text);
        let mut sshd = Debian::sshd().command();
        sshd.args(["-D", "-e", "-f"]).arg(&config);
        self.sshd = Some(nest.spawn(&format!("sshd-{}", self.address), sshd));
        let address: SocketAddr = format!("{}:{}", self.address, self.port).parse().expect("an address");
        wait_until(START, "sshd to listen", || {
            let sshd = self.sshd.as_mut().expect("just started");
            assert!(sshd.ended().is_none(), "sshd ended: {}", sshd.output());
            TcpStream::connect(address).is_ok()
        });
    }

    /// The machine burns down: nobody answers any more, and all that ran there is dead.
    pub fn lose(&mut self, nest: &Nest) {
        self.stop();
        let home = format!("HOME={}", self.home.display());
        let own = |pid: &u32| {
            // One that ends meanwhile is what is wanted.
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes())
        };
        wait_until(START, "everything on the host to be dead", || {
            let living: Vec<u32> = nest.processes().into_iter().filter(own).collect();
            living.iter().for_each(|pid| kill(*pid, Signal::KILL));
            living.is_empty()
        });
    }

    /// No new connections; those that are there stay.
    pub fn stop(&mut self) {
        if let Some(mut sshd) = self.sshd.take() {
            sshd.terminate(START);
        }
    }
}
