//! A supervisor from start to end: binds, recovers, and then does several things at once.

use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use storm_conf::Conf;
use storm_thrift::{ServerOptions, SupervisorService, serve};
use storm_zk::Cluster;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::blobs::BlobSource;
use crate::error::SupervisorError;
use crate::host::{Host, Identity, millis};
use crate::layout::Layout;
use crate::nimbus_link::{NimbusBlobs, NimbusLink};
use crate::ports;
use crate::recovery::{local_address, recover, supervisor_id};
use crate::service::Service;
use crate::supervisor::Supervisor;
use crate::troubles;

/// Storm's period of asking Nimbus for assignments.
const PULL: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Options {
    /// The program that is the worker of topologies without a program of their own: `stormctl`.
    pub stormctl: PathBuf,
}

/// What is known once the supervisor serves.
#[derive(Debug, Clone)]
pub struct Ready {
    pub address: SocketAddr,
    pub supervisor_id: String,
}

/// Runs a supervisor until `shutdown` completes. Its workers go on after that.
pub async fn run(
    mut conf: Conf,
    options: Options,
    ready: impl FnOnce(Ready),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), SupervisorError> {
    let slot_ports = slot_ports(&conf)?;
    let layout = Layout::of(&conf).map_err(SupervisorError::io("find", &conf.local_dir()))?;
    let _home = take_home(&layout)?;
    let (listener, address) = bind(&conf).await?;
    make_absolute(&mut conf, address.port());
    let id = supervisor_id(&layout, || format!("{}-{}", uuid::Uuid::new_v4(), local_address()))?;
    let cluster = Cluster::open(&conf)?;
    let source = NimbusBlobs::new(&conf);
    let identity = Identity { supervisor_id: id.clone(), port: address.port(), stormctl: options.stormctl };
    let host = Arc::new(Host::new(conf, identity, source)?);
    let link = Arc::new(NimbusLink::new(&host.conf));
    let supervisor = Arc::new(Supervisor::new(host));
    recover(&supervisor).await;

    let (stop, stopping) = watch::channel(false);
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        // A sender that is gone says stop as well.
        let _stop = stopping.wait_for(|s| *s).await;
    };
    let service = Service { supervisor: supervisor.clone(), cluster: Some(cluster.clone()) };
    let max_frame =
        supervisor.host.conf.int("supervisor.thrift.max_buffer_size").unwrap_or(1 << 20).clamp(1024, 1 << 30);
    let mut tasks = JoinSet::new();
    let server = ServerOptions::new("supervisor", max_frame as usize);
    tasks.spawn(serve(listener, SupervisorService(Arc::new(service)), server, stopped(stopping.clone())));
    let pull_now = Arc::new(Notify::new());
    tasks.spawn(until(stopped(stopping.clone()), publish(supervisor.clone(), cluster.clone(), slot_ports)));
    tasks.spawn(until(stopped(stopping.clone()), pull(supervisor.clone(), link.clone(), pull_now.clone())));
    tasks.spawn(until(stopped(stopping.clone()), report(supervisor.clone(), link, pull_now)));
    tasks.spawn(until(stopped(stopping.clone()), poll_blobs(supervisor.clone())));
    tasks.spawn(until(stopped(stopping.clone()), clean_cache(supervisor.clone())));
    tasks.spawn(until(stopped(stopping.clone()), tell_owners(supervisor.clone(), cluster.clone())));
    tracing::info!("supervisor {id} serves at {address}");
    ready(Ready { address, supervisor_id: id });
    shutdown.await;
    stop.send_replace(true);
    supervisor.stop().await;
    tasks.join_all().await;
    // The session ends now, so that Nimbus sees it at once.
    cluster.close().await;
    Ok(())
}

async fn until(stopped: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stopped => {}
        () = work => {}
    }
}

