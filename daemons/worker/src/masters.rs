//! Whom the worker asks and tells by thrift: its supervisor, and Nimbus in its place.

use std::time::Duration;

use storm_conf::Conf;
use storm_thrift::types::{Assignment, SupervisorWorkerHeartbeat};
use storm_thrift::{ClientError, ClientOptions, NimbusClient, SupervisorClient};
use tokio::time::{Instant, timeout};

/// A call to Nimbus may take minutes by Storm's keys; a heartbeat is worth nothing by then.
const NIMBUS_PATIENCE: Duration = Duration::from_secs(10);
/// A Nimbus that has lost its leadership takes heartbeats and forgets them, so the leader is looked for again.
const LEADER_FOR: Duration = Duration::from_secs(10);

/// The supervisor of this machine, over one connection for as long as it lasts. (Storm's worker connects anew each second.)
pub(crate) struct Supervisor {
    hosts: Vec<String>,
    port: u16,
    options: ClientOptions,
    client: Option<SupervisorClient>,
}

impl Supervisor {
    pub fn new(conf: &Conf, port: u16) -> Supervisor {
        // By name as Storm does; a machine that does not know its own name still has a supervisor.
        let mut hosts = vec![conf.hostname(), "127.0.0.1".to_owned()];
        hosts.dedup();
        Supervisor { hosts, port, options: ClientOptions::for_supervisor(conf), client: None }
    }

    pub async fn assignment(&mut self, topology_id: &str) -> Result<Assignment, ClientError> {
        let mut client = self.client().await?;
        let answer = client.get_local_assignment_for_storm(topology_id.to_owned()).await;
        self.keep(client, &answer);
        answer
    }

    pub async fn heartbeat(&mut self, beat: &SupervisorWorkerHeartbeat) -> Result<(), ClientError> {
        let mut client = self.client().await?;
        let answer = client.send_supervisor_worker_heartbeat(beat.clone()).await;
        self.keep(client, &answer);
        answer
    }

    async fn client(&mut self) -> Result<SupervisorClient, ClientError> {
        if let Some(client) = self.client.take() {
            return Ok(client);
        }
        let mut first = None;
        for host in &self.hosts {
            match SupervisorClient::connect(host, self.port, self.options.clone()).await {
                Ok(client) => return Ok(client),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.expect("there is a host"))
    }

    /// A connection that has answered, if only with a refusal, is good for the next call.
    fn keep<T>(&mut self, client: SupervisorClient, answer: &Result<T, ClientError>) {
        if is_alive(answer) {
            self.client = Some(client);
        }
    }
}

/// The leading Nimbus, while there is one.
pub(crate) struct Nimbus {
    conf: Conf,
    client: Option<(NimbusClient, Instant)>,
}

impl Nimbus {
    pub fn new(conf: Conf) -> Nimbus {
        Nimbus { conf, client: None }
    }

    pub async fn heartbeat(&mut self, beat: &SupervisorWorkerHeartbeat) -> Result<(), String> {
        let exchange = async {
            let (mut client, since) = match self.client.take().filter(|(_, since)| since.elapsed() < LEADER_FOR) {
                Some(client) => client,
                None => (NimbusClient::leader(&self.conf).await?, Instant::now()),
            };
            let answer = client.send_supervisor_worker_heartbeat(beat.clone()).await;
            Ok::<_, ClientError>(((client, since), answer))
        };
        match timeout(NIMBUS_PATIENCE, exchange).await {
            Err(_elapsed) => Err(format!("no answer within {} s", NIMBUS_PATIENCE.as_secs())),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok((client, answer))) => {
                if is_alive(&answer) {
                    self.client = Some(client);
                }
                answer.map_err(|error| error.to_string())
            }
        }
    }
}

fn is_alive<T>(answer: &Result<T, ClientError>) -> bool {
    matches!(answer, Ok(_) | Err(ClientError::Declared(_) | ClientError::Application { .. }))
}
