//! Agents that come with the installation: asked over mutual TLS from the machine of who installed; openssl judges.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use storm_agent::Purpose;
use storm_agent::authority::{Authority, Wanted};
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};
use storm_tests::sshd::{SshHost, SshHosts};
use storm_tests::wait::wait_until;

use super::{LIMIT, own_ports, run, tree};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Fleet {
    nest: Nest,
    hosts: SshHosts,
    file: String,
    port: u16,
}

impl Fleet {
    fn new() -> Fleet {
        let nest = Nest::new();
        let hosts = SshHosts::start(&nest, 3);
        let [zookeeper, nimbus, supervisor, slot, port] = std::array::from_fn(|_| free_port());
        let mut text = format!(
            "name: guarded\ndir: ~/opt/storm\nservice: background\nagents: true\nssh: {{config: {config}}}\n\
             conf:\n  storm.zookeeper.port: {zookeeper}\n  nimbus.thrift.port: {nimbus}\n  supervisor.thrift.port: {supervisor}\n  \
             supervisor.slots.ports: [{slot}]\n  stormctl.agent.port: {port}\n  \
             storm.zookeeper.session.timeout: 6000\n  nimbus.monitor.freq.secs: 2\nhosts:\n",
            config = hosts.config.display(),
        );
        for (host, roles) in hosts.hosts.iter().zip(["zookeeper, nimbus", "supervisor", "supervisor"]) {
            text.push_str(&format!("- {{name: {}, roles: [{roles}], ssh: {{port: {}}}}}\n", host.address, host.port));
        }
        let file = nest.dir().join("cluster.yaml");
        fs::write(&file, text).expect("written");
        Fleet { nest, hosts, file: file.display().to_string(), port }
    }

    fn run(&self, args: &[&str]) -> Finished {
        run(&self.nest, args)
    }

    /// What is remembered of the cluster here.
    fn state(&self) -> PathBuf {
        self.nest.dir().join("home/.local/state/storm/clusters/guarded")
    }

