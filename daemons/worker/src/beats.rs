//! Signs of life, once a second: to the file that the supervisor looks at, and by thrift.

use std::collections::BTreeSet;
use std::time::Duration;

use storm_conf::Conf;
use storm_thrift::local_state::{KEEP_HEARTBEATS, LocalState, LocalStateError, keys};
use storm_thrift::types::{ExecutorInfo, LSWorkerHeartbeat, SupervisorWorkerHeartbeat};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::dirs::Dirs;
use crate::masters::{Nimbus, Supervisor};
use crate::{WorkerArgs, WorkerError};

/// Storm's heartbeats name the system executor, which no assignment does.
const SYSTEM_EXECUTOR: ExecutorInfo = ExecutorInfo { task_start: -1, task_end: -1 };

/// The heartbeat file.
pub(crate) struct LocalBeat {
    store: LocalState,
    topology_id: String,
    executors: Vec<ExecutorInfo>,
    port: i32,
}

impl LocalBeat {
    pub fn open(dirs: &Dirs, args: &WorkerArgs, executors: &BTreeSet<ExecutorInfo>) -> Result<LocalBeat, WorkerError> {
        Ok(LocalBeat {
            store: LocalState::open(dirs.heartbeats(), KEEP_HEARTBEATS)?.without_sync(),
            topology_id: args.topology_id.clone(),
            executors: with_system(executors),
            port: args.port.into(),
        })
    }

    pub fn beat(&mut self, time_secs: i32) -> Result<(), LocalStateError> {
        let beat = LSWorkerHeartbeat {
            time_secs,
            topology_id: self.topology_id.clone(),
            executors: self.executors.clone(),
            port: self.port,
        };
        self.store.put(keys::WORKER_HEARTBEAT, &beat)
    }
}

/// `worker.heartbeat.frequency.secs`.
pub(crate) fn period(conf: &Conf) -> Duration {
    Duration::from_secs(conf.int("worker.heartbeat.frequency.secs").filter(|secs| *secs > 0).unwrap_or(1) as u64)
}

/// Beats into the file for ever.
pub(crate) async fn local(mut beat: LocalBeat, period: Duration, clock: Clock) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let written = tokio::task::spawn_blocking(move || {
            let result = beat.beat(clock.now_secs());
            (beat, result)
        });
        match written.await {
            Ok((kept, result)) => {
                beat = kept;
                if let Err(error) = result {
                    // The supervisor will take this worker for dead in half a minute; the disk may be back by then.
                    tracing::error!(%error, "heartbeat not written");
                }
            }
            Err(error) => {
                tracing::error!(%error, "heartbeats end");
                return;
            }
        }
    }
}

/// Beats by thrift for ever: to the supervisor, or to Nimbus when it does not take them.
pub(crate) async fn remote(conf: Conf, args: WorkerArgs, executors: BTreeSet<ExecutorInfo>, clock: Clock) {
    let mut supervisor = Supervisor::new(&conf, args.supervisor_port);
    let mut ticks = interval(period(&conf));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut nimbus = Nimbus::new(conf);
    let mut heard = true;
    loop {
        ticks.tick().await;
        let beat = SupervisorWorkerHeartbeat {
            storm_id: args.topology_id.clone(),
            executors: with_system(&executors),
            time_secs: clock.now_secs(),
        };
        let Err(refused) = supervisor.heartbeat(&beat).await else {
            heard = true;
            continue;
        };
        match nimbus.heartbeat(&beat).await {
            Ok(()) => heard = true,
            // Once for each silence: the worker goes on without both.
            Err(error) if heard => {
                tracing::warn!(supervisor = %refused, nimbus = %error, "nobody takes heartbeats");
                heard = false;
            }
            Err(_said) => {}
        }
    }
}

fn with_system(executors: &BTreeSet<ExecutorInfo>) -> Vec<ExecutorInfo> {
    std::iter::once(SYSTEM_EXECUTOR).chain(executors.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use storm_thrift::local_state::peek;

    use super::*;

    #[test]
    fn the_file_holds_what_a_supervisor_looks_for() {
        let home = tempfile::tempdir().unwrap();
        let mut host = Conf::default();
        host.set("storm.home", home.path().to_str().unwrap());
        let args = WorkerArgs::parse(&["t-1-1", "s", "1", "6700", "w"]).unwrap();
        let dirs = Dirs::new(&host, &args);
        let own = BTreeSet::from([ExecutorInfo { task_start: 2, task_end: 3 }]);
        let mut beat = LocalBeat::open(&dirs, &args, &own).unwrap();
        beat.beat(1_700_000_000).unwrap();
        beat.beat(1_700_000_001).unwrap();
        let found: LSWorkerHeartbeat = peek(&dirs.heartbeats(), keys::WORKER_HEARTBEAT).unwrap().unwrap();
        assert_eq!(found.time_secs, 1_700_000_001);
        assert_eq!((found.topology_id.as_str(), found.port), ("t-1-1", 6700));
        let executors: Vec<_> = found.executors.iter().map(|e| (e.task_start, e.task_end)).collect();
        assert_eq!(executors, [(-1, -1), (2, 3)]);
    }
}
