//! What a starting supervisor finds: its own id, workers that live on, workers that nobody wants.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use storm_thrift::local_state::{KEEP, LocalState, keys};
use storm_thrift::types::LSSupervisorId;

use crate::blobs::BlobSource;
use crate::driver::WorkerProcess;
use crate::error::SupervisorError;
use crate::host::{Host, lock, remove_worker_dirs};
use crate::layout::{Layout, is_file_name};
use crate::localizer::entries;
use crate::processes::{Quarry, main_process};
use crate::slot::{Event, Slot, Worker};
use crate::supervisor::Supervisor;
use crate::topology_files::TopologyFiles;

/// The id of this supervisor, made at its first start: `<random uuid>-<address>`.
pub fn supervisor_id(layout: &Layout, fresh: impl FnOnce() -> String) -> Result<String, SupervisorError> {
    let mut state = LocalState::open(layout.identity(), KEEP)?;
    for lost in state.lost() {
        tracing::error!("supervisor id: {lost}");
    }
    if let Some(known) = state.get::<LSSupervisorId>(keys::SUPERVISOR_ID)? {
        return Ok(known.supervisor_id);
    }
    let id = fresh();
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: id.clone() })?;
    tracing::info!("this supervisor's id is {id}");
    Ok(id)
}

/// The address by which this machine reaches others; nothing is sent.
pub fn local_address() -> IpAddr {
    let probe = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    probe().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Takes over the workers on record, and ends those that are not.
pub async fn recover<S: BlobSource>(supervisor: &Supervisor<S>) {
    let host = &supervisor.host;
    let on_record: Vec<_> = {
        let record = lock(&host.record);
        record.assignments().map(|(port, a)| (port, a.clone(), record.workers_on(port))).collect()
    };
    let mut adopted = Vec::new();
    for (port, assignment, mut workers) in on_record {
        workers.retain(|id| is_file_name(id) && host.layout.worker(id).root().is_dir());
        let id = assignment.topology_id.clone();
        let files = if is_file_name(&id) { TopologyFiles::read(&host.layout.stormdist(&id)).ok() } else { None };
        let assignment = Arc::new(assignment);
        let worker = workers.pop().map(|worker| {
            let pid = main_process(&host.layout.worker(&worker).pids(), &worker);
            (worker, pid)
        });
        match worker {
            // A living worker needs no files; one that is to be launched again does, and they may be what is lost.
            Some((worker, pid)) if pid.is_some() || files.is_some() => {
                match pid {
                    Some(pid) => tracing::info!("port {port}: adopted worker {worker} of {id}, process {pid}"),
                    None => tracing::warn!("port {port}: worker {worker} of {id} is gone"),
                }
                let now = host.clock.now();
                let record = Worker { id: worker.clone(), assignment, launched_at: now, adopted: true };
                let timeout = files.map_or(0, |f| f.worker_timeout_ms());
                let slot = Slot::adopted(port, record, timeout, now);
                supervisor.adopt(slot, Some(WorkerProcess { worker_id: worker.clone(), pid })).await;
                adopted.push(worker);
            }
            _ => {
                if files.is_none() {
                    tracing::warn!("port {port}: the files of {id} are not readable here: they will be fetched again");
                }
                supervisor.adopt(Slot::new(port), None).await;
                supervisor.assign(port, Event::Assign(Some(assignment))).await;
            }
        }
    }
    let strays: Vec<String> = entries(&host.layout.workers())
        .iter()
        .filter_map(|dir| dir.file_name()?.to_str().map(str::to_owned))
        .filter(|id| !adopted.contains(id))
        .collect();
    for worker in strays {
        tracing::warn!("worker {worker} belongs to no slot: stopping it");
        let host = host.clone();
        // In the background: one that does not want to end must not hold up the others.
        tokio::spawn(async move { end_stray(&host, &worker).await });
    }
}

async fn end_stray<S: BlobSource>(host: &Arc<Host<S>>, worker: &str) {
    let grace = Duration::from_millis(host.timeouts.kill);
    end_worker(&host.layout, worker, grace).await;
    if let Err(e) = host.clean(worker).await {
        tracing::error!("worker {worker} is not cleaned up completely: {e}");
    }
}

/// SIGTERM, a while, SIGKILL; returns when the worker has no process left.
pub async fn end_worker(layout: &Layout, worker: &str, grace: Duration) {
    let leader = main_process(&layout.worker(worker).pids(), worker);
    let quarry = Quarry { worker_id: worker.to_owned(), leader };
    let mut signal = Signal::TERM;
    let mut patience = grace;
    loop {
        if let Err(e) = quarry.signal(signal) {
            tracing::error!("cannot stop worker {worker}: {e}");
        }
        if tokio::time::timeout(patience, quarry.all_dead()).await.is_ok() {
            return;
        }
        signal = Signal::KILL;
        patience = grace.max(Duration::from_secs(1));
    }
}

/// Ends every worker of a home whose supervisor does not run, and cleans up after them. Their assignments stay on record, so
/// that the next supervisor launches them again. Returns how many there were.
pub async fn kill_workers(conf: &storm_conf::Conf) -> Result<usize, SupervisorError> {
    let layout = Layout::of(conf).map_err(SupervisorError::io("find", &conf.local_dir()))?;
    let secs = conf.int("supervisor.worker.shutdown.sleep.secs").unwrap_or(3).clamp(0, 3600);
    let grace = Duration::from_secs(secs as u64);
    let workers: Vec<String> =
        entries(&layout.workers()).iter().filter_map(|dir| dir.file_name()?.to_str().map(str::to_owned)).collect();
    let mut all = tokio::task::JoinSet::new();
    for worker in workers.clone() {
        let layout = layout.clone();
        all.spawn(async move {
            end_worker(&layout, &worker, grace).await;
            if let Err(e) = remove_worker_dirs(&layout, &worker) {
                tracing::error!("worker {worker} is not cleaned up completely: {e}");
            }
        });
    }
    all.join_all().await;
    Ok(workers.len())
}
