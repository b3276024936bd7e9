//! What a line of `:` does, as the parser of the command line has it: one table of verbs for both.

use clap::{Command, CommandFactory, Parser};
use storm_tui::{Effect, Verb};

use crate::cli::config::Config;
use crate::cli::storm::{Admin, Blobstore};
use crate::cli::zk::Zk;
use crate::cli::{self, Cli};

/// Every verb with its own verbs, for completion.
pub fn verbs() -> Vec<Verb> {
    let cli = Cli::command();
    let mut all = Vec::new();
    for verb in shown(&cli) {
        let inner: Vec<&Command> = shown(verb).collect();
        all.push(of(verb.get_name().to_owned(), verb));
        all.extend(inner.into_iter().map(|c| of(format!("{} {}", verb.get_name(), c.get_name()), c)));
    }
    all
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help")
}

fn of(name: String, command: &Command) -> Verb {
    let first = command.get_positionals().next().map(|a| a.get_id().as_str());
    Verb {
        name,
        about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        topology: matches!(first, Some("name" | "names")),
    }
}

/// What these arguments do. What is not known to change nothing is taken to change something.
pub fn judge(words: &[String]) -> Result<Effect, String> {
    let line = std::iter::once("stormctl".to_owned()).chain(words.iter().cloned());
    let cli = match Cli::try_parse_from(cli::uniform(line)) {
        Ok(cli) => cli,
        // Help is what was asked for; it changes nothing.
        Err(e) if !e.use_stderr() => return Ok(Effect::Reads),
        Err(e) => return Err(e.render().to_string()),
    };
    effect(&cli.verb)
}

fn effect(verb: &cli::Verb) -> Result<Effect, String> {
    use cli::Verb as V;
    let dry = |dry: bool| if dry { Effect::Reads } else { Effect::Changes };
    let daemon = |role: &str| {
        Err(format!(
            "a {role} in the foreground lasts until it is stopped, and would take this screen\n\n:start {role}      starts it in the background"
        ))
    };
    Ok(match verb {
        V::List | V::Describe(_) | V::GetErrors(_) | V::Jps(_) | V::Status(_) | V::Version => Effect::Reads,
        V::Localconfvalue(_) | V::Remoteconfvalue(_) | V::Classpath | V::ServerClasspath => Effect::Reads,
        V::Heartbeats(_) | V::NodeHealthCheck => Effect::Reads,
        V::Why(args) => dry(!args.level.apply),
        V::Doctor(args) => dry(!args.level.apply),
        V::Logs(args) if args.follow => Effect::Terminal { changes: false },
        V::Logs(_) => Effect::Reads,
        V::Monitor(args) if args.count.is_none() => Effect::Terminal { changes: false },
        V::Monitor(_) => Effect::Reads,
        V::Config(verb) => config(verb),
        V::Zk(verb) => zookeeper(verb),
        V::Blobstore(verb) => blobstore(verb),
        V::Admin(verb) => admin(verb),
        V::Submit(args) => dry(args.dry_run),
        V::Rebalance(args) => dry(args.dry_run),
        V::Kill(args) => dry(args.dry.dry_run),
        V::SetLogLevel(args) => dry(args.dry.dry_run),
        V::UploadCredentials(args) => dry(args.dry.dry_run),
        V::KillWorkers(args) => dry(args.dry.dry_run),
        V::Quickstart(_) | V::Local(_) | V::Jar(_) => Effect::Terminal { changes: true },
        V::Nimbus(_) => return daemon("nimbus"),
        V::Supervisor(_) => return daemon("supervisor"),
        V::Ui(_) => return daemon("ui"),
        V::Logviewer(_) => return daemon("logviewer"),
        V::DevZookeeper(_) => return daemon("zookeeper"),
        V::Tui(_) => return Err("this is the dashboard: `:` and the name of a view goes there".to_owned()),
        _ => Effect::Changes,
    })
}

fn config(verb: &Config) -> Effect {
    match verb {
        Config::List(_) | Config::Get(_) | Config::Explain(_) | Config::Sources(_) | Config::Diff(_) => Effect::Reads,
        Config::Lint(args) if !args.fix || args.dry_run => Effect::Reads,
        Config::Set(args) if args.dry_run => Effect::Reads,
        Config::Unset(args) if args.dry_run => Effect::Reads,
        Config::Edit(args) => Effect::Terminal { changes: !args.dry_run },
        _ => Effect::Changes,
    }
}

