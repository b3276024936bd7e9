//! Inside tmux, where there is one on this machine.

use std::process::{Command, Output};

use storm_tests::process::Nest;
use storm_tests::wait::wait_until;

use super::{LIMIT, command, nobody};

struct Tmux<'n> {
    nest: &'n Nest,
}

impl Tmux<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(self.nest.dir().join("tmux")).args(["-f", "/dev/null"]).args(arguments);
        tmux.env_remove("TMUX").env("LANG", "C.UTF-8").env("TERM", "xterm-256color");
        self.nest.mark(&mut tmux);
        tmux.output().expect("tmux starts")
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.run(&["capture-pane", "-p"]).stdout).into_owned()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        wait_until(LIMIT, &format!("{text:?} in tmux"), || self.screen().contains(text));
    }

    fn keys(&self, keys: &[&str]) {
        let done = self.run(&[&["send-keys"], keys].concat());
        assert!(done.status.success(), "{done:?}");
    }
}

#[test]
fn it_works_inside_tmux() {
    assert!(Command::new("tmux").arg("-V").output().is_ok(), "this needs tmux, the Debian package of that name");
    let nest = Nest::new();
    let tmux = Tmux { nest: &nest };
    let program = command(&nest, &nobody(&nest), &["config"]);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let words: Vec<String> = words.map(|w| w.to_string_lossy().into_owned()).collect();
    let line = format!("{}; echo left-it; exec cat", words.join(" "));
    let home = format!("HOME={}", nest.dir().display());
    let started = tmux.run(&["new-session", "-d", "-x", "110", "-y", "30", "-e", &home, &line]);
    assert!(started.status.success(), "{started:?}");
    tmux.wait_for("nimbus LOST");
    tmux.wait_for("nimbus.seeds");
    tmux.keys(&["?"]);
    tmux.wait_for("moving");
    tmux.keys(&["Escape"]);
    tmux.keys(&["x"]);
    tmux.wait_for("config list --all");
    tmux.keys(&["Enter"]);
    // tmux has it, without a word in its configuration.
    wait_until(LIMIT, "the copy in tmux's buffer", || {
        String::from_utf8_lossy(&tmux.run(&["show-buffer"]).stdout).ends_with("config list --all")
    });
    tmux.run(&["resize-window", "-x", "70", "-y", "16"]);
    tmux.keys(&["/", "ui.port", "Enter"]);
    tmux.wait_for("[1 of ");
    let narrow = tmux.screen();
    assert!(narrow.lines().all(|l| l.chars().count() <= 70), "{narrow}");
    tmux.keys(&["q"]);
    tmux.wait_for("left-it");
    assert!(!tmux.screen().contains("STORM"), "{}", tmux.screen());
    let modes = tmux.run(&["display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"]);
    assert_eq!(String::from_utf8_lossy(&modes.stdout).trim(), "0 0 1");
    tmux.run(&["kill-server"]);
}