/// The worker runs in another folder, and must find what we found.
fn make_absolute(conf: &mut Conf, port: u16) {
    conf.set("supervisor.thrift.port", port);
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path).display().to_string();
    let (local, log, artifacts, home) = (conf.local_dir(), conf.log_dir(), conf.artifacts_dir(), conf.home());
    conf.set("storm.local.dir", absolute(local));
    conf.set("storm.log.dir", absolute(log));
    conf.set("storm.workers.artifacts.dir", absolute(artifacts));
    conf.set("storm.home", absolute(home));
}

fn slot_ports(conf: &Conf) -> Result<Vec<u16>, SupervisorError> {
    let key = "supervisor.slots.ports";
    let wrong =
        |found: String| SupervisorError::Conf { key, found, problem: "a list of ports, 1 to 65535, is expected" };
    let port = |p: &i64| u16::try_from(*p).ok().filter(|p| *p > 0).ok_or_else(|| wrong(p.to_string()));
    let mut ports = conf.ints(key).iter().map(port).collect::<Result<Vec<u16>, _>>()?;
    ports.sort_unstable();
    ports.dedup();
    if conf.bool("supervisor.enable") == Some(false) {
        ports.clear();
    }
    Ok(ports)
}

/// One supervisor per home: two would kill each other's workers.
fn take_home(layout: &Layout) -> Result<File, SupervisorError> {
    let scratch = layout.scratch();
    match fs::remove_dir_all(&scratch) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(SupervisorError::io("empty", &scratch)(e)),
        _ => {}
    }
    for dir in [scratch, layout.stormdist_root(), layout.workers()] {
        fs::create_dir_all(&dir).map_err(SupervisorError::io("make the folder", &dir))?;
    }
    let path = layout.supervisor().join("supervisor.lock");
    let file = File::create(&path).map_err(SupervisorError::io("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SupervisorError::HomeTaken { home: layout.local().to_owned() }),
        Err(TryLockError::Error(e)) => Err(SupervisorError::io("lock", &path)(e)),
    }
}

async fn bind(conf: &Conf) -> Result<(TcpListener, SocketAddr), SupervisorError> {
    let port = conf.int("supervisor.thrift.port").unwrap_or(6628);
    let port = u16::try_from(port).map_err(|_| SupervisorError::Conf {
        key: "supervisor.thrift.port",
        found: port.to_string(),
        problem: "a port is expected",
    })?;
    let wanted: Vec<_> = conf.listen_addresses().into_iter().map(|ip| SocketAddr::from((ip, port))).collect();
    let listener = TcpListener::bind(&wanted[..]).await.map_err(|e| bind_error(wanted[0], e))?;
    let address = listener.local_addr().map_err(|e| bind_error(wanted[0], e))?;
    Ok((listener, address))
}

fn bind_error(address: SocketAddr, source: io::Error) -> SupervisorError {
    let port = address.port();
    let holder = match ports::foreign_holder(port, |_| false) {
        Some(holder) => format!("; it is held by {holder}"),
        None => String::new(),
    };
    SupervisorError::Bind { address, source, holder }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks at the ports and keeps the node in ZooKeeper fresh.
async fn publish<S: BlobSource>(supervisor: Arc<Supervisor<S>>, cluster: Cluster, slot_ports: Vec<u16>) {
    let period = millis(&supervisor.host.conf, "supervisor.heartbeat.frequency.secs", 5);
    let mut ticks = ticks(Duration::from_millis(period));
    let mut trouble = Complaint::new("ZooKeeper cannot be told about this supervisor");
    loop {
        ticks.tick().await;
        supervisor.probe_home();
        supervisor.probe_ports(&slot_ports).await;
        let info = supervisor.info(&slot_ports).await;
        let result = cluster.publish_supervisor(&supervisor.host.supervisor_id, &info).await;
        trouble.note(result.err().map(|e| e.to_string()));
    }
}

/// Asks Nimbus for assignments, from time to time and when it has come back.
async fn pull<S: BlobSource>(supervisor: Arc<Supervisor<S>>, link: Arc<NimbusLink>, now: Arc<Notify>) {
    let mut ticks = ticks(PULL);
    let mut trouble = Complaint::new("Nimbus cannot be asked for assignments");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = now.notified() => {}
        }
        let round = supervisor.round();
        match link.assignments(&supervisor.host.supervisor_id).await {
            Ok(answer) => {
                supervisor.apply(answer.storm_assignment, Some(round)).await;
                trouble.note(None);
            }
            Err(e) => {
                trouble.note(Some(e.to_string()));
            }
        }
    }
}

