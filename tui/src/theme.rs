//! Colours by meaning, and the signs for terminals that know no others than ASCII.

use ratatui::style::{Color, Modifier, Style};

use crate::data::Severity;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// The sixteen colours that the terminal's own palette gives.
    Ansi,
    Light,
    Dark,
    HighContrast,
    /// No colour at all: bold, reverse and underline.
    Mono,
}

impl Theme {
    pub const ALL: [(Theme, &'static str); 5] = [
        (Theme::Ansi, "ansi"),
        (Theme::Light, "light"),
        (Theme::Dark, "dark"),
        (Theme::HighContrast, "contrast"),
        (Theme::Mono, "mono"),
    ];

    pub fn of_name(name: &str) -> Option<Theme> {
        Theme::ALL.iter().find(|(_, n)| *n == name).map(|(t, _)| *t)
    }

    pub fn name(self) -> &'static str {
        Theme::ALL.iter().find(|(t, _)| *t == self).map_or("ansi", |(_, n)| n)
    }

    pub fn next(self) -> Theme {
        let at = Theme::ALL.iter().position(|(t, _)| *t == self).unwrap_or(0);
        Theme::ALL[(at + 1) % Theme::ALL.len()].0
    }

    /// Text, dim, accent, good, warning, bad, and the paper.
    fn colours(self) -> [Color; 7] {
        use Color::{Black, Cyan, DarkGray, Green, Indexed, Red, Reset, White, Yellow};
        match self {
            Theme::Ansi => [Reset, DarkGray, Cyan, Green, Yellow, Red, Reset],
            Theme::Light => {
                [Indexed(235), Indexed(244), Indexed(25), Indexed(28), Indexed(130), Indexed(160), Indexed(255)]
            }
            Theme::Dark => {
                [Indexed(252), Indexed(243), Indexed(80), Indexed(114), Indexed(221), Indexed(203), Indexed(234)]
            }
            Theme::HighContrast => {
                [White, White, Color::LightCyan, Color::LightGreen, Color::LightYellow, White, Black]
            }
            Theme::Mono => [Reset; 7],
        }
    }

    fn fg(self, index: usize) -> Style {
        let colours = self.colours();
        let style = Style::new();
        if self == Theme::Mono { style } else { style.fg(colours[index]).bg(colours[6]) }
    }

    pub fn text(self) -> Style {
        self.fg(0)
    }

    pub fn dim(self) -> Style {
        match self {
            Theme::Mono => Style::new().add_modifier(Modifier::DIM),
            _ => self.fg(1),
        }
    }

    pub fn accent(self) -> Style {
        match self {
            Theme::Mono => Style::new().add_modifier(Modifier::BOLD),
            _ => self.fg(2),
        }
    }

    pub fn title(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    pub fn name_style(self) -> Style {
        self.text().add_modifier(Modifier::BOLD)
    }

    pub fn good(self) -> Style {
        self.fg(3)
    }

    pub fn warning(self) -> Style {
        match self {
            Theme::Mono => Style::new().add_modifier(Modifier::UNDERLINED),
            _ => self.fg(4),
        }
    }

    pub fn bad(self) -> Style {
        match self {
            Theme::Mono => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Theme::HighContrast => Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            _ => self.fg(5).add_modifier(Modifier::BOLD),
        }
    }

    pub fn selected(self) -> Style {
        match self {
            Theme::HighContrast => Style::new().fg(Color::Black).bg(Color::LightYellow),
            Theme::Light => Style::new().fg(Color::Indexed(255)).bg(Color::Indexed(25)),
            Theme::Dark => Style::new().fg(Color::Indexed(234)).bg(Color::Indexed(80)),
            _ => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    pub fn found(self) -> Style {
        match self {
            Theme::Mono => Style::new().add_modifier(Modifier::REVERSED),
            _ => Style::new().fg(Color::Black).bg(Color::Yellow),
        }
    }

    pub fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Info => self.text(),
            Severity::Warning => self.warning(),
            Severity::Error => self.bad(),
        }
    }

    /// The paper of the lines at the edges, laid over what is written on it.
    pub fn bar(self) -> Style {
        match self {
            Theme::Light => Style::new().bg(Color::Indexed(252)),
            Theme::Dark => Style::new().bg(Color::Indexed(236)),
            _ => Style::new(),
        }
    }

    /// A topology's state; the word itself says it too.
    pub fn status(self, status: &str) -> Style {
        match status {
            "ACTIVE" => self.good(),
            "INACTIVE" => self.dim(),
            "KILLED" => self.bad(),
            _ => self.warning(),
        }
    }
}

/// What is drawn besides letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    pub ascii: bool,
}

impl Symbols {
    pub fn bars(self) -> &'static [char] {
        if self.ascii {
            &[' ', '.', ':', '-', '=', '+', '*', '#']
        } else {
            &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        }
    }

    fn pick(self, unicode: char, ascii: char) -> char {
        if self.ascii { ascii } else { unicode }
    }

    pub fn horizontal(self) -> char {
        self.pick('─', '-')
    }

    pub fn vertical(self) -> char {
        self.pick('│', '|')
    }

    pub fn cross(self) -> char {
        self.pick('┼', '+')
    }

    /// Top left, top right, bottom left, bottom right.
    pub fn corners(self) -> [char; 4] {
        if self.ascii { ['+'; 4] } else { ['╭', '╮', '╰', '╯'] }
    }

    pub fn arrow(self) -> char {
        self.pick('▶', '>')
    }

    pub fn mark(self) -> char {
        self.pick('●', '*')
    }

    pub fn up(self) -> char {
        self.pick('▲', '^')
    }

    pub fn down(self) -> char {
        self.pick('▼', 'v')
    }

    pub fn ellipsis(self) -> char {
        self.pick('…', '~')
    }

    /// A slot that is used, or free.
    pub fn slot(self, used: bool) -> char {
        if used { self.pick('■', '#') } else { self.pick('□', '.') }
    }

    pub fn full(self) -> char {
        self.pick('█', '#')
    }

    pub fn empty(self) -> char {
        self.pick('░', '.')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn themes_go_round_and_mono_has_no_colour() {
        let mut theme = Theme::Ansi;
        for _ in 0..Theme::ALL.len() {
            assert_eq!(Theme::of_name(theme.name()), Some(theme));
            theme = theme.next();
        }
        assert_eq!(theme, Theme::Ansi);
        let m = Theme::Mono;
        for style in [m.text(), m.dim(), m.accent(), m.good(), m.warning(), m.bad(), m.selected(), m.found()] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