    /// A question from this machine.
    fn ask(&self, args: &[&str]) -> Value {
        let config = self.state().join("operator/storm.yaml").display().to_string();
        let text = self.run(&[&["--config", &config], args, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// The agent of each host, as it tells of itself: all of them see the processes of this one machine.
    fn agents(&self) -> Vec<(String, i64)> {
        let found = self.ask(&["jps", "--hosts", "all"]);
        let items = found["items"].as_array().expect("a list");
        let own = |host: &SshHost| {
            let config = host.home.join("opt/storm/conf/storm.yaml").display().to_string();
            let is_own = |p: &&Value| {
                p["role"] == "agent" && p["host"] == host.address.as_str() && p["config"] == config.as_str()
            };
            let agent = items.iter().find(is_own).unwrap_or_else(|| panic!("no agent at {}: {found}", host.address));
            (host.address.clone(), agent["pid"].as_i64().expect("a pid"))
        };
        self.hosts.hosts.iter().map(own).collect()
    }

    fn tls(&self, host: usize) -> PathBuf {
        self.hosts.hosts[host].home.join("opt/storm/conf/agent-tls")
    }

    fn openssl(&self, args: &[&str]) -> Finished {
        let mut openssl = Command::new("openssl");
        openssl.args(args);
        self.nest.run(openssl)
    }

    /// The certificate that an agent shows; whoever asks shows the one in a folder, or none.
    fn shown(&self, host: usize, own: Option<&Path>) -> Finished {
        let text = |p: PathBuf| p.display().to_string();
        let address = format!("{}:{}", self.hosts.hosts[host].address, self.port);
        let ca = text(self.state().join("agent-ca/ca.pem"));
        let pair = own.map(|dir| (text(dir.join("client.pem")), text(dir.join("client.key"))));
        let mut args = vec!["s_client", "-connect", &address, "-CAfile", &ca, "-alpn", "h2"];
        match &pair {
            Some((cert, key)) => args.extend(["-cert", cert, "-key", key]),
            None => args.push("-ign_eof"),
        }
        self.openssl(&args)
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

#[test]
fn agents_come_with_a_cluster_and_their_certificates_are_renewed_in_place() {
    let mut fleet = Fleet::new();
    let before: Vec<_> = fleet.hosts.hosts.iter().map(|h| tree(&h.home)).collect();
    let looked =
        fleet.run(&["install", "distributed", "--file", &fleet.file, "--dry-run", "--show-files", "-o", "json"]);
    assert!(looked.stdout.contains("agent-tls/agent.key") && !looked.stdout.contains("PRIVATE KEY"), "{looked:?}");
    assert!(!fleet.state().join("agent-ca").exists(), "a look makes no authority");
    let planned = fleet.run(&["plan", "--file", &fleet.file]);
    assert!(planned.stdout.contains("agent-tls/agent.key") && !planned.stdout.contains("PRIVATE KEY"), "{planned:?}");
    assert_eq!(mode(&fleet.state().join("plan.json")), 0o600);
    let done = fleet.run(&["install", "distributed", "--file", &fleet.file, "--yes", "--no-check"]);
    assert!(done.status.success() && done.stdout.contains("context set guarded --config "), "{done:?}");
    assert!(!format!("{done:?}").contains("PRIVATE KEY"), "{done:?}");

    // From here, over TLS on both sides, without Nimbus being asked for hosts.
    let agents = fleet.agents();
    for host in 0..3 {
        let tls = fleet.tls(host);
        assert_eq!((mode(&tls), mode(&tls.join("agent.key")), mode(&tls.join("agent.pem"))), (0o700, 0o600, 0o644));
        let mut files: Vec<_> = fs::read_dir(&tls).expect("there").flatten().map(|f| f.file_name()).collect();
        files.sort();
        assert_eq!(files, ["agent.key", "agent.pem", "ca.pem", "crl.pem"], "the authority's key is not among them");
        let ca = fleet.state().join("agent-ca/ca.pem").display().to_string();
        let args = ["verify", "-x509_strict", "-CAfile", &ca, "-purpose", "sslserver", "-verify_ip"];
        let cert = tls.join("agent.pem").display().to_string();
        fleet.openssl(&[&args[..], &[&fleet.hosts.hosts[host].address, &cert]].concat()).ok();
        fleet.openssl(&[&args[..], &["127.0.0.9", &cert]].concat()).refused();
    }
    let operator = fleet.state().join("operator/agent-tls");
    assert_eq!(mode(&operator.join("client.key")), 0o600);
    let none = fleet.shown(1, None);
    assert!(none.stderr.contains("alert certificate required"), "{none:?}");
    let certificate = || {
        let shown = fleet.shown(1, Some(&operator)).stdout;
        let begin = shown.find("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("no certificate in {shown}"));
        shown[begin..shown.find("-----END CERTIFICATE-----").expect("its end")].to_owned()
    };
    let first = certificate();

    // Nothing is due for a long time, until it is: then only that is brought, and nobody is restarted.
    assert!(fleet.run(&["agent", "renew", "--name", "guarded"]).ok().contains("nothing is due"));
    let authority = Authority::open(&fleet.state().join("agent-ca")).expect("an authority");
    let wanted = Wanted { name: "127.0.0.3", purpose: Purpose::Agent, sans: &[], days: 365 };
    let old = authority.issue_for(&wanted, SystemTime::now() - DAY * 330).expect("issued");
    old.write(&fleet.state().join("agent-certs/127.0.0.3"), &authority).expect("written");
    let would = fleet.run(&["agent", "renew", "--name", "guarded", "--dry-run"]).ok();
    assert_eq!(would.matches("127.0.0.3  write ").count(), 2, "key and certificate: {would}");
    assert_eq!(certificate(), first);
    let renewed = fleet.run(&["agent", "renew", "--name", "guarded"]).ok();
    assert!(renewed.contains("2 files are new on the hosts of guarded"), "{renewed}");
    wait_until(LIMIT, "the agent to take it", || certificate() != first);
    let valid = fleet.ask(&["agent", "status"]);
    let days: Vec<i64> =
        valid["items"].as_array().expect("a list").iter().filter_map(|a| a["certificate_days"].as_i64()).collect();
    assert!(days.len() == 3 && days.iter().all(|d| *d > 300), "{valid}");
    fleet.run(&["agent", "renew", "127.0.0.2", "--force", "--name", "guarded"]).ok();
    assert_eq!(fleet.run(&["agent", "renew", "127.0.0.9", "--force", "--name", "guarded"]).status.code(), Some(3));
    assert_eq!(fleet.agents(), agents, "they are the same processes");
    let again = fleet.run(&["plan", "--file", &fleet.file]).ok();
    assert!(again.contains("nothing to do"), "{again}");

    // What the authority takes back is told to all by the next plan.
    let ca = fleet.state().join("agent-ca").display().to_string();
    fleet.run(&["agent", "revoke", "127.0.0.4", "--ca", &ca]).ok();
    let plan = fleet.run(&["plan", "--file", &fleet.file]).ok();
    assert_eq!(plan.matches("agent-tls/crl.pem").count(), 3, "{plan}");
    assert_eq!(plan.matches("agent-tls/agent.key").count(), 1, "{plan}");
    fleet.run(&["apply", "guarded"]).ok();
    wait_until(LIMIT, "all agents to be well", || fleet.agents() == agents);

    lost(&mut fleet);
    switched_off(&fleet);
    fleet.run(&["uninstall", "guarded", "--confirm=guarded"]).ok();
    let after: Vec<_> = fleet.hosts.hosts[..2].iter().map(|h| tree(&h.home)).collect();
    assert_eq!(after, before[..2]);
    for folder in ["agent-ca", "agent-certs", "operator"] {
        assert!(!fleet.state().join(folder).exists(), "{folder}");
    }
}

/// The key of a host that is lost is in nobody's hands that we know: its certificate is taken back, and the others hear of it.
fn lost(fleet: &mut Fleet) {
    fleet.hosts.hosts[2].lose(&fleet.nest);
    let fleet = &*fleet;
    let pem = fleet.tls(2).join("agent.pem").display().to_string();
    let serial = fleet.openssl(&["x509", "-in", &pem, "-noout", "-serial"]).ok();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    let revoked = |dir: PathBuf| {
        let crl = dir.join("crl.pem").display().to_string();
        fleet.openssl(&["crl", "-in", &crl, "-noout", "-text"]).ok().contains(&serial)
    };
    let gone = fleet.hosts.hosts[2].address.clone();
    let args = ["scale-in", "guarded", &gone, "--lost", "--confirm=127.0.0.4"];
    fleet.run(&[&args[..4], &["--dry-run"]].concat()).ok();
    assert!(!revoked(fleet.state().join("agent-ca")), "it was only looked");
    assert_eq!(fleet.run(&args[..4]).status.code(), Some(7));
    assert!(!revoked(fleet.state().join("agent-ca")), "nobody has agreed");
    fleet.run(&args).ok();
    assert!((0..2).all(|host| revoked(fleet.tls(host))));
    let status = fleet.ask(&["agent", "status"]);
    assert_eq!(status["items"].as_array().expect("a list").len(), 2, "{status}");
}

/// Without agents in the description none is left, and nothing of them.
fn switched_off(fleet: &Fleet) {
    let text = fs::read_to_string(&fleet.file).expect("there").replace("agents: true", "agents: false");
    let lines = text.lines().filter(|l| !l.contains("127.0.0.4")).map(|l| format!("{l}\n"));
    fs::write(&fleet.file, lines.collect::<String>()).expect("written");
    let plan = fleet.run(&["plan", "--file", &fleet.file]).ok();
    assert_eq!(plan.matches("stop agent (background), and remove what was installed for it").count(), 2, "{plan}");
    fleet.run(&["apply", "guarded"]).ok();
    let is_agent = |pid: &u32| {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split('\0').any(|word| word == "agent")
    };
    let agents: Vec<u32> = fleet.nest.processes().into_iter().filter(is_agent).collect();
    assert_eq!(agents, [] as [u32; 0]);
    for host in 0..2 {
        assert!(!fleet.tls(host).exists());
        let yaml = fs::read_to_string(fleet.tls(host).with_file_name("storm.yaml")).expect("there");
        assert!(!yaml.contains("\"agent\"") && !yaml.contains("stormctl.agent.hosts"), "{yaml}");
    }
    let again = fleet.run(&["plan", "--file", &fleet.file]).ok();
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn one_machine_has_its_agent_and_may_ask_it() {
    let nest = Nest::new();
    let dir = nest.dir().join("storm").display().to_string();
    let port = format!("stormctl.agent.port={}", free_port());
    let mut args: Vec<String> =
        ["install", "single", "--service", "background", "--agent", "--no-check", "--dir", &dir, "-c", &port]
            .map(str::to_owned)
            .into();
    args.extend(own_ports());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run(&nest, &args).ok();
    let found = run(&nest, &["jps", "--hosts", "all", "-o", "json"]).ok();
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let items = found["items"].as_array().expect("a list").iter();
    let own = items.filter(|p| p["config"].as_str().is_some_and(|c| c.starts_with(&dir)));
    let roles: Vec<&str> = own.filter_map(|p| p["role"].as_str()).collect();
    for role in ["agent", "nimbus", "supervisor", "zookeeper"] {
        assert!(roles.contains(&role), "{role}: {found}");
    }
    let again = run(&nest, &args).ok();
    assert!(again.contains("nothing to do"), "{again}");
    run(&nest, &["uninstall", "--dir", &dir, &format!("--confirm={dir}")]).ok();
    assert!(!Path::new(&dir).exists());
}
