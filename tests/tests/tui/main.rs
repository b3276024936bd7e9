//! The dashboard as its users have it: the real program in a real terminal.

mod alone;
mod cluster;
mod edit;
mod multiplexer;
mod plain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::termios::LocalModes;
use storm_tests::built::stormctl;
use storm_tests::process::Nest;
use storm_tests::terminal::Terminal;

const LIMIT: Duration = Duration::from_secs(60);

/// The dashboard with this configuration, at home in the nest.
fn command(nest: &Nest, config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(stormctl());
    command.arg("--config").arg(config).arg("tui").args(arguments);
    command
        .current_dir(nest.dir())
        .env("HOME", nest.dir())
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env("RUST_BACKTRACE", "0");
    for variable in ["LC_ALL", "LC_CTYPE", "NO_COLOR", "TMUX", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "STORM_CONF_FILE"] {
        command.env_remove(variable);
    }
    command
}

/// A cluster that does not answer.
fn nobody(nest: &Nest) -> PathBuf {
    let file = nest.dir().join("storm.yaml");
    // Ports that only a privileged process could open.
    let text = "nimbus.seeds: [127.0.0.1]\nnimbus.thrift.port: 1\nstorm.zookeeper.servers: [127.0.0.1]\n\
                storm.zookeeper.port: 2\nstorm.local.hostname: 127.0.0.1\n";
    fs::write(&file, format!("{text}storm.home: {}\n", nest.dir().display())).expect("written");
    file
}

/// The terminal is as it was before.
#[track_caller]
fn restored(terminal: &Terminal) {
    terminal.look(|screen| {
        assert!(!screen.alternate_screen(), "still on the other screen:\n{}", screen.contents());
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "still brackets pastes");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "still takes the mouse");
    });
    let modes = terminal.modes().local_modes;
    assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
}
