//! Words that a shell can go on with: verbs and flags from the definitions, names from the cluster and the files.

mod line;
mod live;

use std::ffi::OsString;

use clap_complete::CompletionCandidate;
use clap_complete::engine;

use crate::cli::own::Shell;

/// What a shell runs at its start.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("stormctl.bash"),
        Shell::Zsh => include_str!("stormctl.zsh"),
        Shell::Fish => include_str!("stormctl.fish"),
    }
}

/// One line for each word that may follow, as the script of this shell wants them.
pub fn answer(shell: Shell, words: &[String]) -> String {
    match shell {
        Shell::Bash => {
            let [line, point, breaks] = words else { return String::new() };
            let typed = line::Typed::of(line, point.parse().unwrap_or(line.len()), breaks);
            lines(&typed.words, |candidate, _| typed.answer(candidate))
        }
        Shell::Zsh | Shell::Fish => lines(words, |candidate, help| format!("{candidate}\t{help}")),
    }
}

fn lines(words: &[String], line: impl Fn(&str, &str) -> String) -> String {
    let help = |c: &CompletionCandidate| {
        c.get_help().map(|h| h.to_string().lines().next().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    let one = |c: &CompletionCandidate| line(&c.get_value().to_string_lossy(), &help(c)) + "\n";
    candidates(words).iter().map(one).collect()
}

/// The words that may stand in the place of the last one.
fn candidates(words: &[String]) -> Vec<CompletionCandidate> {
    let Some(last) = words.last() else { return Vec::new() };
    let mut command = live::added(crate::cli::command(), words);
    let args: Vec<OsString> = words.iter().map(OsString::from).collect();
    let index = args.len() - 1;
    let here = std::env::current_dir().ok();
    // Nothing to offer is no error: a shell has nobody to tell one to.
    let mut found = engine::complete(&mut command, args, index, here.as_deref()).unwrap_or_default();
    found.retain(|c| !c.is_hide_set());
    // Twenty flags would hide the few names that are asked for.
    let flag = |c: &CompletionCandidate| c.get_value().to_string_lossy().starts_with('-');
    if !last.starts_with('-') && !found.iter().all(flag) {
        found.retain(|c| !flag(c));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&words).iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn verbs_flags_and_words_that_are_always_the_same() {
        assert_eq!(after("stormctl desc"), ["describe"]);
        assert_eq!(after("stormctl get"), ["get-errors"]);
        assert!(after("stormctl zk ").contains(&"find".to_owned()));
        assert!(after("stormctl rebalance x --num").contains(&"--num-workers".to_owned()));
        assert_eq!(after("stormctl list -o ya"), ["yaml"]);
        assert_eq!(after("stormctl list --output=ya"), ["--output=yaml"]);
        assert_eq!(after("stormctl -o json lis"), ["list"]);
        assert_eq!(after("stormctl start superv"), ["supervisor"]);
        assert_eq!(after("stormctl __com"), Vec::<String>::new());
    }

    #[test]
    fn keys_levels_codes_and_verbs() {
        assert_eq!(after("stormctl config get nimbus.see"), ["nimbus.seeds"]);
        assert_eq!(after("stormctl config set ui.hos"), ["ui.host"]);
        assert_eq!(after("stormctl config explain autopurge.purge"), ["autopurge.purgeInterval"]);
        assert_eq!(after("stormctl list -c nimbus.see"), ["nimbus.seeds="]);
        assert_eq!(after("stormctl logs x --level ER"), ["ERROR"]);
        assert_eq!(after("stormctl set-log-level x -l ROO"), ["ROOT="]);
        assert_eq!(after("stormctl set-log-level x -l org.x=WA"), ["org.x=WARN"]);
        assert_eq!(after("stormctl explain nimbus/no-l"), ["nimbus/no-leader"]);
        assert!(after("stormctl schema zk ").contains(&"ls".to_owned()));
        assert_eq!(after("stormctl man conf"), ["config"]);
        assert_eq!(after("stormctl tui over"), ["overview"]);
    }
}
