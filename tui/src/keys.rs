//! One table of all that a key can do: dispatch, hints, help, menu and the file of the user's own keys read it.

use std::collections::BTreeMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Back,
    Quit,
    NextPane,
    Goto,
    Filter,
    Help,
    Menu,
    Last,
    HistoryBack,
    HistoryForward,
    Mark,
    MarkAll,
    SortLeft,
    SortRight,
    SortTurn,
    Freeze,
    Refresh,
    Faster,
    Slower,
    Window,
    Theme,
    CommandLine,
    Copy,
    Logs,
    Shell,
    Suspend,
    Redraw,
    Wrap,
    Level,
    Highlight,
    NextMatch,
    PreviousMatch,
    Save,
    Edit,
    Activate,
    Deactivate,
    Rebalance,
    Kill,
    LogLevel,
    Submit,
    StartRole,
    StopRole,
    RestartRole,
    KillProcess,
    SetConfig,
}

/// Where an action makes sense, for hints, help and the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Move,
    Go,
    View,
    Logs,
    Act,
}

pub struct Entry {
    pub action: Action,
    pub name: &'static str,
    pub keys: &'static [&'static str],
    pub help: &'static str,
    pub group: Group,
}

macro_rules! keys {
    ($($action:ident $name:literal [$($key:literal),*] $group:ident $help:literal;)*) => {
        &[$(Entry { action: Action::$action, name: $name, keys: &[$($key),*], help: $help, group: Group::$group }),*]
    };
}

pub const TABLE: &[Entry] = keys! {
    Up "up" ["k", "up"] Move "one up";
    Down "down" ["j", "down"] Move "one down";
    Left "left" ["h", "left"] Move "to the left; in ZooKeeper's tree: up";
    Right "right" ["l", "right"] Move "to the right; in ZooKeeper's tree: go in";
    PageUp "page-up" ["pageup", "ctrl-u", "ctrl-b"] Move "a page up";
    PageDown "page-down" ["pagedown", "ctrl-d"] Move "a page down";
    Top "top" ["g", "home"] Move "to the first";
    Bottom "bottom" ["G", "end"] Move "to the last";
    NextPane "next-pane" ["tab", "shift-tab"] Move "next pane";
    Open "open" ["enter"] Go "go in";
    Back "back" ["esc", "backspace"] Go "go back; closes what is open, clears the filter";
    Goto "goto" [":"] Go "go to a view by its name, or a stormctl verb (Tab completes)";
    Last "last" ["-"] Go "the last view";
    HistoryBack "history-back" ["["] Go "back in history";
    HistoryForward "history-forward" ["]"] Go "forward in history";
    Logs "logs" ["o"] Go "logs of what is selected";
    Quit "quit" ["q", "ctrl-c"] Go "leave";
    Filter "filter" ["/"] View "filter: text, !opposite, ~regular expression";
    Help "help" ["?"] View "these keys";
    Menu "menu" ["m"] View "all that can be done here";
    Mark "mark" ["space"] View "mark for bulk work";
    MarkAll "mark-all" ["*"] View "mark all that the filter shows, or none";
    SortLeft "sort-left" ["<"] View "sort by the column to the left (or a capital: by the column that begins with it)";
    SortRight "sort-right" [">"] View "sort by the column to the right";
    SortTurn "sort-turn" ["="] View "turn the order round";
    Window "window" ["t"] View "window of the figures: 10m, 3h, 1d, all";
    Freeze "freeze" ["f"] View "freeze the screen; in logs: stop and follow";
    Refresh "refresh" ["r"] View "ask again now";
    Faster "faster" ["+"] View "refresh more often";
    Slower "slower" ["_"] View "refresh less often";
    Theme "theme" ["ctrl-t"] View "next theme";
    CommandLine "command-line" ["x"] View "the stormctl command for this screen, and copy it";
    Copy "copy" ["c", "y"] View "copy what is selected";
    Shell "shell" ["!"] View "a shell; its end brings you back";
    Suspend "suspend" ["ctrl-z"] View "suspend to the shell that started this";
    Redraw "redraw" ["ctrl-l"] View "draw all anew";
    Wrap "wrap" ["w"] Logs "wrap long lines";
    Level "level" ["v"] Logs "least level that is shown";
    Highlight "highlight" ["H"] Logs "mark what matches in the lines";
    NextMatch "next-match" ["n"] Logs "next line that matches the highlight";
    PreviousMatch "previous-match" ["N"] Logs "previous line that matches the highlight";
    Save "save" ["ctrl-s"] Logs "save what is shown to a file";
    Submit "submit" ["s"] Act "submit a topology";
    Activate "activate" ["a"] Act "activate the topology";
    Deactivate "deactivate" ["d"] Act "deactivate the topology";
    Rebalance "rebalance" ["b"] Act "rebalance the topology, with a preview";
    Kill "kill" ["ctrl-k"] Act "kill the topology";
    LogLevel "log-level" ["z"] Act "set a log level of the topology";
    StartRole "start-role" ["ctrl-o"] Act "start a role of this host";
    StopRole "stop-role" ["ctrl-x"] Act "stop a role of this host";
    RestartRole "restart-role" ["ctrl-r"] Act "restart a role of this host";
    KillProcess "kill-process" ["ctrl-p"] Act "kill the process";
    Edit "edit" ["e"] Act "edit the configuration in $EDITOR, with check and diff";
    SetConfig "set-config" ["i"] Act "set the key";
};

