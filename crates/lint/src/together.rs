//! What only several files together show: ZooKeeper's against Storm's, Storm's against the logs'.

use crate::finding::{Finding, Level};
use crate::log4j;
use crate::storm::{Document, is_loopback};
use crate::subject::{Format, Subject};
use crate::zoo::{Server, Zoo};

pub(crate) fn check(subjects: &[Subject]) -> Vec<Finding> {
    let of = |format: Format| subjects.iter().filter(move |s| s.format == format);
    let mut findings = Vec::new();
    for storm in of(Format::Storm) {
        let storm = Document::read(storm);
        for zoo in of(Format::Zoo) {
            let zoo = Zoo::read(zoo);
            findings.extend(port(&storm, &zoo));
            findings.extend(session(&storm, &zoo));
            findings.extend(servers(&storm, &zoo));
            findings.extend(admin(&storm, &zoo));
        }
        for xml in of(Format::Log4j) {
            findings.extend(appender(&storm, xml));
        }
    }
    findings
}

fn port(storm: &Document<'_>, zoo: &Zoo<'_>) -> Option<Finding> {
    let (wanted, entry) = (storm.number("storm.zookeeper.port")?, zoo.get("clientPort")?);
    let serves: f64 = entry.value.parse().ok()?;
    if wanted == serves {
        return None;
    }
    let message =
        format!("clientPort is {serves}, and storm.zookeeper.port {wanted}: Storm would not find this server");
    let finding = zoo.at(Level::Error, "zoo/port-differs", entry, message);
    let finding = match storm.entry("storm.zookeeper.port") {
        Some(entry) => finding.with(storm.subject, entry.value.mark, "storm.zookeeper.port"),
        None => finding,
    };
    Some(finding.hint(format!("stormctl config set storm.zookeeper.port {serves}")))
}

/// A server grants what its ticks allow, whatever Storm asks for.
fn session(storm: &Document<'_>, zoo: &Zoo<'_>) -> Option<Finding> {
    let asked = storm.number("storm.zookeeper.session.timeout")?;
    let tick = zoo.number("tickTime")?;
    let given = |key: &str| zoo.get(key).and_then(|e| e.value.parse::<f64>().ok()).filter(|n| *n >= 0.0);
    let (least, most) =
        (given("minSessionTimeout").unwrap_or(2.0 * tick), given("maxSessionTimeout").unwrap_or(20.0 * tick));
    if (least..=most).contains(&asked) || least > most {
        return None;
    }
    let granted = asked.clamp(least, most);
    let message = format!(
        "storm.zookeeper.session.timeout asks for {asked} ms, and this server grants {least} to {most}: it would be {granted}"
    );
    let told =
        zoo.get("maxSessionTimeout").filter(|_| asked > most).or(zoo.get("minSessionTimeout")).or(zoo.get("tickTime"));
    let finding = match told {
        Some(entry) => zoo.at(Level::Warning, "zoo/session-granted", entry, message),
        None => zoo.whole(Level::Warning, "zoo/session-granted", message),
    };
    Some(match storm.entry("storm.zookeeper.session.timeout") {
        Some(entry) => finding.with(storm.subject, entry.value.mark, "storm.zookeeper.session.timeout"),
        None => finding,
    })
}

/// The hosts of both.
fn servers(storm: &Document<'_>, zoo: &Zoo<'_>) -> Option<Finding> {
    let lines = zoo.servers();
    let ensemble: Vec<String> = lines.iter().filter_map(|e| Some(Server::parse(&e.value).ok()?.host)).collect();
    let asked = storm.items("storm.zookeeper.servers");
    if ensemble.len() < 2 || asked.is_empty() || asked.iter().all(|(_, h)| is_loopback(h)) {
        return None;
    }
    // The same machine may have a short and a long name.
    let same = |a: &str, b: &str| a.split('.').next() == b.split('.').next() || a.eq_ignore_ascii_case(b);
    let (node, host) = asked.iter().find(|(_, h)| !ensemble.iter().any(|e| same(e, h)))?;
    let message = format!("storm.zookeeper.servers names {host}, which is no server of {}", zoo.subject.path.display());
    let finding = storm.at(Level::Warning, "zoo/servers-differ", node, message);
    Some(finding.with(zoo.subject, zoo.subject.text.mark(lines[0].key_span.start), ensemble.join(", ")))
}

/// Both want 8080 by default.
fn admin(storm: &Document<'_>, zoo: &Zoo<'_>) -> Option<Finding> {
    let off = zoo.get("admin.enableServer").is_some_and(|e| e.value.eq_ignore_ascii_case("false"));
    let (ui, admin) = (storm.number("ui.port")?, zoo.number("admin.serverPort")?);
    if off || ui != admin {
        return None;
    }
    let message = format!("the administration page takes port {admin}, which is the port of Storm's UI too");
    let finding = match zoo.get("admin.serverPort") {
        Some(entry) => zoo.at(Level::Warning, "zoo/admin-port", entry, message),
        None => zoo.whole(Level::Warning, "zoo/admin-port", message),
    };
    Some(finding.fix("add admin.enableServer=false", zoo.append("admin.enableServer=false")))
}

/// The log viewer looks for one appender by its name.
fn appender(storm: &Document<'_>, xml: &Subject) -> Option<Finding> {
    if xml.path.file_name().is_none_or(|n| n != "worker.xml") {
        return None;
    }
    let entry = storm.entry("logviewer.appender.name")?;
    let name = storm.text("logviewer.appender.name")?;
    let appenders = log4j::appenders(xml)?;
    if appenders.contains(&name) {
        return None;
    }
    let message = format!("logviewer.appender.name: {name} is no appender of {}", xml.path.display());
    let finding = storm.at(Level::Warning, "config/appender", &entry.value, message);
    Some(finding.hint(format!("its appenders are {}", appenders.join(", "))))
}
