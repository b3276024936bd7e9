//! The log viewer of a host without a cluster: its logs lie there as workers leave them, and strangers ask for others.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use storm_tests::ports::free_port;
use storm_tests::process::{Nest, Process, own_bytes};
use storm_tests::wait::wait_until;

use super::http::Server;
use super::members::{check, check_each};
use super::{LIMIT, daemon};

const EVIL: &str = "<script>alert(1)</script>";

struct Host {
    process: Process,
    port: u16,
    nest: Nest,
}

impl Host {
    /// `home` is what the configuration calls it, which may be a link.
    fn start(home: &Path, nest: Nest, more: &[(&str, Value)]) -> Host {
        let port = free_port();
        let mut keys = json!({
            "storm.local.hostname": "127.0.0.1",
            "storm.home": home,
            "storm.local.dir": home.join("local"),
            "logviewer.port": port,
        });
        for (key, value) in more {
            keys[*key] = value.clone();
        }
        let config = nest.dir().join("storm.yaml");
        let lines = keys.as_object().expect("a map").iter().map(|(k, v)| format!("{k}: {v}\n"));
        fs::write(&config, lines.collect::<String>()).expect("written");
        let host = Host { process: daemon(&nest, &config, &["logviewer"]), port, nest };
        host.server().wait();
        host
    }

    fn server(&self) -> Server<'_> {
        Server { nest: &self.nest, port: self.port }
    }
}

/// An installation behind a link, with logs of two workers, of a daemon, and what a hostile topology may have put there.
fn installation(nest: &Nest) -> PathBuf {
    let real = nest.dir().join("storm-2.8");
    let slot = real.join("logs/workers-artifacts/wc-1-100/6700");
    fs::create_dir_all(&slot).expect("made");
    fs::create_dir_all(real.join("logs/workers-artifacts/wc-1-100/6701")).expect("made");
    fs::write(real.join("logs/nimbus.log"), "nimbus says hello\n").expect("written");
    fs::write(real.join("secret.yaml"), "the secret of the house\n").expect("written");
    let lines: String = (0..10_000).map(|n| format!("line {n} of the worker\n")).collect();
    fs::write(slot.join("worker.log"), format!("{EVIL}\n{lines}")).expect("written");
    fs::write(real.join("logs/workers-artifacts/wc-1-100/6701/worker.log"), "the other worker\n").expect("written");
    fs::write(slot.join("profile.jfr"), "recorded").expect("written");
    fs::write(slot.join("worker.yaml"), "worker-id: [").expect("written");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(format!("packed {EVIL}\nthe needle of an older part\n").as_bytes()).expect("packed");
    fs::write(slot.join("worker.log.1.gz"), packer.finish().expect("packed")).expect("written");
    symlink("../../../../secret.yaml", slot.join("link.log")).expect("linked");
    symlink(real.join("secret.yaml"), slot.join("absolute.log")).expect("linked");
    symlink("/etc", slot.join("etc")).expect("linked");
    symlink("/etc", real.join("logs/workers-artifacts/away")).expect("linked");
    symlink("../secret.yaml", real.join("logs/daemon.log")).expect("linked");
    assert!(Command::new("mkfifo").arg(slot.join("pipe.log")).status().expect("mkfifo runs").success());
    symlink("storm-2.8", nest.dir().join("storm")).expect("linked");
    nest.dir().join("storm")
}