/// Sends the heartbeats of the workers to Nimbus.
async fn report<S: BlobSource>(supervisor: Arc<Supervisor<S>>, link: Arc<NimbusLink>, pull_now: Arc<Notify>) {
    let period = millis(&supervisor.host.conf, "worker.heartbeat.frequency.secs", 1);
    let mut ticks = ticks(Duration::from_millis(period));
    let mut trouble = Complaint::new("Nimbus cannot be told that the workers live");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = supervisor.host.first_beat.notified() => {}
        }
        let result = link.heartbeats(supervisor.heartbeats()).await;
        if trouble.note(result.err().map(|e| e.to_string())) {
            pull_now.notify_one();
        }
    }
}

/// Looks for new versions of blobs.
async fn poll_blobs<S: BlobSource>(supervisor: Arc<Supervisor<S>>) {
    let period = millis(&supervisor.host.conf, "supervisor.localizer.update.blob.interval.secs", 30);
    let mut ticks = ticks(Duration::from_millis(period));
    // The first one comes at once, when nothing can be new.
    ticks.tick().await;
    let mut trouble = Complaint::new("blobs cannot be checked for new versions");
    loop {
        ticks.tick().await;
        let mut problem = None;
        for id in supervisor.host.localizer.in_use() {
            if !supervisor.host.localizer.is_localized(&id) {
                continue;
            }
            match supervisor.host.localizer.poll(&id).await {
                Ok(true) => supervisor.blobs_changed(&id).await,
                Ok(false) => {}
                Err(e) => problem = Some(format!("{id}: {e}")),
            }
        }
        trouble.note(problem);
    }
}

/// Puts what goes wrong with workers among the errors of their topology.
async fn tell_owners<S: BlobSource>(supervisor: Arc<Supervisor<S>>, cluster: Cluster) {
    loop {
        let trouble = supervisor.host.troubles.next().await;
        let id = trouble.topology_id;
        if let Err(e) = cluster.report_error(&id, troubles::COMPONENT, &trouble.error).await {
            tracing::debug!("an error of {id} is only in this log: {e}");
        }
    }
}

/// Removes the files of topologies that left.
async fn clean_cache<S: BlobSource>(supervisor: Arc<Supervisor<S>>) {
    let period = supervisor.host.conf.int("supervisor.localizer.cleanup.interval.ms").unwrap_or(30_000).max(1_000);
    let mut ticks = ticks(Duration::from_millis(period as u64));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        // Before Nimbus has told, everything may still be wanted.
        let Some(assigned) = supervisor.assigned_topologies() else { continue };
        let host = supervisor.host.clone();
        if tokio::task::spawn_blocking(move || host.localizer.clean(&assigned)).await.is_err() {
            tracing::error!("cleaning the files of topologies ended badly");
        }
    }
}

/// Says what goes wrong once, and when it is over.
struct Complaint {
    what: &'static str,
    last: Option<String>,
}

impl Complaint {
    fn new(what: &'static str) -> Complaint {
        Complaint { what, last: None }
    }

    /// Takes note of how it went; whether a trouble has just ended.
    fn note(&mut self, now: Option<String>) -> bool {
        let over = self.last.is_some() && now.is_none();
        match &now {
            Some(cause) if self.last.is_none() => tracing::warn!("{}: {cause}; trying on", self.what),
            Some(cause) => tracing::debug!("{}: {cause}", self.what),
            None if over => tracing::info!("no longer: {}", self.what),
            None => {}
        }
        self.last = now;
        over
    }
}
