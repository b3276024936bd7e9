//! The pages of the log viewer: they work without scripts, and everything that was logged is shown as text.

use storm_http::{escape, form_encode};

use crate::files::Slot;
use crate::part::Part;
use crate::root::Entry;

pub const STYLE: &str = include_str!("../assets/style.css");

/// Whose log it is: this decides the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Worker,
    Daemon,
}

impl Kind {
    fn route(self) -> &'static str {
        if self == Kind::Daemon { "daemonlog" } else { "log" }
    }

    fn download(self) -> &'static str {
        if self == Kind::Daemon { "daemondownload" } else { "download" }
    }

    /// The address of a log, from wherever it is asked for.
    pub fn address(self, file: &str) -> String {
        format!("/api/v1/{}?file={}", self.route(), form_encode(file))
    }
}

fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header><a href=\"/\">Logs</a></header>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
}

fn link(address: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(address), escape(text))
}

/// A log, or a piece of it.
#[derive(Debug)]
pub struct Log<'a> {
    pub kind: Kind,
    pub file: &'a str,
    pub part: &'a Part,
    pub length: u64,
    pub grep: Option<&'a str>,
    /// The other logs of the same worker, or of the daemons.
    pub beside: &'a [String],
}

impl Log<'_> {
    pub fn page(&self) -> String {
        let text = String::from_utf8_lossy(&self.part.bytes);
        let text: String = match self.grep.filter(|g| !g.is_empty()) {
            None => text.into_owned(),
            Some(grep) => text.split_inclusive('\n').filter(|line| line.contains(grep)).collect(),
        };
        let place = format!("bytes {} to {} of {}", self.part.start, self.part.end(), self.part.total);
        let body = format!(
            "<nav>{} <span>{place}</span></nav>\n{}\n{}\n<pre id=\"logContent\">{}</pre>\n<nav>{}</nav>",
            self.moves(),
            self.search(),
            self.others(),
            escape(&text),
            self.moves(),
        );
        page(self.file, &body)
    }

    fn moves(&self) -> String {
        let (start, end, total, length) = (self.part.start, self.part.end(), self.part.total, self.length);
        let at = |start: Option<u64>, text: &str| {
            let mut address = format!("{}&length={length}", self.kind.address(self.file));
            if let Some(start) = start {
                address.push_str(&format!("&start={start}"));
            }
            if let Some(grep) = self.grep.filter(|g| !g.is_empty()) {
                address.push_str(&format!("&grep={}", form_encode(grep)));
            }
            link(&address, text)
        };
        let or =
            |possible: bool, link: String, text: &str| if possible { link } else { format!("<span>{text}</span>") };
        [
            or(start > 0, at(Some(0), "First"), "First"),
            or(start > 0, at(Some(start.saturating_sub(length)), "Previous"), "Previous"),
            or(end < total, at(Some(end), "Next"), "Next"),
            at(None, "Last"),
            link(&format!("/api/v1/{}?file={}", self.kind.download(), form_encode(self.file)), "Download"),
        ]
        .join(" ")
    }

    /// Lines with a text, of this piece; and the search of the whole, which answers with JSON.
    fn search(&self) -> String {
        format!(
            "<form action=\"/api/v1/{route}\"><input type=\"hidden\" name=\"file\" value=\"{file}\">\
             <input type=\"hidden\" name=\"start\" value=\"{start}\"><input type=\"hidden\" name=\"length\" value=\"{length}\">\
             <label>Only lines with <input type=\"search\" name=\"grep\" value=\"{grep}\"></label> <button>Show</button></form>\n\
             <form action=\"/api/v1/find\"><input type=\"hidden\" name=\"file\" value=\"{file}\">\
             <input type=\"hidden\" name=\"is-daemon\" value=\"{daemon}\">\
             <label>In the whole log <input type=\"search\" name=\"search-string\" required maxlength=\"1024\"></label> \
             <button>Search</button></form>",
            route = self.kind.route(),
            file = escape(self.file),
            start = self.part.start,
            length = self.length,
            grep = escape(self.grep.unwrap_or_default()),
            daemon = if self.kind == Kind::Daemon { "yes" } else { "no" },
        )
    }

    fn others(&self) -> String {
        let links = self.beside.iter().map(|file| match file == self.file {
            true => format!("<strong>{}</strong>", escape(last(file))),
            false => link(&self.kind.address(file), last(file)),
        });
        format!("<nav>{}</nav>", links.collect::<Vec<_>>().join(" "))
    }
}

