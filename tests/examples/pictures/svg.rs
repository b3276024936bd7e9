//! A screen as a picture that looks the same in every browser: letters are text, lines and blocks are drawn.

use std::fmt::Write;

use vt100::{Color, Screen};

const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;
/// The bar of the window.
const BAR: f64 = 30.0;
const FRONT: &str = "#d0d0d0";
const BACK: &str = "#1c1c1c";

#[derive(PartialEq, Clone)]
struct Style {
    front: String,
    back: String,
    bold: bool,
}

pub fn svg(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f64::from(columns) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(rows) * CELL.1 + MARGIN + BAR;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         font-family=\"ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"9\" fill=\"{BACK}\"/>\n\
         <path d=\"M0 {BAR}V9a9 9 0 0 1 9-9H{:.1}a9 9 0 0 1 9 9V{BAR}Z\" fill=\"#303030\"/>\n",
        width - 9.0
    );
    for (i, colour) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = 18 + 20 * i;
        let _ = writeln!(out, "<circle cx=\"{x}\" cy=\"15\" r=\"6\" fill=\"{colour}\"/>");
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"20\" fill=\"#9e9e9e\" font-size=\"13\" text-anchor=\"middle\">{}</text>\n\
         <g transform=\"translate({MARGIN} {BAR})\">",
        width / 2.0,
        escaped(title)
    );
    for row in 0..rows {
        papers(screen, row, columns, &mut out);
        letters(screen, row, columns, &mut out);
    }
    out + "</g>\n</svg>\n"
}

/// What stands behind the letters, as far as it is not the paper of the whole.
fn papers(screen: &Screen, row: u16, columns: u16, out: &mut String) {
    let mut column = 0;
    while column < columns {
        let (first, back) = (column, style(screen, row, column).back);
        while column < columns && style(screen, row, column).back == back {
            column += 1;
        }
        if back != BACK {
            // The whole width of the window, where it is the whole width of the screen.
            let (left, right) = (
                if first == 0 { -MARGIN } else { x(first) },
                if column == columns { x(column) + MARGIN } else { x(column) },
            );
            rect(out, left, y(row), right - left, CELL.1, &back);
        }
    }
}

/// Words of one style are one text; each begins where its first letter has its place.
fn letters(screen: &Screen, row: u16, columns: u16, out: &mut String) {
    let mut column = 0;
    while column < columns {
        let style = style(screen, row, column);
        let letter = at(screen, row, column);
        if letter == ' ' || drawn(letter, x(column), y(row), &style.front, out) {
            column += 1;
        } else {
            let (first, mut text) = (column, String::new());
            while column < columns {
                let letter = at(screen, row, column);
                let plain = letter != ' ' && !drawn(letter, 0.0, 0.0, "", &mut String::new());
                if !plain || self::style(screen, row, column) != style {
                    break;
                }
                text.push(letter);
                column += 1;
            }
            let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\"{weight} textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>",
                x(first),
                y(row) + CELL.1 * 0.74,
                style.front,
                x(column) - x(first),
                escaped(&text)
            );
        }
    }
}

fn x(column: u16) -> f64 {
    f64::from(column) * CELL.0
}

fn y(row: u16) -> f64 {
    f64::from(row) * CELL.1
}

fn at(screen: &Screen, row: u16, column: u16) -> char {
    screen.cell(row, column).and_then(|c| c.contents().chars().next()).unwrap_or(' ')
}

fn rect(out: &mut String, x: f64, y: f64, width: f64, height: f64, colour: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" shape-rendering=\"crispEdges\"/>"
    );
}

/// Lines and blocks, which fonts rarely join without a gap; false for a letter.
fn drawn(letter: char, x: f64, y: f64, colour: &str, out: &mut String) -> bool {
    let (w, h) = CELL;
    let (mx, my) = (x + w / 2.0, y + h / 2.0);
    let (right, bottom) = (x + w, y + h);
    let path = match letter {
        '─' => format!("M{x:.1} {my:.1}H{right:.1}"),
        '│' => format!("M{mx:.1} {y:.1}V{bottom:.1}"),
        '┼' => format!("M{x:.1} {my:.1}H{right:.1}M{mx:.1} {y:.1}V{bottom:.1}"),
        '╭' => format!("M{mx:.1} {bottom:.1}Q{mx:.1} {my:.1} {right:.1} {my:.1}"),
        '╮' => format!("M{x:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {bottom:.1}"),
        '╰' => format!("M{mx:.1} {y:.1}Q{mx:.1} {my:.1} {right:.1} {my:.1}"),
        '╯' => format!("M{x:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {y:.1}"),
        '▁'..='█' => {
            let part = f64::from(letter as u32 - '▁' as u32 + 1) / 8.0;
            rect(out, x, y + h * (1.0 - part), w, h * part, colour);
            return true;
        }
        '░' => {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{colour}\" fill-opacity=\"0.35\" shape-rendering=\"crispEdges\"/>"
            );
            return true;
        }
        '■' => {
            rect(out, x + 1.0, my - 3.5, w - 2.0, 7.0, colour);
            return true;
        }
        '□' => {
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"6\" fill=\"none\" stroke=\"{colour}\"/>",
                x + 1.5,
                my - 3.0,
                w - 3.0
            );
            return true;
        }
        '▶' => {
            let _ = writeln!(
                out,
                "<path d=\"M{x:.1} {:.1}L{right:.1} {my:.1}L{x:.1} {:.1}Z\" fill=\"{colour}\"/>",
                my - 4.0,
                my + 4.0
            );
            return true;
        }
        _ => return false,
    };
    let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{colour}\" fill=\"none\"/>");
    true
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn style(screen: &Screen, row: u16, column: u16) -> Style {
    let Some(cell) = screen.cell(row, column) else {
        return Style { front: FRONT.into(), back: BACK.into(), bold: false };
    };
    let (front, back) = (colour(cell.fgcolor(), FRONT), colour(cell.bgcolor(), BACK));
    let (front, back) = if cell.inverse() { (back, front) } else { (front, back) };
    Style { front, back, bold: cell.bold() }
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Default => default.to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Idx(n @ 0..=15) => {
            const NAMED: [&str; 16] = [
                "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666",
                "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
            ];
            NAMED[usize::from(n)].to_owned()
        }
        Color::Idx(n @ 16..=231) => {
            let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
