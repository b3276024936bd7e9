//! The process from start to end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use storm_conf::Conf;
use storm_http::HttpError;

use crate::routes;
use crate::settings::Settings;

/// Serves until `shutdown` completes; `ready` hears where. Nimbus need not be there: each request looks for who leads.
pub async fn run(
    conf: Conf,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    let settings = Settings::of(conf)?;
    let (listener, address) = settings.listen.bind().await?;
    tracing::info!(%address, actions = settings.actions, "the UI is up");
    ready(address);
    storm_http::serve(listener, routes::router(Arc::new(settings)), shutdown).await;
    tracing::info!("the UI has ended");
    Ok(())
}
