//! The listing: plain as the JDK prints it, or with more columns.

use serde_json::{Map, Value, json};
use storm_machine::jps::Seen;

use crate::agents::Asked;
use crate::cli;
use crate::printer::Report;
use crate::table::{Side, Table, age, or_dash};

pub struct Listing {
    pub parts: Vec<Part>,
    pub options: Options,
    /// The hosts that were asked, and those that gave no answer.
    pub asked: Option<Asked>,
}

/// The processes of one host; without a name, of this one.
pub struct Part {
    pub host: Option<String>,
    pub processes: Vec<Seen>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    quiet: bool,
    long: bool,
    main_args: bool,
    vm_args: bool,
    vm_flags: bool,
}

impl Options {
    pub fn of(args: &cli::Jps) -> Options {
        Options {
            quiet: args.quiet,
            long: args.long,
            main_args: args.main_args,
            vm_args: args.vm_args,
            vm_flags: args.vm_flags,
        }
    }
}

fn line(p: &Seen, o: Options) -> String {
    if o.quiet {
        return format!("{}\n", p.pid);
    }
    let Some(class) = p.class.as_deref() else {
        return format!("{} -- process information unavailable\n", p.pid);
    };
    let name = if o.long { class } else { p.short().unwrap_or(class) };
    let mut line = format!("{} {name}", p.pid);
    let extra = [(o.main_args, &p.main_args), (o.vm_args, &p.vm_args), (o.vm_flags, &p.vm_flags)];
    for (_, text) in extra.iter().filter(|(shown, text)| *shown && !text.is_empty()) {
        line.push(' ');
        line.push_str(text);
    }
    line.push('\n');
    line
}

fn item(host: Option<&str>, p: &Seen) -> Value {
    let mut item = json!({
        "pid": p.pid,
        "role": p.role,
        "name": p.short(),
        "class": p.class,
        "args": p.main_args,
        "kind": if p.java { "java" } else { "native" },
        "topology": p.slot.as_ref().map(|s| &s.topology),
        "slot": p.slot.as_ref().and_then(|s| s.port),
        "worker": p.slot.as_ref().map(|s| &s.worker),
        "port": p.port(),
        "ports": p.ports,
        "uptime_secs": p.uptime_secs,
        "resident_bytes": p.resident_bytes,
        "cpu_secs": p.cpu_secs,
        "cpu_percent": p.cpu_percent,
        "config": p.config,
        "orphan": p.orphan.is_some(),
        "orphan_reason": p.orphan,
    });
    if let (Some(host), Some(map)) = (host, item.as_object_mut()) {
        map.insert("host".to_owned(), host.into());
    }
    item
}

impl Listing {
    fn all(&self) -> impl Iterator<Item = (Option<&str>, &Seen)> {
        self.parts.iter().flat_map(|part| part.processes.iter().map(|p| (part.host.as_deref(), p)))
    }
}

impl Report for Listing {
    const KIND: &'static str = "ProcessList";

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::from_iter([("items".to_owned(), Value::Array(self.items()))]);
        if let Some(asked) = &self.asked {
            fields.insert("hosts".to_owned(), asked.json());
        }
        fields
    }

    fn items(&self) -> Vec<Value> {
        self.all().map(|(host, p)| item(host, p)).collect()
    }

    fn text(&self, wide: bool) -> String {
        if !wide {
            let one = |(host, p): (Option<&str>, &Seen)| match host {
                Some(host) => format!("{host} {}", line(p, self.options)),
                None => line(p, self.options),
            };
            return self.all().map(one).collect();
        }
        let mut columns = vec![
            ("PID", Side::Right),
            ("NAME", Side::Left),
            ("ROLE", Side::Left),
            ("KIND", Side::Left),
            ("AGE", Side::Right),
            ("MIB", Side::Right),
            ("CPU%", Side::Right),
            ("PORT", Side::Right),
            ("SLOT", Side::Right),
            ("TOPOLOGY", Side::Left),
            ("ORPHAN", Side::Left),
            ("CONFIG", Side::Left),
        ];
        if self.asked.is_some() {
            columns.insert(0, ("HOST", Side::Left));
        }
        let mut table = Table::new(&columns);
        for (host, p) in self.all() {
            let cells = [
                p.pid.to_string(),
                or_dash(p.short()),
                p.role.clone(),
                if p.java { "java" } else { "native" }.to_owned(),
                or_dash(p.uptime_secs.map(age)),
                or_dash(p.resident_bytes.map(|b| b / (1024 * 1024))),
                or_dash(p.cpu_percent.map(|c| format!("{c:.1}"))),
                or_dash(p.port()),
                or_dash(p.slot.as_ref().and_then(|s| s.port)),
                or_dash(p.slot.as_ref().map(|s| &s.topology)),
                or_dash(p.orphan.as_ref().map(|why| format!("yes: {why}"))),
                or_dash(p.config.as_ref().map(|c| c.display())),
            ];
            table.row(host.map(str::to_owned).into_iter().chain(cells));
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        let name = |(host, p): (Option<&str>, &Seen)| match host {
            Some(host) => format!("{host} {}", p.pid),
            None => p.pid.to_string(),
        };
        self.all().map(name).collect()
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(class: Option<&str>) -> Seen {
        Seen {
            pid: 1,
            java: true,
            class: class.map(str::to_owned),
            main_args: "wc-1-1 s 6628 6700 w".into(),
            vm_args: "-Xmx1g -Dx=y".into(),
            ..Seen::default()
        }
    }

    #[test]
    fn lines_have_what_the_flags_ask_for() {
        let worker = seen(Some("org.apache.storm.daemon.worker.Worker"));
        assert_eq!(line(&worker, Options::default()), "1 Worker\n");
        assert_eq!(line(&worker, Options { quiet: true, ..Options::default() }), "1\n");
        let lm = Options { long: true, main_args: true, ..Options::default() };
        assert_eq!(line(&worker, lm), "1 org.apache.storm.daemon.worker.Worker wc-1-1 s 6628 6700 w\n");
        let v = Options { vm_args: true, vm_flags: true, ..Options::default() };
        assert_eq!(line(&worker, v), "1 Worker -Xmx1g -Dx=y\n");
        assert_eq!(line(&seen(None), Options::default()), "1 -- process information unavailable\n");
    }

    #[test]
    fn hosts_are_told_when_they_were_asked_for() {
        let part = |host: Option<&str>| Part { host: host.map(str::to_owned), processes: vec![seen(Some("a.B"))] };
        let listing = Listing {
            parts: vec![part(Some("h1")), part(Some("h2"))],
            options: Options::default(),
            asked: Some(Asked::default()),
        };
        assert_eq!(listing.text(false), "h1 1 B\nh2 1 B\n");
        assert_eq!(listing.items()[1]["host"], "h2");
        assert!(listing.text(true).starts_with("HOST  PID  NAME"));
        let here = Listing { parts: vec![part(None)], options: Options::default(), asked: None };
        assert!(here.items()[0].get("host").is_none());
    }
}
