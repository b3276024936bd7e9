//! What Nimbus is asked.

use std::collections::BTreeSet;

use storm_conf::Conf;
use storm_thrift::types::{GetInfoOptions, NumErrorsChoice, StormTopology};
use storm_thrift::{ClientError, NimbusClient};
use storm_tui::Data;

use super::convert;
use super::sources::Ask;
use crate::context::Context;

/// Topologies that are looked at in one turn.
const AT_ONCE: usize = 20;
/// What a topology of ten thousand executors answers is far above Nimbus' own limit for requests.
const MAX_ANSWER: i64 = 256 << 20;
/// A call that takes longer is given up.
const LIMIT_MS: i64 = 7000;

/// A question, with what is remembered from one time to the next.
pub enum Question {
    Cluster,
    Samples { next: usize },
    Topology { id: String, window: String, structure: Option<Box<StormTopology>> },
    Component { topology: String, component: String, window: String },
    Workers,
}

/// A question and the connection on which it is asked, which is made anew after it broke.
pub struct Nimbus {
    conf: Conf,
    client: Option<NimbusClient>,
    question: Question,
}

impl Nimbus {
    pub fn new(ctx: &Context, question: Question) -> Nimbus {
        let mut conf = ctx.conf.clone();
        let frame = conf.int("nimbus.thrift.max_buffer_size").unwrap_or(0).max(MAX_ANSWER);
        conf.set("nimbus.thrift.max_buffer_size", frame);
        conf.set("storm.thrift.socket.timeout.ms", LIMIT_MS);
        Nimbus { conf, client: None, question }
    }

    async fn once(&mut self) -> Result<Data, ClientError> {
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(NimbusClient::leader(&self.conf).await?),
        };
        answer(&mut self.question, client).await
    }
}

impl Ask for Nimbus {
    async fn ask(&mut self) -> Result<Data, String> {
        let result = self.once().await;
        result.map_err(|e| {
            // An answer that says no leaves the connection whole.
            if e.declared().is_none() {
                self.client = None;
            }
            e.to_string()
        })
    }
}

async fn answer(question: &mut Question, nimbus: &mut NimbusClient) -> Result<Data, ClientError> {
    match question {
        Question::Cluster => Ok(Data::Cluster(convert::cluster(nimbus.get_cluster_info().await?))),
        Question::Samples { next } => {
            let all = nimbus.get_topology_summaries().await?;
            let mut samples = Vec::new();
            let turn = all.iter().cycle().skip(*next % all.len().max(1)).take(AT_ONCE.min(all.len()));
            for t in turn {
                match nimbus.get_topology_page_info(t.id.clone(), "600".to_owned(), false).await {
                    Ok(page) => samples.push(convert::sample(&page)),
                    // It went between the two questions.
                    Err(e) if e.declared().is_some() => {}
                    Err(e) => return Err(e),
                }
            }
            *next = (*next + AT_ONCE) % all.len().max(1);
            Ok(Data::Samples(samples))
        }
        Question::Topology { id, window, structure } => {
            let page = nimbus.get_topology_page_info(id.clone(), window.clone(), false).await?;
            if structure.is_none() {
                *structure = Some(Box::new(nimbus.get_user_topology(id.clone()).await?));
            }
            let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
            let info = nimbus.get_topology_info_with_opts(id.clone(), options).await?;
            let structure = structure.as_deref();
            Ok(Data::Topology(Box::new(convert::topology(&page, structure, &info.executors))))
        }
        Question::Component { topology, component, window } => {
            let page =
                nimbus.get_component_page_info(topology.clone(), component.clone(), window.clone(), false).await?;
            Ok(Data::Component(Box::new(convert::component_page(page))))
        }
        Question::Workers => {
            let cluster = nimbus.get_cluster_info().await?;
            let hosts: BTreeSet<String> = cluster.supervisors.into_iter().map(|s| s.host).collect();
            let mut workers = Vec::new();
            for host in hosts {
                let page = nimbus.get_supervisor_page_info(None, Some(host), false).await?;
                workers.extend(page.worker_summaries.into_iter().flatten().map(convert::worker));
            }
            Ok(Data::Workers(workers))
        }
    }
}
