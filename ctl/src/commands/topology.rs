//! Finding the topology that a name or an id means.

use storm_thrift::types::TopologySummary;
use storm_thrift::{ClientError, Exception, NimbusClient};

use crate::exit::Exit;
use crate::failure::Failure;

/// The summary of the topology with this name, else with this id.
pub async fn find(nimbus: &mut NimbusClient, name: &str) -> Result<TopologySummary, Failure> {
    match nimbus.get_topology_summary_by_name(name.to_owned()).await {
        Ok(summary) => return Ok(summary),
        Err(ClientError::Declared(Exception::NotAliveException(_))) => {}
        Err(e) => return Err(e.into()),
    }
    let all = nimbus.get_topology_summaries().await?;
    if let Some(found) = all.iter().find(|t| t.id == name) {
        return Ok(found.clone());
    }
    let names: Vec<&str> = all.iter().map(|t| t.name.as_str()).collect();
    let mut failure = Failure::new(Exit::NotFound, "topology/not-found", format!("no topology \"{name}\" runs"));
    if let Some(near) = nearest(name, &names) {
        failure = failure.hint(format!("did you mean {near}?"));
    } else if names.is_empty() {
        failure = failure.evidence("the cluster runs none").hint("stormctl submit FILE");
    } else {
        failure = failure.hint("stormctl list      shows those that do");
    }
    Err(failure)
}

/// The most alike of the names, if one is alike at all.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let near = names.iter().map(|n| (distance(name, n), *n)).min()?;
    (near.0 <= 1 + name.len() / 4).then_some(near.1)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_not() {
        assert_eq!(nearest("wordcuont", &["other", "wordcount"]), Some("wordcount"));
        assert_eq!(nearest("x", &["wordcount"]), None);
        assert_eq!(nearest("x", &[]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
