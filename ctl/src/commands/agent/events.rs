//! `stormctl agent events`: what happens on hosts, as it happens.

use serde_json::{Value, json};
use storm_agent::client::{AskError, Stream};
use storm_agent::proto::event::What;
use storm_agent::proto::{Event, Process};
use tokio::sync::mpsc;

use crate::agents::{self, Agents, Asked};
use crate::cli::Format;
use crate::context::Context;
use crate::failure::Failure;
use crate::logging::iso_time;

/// Events on their way; hosts wait while nobody takes them.
const WAITING: usize = 64;

pub async fn run(ctx: &Context, hosts: &str) -> Result<(), Failure> {
    let all = Agents::only(ctx)?;
    let addresses = agents::named(ctx, hosts).await?;
    let answers = all.each(ctx, &addresses, |mut agent| async move { agent.watch().await }).await;
    let asked = Asked::of(&all, &answers);
    let (sender, mut receiver) = mpsc::channel(WAITING);
    for (address, stream) in answers {
        if let Ok(stream) = stream {
            tokio::spawn(forward(address.to_string(), stream, sender.clone()));
        }
    }
    drop(sender);
    if let Err(failure) = asked.clone().end() {
        ctx.printer.failure(&failure);
    }
    let structured = matches!(ctx.printer.format, Format::Json | Format::Jsonl | Format::Yaml);
    let mut lost = Vec::new();
    while let Some((host, told)) = receiver.recv().await {
        match told {
            Ok(event) => {
                let shown = if structured { format!("{}\n", json(&host, &event)) } else { text(&host, &event) };
                ctx.printer.out(&shown)?;
            }
            Err(e) => {
                ctx.printer.failure(&agents::failure(&e));
                lost.push((host, e));
            }
        }
    }
    // The last host has gone; the causes have been told.
    let exit = lost.first().map(|(_, e)| agents::failure(e).exit).or_else(|| asked.end().err().map(|f| f.exit));
    exit.map_or(Ok(()), |exit| Err(Failure::shown(exit)))
}

async fn forward(host: String, mut stream: Stream<Event>, sender: mpsc::Sender<(String, Result<Event, AskError>)>) {
    loop {
        let told = match stream.next().await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => return,
            Err(e) => Err(e),
        };
        let last = told.is_err();
        if sender.send((host.clone(), told)).await.is_err() || last {
            return;
        }
    }
}

fn time(event: &Event) -> String {
    iso_time(u64::try_from(event.millis).unwrap_or(0))
}

fn process(p: &Process) -> Value {
    json!({"pid": p.pid, "role": p.role, "name": p.name, "topology": p.topology, "slot": p.slot})
}

fn json(host: &str, event: &Event) -> Value {
    let (what, more) = match &event.what {
        Some(What::Began(p)) => ("began", process(p)),
        Some(What::Ended(p)) => ("ended", process(p)),
        Some(What::ConfigChanged(c)) => ("config-changed", json!({"path": c.path, "sha256": c.sha256})),
        Some(What::Health(h)) => {
            let troubles: Vec<Value> =
                h.troubles.iter().map(|t| json!({"code": t.code, "message": t.message})).collect();
            ("health", json!({"troubles": troubles}))
        }
        Some(What::Missed(n)) => ("missed", json!({"count": n})),
        None => ("unknown", json!({})),
    };
    let mut object = json!({"time": time(event), "host": host, "event": what});
    if let (Some(map), Value::Object(more)) = (object.as_object_mut(), more) {
        map.extend(more);
    }
    object
}

fn text(host: &str, event: &Event) -> String {
    let about = |p: &Process| {
        let name = p.name.as_deref().unwrap_or("a process");
        match (&p.topology, p.slot) {
            (Some(topology), Some(slot)) => format!("{name} (pid {}) of {topology} on slot {slot}", p.pid),
            _ => format!("{name} (pid {})", p.pid),
        }
    };
    let what = match &event.what {
        Some(What::Began(p)) => format!("began: {}", about(p)),
        Some(What::Ended(p)) => format!("ended: {}", about(p)),
        Some(What::ConfigChanged(c)) if c.sha256.is_empty() => format!("configuration is gone: {}", c.path),
        Some(What::ConfigChanged(c)) => format!("configuration changed: {}", c.path),
        Some(What::Health(h)) if h.troubles.is_empty() => "healthy".to_owned(),
        Some(What::Health(h)) => {
            let troubles: Vec<&str> = h.troubles.iter().map(|t| t.message.as_str()).collect();
            format!("not well: {}", troubles.join("; "))
        }
        Some(What::Missed(n)) => format!("{n} events are missing: we were too slow"),
        None => "something that only a newer stormctl understands".to_owned(),
    };
    format!("{} {host} {what}\n", time(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines() {
        let worker = Process {
            pid: 7,
            name: Some("Worker".into()),
            topology: Some("wc-1-1".into()),
            slot: Some(6700),
            ..Process::default()
        };
        let event = Event { millis: 0, what: Some(What::Ended(worker)) };
        assert_eq!(text("h1", &event), "1970-01-01T00:00:00.000Z h1 ended: Worker (pid 7) of wc-1-1 on slot 6700\n");
        let json = json("h1", &event);
        assert_eq!((&json["event"], &json["slot"], &json["host"]), (&"ended".into(), &6700.into(), &"h1".into()));
    }
}
