//! What the command line, the environment and the user's files say about the dashboard.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use storm_conf::{Environment, Reader, find};
use storm_tui::keys::Keymap;
use storm_tui::{Model, Options, Symbols, Theme, View};

use super::act::Stormctl;
use super::judge;
use crate::cli::tui::Tui;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub fn model(ctx: &Context, args: &Tui) -> Result<Model, Failure> {
    let Some((view, line)) = View::of_words(&args.view) else {
        let failure = Failure::new(Exit::Usage, "usage/view", format!("{} is no view", args.view.join(" ")));
        let more = "topology NAME, component TOPOLOGY NAME, logs NAME, zookeeper PATH";
        return Err(failure.hint(format!("one of {}; {more}", View::names().join(", "))));
    };
    let model = Model::new(options(ctx, args)?, view);
    Ok(match line {
        Some(line) => model.with_line(line),
        None => model,
    })
}

fn options(ctx: &Context, args: &Tui) -> Result<Options, Failure> {
    let text = |name: &str| std::env::var(name).unwrap_or_default();
    let theme = match &args.theme {
        Some(name) => Theme::of_name(name).ok_or_else(|| {
            let names: Vec<&str> = Theme::ALL.iter().map(|(_, n)| *n).collect();
            Failure::new(Exit::Usage, "usage/theme", format!("{name} is no theme"))
                .hint(format!("one of {}", names.join(", ")))
        })?,
        None if ctx.global.no_color || !text("NO_COLOR").is_empty() => Theme::Mono,
        None => Theme::Ansi,
    };
    let ascii = args.ascii || !utf8([text("LC_ALL"), text("LC_CTYPE"), text("LANG")]) || text("TERM") == "linux";
    Ok(Options {
        read_only: args.read_only,
        stormctl: [vec!["stormctl".to_owned()], globals(ctx)].concat(),
        cluster: ctx.conf.strings("nimbus.seeds").first().cloned().unwrap_or_else(|| "no seed".to_owned()),
        theme,
        symbols: Symbols { ascii },
        keymap: keymap(args.keys.as_deref())?,
        refresh_ms: u64::try_from(args.refresh.as_millis()).unwrap_or(u64::MAX).clamp(100, 3_600_000),
        verbs: judge::verbs(),
        judge: judge::judge,
    })
}

/// The first that is set decides, as in C.
fn utf8(locales: [String; 3]) -> bool {
    let locale = locales.into_iter().find(|l| !l.is_empty()).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The flags that make every command mean this cluster.
fn globals(ctx: &Context) -> Vec<String> {
    let mut words = Vec::new();
    // Client commands and those for this machine's daemons look in different places for a file that is not named.
    let operator = || find(Reader::Operator, &Environment::of_process());
    let file = ctx.global.config.as_ref().or(ctx.file.as_ref().filter(|file| operator().as_ref() != Some(file)));
    if let Some(file) = file {
        words.extend(["--config".to_owned(), file.display().to_string()]);
    }
    for set in &ctx.global.overrides() {
        words.extend(["-c".to_owned(), set.clone()]);
    }
    words
}

pub fn stormctl(ctx: &Context) -> Result<Stormctl, Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::io("this program's own path is unknown", &e))?;
    Ok(Stormctl { program, globals: globals(ctx) })
}

fn keymap(named: Option<&Path>) -> Result<Keymap, Failure> {
    let (path, must) = match named {
        Some(path) => (path.to_owned(), true),
        None => match own_file() {
            Some(path) => (path, false),
            None => return Ok(Keymap::default()),
        },
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if !must && e.kind() == std::io::ErrorKind::NotFound => return Ok(Keymap::default()),
        Err(e) => return Err(Failure::io(format!("cannot read the keys {}", path.display()), &e)),
    };
    let invalid = |evidence: Vec<String>| {
        let failure = Failure::new(Exit::ConfigInvalid, "tui/keys", format!("{} is not a map of keys", path.display()));
        let failure = evidence.into_iter().fold(failure, Failure::evidence);
        failure.hint("one action a line, such as      kill: [f9]")
    };
    let own: BTreeMap<String, Vec<String>> = match serde_yaml::from_str(&text) {
        Ok(own) => own,
        Err(_) if text.trim().is_empty() => BTreeMap::new(),
        Err(e) => return Err(invalid(vec![e.to_string()])),
    };
    Keymap::with(&own).map_err(|mistakes| invalid(mistakes.iter().map(ToString::to_string).collect()))
}

fn own_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|h| h.join(".config")))?;
    Some(config.join("storm/keys.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_user_and_their_mistakes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.yaml");
        std::fs::write(&path, "kill: [f9]\n").unwrap();
        assert!(keymap(Some(&path)).is_ok());
        std::fs::write(&path, "kill: [j]\nfly: [x]\n").unwrap();
        let failure = keymap(Some(&path)).unwrap_err();
        assert_eq!((failure.exit, failure.faults[0].evidence.len()), (Exit::ConfigInvalid, 2));
        assert!(keymap(Some(&dir.path().join("none"))).is_err());
    }

    #[test]
    fn locales() {
        let of = |all: &str, ctype: &str, lang: &str| utf8([all.into(), ctype.into(), lang.into()]);
        assert!(of("", "", "en_US.UTF-8") && of("C.utf8", "C", "C"));
        assert!(!of("C", "", "en_US.UTF-8") && !of("", "", ""));
    }
}
