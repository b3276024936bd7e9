//! Certificates, judged by openssl; and who is let in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use storm_agent::Purpose;
use storm_agent::authority::Authority;
use storm_tests::process::Nest;
use storm_tests::wait::wait_until;

use super::{DAY, Fleet, LIMIT};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn certificates_are_what_openssl_takes_for_such() {
    let fleet = Fleet::new(0);
    let ca = fleet.nest.dir().join("ca");
    let out = fleet.nest.dir().join("certs");
    let issue =
        |args: &[&str]| fleet.ask(&[&["agent", "issue", "--ca", &text(&ca), "--out", &text(&out)], args].concat());
    issue(&["zk1.example.com", "--san", "10.0.0.7,zk1"]).ok();
    issue(&["--operator", "bob"]).ok();
    let (host, bob) = (out.join("zk1.example.com"), out.join("bob"));
    let verify = |purpose: &str, cert: &Path, more: &[&str]| {
        let (roots, crl) = (text(&ca.join("ca.pem")), text(&ca.join("crl.pem")));
        let args = ["verify", "-x509_strict", "-CAfile", &roots, "-crl_check", "-CRLfile", &crl, "-purpose", purpose];
        fleet.openssl(&[&args, more, &[&text(cert)]].concat())
    };
    let agent = host.join("agent.pem");
    for name in ["zk1.example.com", "zk1"] {
        verify("sslserver", &agent, &["-verify_hostname", name]).ok();
    }
    verify("sslserver", &agent, &["-verify_ip", "10.0.0.7"]).ok();
    verify("sslserver", &agent, &["-verify_hostname", "zk2.example.com"]).refused();
    verify("sslclient", &agent, &[]).refused();
    verify("sslclient", &bob.join("client.pem"), &[]).ok();
    verify("sslserver", &bob.join("client.pem"), &[]).refused();
    // Keys are their owner's alone.
    for key in [ca.join("ca.key"), host.join("agent.key"), bob.join("client.key")] {
        assert_eq!(fs::metadata(&key).expect("there").permissions().mode() & 0o777, 0o600, "{}", key.display());
        fleet.openssl(&["pkey", "-noout", "-check", "-in", &text(&key)]).ok();
    }
    assert!(!host.join("ca.key").exists());
    // A second authority never takes the place of the first.
    let again = fleet.ask(&["agent", "init-ca", "--ca", &text(&ca)]);
    assert_eq!(again.status.code(), Some(8), "{again:?}");
    assert_eq!(issue(&["no/host"]).status.code(), Some(2));

    fleet.ask(&["agent", "revoke", "bob", "--ca", &text(&ca)]).ok();
    assert!(verify("sslclient", &bob.join("client.pem"), &[]).refused().contains("revoked"));
    verify("sslserver", &agent, &[]).ok();
    let list = fleet.ask_json(&["agent", "list", "--all", "--ca", &text(&ca)]);
    let states: Vec<(&Value, &Value)> =
        list["items"].as_array().expect("items").iter().map(|i| (&i["name"], &i["state"])).collect();
    assert!(states.contains(&(&json!("bob"), &json!("revoked"))), "{states:?}");
    assert_eq!(fleet.ask(&["agent", "revoke", "carol", "--ca", &text(&ca)]).status.code(), Some(3));
}

