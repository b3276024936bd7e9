//! Logs: what there is, bytes of one, and entries of many in order of time.
//!
//! A stream holds one batch in hand and one on its way; when the caller does not take them, nothing is read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use storm_conf::Conf;
use storm_machine::logs::{Batch, Filter, LogError, Reading};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Told, off_loop};
use crate::clock;
use crate::options::Options;
use crate::proto::{FollowLogsRequest, FollowLogsResponse, Log, ReadLogRequest, ReadLogResponse};

/// About the size of one message.
const BATCH: usize = 64 << 10;
/// How long between two looks for more.
const LOOK: Duration = Duration::from_millis(100);
/// How long between two looks for workers that have come.
const WORKERS: Duration = Duration::from_secs(2);
/// Files that are listed at most, and how deep they lie: topology, slot, file.
const FILES: usize = 20_000;
const DEPTH: usize = 4;

/// Of a name or a pattern: what is longer is no question that anybody means, and would be told back in the answer.
const LONGEST: usize = 4096;

fn short(text: &str, what: &str) -> Result<(), Status> {
    if text.len() > LONGEST {
        return Err(Status::invalid_argument(format!("{what} of more than {LONGEST} bytes is not taken")));
    }
    Ok(())
}

/// The files below the folder of logs.
pub(super) fn list(conf: &Conf) -> Vec<Log> {
    let root = conf.log_dir();
    let mut logs = Vec::new();
    collect(&root, &root, DEPTH, &mut logs);
    let artifacts = conf.artifacts_dir();
    if !artifacts.starts_with(&root) {
        collect(&artifacts, &artifacts, DEPTH, &mut logs);
    }
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    logs
}

fn collect(dir: &Path, root: &Path, depth: usize, logs: &mut Vec<Log>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        // Links are not followed: they could lead anywhere.
        let Ok(metadata) = entry.metadata() else { continue };
        let path = entry.path();
        if metadata.is_dir() && depth > 1 {
            collect(&path, root, depth - 1, logs);
        } else if metadata.is_file()
            && logs.len() < FILES
            && let Ok(name) = path.strip_prefix(root)
        {
            let modified = metadata.modified().map_or(0, clock::millis);
            logs.push(Log { name: name.display().to_string(), bytes: metadata.len(), modified_millis: modified });
        }
    }
}

/// The file of a name, which must really lie below a folder of logs.
fn find(conf: &Conf, name: &str) -> Result<PathBuf, Status> {
    short(name, "a name")?;
    let plain = !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
    if !plain {
        return Err(Status::invalid_argument(format!("\"{name}\" is no name of a log, as ListLogs tells them")));
    }
    for root in [conf.log_dir(), conf.artifacts_dir()] {
        let (Ok(root), Ok(path)) = (root.canonicalize(), root.join(name).canonicalize()) else { continue };
        if path.starts_with(&root) && path.is_file() {
            return Ok(path);
        }
    }
    Err(Status::not_found(format!("there is no log {name} below {}", conf.log_dir().display())))
}

