//! How a client finds the leading Nimbus through `nimbus.seeds`, and its timeouts in the configuration.

use std::time::Duration;

use storm_conf::Conf;

use crate::client::{ClientError, ClientOptions, Connection};
use crate::nimbus::NimbusClient;
use crate::supervisor::SupervisorClient;

const DEFAULT_MAX_FRAME: usize = 1024 * 1024;

fn millis(conf: &Conf, key: &str, default: u64) -> Duration {
    Duration::from_millis(conf.int(key).and_then(|v| u64::try_from(v).ok()).unwrap_or(default))
}

fn max_frame(conf: &Conf, key: &str) -> usize {
    conf.int(key).and_then(|v| usize::try_from(v).ok()).unwrap_or(DEFAULT_MAX_FRAME)
}

fn port(conf: &Conf, key: &str, default: u16) -> u16 {
    conf.int(key).and_then(|v| u16::try_from(v).ok()).unwrap_or(default)
}

impl ClientOptions {
    /// For Nimbus: `storm.thrift.socket.timeout.ms`, `nimbus.thrift.max_buffer_size`.
    pub fn for_nimbus(conf: &Conf) -> ClientOptions {
        let limit = millis(conf, "storm.thrift.socket.timeout.ms", 600_000);
        ClientOptions {
            // a host that swallows packets must not hide the seeds after it for ten minutes
            connect_timeout: limit.min(Duration::from_secs(5)),
            call_timeout: limit,
            max_frame: max_frame(conf, "nimbus.thrift.max_buffer_size"),
        }
    }

    /// For a Supervisor: `supervisor.thrift.socket.timeout.ms`, `supervisor.thrift.max_buffer_size`.
    pub fn for_supervisor(conf: &Conf) -> ClientOptions {
        let limit = millis(conf, "supervisor.thrift.socket.timeout.ms", 5_000);
        ClientOptions {
            connect_timeout: limit,
            call_timeout: limit,
            max_frame: max_frame(conf, "supervisor.thrift.max_buffer_size"),
        }
    }
}

impl NimbusClient {
    pub async fn connect(host: &str, port: u16, options: ClientOptions) -> Result<NimbusClient, ClientError> {
        Connection::open(host, port, options).await.map(NimbusClient::new)
    }

    /// Asks the hosts of `nimbus.seeds` in order who leads, and connects to that Nimbus.
    pub async fn leader(conf: &Conf) -> Result<NimbusClient, ClientError> {
        let options = ClientOptions::for_nimbus(conf);
        let port = port(conf, "nimbus.thrift.port", 6627);
        let mut failures = Vec::new();
        for seed in conf.strings("nimbus.seeds") {
            match NimbusClient::leader_by(&seed, port, &options).await {
                Ok(client) => return Ok(client),
                Err(e) => failures.push(e.to_string()),
            }
        }
        if failures.is_empty() {
            failures.push("nimbus.seeds names no host".to_owned());
        }
        Err(ClientError::NoLeader(failures.join("; ")))
    }

    async fn leader_by(seed: &str, port: u16, options: &ClientOptions) -> Result<NimbusClient, ClientError> {
        let mut client = NimbusClient::connect(seed, port, options.clone()).await?;
        let leader = client.get_leader().await?;
        if leader.host == seed && leader.port == i32::from(port) {
            return Ok(client);
        }
        let leader_port = u16::try_from(leader.port).map_err(|_| ClientError::Connect {
            address: format!("{}:{}", leader.host, leader.port),
            cause: format!("{} named this leader, whose port is not a port", client.address()),
        })?;
        NimbusClient::connect(&leader.host, leader_port, options.clone()).await
    }
}

impl SupervisorClient {
    pub async fn connect(host: &str, port: u16, options: ClientOptions) -> Result<SupervisorClient, ClientError> {
        Connection::open(host, port, options).await.map(SupervisorClient::new)
    }
}