#[test]
fn only_a_valid_certificate_of_a_client_opens_anything() {
    let fleet = Fleet::new(1);
    let host = &fleet.hosts[0];
    let folder = |name: &str| fleet.nest.dir().join(name);
    let long_ago = SystemTime::now() - DAY * 400;
    let other = Authority::create(&folder("other-ca"), SystemTime::now()).expect("made");
    fleet.issue("old", Purpose::Operator, long_ago, &folder("expired"));
    fleet.issue("gone", Purpose::Operator, SystemTime::now(), &folder("revoked"));
    fleet.issue("eve", Purpose::Operator, SystemTime::now(), &folder("nobody"));
    for file in ["client.pem", "client.key"] {
        fs::remove_file(folder("nobody").join(file)).expect("removed");
    }
    // Of another authority, and yet the client trusts the agent.
    let stranger = storm_agent::authority::Wanted { name: "eve", purpose: Purpose::Operator, sans: &[], days: 9 };
    other.issue_for(&stranger, SystemTime::now()).expect("issued").write(&folder("stranger"), &other).expect("written");
    fs::copy(host.tls().join("ca.pem"), folder("stranger/ca.pem")).expect("copied");
    // An agent's own certificate in the place of a client's.
    fs::create_dir(folder("agent")).expect("made");
    for (from, to) in [("ca.pem", "ca.pem"), ("agent.pem", "client.pem"), ("agent.key", "client.key")] {
        fs::copy(host.tls().join(from), folder("agent").join(to)).expect("copied");
    }
    fleet.authority.revoke("gone", SystemTime::now()).expect("revoked");
    fleet.authority.write_crl(&host.tls()).expect("written");
    let is_refused = |name: &str| {
        let answers = fleet.python(&host.address(), &folder(name), &[]);
        assert_eq!(answers.len(), 3, "{answers:?}");
        answers.iter().all(|a| a["status"] == "UNAVAILABLE" || a["status"] == "UNAUTHENTICATED")
    };
    wait_until(LIMIT, "the agent to know who is revoked", || is_refused("revoked"));
    for name in ["nobody", "stranger", "expired", "agent"] {
        assert!(is_refused(name), "{name} is let in");
    }
    // The same with openssl, whose handshake the agent must break off.
    let connect = |name: Option<&str>| {
        let address = host.address();
        let ca = text(&host.tls().join("ca.pem"));
        let mut args = vec!["s_client", "-ign_eof", "-connect", &address, "-CAfile", &ca, "-alpn", "h2"];
        let own = name.map(|n| (text(&folder(n).join("client.pem")), text(&folder(n).join("client.key"))));
        if let Some((cert, key)) = &own {
            args.extend(["-cert", cert, "-key", key]);
        }
        fleet.openssl(&args)
    };
    let none = connect(None);
    assert!(none.stderr.contains("alert certificate required"), "{none:?}");
    let expired = connect(Some("expired"));
    assert!(expired.stderr.contains("alert certificate expired"), "{expired:?}");
    let revoked = connect(Some("revoked"));
    assert!(revoked.stderr.contains("alert certificate revoked"), "{revoked:?}");
    // Ours says why, and what it was.
    let own = fleet.operator().join("agent-tls");
    for file in ["client.pem", "client.key"] {
        fs::copy(folder("revoked").join(file), own.join(file)).expect("copied");
    }
    let done = fleet.ask(&["jps", "--hosts", &host.address()]);
    assert_eq!(done.status.code(), Some(7), "{done:?}");
    assert!(done.stderr.contains("agent/untrusted") && done.stderr.contains("CertificateRevoked"), "{done:?}");
}

#[test]
fn a_client_asks_only_the_host_it_means() {
    let mut fleet = Fleet::new(1);
    let port = fleet.hosts[0].port;
    // Its certificate says 127.0.0.1 and localhost.
    fleet.ask(&["agent", "status", "--hosts", &format!("localhost:{port}")]).ok();
    let other = fleet.ask(&["agent", "status", "--hosts", &format!("127.0.0.2:{port}")]);
    assert_eq!(other.status.code(), Some(4), "nobody listens there: {other:?}");
    fleet.hosts[0].agent().terminate(LIMIT);
    fleet.issue("another.example.com", Purpose::Agent, SystemTime::now(), &fleet.hosts[0].tls());
    fleet.hosts[0].agent = Some(fleet.start(&fleet.hosts[0]));
    let wrong = fleet.ask(&["agent", "status", "--hosts", &fleet.hosts[0].address()]);
    assert_eq!(wrong.status.code(), Some(7), "{wrong:?}");
    assert!(wrong.stderr.contains("not valid for name"), "{wrong:?}");
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    let fleet = Fleet::new(1);
    let host = &fleet.hosts[0];
    let folder = fleet.nest.dir().join("viewer");
    fleet.issue("vic", Purpose::Viewer, SystemTime::now(), &folder);
    let conf = fs::read_to_string(host.config()).expect("read") + "ui.https.keystore.password: hush\n";
    fs::write(host.config(), &conf).expect("written");
    let calls = [
        ("ListProcesses", json!({})),
        ("GetConfig", json!({})),
        ("ControlDaemons", json!({"action": "STOP", "roles": ["zookeeper"]})),
        ("WriteConfig", json!({"content": "", "expectedSha256": ""})),
        ("ControlDaemons", json!({"action": "STATUS"})),
    ];
    let answers = fleet.python(&host.address(), &folder, &calls);
    let status: Vec<&str> = answers.iter().map(|a| a["status"].as_str().unwrap_or("OK")).collect();
    assert_eq!(status, ["OK", "OK", "OK", "OK", "OK", "PERMISSION_DENIED", "PERMISSION_DENIED", "OK"], "{answers:?}");
    let config = &answers[4]["answer"][0];
    assert!(!config.to_string().contains("hush"), "{config}");
    assert!(config["effective"].as_str().is_some_and(|e| e.contains("\"ui.https.keystore.password\":\"********\"")));
    let own = fleet.python(&host.address(), &fleet.operator().join("agent-tls"), &[("GetConfig", json!({}))]);
    assert!(own[3]["answer"][0]["effective"].as_str().is_some_and(|e| e.contains("hush")), "{own:?}");
}

