//! Archives that are named by an address: a server on the loopback address, and `sha512sum` as the judge.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use storm_tests::process::{Finished, Nest};
use storm_tests::wait::wait_until;

use super::distributed::archive;
use super::{LIMIT, command, run, tree};

/// How a server breaks off half way through an archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Closed,
    /// Nothing more comes, and the connection stays.
    Silent,
}

#[derive(Default)]
struct Shared {
    /// Path to content.
    files: BTreeMap<String, Vec<u8>>,
    /// `PATH RANGE`, in order.
    asked: Vec<String>,
    half: Option<Half>,
    /// Held until the end, as their readers wait.
    silent: Vec<TcpStream>,
}

struct Web {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Web {
    fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &serving);
            }
        });
        Web { port, shared }
    }

    fn put(&self, path: &str, content: &[u8]) {
        self.shared.lock().expect("no panic there").files.insert(path.to_owned(), content.to_vec());
    }

    fn break_off(&self, half: Option<Half>) {
        self.shared.lock().expect("no panic there").half = half;
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().expect("no panic there").asked)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn answer(stream: TcpStream, shared: &Mutex<Shared>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or_default() == 0 {
            return;
        }
    }
    let mut stream = reader.into_inner();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
        line.map(|line| line[name.len() + 2..].to_owned())
    };
    let range = header("range").unwrap_or_default();
    let mut shared = shared.lock().expect("no panic here");
    shared.asked.push(format!("{path} {range}").trim().to_owned());
    let Some(content) = shared.files.get(&path).cloned() else {
        let _gone = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    // Another content has another name.
    let tag = format!("\"{}-{}\"", content.len(), content.iter().map(|b| u64::from(*b)).sum::<u64>());
    let from = range.strip_prefix("bytes=").and_then(|r| r.strip_suffix('-')).and_then(|r| r.parse::<usize>().ok());
    let from = from.filter(|_| header("if-range").is_none_or(|wanted| wanted == tag));
    let status = match from {
        Some(from) => {
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", content.len() - 1, content.len())
        }
        None => "200 OK".to_owned(),
    };
    let body = &content[from.unwrap_or_default()..];
    let head =
        format!("HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let half = shared.half.filter(|_| !path.ends_with(".sha512"));
    let sent = if half.is_some() { &body[..body.len() / 2] } else { body };
    // A client that is gone needs no answer.
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
    if half == Some(Half::Silent) {
        shared.silent.push(stream);
    }
}

struct Site {
    nest: Nest,
    web: Web,
    content: Vec<u8>,
    sha512: String,
}

const PATH: &str = "/zookeeper/apache-zookeeper-3.9.5-bin.tar.gz";

impl Site {
    /// With an archive on its server, and no checksum beside it.
    fn new() -> Site {
        let nest = Nest::new();
        let file = archive(&nest);
        let content = fs::read(&file).expect("the archive");
        let mut sum = Command::new("sha512sum");
        sum.arg(&file);
        let sha512 = nest.run(sum).ok().split(' ').next().expect("digits").to_owned();
        let web = Web::start();
        web.put(PATH, &content);
        Site { nest, web, content, sha512 }
    }

    fn args(&self) -> Vec<String> {
        let dir = self.nest.dir().join("opt/storm").display().to_string();
        let args = ["install", "single", "--service", "background", "--dry-run", "--dir", &dir, "--zookeeper-archive"];
        let mut args: Vec<String> = args.map(str::to_owned).into();
        args.push(self.web.url(PATH));
        args.extend(super::own_ports());
        args
    }

    fn plan(&self) -> Finished {
        let args = self.args();
        run(&self.nest, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// From a description with this checksum.
    fn plan_with(&self, sha512: &str) -> Finished {
        let file = self.nest.dir().join("cluster.yaml");
        let text = format!(
            "name: one\ndir: {}/opt/storm\nservice: background\nzookeeper: {{archive: '{}', sha512: {sha512}}}\n\
             hosts: [{{name: localhost, roles: [zookeeper, nimbus, supervisor]}}]\n",
            self.nest.dir().display(),
            self.web.url(PATH)
        );
        fs::write(&file, text).expect("written");
        let ports = super::own_ports();
        let mut args = vec!["install", "single", "--dry-run", "--file", file.to_str().expect("a path")];
        args.extend(ports.iter().map(String::as_str));
        run(&self.nest, &args)
    }

    /// The files that are kept for the next time, with their content.
    fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let cache = self.nest.dir().join("home/.cache");
        fs::create_dir_all(&cache).expect("made");
        let files = tree(&cache).into_keys().map(|path| cache.join(path)).filter(|path| path.is_file());
        files.map(|path| (path.clone(), fs::read(&path).expect("readable"))).collect()
    }

    /// That the archive is kept, whole, and nothing beside it.
    #[track_caller]
    fn whole(&self) {
        let kept = self.kept();
        let [(path, content)] = kept.as_slice() else {
            panic!("{:?}", kept.iter().map(|(p, _)| p).collect::<Vec<_>>())
        };
        assert!(path.ends_with(Path::new(PATH).file_name().expect("a name")), "{path:?}");
        assert!(*content == self.content, "{} of {} bytes, or others", content.len(), self.content.len());
    }
}

#[test]
fn an_archive_is_fetched_once_and_is_what_its_checksum_says() {
    let site = Site::new();
    // As gpg prints it, which is how Apache has published many.
    let digits = site.sha512.to_uppercase();
    let groups: Vec<&str> = (0..16).map(|at| &digits[at * 8..at * 8 + 8]).collect();
    let beside = format!("{PATH}.sha512");
    site.web.put(&beside, format!("apache-zookeeper-3.9.5-bin.tar.gz: {}\n", groups.join("\n  ")).as_bytes());
    let plan = site.plan();
    assert!(plan.status.success(), "{plan:?}");
    assert!(plan.stderr.contains("as its sha512 says") && plan.stdout.contains("unpack apache-zookeeper"), "{plan:?}");
    site.whole();
    assert_eq!(site.web.asked(), [beside.clone(), PATH.to_owned()]);
    let again = site.plan();
    assert!(again.status.success() && site.web.asked().is_empty(), "{again:?}");

    // Another checksum than the one it was fetched with: it is fetched anew, is wrong, and nothing stays.
    let wrong = site.plan_with(&"0".repeat(128));
    assert_eq!(wrong.status.code(), Some(6), "{wrong:?}");
    assert!(wrong.stderr.contains("is not what it should be") && wrong.stderr.contains(&site.sha512), "{wrong:?}");
    assert_eq!(site.kept(), []);
    let right = site.plan_with(&site.sha512);
    assert!(right.status.success(), "{right:?}");
    site.whole();
    let odd = site.plan_with("abc");
    assert_eq!(odd.status.code(), Some(6), "{odd:?}");

    // The server's own checksum is believed as well.
    fs::remove_dir_all(site.nest.dir().join("home/.cache")).expect("removed");
    site.web.put(&beside, format!("{}  x\n", "1".repeat(128)).as_bytes());
    let wrong = site.plan();
    assert_eq!(wrong.status.code(), Some(6), "{wrong:?}");
    assert!(wrong.stderr.contains(".sha512") && site.kept().is_empty(), "{wrong:?}");
}

#[test]
fn what_cannot_be_fetched_is_told_with_the_way_out() {
    let site = Site::new();
    let plan = |url: &str| {
        let dir = site.nest.dir().join("opt/storm").display().to_string();
        run(&site.nest, &["install", "single", "--dry-run", "--dir", &dir, "--zookeeper-archive", url])
    };
    let missing = plan(&site.web.url("/zookeeper/apache-zookeeper-1.0-bin.tar.gz"));
    assert_eq!(missing.status.code(), Some(6), "{missing:?}");
    assert!(
        missing.stderr.contains("404") && missing.stderr.contains("https://archive.apache.org/dist/"),
        "{missing:?}"
    );
    let nobody = plan(&format!("http://127.0.0.1:{}/zk.tar.gz", storm_tests::ports::free_port()));
    assert_eq!(nobody.status.code(), Some(4), "{nobody:?}");
    let odd = plan("ftp://127.0.0.1/zk.tar.gz");
    assert_eq!(odd.status.code(), Some(6), "{odd:?}");
    assert_eq!(site.kept(), []);
}

#[test]
fn a_download_that_was_cut_or_killed_goes_on_or_starts_anew() {
    let mut site = Site::new();
    let half = format!("{PATH} bytes={}-", site.content.len() / 2);
    site.web.break_off(Some(Half::Closed));
    let cut = site.plan();
    assert_eq!(cut.status.code(), Some(4), "{cut:?}");
    assert!(cut.stderr.contains("the connection broke after"), "{cut:?}");
    site.web.break_off(None);
    site.web.asked();
    let on = site.plan();
    assert!(on.status.success() && on.stderr.contains("not checked"), "{on:?}");
    assert!(site.web.asked().contains(&half));
    site.whole();

    // Killed while it waits for the rest.
    let cache = site.nest.dir().join("home/.cache");
    fs::remove_dir_all(&cache).expect("removed");
    site.web.break_off(Some(Half::Silent));
    let args = site.args();
    let fetch = command(&site.nest, &args.iter().map(String::as_str).collect::<Vec<_>>());
    let mut process = site.nest.spawn("fetch", fetch);
    let here = |site: &Site| {
        site.kept().iter().any(|(path, content)| {
            path.extension().is_some_and(|e| e == "part") && content.len() == site.content.len() / 2
        })
    };
    wait_until(LIMIT, "half of it to be here", || here(&site));
    process.kill_nine();
    site.web.break_off(None);
    site.web.asked();
    let on = site.plan();
    assert!(on.status.success() && site.web.asked().contains(&half), "{on:?}");
    site.whole();

    // The server has another one meanwhile: what is here is of no use.
    fs::remove_dir_all(&cache).expect("removed");
    site.web.break_off(Some(Half::Closed));
    assert_eq!(site.plan().status.code(), Some(4));
    site.web.break_off(None);
    // A trailing byte is none of the archive's business.
    site.content.push(0);
    site.web.put(PATH, &site.content);
    let anew = site.plan();
    assert!(anew.status.success(), "{anew:?}");
    site.whole();
}
