//! An engine from start to end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use storm_thrift::types::{ExecutorInfo, ExecutorStats};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::build::{Built, build};
use crate::crew::Crew;
use crate::error::EngineError;
use crate::net::{self, PeerTable};
use crate::shared::{Mail, SharedRef, lock};
use crate::spec::{ComponentReport, EngineSpec};
use crate::stats::Statistics;
use crate::thread::DataThread;
use crate::timer;

/// Starts engines.
pub struct Engine;

impl Engine {
    /// Makes the components and starts the threads, the timer, and the sockets. Spouts stay quiet until [`EngineHandle::activate`].
    ///
    /// Components are opened on their own threads after this returns; one that fails to open shows up on
    /// [`EngineHandle::fatal`].
    pub fn start(spec: EngineSpec) -> Result<EngineHandle, EngineError> {
        let runtime = spec.runtime.clone();
        let topology_id: Arc<str> = spec.topology_id.as_str().into();
        let listener = spec.listener.as_ref().map(|l| l.try_clone()).transpose();
        let listener = listener.map_err(|cause| EngineError::Listener { cause })?;
        let listener = listener.map(|l| adopt(l, &runtime)).transpose()?;
        let (errors_in, errors) = mpsc::channel(1024);
        let (fatal_in, fatal) = mpsc::channel(64);
        let Built { shared, threads, statistics, events } = build(&spec, errors_in, fatal_in)?;
        let statistics = Arc::new(Mutex::new(statistics));
        let mut handle = EngineHandle {
            errors: Some(errors),
            fatal: Some(fatal),
            shared: shared.clone(),
            statistics: statistics.clone(),
            runtime: runtime.clone(),
            topology_id: topology_id.clone(),
            background: Vec::new(),
            threads: Mutex::new(Vec::new()),
        };
        let (names, threads): (Vec<String>, Vec<DataThread>) = threads.into_iter().unzip();
        let crew = Arc::new(Crew::new(shared.clone(), threads));
        for (at, name) in names.into_iter().enumerate() {
            let (shared, crew) = (shared.clone(), crew.clone());
            let body = move || {
                let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| crew.work(at)));
                if let Err(panic) = ran {
                    let message = format!("the engine itself {}; please report it", crate::task::panic_text(&*panic));
                    shared.die(ComponentReport { component: "__system".to_owned(), task: -1, message });
                }
            };
            // When this fails, dropping the handle stops the threads that were started.
            let started = std::thread::Builder::new().name(name.clone()).spawn(body);
            lock(&handle.threads).push(started.map_err(|cause| EngineError::Thread { name, cause })?);
        }
        PeerTable::update(&shared, &runtime, &topology_id, &spec.peers);
        let mut background = vec![runtime.spawn(timer::run(shared.clone(), statistics, events)).abort_handle()];
        if let Some(listener) = listener {
            background.push(runtime.spawn(net::serve(listener, shared, topology_id)).abort_handle());
        }
        handle.background = background;
        Ok(handle)
    }
}

fn adopt(
    listener: std::net::TcpListener,
    runtime: &tokio::runtime::Handle,
) -> Result<tokio::net::TcpListener, EngineError> {
    let _inside = runtime.enter();
    listener
        .set_nonblocking(true)
        .and_then(|()| tokio::net::TcpListener::from_std(listener))
        .map_err(|cause| EngineError::Listener { cause })
}

/// A running engine. Dropping it stops the engine without waiting.
pub struct EngineHandle {
    errors: Option<mpsc::Receiver<ComponentReport>>,
    fatal: Option<mpsc::Receiver<ComponentReport>>,
    shared: SharedRef,
    statistics: Arc<Mutex<Statistics>>,
    runtime: tokio::runtime::Handle,
    topology_id: Arc<str>,
    background: Vec<AbortHandle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl EngineHandle {
    /// Errors of components: those they report, failed tuples, and deaths. There is one receiver; a second call gets a channel
    /// that has ended.
    pub fn errors(&mut self) -> mpsc::Receiver<ComponentReport> {
        self.errors.take().unwrap_or_else(ended)
    }

    /// Deaths of components: the worker has to end, as it does in Storm. There is one receiver; a second call gets a channel that
    /// has ended.
    pub fn fatal(&mut self) -> mpsc::Receiver<ComponentReport> {
        self.fatal.take().unwrap_or_else(ended)
    }

    /// Lets the spouts emit.
    pub fn activate(&self) {
        self.shared.set_active(true);
    }

    /// Makes the spouts pause. What is under way is processed.
    pub fn deactivate(&self) {
        self.shared.set_active(false);
    }

    /// Takes a new assignment of the tasks that other workers run: task to `host:port`.
    pub fn update_peers(&self, peers: BTreeMap<i32, String>) {
        PeerTable::update(&self.shared, &self.runtime, &self.topology_id, &peers);
    }

    /// Statistics of all executors of this worker, also those that run nothing here, such as Storm's ackers.
    pub fn stats(&self) -> BTreeMap<ExecutorInfo, ExecutorStats> {
        lock(&self.statistics).read(self.shared.now_millis())
    }

    /// Cost (rows, or more when they are heavy) of what waits for a task, here or on its way to another worker.
    pub fn queued(&self, task: i32) -> i64 {
        if task < 1 || task as usize > self.shared.tasks.len() { 0 } else { self.shared.queued(task) }
    }

    /// Closes the components and ends the threads. Blocks until the last has ended, which a component that never returns can put
    /// off for ever: the caller sets the limit.
    pub fn shutdown(&self) {
        self.stop();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // Its panic, if any, has been told on the fatal channel.
            let _ = thread.join();
        }
    }

    fn stop(&self) {
        for thread in &self.shared.threads {
            thread.post(Mail::Stop);
        }
        for task in &self.background {
            task.abort();
        }
        PeerTable::update(&self.shared, &self.runtime, &self.topology_id, &BTreeMap::new());
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn ended() -> mpsc::Receiver<ComponentReport> {
    mpsc::channel(1).1
}