/// P073: the installation is behind a link.
#[test]
fn logs_are_shown_searched_and_taken_away() {
    let nest = Nest::new();
    let home = installation(&nest);
    let host = Host::start(&home, nest, &[]);
    let server = host.server();
    let index = server.get("/");
    assert_eq!(index.status, 200);
    for word in ["nimbus.log", "wc-1-100 6700", "worker.log.1.gz"] {
        assert!(index.body.contains(word), "{word}: {}", index.body);
    }

    // The end first, then whatever is asked for; marks of a page stay text.
    let last = server.get("/api/v1/log?file=wc-1-100%2F6700%2Fworker.log&length=40");
    assert!(
        last.body.contains("line 9999 of the worker\n</pre>") && !last.body.contains("line 9990 "),
        "{}",
        last.body
    );
    for path in [
        "/api/v1/log?file=wc-1-100/6700/worker.log&start=0&length=100",
        "/api/v1/log?file=wc-1-100/6700/worker.log.1.gz&start=0",
        "/api/v1/find?file=wc-1-100/6700/worker.log&search-string=%3Cscript%3E",
    ] {
        let page = server.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("&lt;script&gt;") && !page.body.contains("<script"), "{path}: {}", page.body);
    }
    let grep = server.get("/api/v1/log?file=wc-1-100/6700/worker.log&grep=line%209998");
    assert!(grep.body.contains("line 9998 ") && !grep.body.contains("line 9997 "), "{}", grep.body);
    assert!(server.get("/api/v1/daemonlog?file=nimbus.log").body.contains("nimbus says hello"));
    assert_eq!(server.get("/api/v1/log?file=wc-1-100/6700/worker.log&start=soon").status, 400);

    let listed = server.json("/listLogs?topoId=wc-1-100");
    let names = ["profile.jfr", "worker.log", "worker.log.1.gz", "worker.yaml"].map(|n| format!("wc-1-100/6700/{n}"));
    assert_eq!(listed, json!([&names[..], &["wc-1-100/6701/worker.log".to_owned()]].concat()));
    assert_eq!(server.json("/searchLogs?topoId=wc-1-100&port=6701").as_array().map(Vec::len), Some(1));

    // Taken away whole and in parts, as grep, sha256sum and the file itself judge.
    let copy = host.nest.dir().join("copy");
    let download = |range: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail", "-o"]).arg(&copy).args(range);
        curl.arg(server.url("/api/v1/download?file=wc-1-100/6700/worker.log"));
        host.nest.run(curl).ok();
        fs::read(&copy).expect("downloaded")
    };
    let text = fs::read(home.join("logs/workers-artifacts/wc-1-100/6700/worker.log")).expect("there");
    assert_eq!(download(&[]), text);
    assert_eq!(download(&["-r", "1000-1999"]), text[1000..2000]);
    assert_eq!(download(&["-r", "-10"]), text[text.len() - 10..]);
    let beyond = server.send(&["-r", "99999999-"], "/api/v1/download?file=wc-1-100/6700/worker.log");
    assert_eq!(beyond.status, 416);
    let head = server.send(&["-r", "0-0"], "/api/v1/daemondownload?file=nimbus.log");
    assert_eq!((head.status, head.body.as_str()), (206, "n"));
    assert_eq!(head.header("content-disposition"), Some("attachment; filename=\"nimbus.log\""));

    search(&host, &text);

    let dumps = server.get("/api/v1/dumps/wc-1-100/127.0.0.1:6700");
    assert!(dumps.body.contains("profile.jfr") && !dumps.body.contains("worker.log"), "{}", dumps.body);
    assert_eq!(server.get("/api/v1/dumps/wc-1-100/127.0.0.1%3A6700/profile.jfr").body, "recorded");
    assert_eq!(server.get("/api/v1/dumps/wc-1-100/127.0.0.1:6700/worker.log").status, 404);
}

