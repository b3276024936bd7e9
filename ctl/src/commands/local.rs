//! `stormctl local FILE`: a topology in this process.

use std::time::Duration;

use storm::builder::Natives;
use storm::{LocalOptions, run_local};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{logging, submission};

pub fn run(ctx: &Context, args: &cli::Local) -> Result<(), Failure> {
    let package = submission::open(&args.file, &args.flux)?;
    // Errors of components are logged.
    logging::start_quietly().map_err(|e| Failure::io("cannot set up the log", &e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::io("cannot start the runtime", &e))?;
    let options = LocalOptions {
        conf: ctx.conf.clone(),
        overrides: submission::settings(&ctx.global.set),
        ..LocalOptions::default()
    };
    let end = runtime.block_on(async {
        let mut terminate =
            signal(SignalKind::terminate()).map_err(|e| Failure::io("cannot listen for signals", &e))?;
        let time = async {
            match args.seconds {
                Some(secs) => tokio::time::sleep(Duration::from_secs(secs)).await,
                None => std::future::pending().await,
            }
        };
        let stop = async {
            tokio::select! {
                () = time => {}
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        run_local(&package, Natives::default(), &options, stop)
            .await
            .map_err(|e| Failure::new(Exit::Failed, e.code(), e.to_string()))
    })?;
    runtime.shutdown_background();
    if end.reported > 0 {
        ctx.printer.note(&format!("components reported {} errors", end.reported));
    }
    Ok(())
}
