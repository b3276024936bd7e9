//! The process from start to end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use storm_conf::Conf;
use storm_http::HttpError;

use crate::routes;
use crate::settings::Settings;
use crate::sweep;

/// Serves until `shutdown` completes; `ready` hears where.
pub async fn run(
    conf: Conf,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    let settings = Settings::of(&conf)?;
    let (listener, address) = settings.listen.bind().await?;
    tracing::info!(%address, logs = %settings.workers.path().display(), "the log viewer is up");
    let sweeping = settings.cleaning.clone().map(|cleaning| tokio::spawn(sweep::forever(cleaning)));
    if sweeping.is_none() {
        tracing::info!("old logs of workers stay: logviewer.cleanup.interval.secs is not set");
    }
    ready(address);
    storm_http::serve(listener, routes::router(Arc::new(settings), address.port()), shutdown).await;
    if let Some(sweeping) = sweeping {
        sweeping.abort();
    }
    tracing::info!("the log viewer has ended");
    Ok(())
}
