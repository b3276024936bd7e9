//! Completion in the shells themselves, each in a terminal: what is typed, Tab, and what then stands in the line.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::peers::Debian;
use storm_tests::process::Nest;
use storm_tests::terminal::Terminal;
use storm_tests::topologies::{lines_to_split, submit};

use super::{LIMIT, command};

/// A Nimbus with two topologies, which every shell asks.
fn cluster() -> Cluster {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    for name in ["words", "a name with blanks"] {
        let conf = serde_json::json!({});
        cluster.ask(async |nimbus| submit(nimbus, name, &jar, &conf, lines_to_split()).await).expect("accepted");
    }
    cluster
}

/// The shell of a user whose cluster this is.
fn shell(cluster: &Cluster, mut shell: Command) -> Command {
    let user = command(cluster.nest(), &[]);
    let bin = stormctl().parent().expect("its folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    for (key, value) in user.get_envs() {
        match value {
            Some(value) => shell.env(key, value),
            None => shell.env_remove(key),
        };
    }
    shell
        .current_dir(cluster.nest().dir())
        .env("PATH", format!("{bin}:{path}"))
        .env("STORM_CONF_FILE", cluster.nimbus.config())
        .env("TERM", "xterm");
    shell
}

/// What is typed, and the line after Tab.
const LINES: &[(&str, &str)] = &[
    ("stormctl desc", "stormctl describe "),
    ("stormctl zk fin", "stormctl zk find "),
    ("stormctl kill wor", "stormctl kill words "),
    ("stormctl describe words --outp", "stormctl describe words --output "),
    ("stormctl list -o ya", "stormctl list -o yaml "),
    ("stormctl list --output=ya", "stormctl list --output=yaml "),
    ("stormctl monitor words -m spl", "stormctl monitor words -m split "),
    ("stormctl rebalance words -e spl", "stormctl rebalance words -e split="),
    ("stormctl config get nimbus.see", "stormctl config get nimbus.seeds "),
    ("stormctl list -c nimbus.see", "stormctl list -c nimbus.seeds="),
    ("stormctl set-log-level words -l ROOT=DEB", "stormctl set-log-level words -l ROOT=DEBUG "),
    ("stormctl logs words --level ERR", "stormctl logs words --level ERROR "),
    ("stormctl zk status 127.0.0.1:", "stormctl zk status 127.0.0.1:PORT "),
    ("stormctl zk ls nimb", "stormctl zk ls nimbuses "),
    ("stormctl explain nimbus/no-l", "stormctl explain nimbus/no-leader "),
    ("stormctl list --cluster on", "stormctl list --cluster one "),
    ("stormctl upgrade pro", "stormctl upgrade prod "),
    ("stormctl restart --rolling pro", "stormctl restart --rolling prod "),
];

/// Types each line, presses Tab, and goes on to the next.
fn check(cluster: &Cluster, shell: &Command, prompt: &str, blanks: (&str, &str)) {
    let config = cluster.nest().dir().join(".config/stormctl");
    fs::create_dir_all(&config).expect("made");
    fs::write(config.join("config.yaml"), "clusters: {one: {}}\n").expect("written");
    let installed = cluster.nest().dir().join(".local/state/storm/clusters/prod");
    fs::create_dir_all(&installed).expect("made");
    fs::write(installed.join("plan.json"), "{}").expect("written");
    let port = cluster.zookeeper.port.to_string();
    let mut terminal = Terminal::spawn(cluster.nest(), shell, 100, 30);
    terminal.wait_for_text(LIMIT, prompt);
    for (typed, line) in LINES.iter().copied().chain([blanks]) {
        let line = line.replace("PORT", &port);
        terminal.type_in(typed);
        terminal.wait_for_text(LIMIT, &format!("{prompt}{typed}"));
        terminal.type_in("\t");
        // Where the cursor stands shows whether a blank was put there.
        let done = format!("{prompt}{line}");
        terminal.wait_until(LIMIT, &format!("{done:?} after {typed:?}"), |screen| {
            screen.contents().contains(done.trim_end()) && screen.cursor_position().1 as usize == done.chars().count()
        });
        // The line is thrown away, and the screen with it.
        terminal.type_in("\x15\x0c");
        terminal.wait_until(LIMIT, "an empty line", |screen| screen.contents().trim_end() == prompt.trim_end());
    }
}

