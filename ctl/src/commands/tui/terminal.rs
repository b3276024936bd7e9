//! The terminal's modes, and that they are undone however this ends.

use std::io::{self, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::Rect;
use storm_tui::Model;

/// Whether the terminal is ours at the moment; the panic hook asks it too.
static OURS: AtomicBool = AtomicBool::new(false);

pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal. A panic of this thread gives it back before it is told.
    pub fn open(mouse: bool) -> io::Result<Screen> {
        let before = std::panic::take_hook();
        let main = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            // What breaks in the background must not break the screen.
            if std::thread::current().id() == main {
                restore();
                before(info);
            }
        }));
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let mut screen = Screen { terminal, mouse };
        screen.enter()?;
        Ok(screen)
    }

    pub fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        self.clear()
    }

    pub fn leave(&mut self) {
        restore();
    }

    /// Draws all anew. `Terminal::clear` would ask the terminal where its cursor is, and wait for an answer that the
    /// thread of the keys may take.
    pub fn clear(&mut self) -> io::Result<()> {
        let (width, height) = self.size();
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    pub fn size(&self) -> (u16, u16) {
        // A terminal that does not tell its size is as large as terminals once were.
        self.terminal.size().map_or((80, 24), |s| (s.width, s.height))
    }

    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| storm_tui::draw(model, frame))?;
        queue!(io::stdout(), EndSynchronizedUpdate)?;
        io::stdout().flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Undoes all modes, once. When even this fails there is no terminal left to mend.
fn restore() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}
