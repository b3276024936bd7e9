//! What the worker follows while it runs: its assignment, its topology's status, its log levels.

use std::time::Duration;

use storm_conf::Conf;
use storm_thrift::types::Assignment;
use storm_zk::Cluster;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::clock::since_epoch;
use crate::decide::{Event, Source};
use crate::logging::{LogLevels, levels_at};
use crate::masters::Supervisor;
use crate::{WorkerArgs, WorkerError};

/// Between two rounds of asking everybody for the first assignment.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Then the supervisor is asked again, which may be back before ZooKeeper is.
const ZOOKEEPER_PATIENCE: Duration = Duration::from_secs(5);

/// `task.refresh.poll.secs`.
fn poll_period(conf: &Conf) -> Duration {
    Duration::from_secs(conf.int("task.refresh.poll.secs").filter(|secs| *secs > 0).unwrap_or(10) as u64)
}

/// The assignment to start with, from whoever answers within the limit.
pub(crate) async fn first_assignment(
    conf: &Conf,
    args: &WorkerArgs,
    zk: &Cluster,
    limit: Duration,
) -> Result<Option<Assignment>, WorkerError> {
    let mut supervisor = Supervisor::new(conf, args.supervisor_port);
    let deadline = Instant::now() + limit;
    loop {
        match ask(&mut supervisor, zk, &args.topology_id).await {
            Ok(assignment) => return Ok(assignment),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(error) => tracing::debug!(%error, "not yet"),
        }
        sleep(FIRST_PAUSE).await;
    }
}

/// As Storm: the supervisor, and on any error ZooKeeper.
async fn ask(supervisor: &mut Supervisor, zk: &Cluster, id: &str) -> Result<Option<Assignment>, WorkerError> {
    match supervisor.assignment(id).await {
        Ok(assignment) => Ok(Some(assignment)),
        Err(refused) => {
            let zookeeper = match timeout(ZOOKEEPER_PATIENCE, zk.assignment(id)).await {
                Ok(Ok(assignment)) => return Ok(assignment),
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => format!("ZooKeeper at {} does not answer", zk.servers()),
            };
            Err(WorkerError::NoAssignment { supervisor: refused.to_string(), zookeeper })
        }
    }
}

/// Asks again every `task.refresh.poll.secs`.
pub(crate) async fn assignment(conf: Conf, args: WorkerArgs, zk: Cluster, events: Sender<Event>) {
    let mut supervisor = Supervisor::new(&conf, args.supervisor_port);
    let mut alone = false;
    loop {
        sleep(poll_period(&conf)).await;
        match ask(&mut supervisor, &zk, &args.topology_id).await {
            Ok(assignment) => {
                alone = false;
                if events.send(Event::Assigned(Source::Supervisor, assignment)).await.is_err() {
                    return;
                }
            }
            Err(error) if !alone => {
                tracing::warn!(%error, "going on with the assignment that is known");
                alone = true;
            }
            Err(_said) => {}
        }
    }
}

/// Learns at once where other tasks have gone, without waiting for the next poll.
pub(crate) async fn moves(id: String, zk: Cluster, events: Sender<Event>) {
    let mut changes = zk.watch_assignment(&id);
    while changes.changed().await {
        match zk.assignment(&id).await {
            Ok(assignment) => {
                if events.send(Event::Assigned(Source::Watch, assignment)).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "the next poll will tell"),
        }
    }
}

/// Storm polls for activation; a watch in addition makes it immediate.
pub(crate) async fn base(conf: Conf, id: String, zk: Cluster, events: Sender<Event>) {
    let mut changes = zk.watch_storm_base(&id);
    let patience =
        Duration::from_millis(conf.int("storm.zookeeper.connection.timeout").unwrap_or(15_000).max(0) as u64);
    match timeout(patience, changes.changed()).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(_elapsed) => {
            tracing::warn!("ZooKeeper does not say whether the topology is active: it is taken for active");
            if events.send(Event::BaseUnknown).await.is_err() {
                return;
            }
        }
    }
    loop {
        match zk.storm_base(&id).await {
            Ok(base) => {
                if events.send(Event::Base(base)).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "going on with the status that is known"),
        }
        if let Ok(false) = timeout(poll_period(&conf), changes.changed()).await {
            return;
        }
    }
}

/// Applies the levels that `set-log-level` asks for, and takes them back in time.
pub(crate) async fn log_levels(id: String, zk: Cluster, levels: LogLevels) {
    let mut changes = zk.watch_log_config(&id);
    let mut reset: Option<Duration> = None;
    loop {
        match reset {
            None if !changes.changed().await => return,
            None => {}
            Some(after) => {
                tokio::select! {
                    more = changes.changed() => if !more { return },
                    () = sleep_until(Instant::now() + after) => {}
                }
            }
        }
        match zk.log_config(&id).await {
            Ok(config) => {
                let now = since_epoch().as_millis() as i64;
                let (wanted, next) = levels_at(&config.unwrap_or_default(), now);
                levels.apply(&wanted);
                // Not longer than a day at once, whatever the clock says.
                reset = next.map(|at| Duration::from_millis((at - now).clamp(1, 86_400_000) as u64));
            }
            Err(error) => tracing::debug!(%error, "log levels stay"),
        }
    }
}