fn zookeeper(verb: &Zk) -> Effect {
    match verb {
        Zk::Status(_) | Zk::Ls(_) | Zk::Get(_) | Zk::Find(_) | Zk::Du(_) => Effect::Reads,
        Zk::Srvr(_) | Zk::Mntr(_) | Zk::Stat(_) | Zk::Ruok(_) | Zk::Conf(_) | Zk::Cons(_) => Effect::Reads,
        Zk::Dump(_) | Zk::Envi(_) | Zk::Isro(_) | Zk::Wchs(_) => Effect::Reads,
        Zk::Set(args) if args.change.dry_run => Effect::Reads,
        Zk::Rm(args) if args.change.dry_run => Effect::Reads,
        Zk::Shell(_) => Effect::Terminal { changes: true },
        _ => Effect::Changes,
    }
}

fn blobstore(verb: &Blobstore) -> Effect {
    match verb {
        Blobstore::List { .. } | Blobstore::Cat { file: None, .. } => Effect::Reads,
        Blobstore::Replication { update: false, .. } => Effect::Reads,
        _ => Effect::Changes,
    }
}

fn admin(verb: &Admin) -> Effect {
    match verb {
        Admin::Creds { .. } | Admin::PrintTopo { .. } => Effect::Reads,
        Admin::PrintSuper { .. } | Admin::PrintAssignment { .. } => Effect::Reads,
        Admin::RemoveCorruptTopologies { dry } if dry.dry_run => Effect::Reads,
        Admin::ZkCli(args) => Effect::Terminal { changes: args.write },
        _ => Effect::Changes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Effect, String> {
        judge(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_line_is_judged_by_all_of_it() {
        let lines = [
            ("list", Effect::Reads),
            ("doctor", Effect::Reads),
            ("doctor --apply", Effect::Changes),
            ("why wc --apply", Effect::Changes),
            ("kill wc -w 0", Effect::Changes),
            ("kill wc --dry-run", Effect::Reads),
            ("config lint", Effect::Reads),
            ("config lint --fix", Effect::Changes),
            ("config edit", Effect::Terminal { changes: true }),
            ("zk get /", Effect::Reads),
            ("zk rm -r /x", Effect::Changes),
            ("zk shell", Effect::Terminal { changes: true }),
            ("monitor wc", Effect::Terminal { changes: false }),
            ("logs wc -n 10", Effect::Reads),
            ("logs wc -f", Effect::Terminal { changes: false }),
            ("blobstore delete a", Effect::Changes),
            ("blobstore cat a", Effect::Reads),
            ("admin zk_cli -w", Effect::Terminal { changes: true }),
            ("start nimbus", Effect::Changes),
            ("kill --help", Effect::Reads),
        ];
        for (line, effect) in lines {
            assert_eq!(of(line), Ok(effect), "{line}");
        }
        for (line, says) in [
            ("nimbus", ":start nimbus"),
            ("dev-zookeeper", ":start zookeeper"),
            ("tui", "this is the dashboard"),
            ("kill", "required arguments"),
            ("kill wc -w soon", "invalid value 'soon'"),
        ] {
            let why = of(line).expect_err(line);
            assert!(why.contains(says), "{line}: {why}");
        }
    }

    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use storm_tui::data::{Cluster, Process, Setting, Settings, TopologySummary};
    use storm_tui::{Answer, Cmd, Data, Model, Msg, Options, Run, Source, View, keys, update};

    /// A dashboard on a cluster with one topology.
    struct Screen(Model);

    impl Screen {
        fn new(view: View) -> Screen {
            let mut screen = Screen(Model::new(Options { verbs: verbs(), judge, ..Options::default() }, view));
            let topology = |name: &str| TopologySummary {
                id: format!("{name}-1-1"),
                name: name.into(),
                status: "ACTIVE".into(),
                ..TopologySummary::default()
            };
            let topologies = vec![topology("my topology"), topology("wc")];
            screen.answer(Source::Cluster, Data::Cluster(Cluster { topologies, ..Cluster::default() }));
            let process = Process { pid: 7, role: "nimbus".into(), ..Process::default() };
            screen.answer(Source::Processes, Data::Processes(vec![process]));
            let setting =
                Setting { key: "worker.childopts".into(), value: "-Xmx1g -Da='b c'".into(), source: "default".into() };
            screen.answer(Source::Config, Data::Config(Settings { settings: vec![setting], ..Settings::default() }));
            screen
        }

        fn answer(&mut self, source: Source, data: Data) {
            update(&mut self.0, Msg::Answer(Box::new(Answer { source, at_ms: 1, result: Ok(data) })), 1);
        }

        fn press(&mut self, names: &str) -> Vec<Cmd> {
            let mut cmds = Vec::new();
            for name in names.split(' ') {
                let (code, modifiers) = keys::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
                cmds.extend(update(&mut self.0, Msg::Key(KeyEvent::new(code, modifiers)), 1));
            }
            cmds
        }

        fn type_in(&mut self, text: &str) {
            for c in text.chars() {
                update(&mut self.0, Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)), 1);
            }
        }
    }

    /// A copied line as the shell takes it, and then the parser.
    #[track_caller]
    fn takes(copied: &str) {
        for line in copied.lines() {
            let script = format!("printf '%s\\0' {line}");
            let words = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
            let text = String::from_utf8(words.stdout).expect("text");
            let words: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
            assert_eq!(words.first().map(String::as_str), Some("stormctl"), "{line}");
            if let Err(e) = Cli::try_parse_from(cli::uniform(words)) {
                panic!("{line}: {e}");
            }
        }
    }

    fn copied(cmds: &[Cmd]) -> String {
        match cmds {
            [.., Cmd::Copy(line)] => line.clone(),
            _ => panic!("nothing is copied: {cmds:?}"),
        }
    }

    #[test]
    fn every_screen_has_a_command_line_that_is_one() {
        let (id, name) = ("my topology-1-1".to_owned(), "my topology".to_owned());
        let named = View::names().into_iter().filter_map(View::of_name);
        let one = View::Topology { id: id.clone(), name: name.clone() };
        let component = View::Component { id, name: name.clone(), component: "it's one".into() };
        let logs = View::Logs { topology: Some(name) };
        for view in named.chain([one, component, logs.clone(), View::Zookeeper { path: "/storm/a b".into() }]) {
            takes(&copied(&Screen::new(view).press("x enter")));
        }
        let mut screen = Screen::new(logs);
        screen.press("v v v /");
        screen.type_in("(a|b) 'c'");
        let line = copied(&screen.press("enter x enter"));
        assert!(line.contains("--level warn"), "{line}");
        takes(&line);
    }

    #[test]
    fn every_act_has_a_command_line_that_is_one() {
        for (keys, typed) in [
            ("d", ""),
            ("* d", ""),
            ("ctrl-k", "5"),
            ("* ctrl-k", ""),
            ("b tab", "3"),
            ("b tab tab", "count=4 split=2"),
            ("z", ""),
            ("z tab ctrl-u", ""),
            ("s", "a topology.yaml"),
            ("s tab", "other name"),
        ] {
            let mut screen = Screen::new(View::Topologies);
            screen.press(keys);
            screen.type_in(typed);
            if keys == "s tab" {
                screen.press("shift-tab");
                screen.type_in("x.jar");
            }
            takes(&copied(&screen.press("ctrl-y")));
        }
        for key in ["ctrl-o", "ctrl-x", "ctrl-r"] {
            let mut screen = Screen::new(View::Processes);
            takes(&copied(&screen.press(&format!("{key} ctrl-y"))));
        }
        takes(&copied(&Screen::new(View::Config).press("i ctrl-y")));
        let cmds = Screen::new(View::Topologies).press("a");
        let [Cmd::Run(job)] = &cmds[..] else { panic!("{cmds:?}") };
        assert_eq!(job.what, Run::Stormctl(vec!["activate".into(), "my topology".into()]));
    }

    #[test]
    fn every_verb_is_offered_or_explained() {
        let verbs = verbs();
        for name in ["list", "zk ls", "config set", "admin print_super", "kill"] {
            assert!(verbs.iter().any(|v| v.name == name), "{name}");
        }
        assert!(verbs.iter().any(|v| v.name == "describe" && v.topology));
        assert!(!verbs.iter().any(|v| v.name == "zk get" && v.topology));
        for verb in &verbs {
            assert!(!verb.about.is_empty(), "{}", verb.name);
        }
        for name in ["tui", "nimbus", "supervisor", "dev-zookeeper"] {
            assert!(verbs.iter().any(|v| v.name == name) && of(name).is_err(), "{name} would run");
        }
    }
}
