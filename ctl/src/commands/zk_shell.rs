//! `stormctl zk shell`: commands about nodes, line by line. On a terminal with editing and history, from a pipe plain.

use std::io::{self, BufRead, IsTerminal};

use clap::Parser;
use tokio::sync::mpsc;

use super::{zk, zk_read, zk_write};
use crate::cli::Global;
use crate::cli::zk::{ZkLine, ZkShell, ZkShellVerb};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::{Session, resolve};

enum Input {
    Line(String),
    /// Ctrl-C: the line is forgotten.
    Forgotten,
    Broken(io::Error),
}

pub async fn run(ctx: &Context, args: &ZkShell) -> Result<(), Failure> {
    let mut session = ctx.within(zk::LIMIT, Session::connect(ctx, args.servers.server.as_deref())).await?;
    let interactive = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut lines = Lines::start(interactive)?;
    let mut here = resolve(&session.root, "")?;
    let mut first: Option<Failure> = None;
    loop {
        let line = match lines.next(format!("{here}> ")).await {
            None => break,
            Some(Input::Forgotten) => continue,
            Some(Input::Broken(e)) => return Err(Failure::io("cannot read the next line", &e)),
            Some(Input::Line(line)) => line,
        };
        // A session that was lost while nobody typed is made anew.
        if session.client.state().is_terminated() {
            session = ctx.within(zk::LIMIT, Session::connect(ctx, args.servers.server.as_deref())).await?;
        }
        match one(ctx, &session, &mut here, &line).await {
            Ok(true) => {}
            Ok(false) => break,
            // The reader of our output is gone.
            Err(failure) if failure.faults.is_empty() => return Err(failure),
            Err(failure) => {
                ctx.printer.failure(&failure);
                first.get_or_insert(failure);
            }
        }
    }
    session.close().await;
    match first {
        // Each was told when it happened; a script sees the status of the first.
        Some(failure) if !interactive => Err(Failure { exit: failure.exit, faults: Vec::new() }),
        _ => Ok(()),
    }
}

/// Runs one line; false to leave.
async fn one(ctx: &Context, session: &Session, here: &mut String, line: &str) -> Result<bool, Failure> {
    let words = words(line)?;
    if words.is_empty() {
        return Ok(true);
    }
    let line = match ZkLine::try_parse_from(words) {
        Ok(line) => line,
        Err(e) if e.use_stderr() => {
            let text = e.render().to_string();
            return Err(Failure::new(Exit::Usage, "usage/line", text.trim().trim_start_matches("error: ")));
        }
        Err(help) => return ctx.printer.out(&help.render().to_string()).map(|()| true),
    };
    let global = Global { yes: ctx.global.yes || line.yes, ..ctx.global.clone() };
    let printer = &ctx.printer;
    match line.verb {
        ZkShellVerb::Quit => return Ok(false),
        ZkShellVerb::Pwd => printer.out(&format!("{here}\n"))?,
        ZkShellVerb::Cd { path } => {
            let base = if path.is_empty() { &session.root } else { &*here };
            let there = resolve(base, &path)?;
            let stat = session.client.check_stat(&there).await.map_err(|e| session.failure(&there, &e))?;
            if stat.is_none() {
                return Err(session.failure(&there, &zookeeper_client::Error::NoNode));
            }
            *here = there;
        }
        ZkShellVerb::Set(args) => zk_write::set(printer, session, here, &args, &global).await?,
        ZkShellVerb::Rm(args) => zk_write::rm(printer, session, here, &args, &global).await?,
        ZkShellVerb::Ls(args) => ctx.within(zk::LIMIT, zk_read::ls(printer, session, here, &args)).await?,
        ZkShellVerb::Get(args) => ctx.within(zk::LIMIT, zk_read::get(printer, session, here, &args)).await?,
        ZkShellVerb::Find(args) => ctx.within(zk::LIMIT, zk_read::find(printer, session, here, &args)).await?,
        ZkShellVerb::Du(args) => ctx.within(zk::LIMIT, zk_read::du(printer, session, here, &args)).await?,
    }
    Ok(true)
}

/// Words as a shell parts them: blanks, quotes of both kinds, and a backslash.
fn words(line: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(Failure::new(Exit::Usage, "usage/quote", format!("nothing closes the quote {open}")));
    }
    words.extend(word);
    Ok(words)
}

/// Lines come from a thread of their own: the session must go on talking to its server while nobody types.
struct Lines {
    prompts: mpsc::Sender<String>,
    lines: mpsc::Receiver<Input>,
}

impl Lines {
    fn start(interactive: bool) -> Result<Lines, Failure> {
        let (prompts, wanted) = mpsc::channel(1);
        let (sender, lines) = mpsc::channel(1);
        let work = move || if interactive { edited(wanted, &sender) } else { piped(wanted, &sender) };
        std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(work)
            .map_err(|e| Failure::io("cannot start a thread to read lines", &e))?;
        Ok(Lines { prompts, lines })
    }

    /// The next line; `None` at the end.
    async fn next(&mut self, prompt: String) -> Option<Input> {
        self.prompts.send(prompt).await.ok()?;
        self.lines.recv().await
    }
}

fn edited(mut wanted: mpsc::Receiver<String>, lines: &mpsc::Sender<Input>) {
    let mut editor = match rustyline::DefaultEditor::new() {
        Ok(editor) => editor,
        // A terminal that cannot be edited on can still be read from.
        Err(_) => return piped(wanted, lines),
    };
    while let Some(prompt) = wanted.blocking_recv() {
        let input = match editor.readline(&prompt) {
            Ok(line) => {
                // A history that takes no more line is none the worse.
                let _ = editor.add_history_entry(&line);
                Input::Line(line)
            }
            Err(rustyline::error::ReadlineError::Interrupted) => Input::Forgotten,
            Err(rustyline::error::ReadlineError::Eof) => return,
            Err(e) => Input::Broken(io::Error::other(e)),
        };
        if lines.blocking_send(input).is_err() {
            return;
        }
    }
}

fn piped(mut wanted: mpsc::Receiver<String>, lines: &mpsc::Sender<Input>) {
    while wanted.blocking_recv().is_some() {
        let mut line = String::new();
        let input = match io::stdin().lock().read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => Input::Line(line),
            Err(e) => Input::Broken(e),
        };
        if lines.blocking_send(input).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parted_as_a_shell_does() {
        let split = |line: &str| words(line).unwrap();
        assert_eq!(split("get  'a b'\t\"c \\\" d\" e\\ f ''  # why"), ["get", "a b", "c \" d", "e f", ""]);
        assert_eq!(split("  \n"), Vec::<String>::new());
        assert_eq!(split("a#b"), ["a#b"]);
        assert_eq!(words("set x 'y").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn lines_are_the_commands_of_zk() {
        use clap::CommandFactory;
        ZkLine::command().debug_assert();
        let line = ZkLine::try_parse_from(["rm", "-r", "x", "-y"]).unwrap();
        assert!(line.yes && matches!(line.verb, ZkShellVerb::Rm(rm) if rm.recursive));
        assert!(matches!(ZkLine::try_parse_from(["exit"]).unwrap().verb, ZkShellVerb::Quit));
    }
}