fn last(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// What was found in a log: `(before, text, after, address)` each.
pub fn found(file: &str, text: &str, matches: &[[String; 4]], more: Option<&str>) -> String {
    let one = |[before, text, after, address]: &[String; 4]| {
        let shown = format!("{}<mark>{}</mark>{}", escape(before), escape(text), escape(after));
        format!("<li>{}<pre>{shown}</pre></li>", link(address, "show"))
    };
    let list: String = matches.iter().map(one).collect();
    let more = more.map_or_else(String::new, |address| format!("<nav>{}</nav>", link(address, "Go on")));
    let count = if matches.is_empty() { "<p>Nothing was found.</p>" } else { "" };
    page(&format!("{text} in {file}"), &format!("{count}<ol>{list}</ol>{more}"))
}

/// What there is: daemons, then workers.
pub fn index(daemons: &[Entry], workers: &[(Slot, Vec<Entry>)]) -> String {
    let row = |kind: Kind, file: &str, entry: &Entry| {
        format!("<li>{} <span>{} bytes</span></li>", link(&kind.address(file), &entry.name), entry.len)
    };
    let own: String = daemons.iter().map(|e| row(Kind::Daemon, &e.name, e)).collect();
    let mut body = format!("<h2>Daemons of this host</h2><ul>{own}</ul><h2>Workers</h2>");
    if workers.is_empty() {
        body.push_str("<p>No worker has logged here.</p>");
    }
    for (slot, files) in workers {
        let files: String = files.iter().map(|e| row(Kind::Worker, &slot.file(&e.name), e)).collect();
        body.push_str(&format!("<h3>{} {}</h3><ul>{files}</ul>", escape(&slot.topology), escape(&slot.port)));
    }
    page("Logs of this host", &body)
}

/// The dumps of a worker.
pub fn dumps(topology: &str, worker: &str, files: &[Entry]) -> String {
    let base = format!("/api/v1/dumps/{}/{}", form_encode(topology), form_encode(worker));
    let one = |e: &Entry| format!("<li>{}</li>", link(&format!("{base}/{}", form_encode(&e.name)), &e.name));
    let list: String = files.iter().map(one).collect();
    page(&format!("Dumps of {topology} on {worker}"), &format!("<ul>{list}</ul>"))
}

pub fn trouble(title: &str, text: &str) -> String {
    page(title, &format!("<p>{}</p>", escape(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_is_text() {
        let evil = "<script>alert(1)</script>\"'&";
        let part = Part { bytes: format!("{evil}\nplain\n").into_bytes(), start: 100, total: 10_000 };
        let beside = ["t-1-1/6700/<i>.log".to_owned()];
        let log = |grep| Log {
            kind: Kind::Worker,
            file: "t-1-1/6700/<b>.log",
            part: &part,
            length: 50,
            grep,
            beside: &beside,
        };
        let page = log(None).page();
        for raw in ["<script", "<b>", "<i>"] {
            assert!(!page.contains(raw), "{page}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("plain"));
        assert!(page.contains("/api/v1/log?file=t-1-1%2F6700%2F%3Cb%3E.log&amp;length=50&amp;start=50"));
        assert!(!log(Some("script")).page().contains("plain"));
        let found = found("f", evil, &[[evil.into(), evil.into(), evil.into(), "/a?\"><b>".into()]], None);
        assert!(!found.contains("<script") && !found.contains("<b>"));
    }
}
