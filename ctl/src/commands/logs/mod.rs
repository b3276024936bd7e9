//! `stormctl logs NAME`: what the workers of a topology have logged, or a daemon, in order of time; on this machine, and on
//! others.

mod coverage;
mod feed;
mod show;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use storm_agent::Address;
use storm_agent::client::{AskError, Stream};
use storm_agent::proto::{FollowLogsRequest, FollowLogsResponse};
use storm_conf::Conf;
use storm_machine::logs::{Filter, LogError, Place, Reading, Tail, local_offset_secs, stamp};

use crate::agents::{self, Agents, Asked, Ways};
use crate::cli::{self, Format, Role};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use feed::{Feed, Feeds};
use show::Output;

/// Where the logs of this machine are.
pub fn place(conf: &Conf) -> Place {
    let daemons = Role::ALL.map(|role| (role.name().to_owned(), role.log_file(conf)));
    Place { daemons: daemons.into(), artifacts: conf.artifacts_dir() }
}

pub async fn run(ctx: &Context, args: &cli::Logs) -> Result<(), Failure> {
    let filter = filter(args)?;
    if Role::of_name(&args.name).is_some() && args.component.is_some() {
        return Err(Failure::new(Exit::Usage, "usage/component", "a daemon has no components")
            .hint("name a topology with --component"));
    }
    let (feeds, end) = match &args.hosts {
        Some(hosts) => of_hosts(ctx, args, hosts, &filter).await?,
        None => (everywhere(ctx, args, filter).await?, Ok(())),
    };
    show(ctx, args, Feeds::new(feeds)).await?;
    end
}

/// What is wanted of all logs.
fn filter(args: &cli::Logs) -> Result<Filter, Failure> {
    let time = |text: &Option<String>| Ok::<_, Failure>(text.as_deref().map(since).transpose()?.map(millis));
    let label = args.worker.map(|port| port.to_string());
    let filter =
        Filter { since: time(&args.since)?, until: time(&args.until)?, level: args.level, label, ..Filter::default() };
    match &args.grep {
        Some(pattern) => filter.grep(pattern, args.ignore_case).map_err(|e| log_failure(&e)),
        None => Ok(filter),
    }
}

/// Shows everything in order of time, and with `-f` goes on.
async fn show(ctx: &Context, args: &cli::Logs, mut feeds: Feeds) -> Result<(), Failure> {
    let mut output = Output::new(ctx, args.follow);
    // Each feed gives its own last lines: of all of them these are the last.
    let mut tail = args.tail.map(Tail::new);
    while let Some(entry) = feeds.next_old().await {
        output.labels(feeds.labels);
        match &mut tail {
            Some(tail) => tail.push(entry),
            None => output.show(&entry)?,
        }
    }
    for entry in tail.into_iter().flat_map(Tail::entries) {
        output.show(&entry)?;
    }
    if !args.follow {
        output.end()?;
    } else {
        output.flush()?;
        let mut told = 0;
        while feeds.more().await {
            output.labels(feeds.labels);
            while let Some(entry) = feeds.next_new() {
                output.show(&entry)?;
            }
            output.flush()?;
            for failure in &feeds.broken[told..] {
                ctx.printer.failure(failure);
            }
            told = feeds.broken.len();
        }
        feeds.broken.drain(..told);
    }
    if feeds.broken.is_empty() {
        return Ok(());
    }
    let faults = feeds.broken.into_iter().flat_map(|f| f.faults).collect();
    Err(Failure { exit: Exit::Partly, faults })
}

/// The logs of hosts that were named.
async fn of_hosts(
    ctx: &Context,
    args: &cli::Logs,
    hosts: &str,
    filter: &Filter,
) -> Result<(Vec<Feed>, Result<(), Failure>), Failure> {
    let all = Agents::open(ctx)?;
    let addresses = agents::named(ctx, hosts).await?;
    let mut request = request(args, filter);
    if let Some(component) = args.component.as_deref() {
        let coverage = coverage::ask(ctx, &args.name, Some(component)).await?;
        request.name = coverage.id;
        request.slots = coverage.slots.iter().flatten().filter_map(|s| s.parse().ok()).collect();
        request.slots.extend(coverage.elsewhere.values().flatten());
    }
    let answers = ask(ctx, &all, &addresses, move |_| request.clone()).await;
    let end = Asked::of(&all, &answers).end();
    let feeds: Vec<Feed> = answers
        .into_iter()
        .filter_map(|(address, answer)| Some(Feed::remote(address.to_string(), answer.ok()?)))
        .collect();
    match end {
        // None of them has anything to show.
        Err(failure) if feeds.is_empty() => Err(failure),
        end => Ok((feeds, end)),
    }
}

/// The logs of this machine, and of workers elsewhere where there are agents.
async fn everywhere(ctx: &Context, args: &cli::Logs, filter: Filter) -> Result<Vec<Feed>, Failure> {
    let place = place(&ctx.conf);
    let name = Role::of_name(&args.name).map_or(args.name.as_str(), |role| role.name());
    let here = place.find(name, None);
    let mut feeds = Vec::new();
    let mut slots = None;
    if Role::of_name(&args.name).is_none() {
        let agents = Agents::through(ctx, Ways::of(&ctx.conf)?.map(Arc::new))?;
        if let (Err(e), false) = (&here, agents.any()) {
            return Err(log_failure(e).hint(described(&args.name)));
        }
        let coverage = coverage::ask(ctx, &args.name, args.component.as_deref()).await?;
        for note in &coverage.notes {
            ctx.printer.note(note);
        }
        slots = coverage.slots.clone();
        feeds = elsewhere(ctx, args, &agents, &coverage, &filter).await?;
    }
    let local = here.and_then(|_| place.find(name, slots)).and_then(|wanted| {
        let reading = Reading::new(wanted, filter, args.tail);
        if reading.sources() == 0 && !args.follow { Err(reading.nothing()) } else { Ok(reading) }
    });
    match local {
        Ok(reading) => feeds.insert(0, Feed::local(reading, args.follow)),
        Err(e) if feeds.is_empty() => return Err(log_failure(&e).hint(described(&args.name))),
        Err(_) => {}
    }
    Ok(feeds)
}

