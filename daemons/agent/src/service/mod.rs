//! The calls, each handed to the file of its subject.

mod config;
mod daemons;
mod logs;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use storm_machine::jps;
use tokio::sync::{Semaphore, watch};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::clock;
use crate::events::Events;
use crate::gate::{Caller, Gate};
use crate::options::Options;
use crate::proto::agent_server::Agent;
use crate::proto::{
    ControlDaemonsRequest, ControlDaemonsResponse, DescribeRequest, DescribeResponse, Event, FollowLogsRequest,
    FollowLogsResponse, GetConfigRequest, GetConfigResponse, ListLogsRequest, ListLogsResponse, ListProcessesRequest,
    ListProcessesResponse, ReadLogRequest, ReadLogResponse, WatchEventsRequest, WriteConfigRequest,
    WriteConfigResponse,
};

/// Logs that are read at a time, for all callers together: each holds some memory.
const READERS: usize = 32;

/// What one call tells bit by bit.
type Told<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub struct Service {
    options: Arc<Options>,
    /// Where ssh lets callers in there is none.
    gate: Option<Arc<Gate>>,
    events: Arc<Events>,
    readers: Arc<Semaphore>,
    /// Of changes of the configuration there is one at a time.
    changes: tokio::sync::Mutex<()>,
    /// True when the agent ends: what goes on for ever ends then.
    ending: watch::Receiver<bool>,
    began: Instant,
}

impl Service {
    pub fn new(
        options: Arc<Options>,
        gate: Option<Arc<Gate>>,
        events: Arc<Events>,
        ending: watch::Receiver<bool>,
    ) -> Service {
        let readers = Arc::new(Semaphore::new(READERS));
        Service { options, gate, events, readers, changes: tokio::sync::Mutex::new(()), ending, began: Instant::now() }
    }
}

/// Work that blocks, apart from the threads that serve.
async fn off_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Status::internal(e.to_string()))
}

#[tonic::async_trait]
impl Agent for Service {
    async fn describe(&self, request: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let options = self.options.clone();
        let (config, roles) = off_loop(move || (options.load.locate(), (options.roles)(&options.conf()))).await?;
        Ok(Response::new(DescribeResponse {
            host: self.options.host.clone(),
            version: self.options.version.clone(),
            uptime_secs: self.began.elapsed().as_secs(),
            config: config.map(|c| c.display().to_string()),
            roles,
            certificate_not_after_millis: self.gate.as_ref().map_or(0, |gate| clock::millis(gate.own().not_after)),
            caller: caller.purpose().map_or("", |p| p.word()).to_owned(),
            health: Some(self.events.health()),
        }))
    }

    async fn list_processes(
        &self,
        _: Request<ListProcessesRequest>,
    ) -> Result<Response<ListProcessesResponse>, Status> {
        // Where a JVM puts its files, whatever TMPDIR says.
        let seen = off_loop(|| jps::list(Path::new("/tmp"), true)).await?;
        Ok(Response::new(ListProcessesResponse { processes: seen.iter().map(Into::into).collect() }))
    }

    async fn list_logs(&self, _: Request<ListLogsRequest>) -> Result<Response<ListLogsResponse>, Status> {
        let options = self.options.clone();
        let logs = off_loop(move || logs::list(&options.conf())).await?;
        Ok(Response::new(ListLogsResponse { logs }))
    }

    type ReadLogStream = Told<ReadLogResponse>;

    async fn read_log(&self, request: Request<ReadLogRequest>) -> Result<Response<Told<ReadLogResponse>>, Status> {
        let place = self.reader()?;
        logs::read(&self.options, request.into_inner(), place, self.ending.clone()).await.map(Response::new)
    }

    type FollowLogsStream = Told<FollowLogsResponse>;

    async fn follow_logs(
        &self,
        request: Request<FollowLogsRequest>,
    ) -> Result<Response<Told<FollowLogsResponse>>, Status> {
        let place = self.reader()?;
        logs::follow(&self.options, request.into_inner(), place, self.ending.clone()).await.map(Response::new)
    }

    async fn get_config(&self, request: Request<GetConfigRequest>) -> Result<Response<GetConfigResponse>, Status> {
        let operator = Caller::of(&request)?.operator().is_ok();
        let options = self.options.clone();
        off_loop(move || config::get(&options, operator)).await?.map(Response::new)
    }

    async fn write_config(
        &self,
        request: Request<WriteConfigRequest>,
    ) -> Result<Response<WriteConfigResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.operator()?;
        let (options, request) = (self.options.clone(), request.into_inner());
        let _one = self.changes.lock().await;
        off_loop(move || config::write(&options, caller.name(), &request)).await?.map(Response::new)
    }

    async fn control_daemons(
        &self,
        request: Request<ControlDaemonsRequest>,
    ) -> Result<Response<ControlDaemonsResponse>, Status> {
        let caller = Caller::of(&request)?;
        daemons::control(self.options.clone(), &caller, request.into_inner()).await.map(Response::new)
    }

    type WatchEventsStream = Told<Event>;

    async fn watch_events(&self, _: Request<WatchEventsRequest>) -> Result<Response<Told<Event>>, Status> {
        Ok(Response::new(self.events.clone().watch(self.ending.clone()).await))
    }
}

impl Service {
    fn reader(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Status> {
        self.readers.clone().try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{READERS} logs are being read already, which is all that is allowed"))
        })
    }
}
