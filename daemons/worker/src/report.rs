//! What the worker reports to ZooKeeper: statistics and errors.

use std::sync::Arc;
use std::time::Duration;

use storm_conf::Conf;
use storm_engine::{ComponentReport, EngineHandle};
use storm_thrift::types::{ClusterWorkerHeartbeat, ErrorInfo};
use storm_zk::{Cluster, SessionState};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::WorkerArgs;
use crate::clock::Clock;

/// An error that could not be reported for so long is only in the log.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);
/// How long the last words of a dying worker may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where a worker's reports go.
#[derive(Clone)]
pub(crate) struct Reporter {
    zk: Cluster,
    args: WorkerArgs,
    host: String,
    clock: Clock,
}

impl Reporter {
    pub fn new(conf: &Conf, args: &WorkerArgs, zk: &Cluster, clock: Clock) -> Reporter {
        Reporter { zk: zk.clone(), args: args.clone(), host: conf.hostname(), clock }
    }

    /// Statistics every `executor.metrics.frequency.secs`, the first at once, and whenever ZooKeeper is back.
    pub async fn statistics(self, period: Duration, engine: Arc<EngineHandle>) {
        let mut session = self.zk.session();
        loop {
            let heartbeat = ClusterWorkerHeartbeat {
                storm_id: self.args.topology_id.clone(),
                executor_stats: engine.stats(),
                time_secs: self.clock.now_secs(),
                uptime_secs: self.clock.uptime_secs(),
            };
            let (node, port) = (&self.args.supervisor_id, i64::from(self.args.port));
            if let Err(error) = self.zk.set_worker_heartbeat(&self.args.topology_id, node, port, &heartbeat).await {
                tracing::warn!(%error, "statistics not reported");
            }
            session.mark_unchanged();
            let back = async {
                while session.changed().await.is_ok() {
                    if *session.borrow_and_update() == SessionState::Reconnected {
                        return;
                    }
                }
                std::future::pending().await
            };
            let _back_or_time = timeout(period, back).await;
        }
    }

    /// Errors of components, of which the engine lets through as many as Storm does. Ends with the first death, when all
    /// that came before it is reported.
    pub async fn errors(self, mut errors: Receiver<ComponentReport>, mut fatal: Receiver<ComponentReport>) -> Death {
        loop {
            tokio::select! {
                biased;
                Some(report) = errors.recv() => self.error(&report, ERROR_PATIENCE).await,
                Some(report) = fatal.recv() => {
                    // A death is among the errors as well, and came there first.
                    let last_words = async {
                        while let Ok(report) = errors.try_recv() {
                            self.error(&report, LAST_WORDS).await;
                        }
                    };
                    if timeout(LAST_WORDS, last_words).await.is_err() {
                        tracing::warn!("not all errors of the last moment are reported");
                    }
                    return Death(report.component);
                }
                else => std::future::pending().await,
            }
        }
    }

    async fn error(&self, report: &ComponentReport, patience: Duration) {
        let info = ErrorInfo {
            error: report.message.clone(),
            error_time_secs: self.clock.now_secs(),
            host: Some(self.host.clone()),
            port: Some(self.args.port.into()),
        };
        match timeout(patience, self.zk.report_error(&self.args.topology_id, &report.component, &info)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "error of {} not reported", report.component),
            Err(_elapsed) => tracing::warn!("error of {} not reported: ZooKeeper does not answer", report.component),
        }
    }
}

/// The component that has died.
pub(crate) struct Death(pub String);
