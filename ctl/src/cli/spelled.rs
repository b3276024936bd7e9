//! Every command line of this program that its messages and its documentation spell out is one that can be typed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

/// The lines, each with where it was found.
#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    /// The texts of a source between quotes and backticks, where they begin with the program's name.
    fn of_source(&mut self, path: &Path, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let line = line.replace("\\\"", "'");
            for (at, _) in line.match_indices("stormctl ") {
                // A word of a sentence, or of a comment, is no command.
                let before = line[..at].chars().next_back();
                if !matches!(before, Some('"' | '`')) || line.trim_start().starts_with("//") {
                    continue;
                }
                let end = if before == Some('`') { '`' } else { '"' };
                let rest = line[at..].split(end).next().unwrap_or_default();
                self.0.push((format!("{}:{}", path.display(), number + 1), rest.to_owned()));
            }
        }
    }

    /// The lines of a page's consoles, and its texts between backticks.
    fn of_page(&mut self, path: &Path, text: &str) {
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            if line.starts_with("```") {
                fenced = !fenced;
            } else if fenced {
                let line = line.trim_start_matches("$ ");
                if line.starts_with("stormctl ") {
                    self.0.push((place, line.to_owned()));
                }
            } else {
                let spans = line.split('`').skip(1).step_by(2).filter(|s| s.starts_with("stormctl "));
                self.0.extend(spans.map(|s| (place.clone(), s.to_owned())));
            }
        }
    }
}

/// The words of the first command in a line, with something in the place of what is filled in later.
fn words(line: &str) -> Option<Vec<String>> {
    // What follows a wide gap explains; what follows a sign of the shell is another command.
    let ends = ["   ", " | ", " && ", "; ", " > ", " (", ", ", ": "];
    let end = ends.iter().filter_map(|e| line.find(e)).min().unwrap_or(line.len());
    let line = line[..end].trim();
    // A synopsis is no command line.
    if line.contains("...") {
        return None;
    }
    let line = line.trim_end_matches([';', ',', '.']);
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        filled.push('1');
        rest = after.split_once('}')?.1;
    }
    filled.push_str(rest);
    if filled.contains(['[', '<']) && !filled.contains('\'') {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for word in filled.split(' ').filter(|w| !w.is_empty()) {
        match words.last_mut() {
            Some(last) if open => last.push_str(&format!(" {word}")),
            _ => words.push(word.to_owned()),
        }
        open ^= word.matches('\'').count() % 2 == 1;
    }
    // A text that ends at its quote, because more is put behind it; a verb that is filled in later.
    let verb = words.get(1)?;
    let later = verb.starts_with('1') || verb.chars().all(|c| c.is_ascii_uppercase());
    (!open && !later).then(|| words.iter().map(|w| w.replace('\'', "")).collect())
}

/// Whether a verb is only mentioned, or the line goes on somewhere else.
fn is_a_name(words: &[String], e: &clap::Error) -> bool {
    match e.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => true,
        // `help VERB`
        ErrorKind::InvalidSubcommand => words.last().is_some_and(|w| w.chars().all(|c| c.is_ascii_uppercase())),
        ErrorKind::MissingRequiredArgument => super::find(&super::command(), &words[1..]).is_some(),
        _ => false,
    }
}

fn files(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|e| e == end) {
            found.push(path);
        }
    }
}

#[test]
fn every_command_that_is_spelled_out_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut lines = Lines::default();
    let mut sources = Vec::new();
    for folder in ["conf/src", "crates", "daemons", "install/src", "ctl/src", "tui/src"] {
        files(&root.join(folder), "rs", &mut sources);
    }
    for source in
        sources.iter().filter(|s| !s.components().any(|c| c.as_os_str() == "tests") && !s.ends_with("spelled.rs"))
    {
        let text = fs::read_to_string(source).unwrap();
        lines.of_source(source, text.split("#[cfg(test)]").next().unwrap_or_default());
    }
    let mut pages = vec![root.join("README.md")];
    files(&root.join("docs"), "md", &mut pages);
    for page in pages {
        lines.of_page(&page, &fs::read_to_string(&page).unwrap());
    }
    for (_, examples) in super::examples::ALL {
        lines.0.extend(
            examples
                .iter()
                .filter(|(l, _)| l.starts_with("stormctl "))
                .map(|(l, _)| ("examples".to_owned(), (*l).to_owned())),
        );
    }
    for line in include_str!("../codes.txt").lines() {
        lines.of_page(Path::new("codes.txt"), line);
    }
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for (place, line) in &lines.0 {
        let Some(words) = words(line) else { continue };
        parsed += 1;
        let Err(e) = super::parse(words.clone()) else { continue };
        // A value that is filled in later may be a number, a time, a word of a list; help that is asked for is no mistake.
        let later = matches!(
            e.kind(),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        );
        if !later && !is_a_name(&words, &e) {
            wrong.push(format!("{place}: {}: {}", words.join(" "), e.to_string().lines().next().unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{} of {parsed}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(parsed > 200, "{parsed}");
}
