//! `stormctl jps`: the processes of this machine, or of others.

mod listing;

use std::path::Path;

use storm_agent::client::AskError;
use storm_machine::jps::{self, Seen};
use storm_machine::process::Entry;

use crate::agents::{self, Agents, Asked};
use crate::cli::{self, Format};
use crate::context::Context;
use crate::failure::Failure;
use crate::printer::Printer;
use listing::{Listing, Options, Part};

pub fn run(printer: &Printer, args: &cli::Jps) -> Result<(), Failure> {
    let plain = matches!(printer.format, Format::Table | Format::Name | Format::Storm);
    // Where a JVM puts its files, whatever TMPDIR says.
    let mut processes = jps::list(Path::new("/tmp"), !plain);
    if let Some(entry) = Entry::of(std::process::id() as i32) {
        let verb = entry.args.iter().position(|a| a == "jps").map_or(entry.args.len(), |i| i + 1);
        let own = Seen::of_entry(&entry, "jdk.jcmd/sun.tools.jps.Jps", entry.args[verb..].join(" "));
        let at = processes.partition_point(|p| p.pid < own.pid);
        processes.insert(at, own);
    }
    printer.show(&Listing { parts: vec![Part { host: None, processes }], options: Options::of(args), asked: None })
}

/// The processes of other hosts.
pub async fn of_hosts(ctx: &Context, args: &cli::Jps, hosts: &str) -> Result<(), Failure> {
    let all = Agents::open(ctx)?;
    let addresses = agents::named(ctx, hosts).await?;
    let answers = all.each(ctx, &addresses, |mut agent| async move { agent.processes().await }).await;
    let asked = Asked::of(&all, &answers);
    let part = |(address, answer): (storm_agent::Address, Result<Vec<Seen>, AskError>)| {
        Some(Part { host: Some(address.to_string()), processes: answer.ok()? })
    };
    let parts = answers.into_iter().filter_map(part).collect();
    let listing = Listing { parts, options: Options::of(args), asked: Some(asked) };
    ctx.printer.show(&listing)?;
    listing.asked.map_or(Ok(()), Asked::end)
}