#[test]
fn new_certificates_are_taken_while_the_agent_runs() {
    let mut fleet = Fleet::new(1);
    let (tls, address) = (fleet.hosts[0].tls(), fleet.hosts[0].address());
    let serial = |fleet: &Fleet| {
        let ca = text(&tls.join("ca.pem"));
        let own = fleet.operator().join("agent-tls");
        let (cert, key) = (text(&own.join("client.pem")), text(&own.join("client.key")));
        let args = ["s_client", "-connect", &address, "-CAfile", &ca, "-cert", &cert, "-key", &key, "-alpn", "h2"];
        let shown = fleet.openssl(&args).stdout;
        let begin = shown.find("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("no certificate in {shown}"));
        let end = shown.find("-----END CERTIFICATE-----").expect("its end");
        shown[begin..end].to_owned()
    };
    let first = serial(&fleet);
    // Half of a pair is not taken, and does no harm.
    let good = fs::read(tls.join("agent.key")).expect("read");
    fs::write(tls.join("agent.key"), "rubbish").expect("written");
    fleet.hosts[0].agent.as_mut().expect("runs").wait_for_output(LIMIT, "stay in force");
    assert_eq!(serial(&fleet), first);
    let told = fleet.ask_json(&["agent", "status"]);
    assert_eq!(told["items"][0]["troubles"][0]["code"], "agent/certificate", "{told}");
    fs::write(tls.join("agent.key"), good).expect("written");
    wait_until(LIMIT, "the agent to be well again", || {
        fleet.ask_json(&["agent", "status"])["items"][0]["troubles"] == json!([])
    });
    // One that is due soon says so, and is renewed by what is typed then.
    fleet.issue("127.0.0.1", Purpose::Agent, SystemTime::now() - DAY * 330, &tls);
    wait_until(LIMIT, "the agent to ask for another", || {
        fleet.ask_json(&["agent", "status"])["items"][0]["troubles"][0]["code"] == "agent/renew"
    });
    let ca = text(&fleet.nest.dir().join("ca"));
    let renewed =
        fleet.nest.run(fleet.command(&fleet.hosts[0].config(), &["agent", "renew", "127.0.0.1", "--ca", &ca]));
    assert!(renewed.ok().contains("renewed 127.0.0.1 (agent)"));
    wait_until(LIMIT, "the agent to take it", || {
        let item = &fleet.ask_json(&["agent", "status"])["items"][0];
        item["troubles"] == json!([]) && item["certificate_days"].as_i64().is_some_and(|d| d > 300)
    });
    assert_ne!(serial(&fleet), first);
    assert!(fleet.hosts[0].agent().ended().is_none());
    fs::set_permissions(tls.join("agent.key"), fs::Permissions::from_mode(0o644)).expect("changed");
    fleet.hosts[0].agent().terminate(LIMIT);
    let exposed = fleet.nest.run(fleet.command(&fleet.hosts[0].config(), &["agent"]));
    assert_eq!(exposed.status.code(), Some(6), "{exposed:?}");
    assert!(exposed.stderr.contains("chmod 600"), "{exposed:?}");
}

#[test]
fn without_certificates_nothing_starts_and_the_way_out_is_told() {
    let nest = Nest::new();
    fs::write(nest.dir().join("storm.yaml"), "stormctl.agent.listen: 127.0.0.1\n").expect("written");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(storm_tests::built::stormctl());
        command.arg("--config").arg(nest.dir().join("storm.yaml")).args(args).env("HOME", nest.dir());
        nest.run(command)
    };
    let agent = run(&["agent"]);
    assert_eq!(agent.status.code(), Some(5), "{agent:?}");
    assert!(agent.stderr.contains("agent-tls/ca.pem") && agent.stderr.contains("stormctl agent issue"), "{agent:?}");
    let alone = run(&["-c", "stormctl.ssh.enable=false", "jps", "--hosts", "a"]);
    assert_eq!(alone.status.code(), Some(5), "{alone:?}");
    assert_eq!(run(&["agent", "issue", "a"]).status.code(), Some(5));
    // From nothing to an agent that answers, as the documentation has it.
    run(&["agent", "init-ca"]).ok();
    run(&["agent", "issue", "localhost", "--san", "127.0.0.1"]).ok();
    run(&["agent", "issue", "--operator", "ann"]).ok();
    let key = fs::metadata(nest.dir().join("agent-ca/ca.key")).expect("there");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let folder = fs::metadata(nest.dir().join("agent-tls")).expect("there");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    fs::set_permissions(nest.dir().join("agent-ca/ca.key"), fs::Permissions::from_mode(0o640)).expect("changed");
    let exposed = run(&["agent", "issue", "localhost"]);
    assert_eq!(exposed.status.code(), Some(7), "{exposed:?}");
}