#[test]
fn bash_completes_verbs_flags_and_live_names() {
    let cluster = cluster();
    let rc = cluster.nest().dir().join("bashrc");
    fs::write(&rc, "PS1='here> '\nbind 'set enable-bracketed-paste off'\nsource <(stormctl completions bash)\n")
        .expect("written");
    let mut bash = Command::new("bash");
    bash.arg("--noprofile").arg("--rcfile").arg(&rc).arg("-i");
    let bash = shell(&cluster, bash);
    check(&cluster, &bash, "here> ", ("stormctl kill a", r"stormctl kill a\ name\ with\ blanks "));
}

/// A zsh that is not installed is told where its modules and functions are.
pub fn zsh_places(zsh: &Debian) -> String {
    let Some(root) = &zsh.root else { return String::new() };
    let root = root.display();
    let arch = std::env::consts::ARCH;
    format!("module_path=({root}/usr/lib/{arch}-linux-gnu/zsh/*(/))\nfpath=({root}/usr/share/zsh/functions/**/*(/))\n")
}

#[test]
fn zsh_completes_verbs_flags_and_live_names() {
    let cluster = cluster();
    let zsh = Debian::zsh();
    let home = cluster.nest().dir().join("zsh");
    fs::create_dir(&home).expect("made");
    let places = zsh_places(&zsh);
    let rc = format!(
        "{places}PS1='here> '\nunsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste\n\
         autoload -Uz compinit && compinit -u -d $ZDOTDIR/dump\nsource <(stormctl completions zsh)\n"
    );
    fs::write(home.join(".zshrc"), rc).expect("written");
    let mut command = zsh.command();
    command.env("ZDOTDIR", &home).args(["-d", "-i"]);
    let command = shell(&cluster, command);
    check(&cluster, &command, "here> ", ("stormctl kill a", r"stormctl kill a\ name\ with\ blanks "));
}

#[test]
fn fish_completes_verbs_flags_and_live_names() {
    let cluster = cluster();
    let fish = Debian::fish();
    let config: PathBuf = cluster.nest().dir().join(".config/fish");
    fs::create_dir_all(&config).expect("made");
    fs::write(
        config.join("config.fish"),
        "set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\nfunction fish_prompt; echo -n 'here> '; end\n\
         function fish_title; end\nstormctl completions fish | source\n",
    )
    .expect("written");
    let mut command = fish.command();
    command.arg("-i");
    let command = shell(&cluster, command);
    check(&cluster, &command, "here> ", ("stormctl kill a", r"stormctl kill a\ name\ with\ blanks "));
}

/// Somebody who takes the call and never answers, nobody at all, and a broken file: no word, no error, no wait.
#[test]
fn without_a_cluster_there_is_nothing_to_say() {
    let nest = Nest::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("nimbus.thrift.port={}", silent.local_addr().expect("an address").port());
    let nobody = format!("nimbus.thrift.port={}", storm_tests::ports::free_port());
    fs::write(nest.dir().join("broken.yaml"), "a: [\n").expect("written");
    for flags in [["-c", &silent], ["-c", &nobody], ["--config", "broken.yaml"], ["--cluster", "none"]] {
        let asked = [&["__complete", "fish", "--", "stormctl"], &flags[..], &["kill", "x"]].concat();
        let done = nest.run(command(&nest, &asked));
        assert_eq!((done.status.code(), done.stdout.as_str(), done.stderr.as_str()), (Some(0), "", ""), "{flags:?}");
    }
    // What needs no cluster is there all the same.
    let done =
        nest.run(command(&nest, &["__complete", "fish", "--", "stormctl", "-c", &silent, "config", "get", "ui.hos"]));
    assert!(done.stdout.starts_with("ui.host\t"), "{done:?}");
}
