//! A whole worker process: configuration, log, runtime, signals.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use storm_conf::{Conf, LoadOptions};
use storm_topology::builder::Natives;
use tokio::signal::unix::{SignalKind, signal};

use crate::dirs::Dirs;
use crate::error::Exit;
use crate::{WorkerArgs, WorkerError, logging, run};

/// Environment variable by which a supervisor names the file with the machine's configuration, as JSON.
pub const WORKER_CONF: &str = "STORM_WORKER_CONF";

/// Is a worker, from the five arguments that a supervisor gives to the exit status that the caller has to end with.
pub fn execute<S: AsRef<str>>(args: &[S], natives: Natives) -> u8 {
    match start(args, natives) {
        Ok(exit) => exit.code(),
        Err(error) => {
            tracing::error!("{} ({})", error, error.code());
            // The supervisor keeps what a worker prints; with stderr closed there is nobody left to tell.
            let _nobody = writeln!(std::io::stderr(), "{} ({})", error, error.code());
            error.exit_code()
        }
    }
}

fn start<S: AsRef<str>>(args: &[S], natives: Natives) -> Result<Exit, WorkerError> {
    let args = WorkerArgs::parse(args)?;
    let host = host_conf()?;
    let log = Dirs::new(&host, &args).log();
    let levels = logging::start(&log).map_err(|source| WorkerError::Io { doing: "log to", path: log, source })?;
    // What `ps` and `top` show; a kernel that refuses shows the program's own name.
    let _own_name = rustix::thread::set_name(c"storm-worker");
    // Sockets and timers only; tuples have threads of their own. One thread: a second would be woken for each tuple that comes from
    // another worker, only to find that there is nothing left to do.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("worker-io").enable_all().build();
    let runtime = runtime.map_err(system("start the threads of"))?;
    let exit = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(system("catch signals of"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("catch signals of"))?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        run(host, args, natives, levels, shutdown).await
    });
    // A component that hangs in its last call must not keep the process.
    runtime.shutdown_background();
    exit
}

fn system(doing: &'static str) -> impl FnOnce(std::io::Error) -> WorkerError {
    move |source| WorkerError::Io { doing, path: "this process".into(), source }
}

/// The machine's configuration: what the supervisor has left for us, or what any daemon would load.
fn host_conf() -> Result<Conf, WorkerError> {
    match std::env::var_os(WORKER_CONF) {
        Some(path) => read_conf(Path::new(&path)),
        None => storm_conf::load(&LoadOptions { daemon: true, ..LoadOptions::default() })
            .map_err(|e| WorkerError::Conf { place: "of this machine".to_owned(), problem: e.to_string() }),
    }
}

fn read_conf(path: &Path) -> Result<Conf, WorkerError> {
    let text = fs::read(path).map_err(|source| WorkerError::Io { doing: "read", path: path.to_owned(), source })?;
    let wrong = |problem: String| WorkerError::Conf { place: format!("in {}", path.display()), problem };
    match serde_json::from_slice(&text) {
        // The supervisor leaves out what is Storm's default.
        Ok(Value::Object(map)) => {
            let mut conf = Conf::defaults();
            conf.overlay(&map);
            Ok(conf)
        }
        Ok(_) => Err(wrong("is not a JSON object".to_owned())),
        Err(e) => Err(wrong(e.to_string())),
    }
}
