//! Which workers of a topology are on other machines, and which of them run a component: Nimbus knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use storm_thrift::types::{ExecutorSummary, GetInfoOptions, NumErrorsChoice};

use crate::commands::topology;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Logs are read when the cluster is down, too: nobody waits long for Nimbus.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Default, PartialEq)]
pub struct Coverage {
    /// The topology's id, when Nimbus knows it.
    pub id: String,
    /// The slots of this machine whose workers run the component; `None` when all are wanted.
    pub slots: Option<BTreeSet<String>>,
    /// Other machines, with the slots that are wanted of them.
    pub elsewhere: BTreeMap<String, BTreeSet<u32>>,
    pub notes: Vec<String>,
}

pub async fn ask(ctx: &Context, name: &str, component: Option<&str>) -> Result<Coverage, Failure> {
    let question = async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, name).await?;
        let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
        Ok::<_, Failure>(nimbus.get_topology_info_with_opts(topology.id, options).await?)
    };
    let patience = ctx.global.timeout.unwrap_or(PATIENCE);
    let late = || {
        let secs = patience.as_secs_f64();
        Failure::new(Exit::Unreachable, "nimbus/late", format!("Nimbus did not answer in {secs} s"))
    };
    let answer = tokio::time::timeout(patience, question).await.unwrap_or_else(|_| Err(late()));
    match (answer, component) {
        (Ok(info), component) => {
            let coverage = coverage(&info.id, &info.executors, &ctx.conf.hostname(), component);
            match component.filter(|c| !info.executors.iter().any(|e| e.component_id == *c)) {
                Some(unknown) => Err(no_component(name, unknown, &info.executors)),
                None => Ok(coverage),
            }
        }
        // Who asks for a component must know where it runs; everybody else reads what is here.
        (Err(failure), Some(_)) => Err(failure),
        (Err(failure), None) if failure.exit == Exit::NotFound => Ok(Coverage::default()),
        (Err(_), None) => Ok(Coverage {
            notes: vec!["no Nimbus answers, so workers on other machines are not known".to_owned()],
            ..Coverage::default()
        }),
    }
}

fn no_component(name: &str, component: &str, executors: &[ExecutorSummary]) -> Failure {
    let known: BTreeSet<&str> = executors.iter().map(|e| e.component_id.as_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    Failure::new(Exit::NotFound, "logs/component", format!("no executor of component \"{component}\" of {name} runs"))
        .evidence(if known.is_empty() {
            "nothing of it runs".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        })
}

fn coverage(id: &str, executors: &[ExecutorSummary], here: &str, component: Option<&str>) -> Coverage {
    let of_interest = executors.iter().filter(|e| component.is_none_or(|c| e.component_id == c));
    let mut elsewhere: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut slots = BTreeSet::new();
    for e in of_interest {
        if e.host == here || e.host == "localhost" {
            slots.insert(e.port.to_string());
        } else if let Ok(port) = u32::try_from(e.port) {
            elsewhere.entry(e.host.clone()).or_default().insert(port);
        }
    }
    Coverage { id: id.to_owned(), slots: component.map(|_| slots), elsewhere, notes: Vec::new() }
}

/// What is said of logs that cannot be read from here.
pub fn not_here(host: &str, slots: &BTreeSet<u32>, why: &str) -> String {
    let slots: Vec<String> = slots.iter().map(u32::to_string).collect();
    format!("not here: the logs of {host} (ports {}): {why}; run stormctl logs there", slots.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_thrift::types::ExecutorInfo;

    fn executor(component: &str, host: &str, port: i32) -> ExecutorSummary {
        ExecutorSummary {
            executor_info: ExecutorInfo { task_start: 1, task_end: 1 },
            component_id: component.into(),
            host: host.into(),
            port,
            uptime_secs: 1,
            stats: None,
        }
    }

    #[test]
    fn other_machines_are_named_with_their_ports() {
        let all = [executor("a", "h1", 1), executor("b", "h1", 2), executor("a", "h2", 8), executor("b", "h2", 7)];
        let whole = coverage("t-1-1", &all, "h1", None);
        assert_eq!(whole.slots, None);
        assert_eq!(whole.elsewhere, BTreeMap::from([("h2".to_owned(), BTreeSet::from([7, 8]))]));
        assert_eq!(
            not_here("h2", &whole.elsewhere["h2"], "it has no agent"),
            "not here: the logs of h2 (ports 7, 8): it has no agent; run stormctl logs there"
        );
        let one = coverage("t-1-1", &all, "h1", Some("a"));
        assert_eq!(one.slots, Some(BTreeSet::from(["1".to_owned()])));
        assert_eq!(one.elsewhere["h2"], BTreeSet::from([8]));
        assert!(coverage("t-1-1", &all[..2], "h1", None).elsewhere.is_empty());
    }
}