pub(super) async fn read(
    options: &std::sync::Arc<Options>,
    request: ReadLogRequest,
    place: OwnedSemaphorePermit,
    ending: watch::Receiver<bool>,
) -> Result<Told<ReadLogResponse>, Status> {
    let options = options.clone();
    let ReadLogRequest { name, offset, limit } = request;
    let (file, at, end) = off_loop(move || {
        let path = find(&options.conf(), &name)?;
        let failed = |e: std::io::Error| Status::unavailable(format!("cannot read {}: {e}", path.display()));
        let mut file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let at = match u64::try_from(offset) {
            Ok(from) => from.min(length),
            Err(_) => length.saturating_sub(offset.unsigned_abs()),
        };
        let end = if limit == 0 { length } else { length.min(at.saturating_add(limit)) };
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        Ok::<_, Status>((file, at, end))
    })
    .await??;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let (mut file, mut at) = (file, at);
        while at < end && !*ending.borrow() {
            let wanted = usize::try_from(end - at).unwrap_or(BATCH).min(BATCH);
            let work = off_loop(move || {
                let mut data = vec![0; wanted];
                let read = file.read(&mut data);
                (file, read.map(|n| data[..n].to_vec()))
            });
            let told = match work.await {
                Ok((back, Ok(data))) => {
                    file = back;
                    // It was cut off meanwhile.
                    if data.is_empty() {
                        return;
                    }
                    let offset = at;
                    at += data.len() as u64;
                    Ok(ReadLogResponse { offset, data })
                }
                Ok((_, Err(e))) => return drop(sender.send(Err(Status::unavailable(e.to_string()))).await),
                Err(status) => return drop(sender.send(Err(status)).await),
            };
            if sender.send(told).await.is_err() {
                return;
            }
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

pub(super) async fn follow(
    options: &std::sync::Arc<Options>,
    request: FollowLogsRequest,
    place: OwnedSemaphorePermit,
    ending: watch::Receiver<bool>,
) -> Result<Told<FollowLogsResponse>, Status> {
    let options = options.clone();
    let follow = request.follow;
    let reading = off_loop(move || begin(&options, &request)).await??;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        if let Err(status) = tell(reading, follow, &sender, ending).await {
            // Who has gone hears nothing any more.
            let _ = sender.send(Err(status)).await;
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

fn begin(options: &Options, request: &FollowLogsRequest) -> Result<Reading, Status> {
    short(&request.name, "a name")?;
    short(request.grep.as_deref().unwrap_or_default(), "a pattern")?;
    short(request.level.as_deref().unwrap_or_default(), "a level")?;
    let level = request.level.as_deref().map(str::parse).transpose().map_err(Status::invalid_argument)?;
    let label = request.worker.map(|port| port.to_string());
    let mut filter =
        Filter { since: request.since_millis, until: request.until_millis, level, label, ..Filter::default() };
    if let Some(pattern) = &request.grep {
        filter = filter.grep(pattern, request.ignore_case).map_err(|e| status(&e))?;
    }
    let slots: BTreeSet<String> = request.slots.iter().map(u32::to_string).collect();
    let place = (options.place)(&options.conf());
    let wanted = place.find(&request.name, Some(slots).filter(|s| !s.is_empty())).map_err(|e| status(&e))?;
    let reading = Reading::new(wanted, filter, request.tail.map(|n| n as usize));
    if reading.sources() == 0 && !request.follow {
        return Err(status(&reading.nothing()));
    }
    Ok(reading)
}

async fn tell(
    mut reading: Reading,
    follow: bool,
    sender: &mpsc::Sender<Result<FollowLogsResponse, Status>>,
    mut ending: watch::Receiver<bool>,
) -> Result<(), Status> {
    let (mut caught_up, mut looked) = (false, Instant::now());
    loop {
        let searching = follow && looked.elapsed() >= WORKERS;
        if searching {
            looked = Instant::now();
        }
        let (back, batch) = off_loop(move || {
            if searching {
                reading.look_for_more();
            }
            let batch = reading.batch(BATCH);
            (reading, batch)
        })
        .await?;
        reading = back;
        let Batch { entries, end } = batch.map_err(|e| status(&e))?;
        let caught_now = end && !caught_up;
        caught_up |= end;
        if !entries.is_empty() || caught_now {
            let entries = entries.into_iter().map(Into::into).collect();
            let told = FollowLogsResponse { entries, caught_up: caught_now };
            let sent = tokio::select! {
                sent = sender.send(Ok(told)) => sent.is_ok(),
                _ = ending.wait_for(|ending| *ending) => false,
            };
            if !sent {
                return Ok(());
            }
        }
        if end && !follow {
            return Ok(());
        }
        if end {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = sender.closed() => return Ok(()),
                _ = ending.wait_for(|ending| *ending) => return Ok(()),
            }
        } else if sender.is_closed() || *ending.borrow() {
            return Ok(());
        }
    }
}

fn status(e: &LogError) -> Status {
    let at = e.place().map_or_else(String::new, |p| format!(" ({})", p.display()));
    let text = format!("{e}{at}");
    match e {
        LogError::Unreadable { .. } => Status::unavailable(text),
        LogError::Pattern { .. } => Status::invalid_argument(text),
        _ => Status::not_found(text),
    }
}