fn described(name: &str) -> String {
    match Role::of_name(name) {
        Some(role) => format!("stormctl logs {} --hosts all      asks the agents of other machines", role.name()),
        None => format!("stormctl describe {name}      says on which machines its workers run"),
    }
}

async fn elsewhere(
    ctx: &Context,
    args: &cli::Logs,
    agents: &Agents,
    coverage: &coverage::Coverage,
    filter: &Filter,
) -> Result<Vec<Feed>, Failure> {
    if !agents.any() {
        for (host, slots) in &coverage.elsewhere {
            ctx.printer.note(&coverage::not_here(host, slots, "no certificate to ask its agent"));
        }
        return Ok(Vec::new());
    }
    let mut addresses = Vec::new();
    for host in coverage.elsewhere.keys() {
        addresses.push(agents::address(&ctx.conf, host)?);
    }
    let (all, wanted) = (coverage.elsewhere.clone(), request(args, filter));
    let id = coverage.id.clone();
    let answers = ask(ctx, agents, &addresses, move |address| FollowLogsRequest {
        name: id.clone(),
        slots: all.get(&address.host).into_iter().flatten().copied().collect(),
        ..wanted.clone()
    })
    .await;
    let mut feeds = Vec::new();
    for ((address, answer), (host, slots)) in answers.into_iter().zip(&coverage.elsewhere) {
        match answer {
            Ok(stream) => feeds.push(Feed::remote(address.to_string(), stream)),
            Err(e) => ctx.printer.note(&coverage::not_here(host, slots, &e.to_string().replace('\n', "; "))),
        }
    }
    Ok(feeds)
}

async fn ask(
    ctx: &Context,
    agents: &Agents,
    addresses: &[Address],
    request: impl Fn(&Address) -> FollowLogsRequest + Clone + Send + 'static,
) -> Vec<(Address, Result<Stream<FollowLogsResponse>, AskError>)> {
    agents
        .each(ctx, addresses, move |mut agent| {
            let request = request(&agent.address);
            async move { agent.follow_logs(request).await }
        })
        .await
}

fn request(args: &cli::Logs, filter: &Filter) -> FollowLogsRequest {
    FollowLogsRequest {
        name: Role::of_name(&args.name).map_or(args.name.as_str(), |role| role.name()).to_owned(),
        since_millis: filter.since,
        until_millis: filter.until,
        level: args.level.map(|l| l.to_string()),
        grep: args.grep.clone(),
        ignore_case: args.ignore_case,
        worker: args.worker.map(u32::from),
        tail: args.tail.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        slots: Vec::new(),
        follow: args.follow,
    }
}

pub fn log_failure(e: &LogError) -> Failure {
    let exit = match e {
        LogError::Pattern { .. } => Exit::Usage,
        LogError::Unreadable { .. } => Exit::Failed,
        _ => Exit::NotFound,
    };
    let failure = Failure::new(exit, e.code(), e.to_string());
    match e.place() {
        Some(place) => failure.evidence(place.display().to_string()),
        None => failure,
    }
}

/// A time such as `2026-08-02T10:00`, or how long ago: `10m`.
fn since(text: &str) -> Result<SystemTime, Failure> {
    if let Ok(ago) = cli::duration(text) {
        return Ok(SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH));
    }
    // What is not said of a time is zero.
    let full = "0000-00-00T00:00:00.000Z";
    let mut whole = text.trim_end_matches('Z').to_owned();
    whole.push_str(full.get(whole.len()..23).unwrap_or_default());
    let zone = if text.ends_with('Z') { "Z" } else { "" };
    let millis = stamp(&format!("{whole}{zone}"), local_offset_secs());
    let millis = millis.and_then(|ms| u64::try_from(ms).ok()).filter(|_| text.len() >= 10);
    millis.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)).ok_or_else(|| {
        Failure::new(Exit::Usage, "usage/since", format!("\"{text}\" is neither a time nor a length of time"))
            .hint("write 10m, 2h, 2026-08-02T10:00 (local time) or 2026-08-02T10:00Z")
    })
}

fn millis(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Whether entries are shown as objects.
fn is_structured(format: Format) -> bool {
    matches!(format, Format::Json | Format::Jsonl | Format::Yaml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_a_time_or_a_while() {
        assert_eq!(millis(since("2026-08-02T10:02:21.991Z").unwrap()), 1_785_664_941_991);
        assert_eq!(millis(since("2026-08-02T10:02Z").unwrap()), 1_785_664_920_000);
        assert!(since("2026-08-02").is_ok());
        let ago = SystemTime::now().duration_since(since("10m").unwrap()).unwrap();
        assert!((599..=660).contains(&ago.as_secs()), "{ago:?}");
        for wrong in ["yesterday", "2026-08", "10:00"] {
            assert_eq!(since(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}