fn search(host: &Host, text: &[u8]) {
    let server = host.server();
    let file = "file=wc-1-100/6700/worker.log";
    let first = server.json(&format!("/search?{file}&search-string=of%20the%20worker&num-matches=3"));
    check(&first, "search");
    check_each(&first["matches"], "match");
    assert_eq!((&first["isDaemon"], first["matches"].as_array().map(Vec::len)), (&json!("no"), Some(3)));
    let at = first["matches"][2]["byteOffset"].as_u64().expect("a place") as usize;
    assert_eq!(&text[at..at + 13], b"of the worker");
    let next = first["nextByteOffset"].as_u64().expect("there is more");
    let second = server.json(&format!("/search?{file}&search-string=of%20the%20worker&start-byte-offset={next}"));
    assert!(second["matches"][0]["beforeString"].as_str().is_some_and(|b| b.contains("line 3 ")), "{second}");
    // As many as grep finds.
    let all = server.json(&format!("/search?{file}&search-string=99%20of&num-matches=10000"));
    let mut grep = Command::new("grep");
    grep.args(["-c", "99 of"]).arg(host.nest.dir().join("storm/logs/workers-artifacts/wc-1-100/6700/worker.log"));
    let counted: usize = host.nest.run(grep).ok().trim().parse().expect("a number");
    assert_eq!(all["matches"].as_array().map(Vec::len), Some(counted));
    assert!(all.get("nextByteOffset").is_none() && counted == 100, "{counted}");
    let link = first["matches"][0]["logviewerURL"].as_str().expect("a link").to_owned();
    let path = link.strip_prefix(&server.url("")).expect("of this server").to_owned();
    assert_eq!(server.get(&path).status, 200);
    let daemon = server.json("/search?file=nimbus.log&search-string=hello&is-daemon=yes");
    assert_eq!((&daemon["isDaemon"], &daemon["matches"][0]["byteOffset"]), (&json!("yes"), &json!(12)));

    let deep = server.json("/deepSearch/wc-1-100?search-string=needle&search-archived=true&num-matches=5");
    check_each(&deep, "deep");
    let parts: Vec<&Value> =
        deep.as_array().expect("a list").iter().flat_map(|w| w["matches"].as_array().expect("files")).collect();
    assert_eq!(parts.len(), 1);
    check(parts[0], "deep-file");
    assert_eq!(parts[0]["fileName"], "wc-1-100/6700/worker.log.1.gz");
    let one = server.json("/deepSearch/wc-1-100?search-string=other&port=6701");
    assert_eq!((&one["fileOffset"], one["matches"].as_array().map(Vec::len)), (&json!(0), Some(1)));
    assert_eq!(server.json("/deepSearch/wc-1-100?search-string="), json!([]));
    for (query, status) in [
        ("search-string=", 400),
        ("search-string=a&num-matches=x", 400),
        ("search-string=a&start-byte-offset=99999999", 400),
    ] {
        let reply = server.get(&format!("/api/v1/search?{file}&{query}"));
        assert_eq!(reply.status, status, "{query}");
        check(&reply.json(), "error");
    }
    let long = "x".repeat(1025);
    assert_eq!(server.get(&format!("/api/v1/search?{file}&search-string={long}")).status, 400);
    let script = server.get(&format!("/api/v1/search?{file}&search-string=9999&callback=a.b"));
    assert_eq!(script.header("content-type"), Some("application/javascript;charset=utf-8"));
    assert!(script.body.starts_with("a.b({") && script.body.ends_with("});"), "{}", script.body);
}

