//! More memory promised than the machine has.

use super::document::Document;
use super::jvm::heap_mb;
use crate::finding::{Finding, Level};
use crate::host::Host;

pub(super) fn check(document: &Document<'_>, host: &Host) -> Vec<Finding> {
    let Some(memory) = host.memory_mb else { return Vec::new() };
    let mut findings = Vec::new();
    if let Some(entry) = document.entry("supervisor.memory.capacity.mb")
        && let Some(capacity) = document.number("supervisor.memory.capacity.mb")
        && capacity > memory as f64
    {
        let message =
            format!("supervisor.memory.capacity.mb: {capacity} MiB are offered, and this machine has {memory}");
        let finding = document.at(Level::Warning, "config/memory", &entry.value, message);
        findings.push(finding.hint(format!("stormctl config set supervisor.memory.capacity.mb {}", memory * 8 / 10)));
    }
    findings.extend(workers(document, memory));
    findings
}

/// All slots in use at once. Only when something of it is written here.
fn workers(document: &Document<'_>, memory: u64) -> Option<Finding> {
    let heap_keys = ["worker.childopts", "worker.heap.memory.mb"];
    // Storm's own four slots of its own heap are too much for a small machine already; that is not this file's fault.
    let many = document.items_len("supervisor.slots.ports") > 4;
    let slots_entry = document.entry("supervisor.slots.ports").filter(|_| many);
    let told = heap_keys.iter().find_map(|key| document.entry(key)).or(slots_entry)?;
    let options = document.text("worker.childopts").unwrap_or_default();
    let filled_in = || if options.contains("%HEAP-MEM%") { document.number("worker.heap.memory.mb") } else { None };
    let heap = heap_mb(&options).or_else(filled_in)?;
    let slots = document.value("supervisor.slots.ports")?.as_array()?.len();
    let sum = heap * slots as f64;
    if sum <= memory as f64 {
        return None;
    }
    let message = format!("{slots} workers of {heap} MiB of heap want {sum} MiB, and this machine has {memory}");
    let finding = document.at(Level::Warning, "config/memory", &told.value, message);
    Some(finding.hint("give fewer slots or less heap: worker.heap.memory.mb, supervisor.slots.ports"))
}
