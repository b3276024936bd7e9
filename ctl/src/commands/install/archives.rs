//! The archives of a description, on this machine: fetched where an address is named.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use storm_conf::Environment;
use storm_install::archive::Archive;
use storm_install::fetch::{Event, fetch};
use storm_install::plan::Packed;
use storm_install::site::sha256_file;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// How long a line stays before the next one replaces it.
const LINE: Duration = Duration::from_millis(200);

/// The archive as it can be brought to hosts; with one that is fetched goes its checksum, if the description has it.
pub(super) async fn packed(
    printer: &Printer,
    archive: Option<(&Archive, Option<&str>)>,
) -> Result<Option<Packed>, Failure> {
    let Some((archive, sha512)) = archive else { return Ok(None) };
    let file = match archive {
        Archive::File(file) => file.clone(),
        Archive::Url(url) => tokio::select! {
            file = fetched(printer, url, sha512) => file?,
            _ = tokio::signal::ctrl_c() => {
                printer.progress_end();
                return Err(Failure::new(Exit::Interrupted, "interrupted", format!("interrupted while {url} was fetched"))
                    .hint("say it again: what is here is gone on with"));
            }
        },
    };
    let sha256 = sha256_file(&file).map_err(|e| {
        Failure::new(Exit::NotFound, "install/file", format!("cannot read {}", file.display())).evidence(e.to_string())
    })?;
    Ok(Some(Packed { file, sha256 }))
}

async fn fetched(printer: &Printer, url: &str, sha512: Option<&str>) -> Result<PathBuf, Failure> {
    let cache = Environment::of_process().own_cache().ok_or_else(|| {
        Failure::new(Exit::Failed, "install/no-home", "there is no place to keep what is fetched")
            .hint("set HOME or XDG_CACHE_HOME, or name a file")
    })?;
    let shown = Mutex::new(Instant::now());
    let tell = |event: Event| match event {
        Event::Begun { here: 0, of } => printer.note(&format!("fetching {url}{}", whole(of))),
        Event::Begun { here, of } => printer.note(&format!("fetching {url}{}, from {} on", whole(of), size(here))),
        Event::Got { here, of } => {
            let mut last = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if last.elapsed() >= LINE {
                *last = Instant::now();
                printer.progress(&format!(
                    "{}{}",
                    size(here),
                    of.map_or(String::new(), |of| format!(" of {}", size(of)))
                ));
            }
        }
        Event::Done { bytes, checked } => {
            printer.progress_end();
            let how = if checked { "as its sha512 says" } else { "not checked: no .sha512 lies beside it" };
            printer.note(&format!("fetched {}, {how}", size(bytes)));
        }
    };
    let file = fetch(url, sha512, &cache, &tell).await;
    if file.is_err() {
        printer.progress_end();
    }
    Ok(file?)
}

fn whole(of: Option<u64>) -> String {
    of.map_or(String::new(), |of| format!(" ({})", size(of)))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Whether there is such a file, or it is an address.
pub(super) fn there(text: &str) -> Result<(), String> {
    let archive = Archive::from(text.to_owned());
    archive.check().map_err(|trouble| trouble.message)?;
    match archive {
        Archive::File(file) if !file.is_file() => Err(format!("there is no file {text}")),
        _ => Ok(()),
    }
}