#[test]
fn no_name_leads_out_of_the_logs() {
    let nest = Nest::new();
    let home = installation(&nest);
    let host = Host::start(&home, nest, &[]);
    let server = host.server();
    let secret = home.join("secret.yaml").display().to_string();
    let names = [
        "../secret.yaml",
        "../../secret.yaml",
        "..%2F..%2Fsecret.yaml",
        "%2e%2e/%2e%2e/secret.yaml",
        "%252e%252e/%252e%252e/secret.yaml",
        "..%c0%af..%c0%afsecret.yaml",
        "wc-1-100/6700/../../../../secret.yaml",
        "wc-1-100%2F6700%2F..%2F..%2F..%2F..%2Fsecret.yaml",
        "wc-1-100/6700/link.log",
        "wc-1-100/6700/absolute.log",
        "wc-1-100/6700/etc/passwd",
        "away/passwd",
        "wc-1-100/6700/pipe.log",
        "wc-1-100/6700",
        "wc-1-100/6700/",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "//etc/passwd",
        "wc-1-100/6700/worker.log%00.gz",
        "daemon.log",
        "workers-artifacts/wc-1-100/6700/link.log",
        "file:///etc/passwd",
        "",
        &secret,
    ];
    for name in names {
        for route in ["log", "daemonlog", "download", "daemondownload", "find"] {
            let reply = server.get(&format!("/api/v1/{route}?search-string=secret&file={name}"));
            assert_eq!(reply.status, 404, "{route} {name}: {}", reply.body);
            assert!(!reply.body.contains("of the house") && !reply.body.contains("root:"), "{route} {name}");
        }
        for more in ["", "&is-daemon=yes"] {
            let reply = server.get(&format!("/api/v1/search?search-string=s{more}&file={name}"));
            assert_eq!(reply.status, 404, "search {name}");
            assert_eq!(reply.json()["error"], "Not Found");
        }
    }
    for path in [
        "/api/v1/listLogs?topoId=..",
        "/api/v1/listLogs?topoId=away",
        "/api/v1/listLogs?topoId=wc-1-100&port=etc",
        "/api/v1/deepSearch/away?search-string=root",
        "/api/v1/deepSearch/..%2F..?search-string=secret&port=..",
        "/api/v1/deepSearch/wc-1-100?search-string=root&port=etc",
    ] {
        assert_eq!(server.get(path).json(), json!([]), "{path}");
    }
    for path in [
        "/api/v1/dumps/wc-1-100/h:..",
        "/api/v1/dumps/away/h:1",
        "/api/v1/dumps/wc-1-100/h:6700/..%2F..%2Fsecret.txt",
        "/../../etc/passwd",
        "/api/v1/../../etc/passwd",
        "/style.css/../../secret.yaml",
    ] {
        let status = server.get(path).status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    assert_eq!(server.get("/api/v1/log").status, 400);
    assert_eq!(server.send(&["-X", "POST"], "/api/v1/log?file=nimbus.log").status, 405);
    assert_eq!(server.send(&["-X", "DELETE"], "/api/v1/download?file=nimbus.log").status, 405);
    let long = format!("X-Long: {}", "x".repeat(5000));
    assert_eq!(server.send(&["-H", &long], "/").status, 431);
}

#[test]
fn a_large_log_takes_little_memory() {
    let nest = Nest::new();
    let home = installation(&nest);
    let slot = home.join("logs/workers-artifacts/wc-1-100/6700");
    let mut file = File::create(slot.join("worker.log.9")).expect("made");
    let block = vec![b'.'; 1 << 20];
    for _ in 0..200 {
        file.write_all(&block).expect("written");
    }
    file.write_all(b"the last words").expect("written");
    drop(file);
    let host = Host::start(&home, nest, &[]);
    let server = host.server();
    let copy = host.nest.dir().join("copy");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "-o"]).arg(&copy).arg(server.url("/api/v1/download?file=wc-1-100/6700/worker.log.9"));
    host.nest.run(curl).ok();
    assert_eq!(fs::metadata(&copy).expect("downloaded").len(), (200 << 20) + 14);
    let found = server.json("/search?file=wc-1-100/6700/worker.log.9&search-string=last%20words");
    assert_eq!(found["matches"][0]["byteOffset"], json!((200_u64 << 20) + 4));
    let used = own_bytes(host.process.pid());
    assert!(used < 80 << 20, "{used} bytes after a log of 200 MB");
}

#[test]
fn old_logs_go_and_those_of_the_living_stay() {
    let nest = Nest::new();
    let home = installation(&nest);
    let artifacts = home.join("logs/workers-artifacts");
    let local = home.join("local/workers/alive");
    fs::create_dir_all(&local).expect("made");
    symlink(artifacts.join("wc-1-100/6700"), local.join("artifacts")).expect("linked");
    let age = |path: &Path| {
        let time = SystemTime::now() - Duration::from_secs(3 * 3600);
        File::open(path).expect("there").set_modified(time).expect("aged");
    };
    fs::create_dir_all(artifacts.join("young-1-100/6700")).expect("made");
    fs::write(artifacts.join("young-1-100/6700/worker.log"), "young").expect("written");
    for slot in ["wc-1-100/6700", "wc-1-100/6701"] {
        for entry in fs::read_dir(artifacts.join(slot)).expect("listed").flatten() {
            if entry.file_type().is_ok_and(|t| t.is_file()) {
                age(&entry.path());
            }
        }
        age(&artifacts.join(slot));
    }
    let more = [("logviewer.cleanup.interval.secs", json!(1)), ("logviewer.cleanup.age.mins", json!(60))];
    let host = Host::start(&home, nest, &more);
    wait_until(LIMIT, "the old logs to go", || !artifacts.join("wc-1-100/6701").exists());
    assert!(
        artifacts.join("wc-1-100/6700/worker.log").exists() && artifacts.join("young-1-100/6700/worker.log").exists()
    );
    assert!(home.join("secret.yaml").exists() && Path::new("/etc/passwd").exists());
    // Once its supervisor has no folder for it any more, it is old as well.
    fs::remove_dir_all(home.join("local/workers/alive")).expect("removed");
    wait_until(LIMIT, "the logs of the dead to go", || !artifacts.join("wc-1-100").exists());
    assert_eq!(host.server().get("/").status, 200);
    assert!(artifacts.join("young-1-100/6700/worker.log").exists() && artifacts.join("away").exists());
}