pub fn entry(action: Action) -> &'static Entry {
    TABLE.iter().find(|e| e.action == action).unwrap_or(&TABLE[0])
}

/// A key as written in the table: `a`, `G`, `ctrl-t`, `space`, `f5`.
pub fn parse(text: &str) -> Option<(KeyCode, KeyModifiers)> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    loop {
        let (flag, after) = match rest {
            _ if rest.starts_with("ctrl-") => (KeyModifiers::CONTROL, &rest[5..]),
            _ if rest.starts_with("alt-") => (KeyModifiers::ALT, &rest[4..]),
            _ if rest.starts_with("shift-") => (KeyModifiers::SHIFT, &rest[6..]),
            _ => break,
        };
        if after.is_empty() {
            break;
        }
        modifiers |= flag;
        rest = after;
    }
    let code = match rest {
        "space" => KeyCode::Char(' '),
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        "tab" => KeyCode::Tab,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "insert" => KeyCode::Insert,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        _ => {
            let mut chars = rest.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => KeyCode::Char(c),
                (Some('f' | 'F'), Some(_)) => KeyCode::F(rest[1..].parse().ok().filter(|n| (1..=24).contains(n))?),
                _ => return None,
            }
        }
    };
    Some(normal(code, modifiers))
}

/// Terminals tell shift in different ways: the letter itself says it.
fn normal(code: KeyCode, modifiers: KeyModifiers) -> (KeyCode, KeyModifiers) {
    let mut modifiers = modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
    if matches!(code, KeyCode::Char(_) | KeyCode::BackTab) {
        modifiers -= KeyModifiers::SHIFT;
    }
    (code, modifiers)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyMistake {
    #[error("{0} is no action; `?` in the dashboard names them all")]
    NoAction(String),
    #[error("{key}, for {action}, is no key; write a, G, ctrl-t, space, enter or f5")]
    NoKey { action: String, key: String },
    #[error("{key} is the key of both {first} and {second}; give one of them another")]
    Conflict { key: String, first: String, second: String },
}

/// The keys in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    by_key: BTreeMap<String, Action>,
    keys: BTreeMap<Action, Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Keymap {
        let keys = TABLE.iter().map(|e| (e.action, e.keys.iter().map(|k| (*k).to_owned()).collect()));
        let mut map = Keymap { by_key: BTreeMap::new(), keys: keys.collect() };
        map.index();
        map
    }
}

impl Keymap {
    /// The table with the user's own keys instead of some of it; all mistakes at once.
    pub fn with(own: &BTreeMap<String, Vec<String>>) -> Result<Keymap, Vec<KeyMistake>> {
        let mut map = Keymap::default();
        let mut mistakes = Vec::new();
        for (name, keys) in own {
            let Some(entry) = TABLE.iter().find(|e| e.name == name) else {
                mistakes.push(KeyMistake::NoAction(name.clone()));
                continue;
            };
            for key in keys.iter().filter(|k| parse(k).is_none()) {
                mistakes.push(KeyMistake::NoKey { action: name.clone(), key: key.clone() });
            }
            map.keys.insert(entry.action, keys.clone());
        }
        mistakes.extend(map.index());
        if mistakes.is_empty() { Ok(map) } else { Err(mistakes) }
    }

    fn index(&mut self) -> Vec<KeyMistake> {
        let mut conflicts = Vec::new();
        self.by_key.clear();
        for (action, keys) in &self.keys {
            for key in keys {
                let Some(parsed) = parse(key) else { continue };
                if let Some(first) = self.by_key.insert(format!("{parsed:?}"), *action) {
                    conflicts.push(KeyMistake::Conflict {
                        key: key.clone(),
                        first: entry(first).name.to_owned(),
                        second: entry(*action).name.to_owned(),
                    });
                }
            }
        }
        conflicts
    }

    pub fn action(&self, key: &KeyEvent) -> Option<Action> {
        self.by_key.get(&format!("{:?}", normal(key.code, key.modifiers))).copied()
    }

    pub fn keys(&self, action: Action) -> &[String] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The key that hints show; `-` when the user has taken it away.
    pub fn first(&self, action: Action) -> &str {
        self.keys(action).first().map_or("-", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_conflict_and_every_key_is_one() {
        let mut map = Keymap::default();
        assert_eq!(map.index(), []);
        for e in TABLE {
            for key in e.keys {
                assert!(parse(key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn own_keys_replace_and_mistakes_are_named() {
        let own = |pairs: &[(&str, &str)]| {
            Keymap::with(&pairs.iter().map(|(a, k)| ((*a).to_owned(), vec![(*k).to_owned()])).collect())
        };
        let map = own(&[("kill", "f9"), ("theme", "T")]).unwrap();
        assert_eq!(map.action(&KeyEvent::new(KeyCode::F(9), KeyModifiers::NONE)), Some(Action::Kill));
        assert_eq!(map.action(&KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL)), None);
        assert_eq!(map.action(&KeyEvent::new(KeyCode::Char('T'), KeyModifiers::SHIFT)), Some(Action::Theme));
        let wrong = own(&[("kill", "j"), ("fly", "F1"), ("open", "ctrlx")]).unwrap_err();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong.iter().any(|m| matches!(m, KeyMistake::Conflict { key, .. } if key == "j")), "{wrong:?}");
    }
}
