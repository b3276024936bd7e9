//! The process: everything opened in order, the tasks that live as long as it does, and its end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use storm_conf::Conf;
use storm_thrift::{ClientOptions, NimbusService, ServerOptions, serve};
use storm_zk::Cluster;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::blobs::{BlobStore, Sessions};
use crate::caches::Caches;
use crate::clock::Clock;
use crate::error::NimbusError;
use crate::heartbeats::Heartbeats;
use crate::history::History;
use crate::inbox::Inbox;
use crate::leader::Role;
use crate::nimbus::{Identity, Nimbus};
use crate::push::Pusher;
use crate::settings::Settings;
use crate::submit::NamesTaken;
use crate::topologies::{Alarms, StoredTopologies, TopologyIds};
use crate::view::Views;

const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs Nimbus until `shutdown` completes. `ready` hears the address once it is served.
///
/// ZooKeeper need not be there yet: calls are answered meanwhile, and leadership comes when it does.
pub async fn run(
    conf: Conf,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NimbusError> {
    let settings = Settings::from_conf(&conf)?;
    let wanted: Vec<_> = conf.listen_addresses().into_iter().map(|ip| SocketAddr::from((ip, settings.port))).collect();
    let bind = |source| NimbusError::Bind { address: wanted[0].to_string(), source };
    let listener = TcpListener::bind(&wanted[..]).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let cluster = Cluster::open(&conf)?;
    let nimbus = Arc::new(open(conf, settings, cluster.clone(), address.port())?);
    tracing::info!(%address, host = %nimbus.me.host, zookeeper = %cluster.servers(), "Nimbus is up");

    let mut tasks = JoinSet::new();
    tasks.spawn(publish(nimbus.clone()));
    tasks.spawn(nimbus.clone().follow_leadership());
    tasks.spawn(nimbus.clone().schedule_forever());
    tasks.spawn(nimbus.clone().ring_alarms());
    tasks.spawn(nimbus.clone().sync_blobs_forever());
    tasks.spawn(nimbus.clone().clean_up_forever());
    tasks.spawn(nimbus.clone().clean_inbox_forever());
    let options = ServerOptions {
        max_connections: nimbus.settings.max_connections,
        ..ServerOptions::new("nimbus", nimbus.settings.max_frame)
    };
    ready(address);
    serve(listener, NimbusService(nimbus.clone()), options, shutdown).await;
    tasks.shutdown().await;
    // Told, ZooKeeper makes the next Nimbus the leader now and not when the session times out.
    cluster.close().await;
    tracing::info!("Nimbus has ended");
    Ok(())
}

fn open(conf: Conf, settings: Settings, cluster: Cluster, port: u16) -> Result<Nimbus, NimbusError> {
    let folder = |path: std::path::PathBuf| move |source| NimbusError::Folder { path, source };
    let inbox_dir = settings.local_dir.join("nimbus/inbox");
    let inbox = Inbox::open(&inbox_dir, settings.file_expiration).map_err(folder(inbox_dir.clone()))?;
    let history = History::open(&settings.local_dir.join("nimbus/history"), settings.history_age)?;
    let blobs = Arc::new(BlobStore::open(&settings.blobs)?);
    let clock = Clock;
    let me = Identity { host: conf.hostname(), port, started_secs: clock.now_secs32(), user: os_user() };
    Ok(Nimbus {
        clock,
        me,
        stored: Arc::new(StoredTopologies::new(blobs.clone(), cluster.delegate())),
        blobs,
        inbox: Arc::new(inbox),
        history: Arc::new(history),
        blob_uploads: Arc::new(Sessions::new("Blob", settings.blob_expiration)),
        downloads: Arc::new(Sessions::new("Blob", settings.blob_expiration)),
        views: Views::default(),
        heartbeats: Mutex::new(Heartbeats::default()),
        waiting: Mutex::default(),
        alarms: Alarms::default(),
        ids: TopologyIds::default(),
        names: NamesTaken::default(),
        pusher: Pusher::new(ClientOptions::for_supervisor(&conf)),
        caches: Caches::default(),
        role: watch::Sender::new(Role::Follower),
        has_led: AtomicBool::new(false),
        changing: tokio::sync::Mutex::new(()),
        wanted: Notify::new(),
        cluster,
        settings,
        conf,
    })
}

async fn publish(nimbus: Arc<Nimbus>) {
    while let Err(e) = nimbus.cluster.publish_nimbus(&nimbus.me.host, &nimbus.me.published()).await {
        tracing::warn!(code = e.code(), "this Nimbus is not known to the cluster yet: {e}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The user that this process runs as.
fn os_user() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.or_else(|| std::env::var("USER").ok().filter(|u| !u.is_empty())).unwrap_or(uid)
}
