//! The pages in a real browser: they draw what the API tells, and complain of nothing.

use std::process::Command;

use super::http::Server;

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

struct Seen {
    dom: String,
    /// What the page has said on its console, and what was refused to it.
    complaints: Vec<String>,
}

fn look(server: Server<'_>, path: &str) -> Seen {
    let runs = |program: &&str| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    let program = PROGRAMS.into_iter().find(runs).expect("the tests need a browser (Debian package chromium)");
    let profile = server.nest.dir().join("browser");
    let mut browser = Command::new(program);
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    browser.args(["--enable-logging=stderr", "--log-level=0", "--virtual-time-budget=8000", "--dump-dom"]);
    browser.arg(format!("--user-data-dir={}", profile.display())).arg(server.url(path));
    let done = server.nest.run(browser);
    let complaints = done.stderr.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Seen { dom: done.ok(), complaints }
}

pub fn pages(ui: Server<'_>, logviewer: Server<'_>, id: &str) {
    let expected: [(Server<'_>, String, &[&str]); 7] = [
        (ui, "/".to_owned(), &["Storm UI", ">recording</a>", "Supervisors", "blacklist.scheduler.strategy"]),
        (
            ui,
            format!("/topology.html?id={id}"),
            &["Topology recording", ">words</a>", ">numbers</a>", ">Kill</button>"],
        ),
        (ui, format!("/component.html?id=words&topology_id={id}"), &["Component words", "Executors", ">numbers</a>"]),
        (ui, format!("/visualize.html?id={id}"), &["<svg", "Tuples a second", "fields"]),
        (ui, "/supervisor.html?host=127.0.0.1".to_owned(), &["Supervisor on 127.0.0.1", ">recording</a>"]),
        (ui, "/topology.html?id=nothing".to_owned(), &["nothing"]),
        (logviewer, "/".to_owned(), &["Daemons of this host", id]),
    ];
    for (server, path, words) in expected {
        let page = server.get(&path);
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert!(page.header("content-security-policy").is_some_and(|p| p.contains("default-src 'none'")));
        let seen = look(server, &path);
        for word in words {
            assert!(seen.dom.contains(word), "{path} does not show {word}:\n{}", seen.dom);
        }
        // The browser itself notes an answer with an error.
        let own: Vec<&String> =
            seen.complaints.iter().filter(|c| !path.ends_with("nothing") || !c.contains("500")).collect();
        assert!(own.is_empty(), "{path}: {own:?}");
    }
}
