//! The states of a topology: what an event makes of a [`StormBase`], and what is to be done because of it. Pure.

use std::time::Duration;

use storm_thrift::types::{KillOptions, RebalanceOptions, StormBase, TopologyActionOptions, TopologyStatus};

use super::alarms::Alarm;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Activate,
    Inactivate,
    Kill {
        wait_secs: Option<i32>,
    },
    Rebalance(Box<RebalanceOptions>),
    /// The wait of a rebalance is over.
    DoRebalance,
    /// The wait of a kill is over.
    Remove,
    /// This Nimbus leads from now on and knows of no alarm that another one has set.
    GainLeadership,
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::Activate => "ACTIVATE",
            Event::Inactivate => "INACTIVATE",
            Event::Kill { .. } => "KILL",
            Event::Rebalance(_) => "REBALANCE",
            Event::DoRebalance => "DO_REBALANCE",
            Event::Remove => "REMOVE",
            Event::GainLeadership => "GAIN_LEADERSHIP",
        }
    }

    /// Events that Nimbus itself sends may come too late; then they mean nothing.
    fn is_internal(&self) -> bool {
        matches!(self, Event::DoRebalance | Event::Remove | Event::GainLeadership)
    }
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Save(Box<StormBase>),
    Arm {
        alarm: Alarm,
        after: Duration,
    },
    /// Write the overrides into code and configuration, then place the topology anew.
    Rebalance(Box<RebalanceOptions>),
    /// Take the topology out of the cluster.
    Remove,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("No transition for event: {event}, status: {status} storm-id: {id}")]
pub struct NoTransition {
    pub event: &'static str,
    pub status: &'static str,
    pub id: String,
}

pub fn status_name(status: TopologyStatus) -> &'static str {
    match status {
        TopologyStatus::Active => "ACTIVE",
        TopologyStatus::Inactive => "INACTIVE",
        TopologyStatus::Rebalancing => "REBALANCING",
        TopologyStatus::Killed => "KILLED",
    }
}

/// `default_wait_secs` is the topology's message timeout.
pub fn transition(
    id: &str,
    base: &StormBase,
    event: Event,
    default_wait_secs: i32,
) -> Result<Vec<Effect>, NoTransition> {
    use TopologyStatus::{Active, Inactive, Killed, Rebalancing};
    let save = |change: &dyn Fn(&mut StormBase)| {
        let mut base = base.clone();
        change(&mut base);
        Effect::Save(Box::new(base))
    };
    let refused =
        |event: &Event| NoTransition { event: event.name(), status: status_name(base.status), id: id.to_owned() };
    let effects = match (base.status, event) {
        (Active, Event::Activate) | (Inactive, Event::Inactivate) => vec![],
        (Active, Event::Inactivate) => vec![save(&|b| b.status = Inactive)],
        (Inactive, Event::Activate) => vec![save(&|b| b.status = Active)],
        (Active | Inactive, Event::Rebalance(mut options)) => {
            let wait = options.wait_secs.unwrap_or(default_wait_secs).max(0);
            options.wait_secs = Some(wait);
            let saved = save(&|b| {
                b.prev_status = Some(b.status);
                b.status = Rebalancing;
                b.topology_action_options = Some(TopologyActionOptions::RebalanceOptions((*options).clone()));
            });
            vec![saved, arm(Alarm::DoRebalance, wait)]
        }
        (_, Event::Kill { wait_secs }) => {
            let wait = wait_secs.unwrap_or(default_wait_secs).max(0);
            let saved = save(&|b| {
                b.status = Killed;
                b.topology_action_options =
                    Some(TopologyActionOptions::KillOptions(KillOptions { wait_secs: Some(wait) }));
            });
            vec![saved, arm(Alarm::Remove, wait)]
        }
        (Killed, Event::Remove) => vec![Effect::Remove],
        (Killed, Event::GainLeadership) => vec![arm(Alarm::Remove, saved_wait(base, default_wait_secs))],
        (Rebalancing, Event::GainLeadership) => vec![arm(Alarm::DoRebalance, saved_wait(base, default_wait_secs))],
        (Rebalancing, Event::DoRebalance) => {
            let options = match &base.topology_action_options {
                Some(TopologyActionOptions::RebalanceOptions(o)) => o.clone(),
                _ => RebalanceOptions::default(),
            };
            let saved = save(&|b| {
                b.status = b.prev_status.unwrap_or(Active);
                b.prev_status = None;
                b.topology_action_options = None;
                b.num_workers = options.num_workers.unwrap_or(b.num_workers);
                if let Some(executors) = &options.num_executors {
                    b.component_executors.get_or_insert_default().extend(executors.clone());
                }
            });
            vec![saved, Effect::Rebalance(Box::new(options))]
        }
        (_, event) if event.is_internal() => vec![],
        (_, event) => return Err(refused(&event)),
    };
    Ok(effects)
}

fn arm(alarm: Alarm, secs: i32) -> Effect {
    Effect::Arm { alarm, after: Duration::from_secs(u64::try_from(secs).unwrap_or(0)) }
}

fn saved_wait(base: &StormBase, default: i32) -> i32 {
    let saved = match &base.topology_action_options {
        Some(TopologyActionOptions::KillOptions(o)) => o.wait_secs,
        Some(TopologyActionOptions::RebalanceOptions(o)) => o.wait_secs,
        None => None,
    };
    saved.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use TopologyStatus::{Active, Inactive, Killed, Rebalancing};

    fn base(status: TopologyStatus) -> StormBase {
        StormBase { name: "wc".into(), status, num_workers: 2, ..StormBase::default() }
    }

    fn run(base: &StormBase, event: Event) -> Result<Vec<Effect>, NoTransition> {
        transition("wc-1-5", base, event, 30)
    }

    fn saved(effects: &[Effect]) -> &StormBase {
        match &effects[0] {
            Effect::Save(base) => base,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn activate_and_deactivate() {
        assert_eq!(run(&base(Active), Event::Activate), Ok(vec![]));
        assert_eq!(run(&base(Inactive), Event::Inactivate), Ok(vec![]));
        assert_eq!(saved(&run(&base(Active), Event::Inactivate).unwrap()).status, Inactive);
        assert_eq!(saved(&run(&base(Inactive), Event::Activate).unwrap()).status, Active);
    }

    #[test]
    fn what_cannot_be_is_refused_in_storms_words() {
        let e = run(&base(Killed), Event::Activate).unwrap_err();
        assert_eq!(e.to_string(), "No transition for event: ACTIVATE, status: KILLED storm-id: wc-1-5");
        assert!(run(&base(Rebalancing), Event::Rebalance(Box::default())).is_err());
        assert!(run(&base(Rebalancing), Event::Inactivate).is_err());
        assert!(run(&base(Killed), Event::Rebalance(Box::default())).is_err());
    }

    #[test]
    fn late_internal_events_mean_nothing() {
        for status in [Active, Inactive] {
            for event in [Event::DoRebalance, Event::Remove, Event::GainLeadership] {
                assert_eq!(run(&base(status), event), Ok(vec![]));
            }
        }
        assert_eq!(run(&base(Killed), Event::DoRebalance), Ok(vec![]));
        assert_eq!(run(&base(Rebalancing), Event::Remove), Ok(vec![]));
    }

    #[test]
    fn a_kill_waits_for_the_message_timeout_unless_told_otherwise() {
        for status in [Active, Inactive, Killed, Rebalancing] {
            let effects = run(&base(status), Event::Kill { wait_secs: None }).unwrap();
            assert_eq!(saved(&effects).status, Killed);
            assert_eq!(effects[1], arm(Alarm::Remove, 30));
            let effects = run(&base(status), Event::Kill { wait_secs: Some(0) }).unwrap();
            assert_eq!(effects[1], arm(Alarm::Remove, 0));
        }
        assert_eq!(run(&base(Killed), Event::Remove), Ok(vec![Effect::Remove]));
    }

    #[test]
    fn a_new_leader_waits_as_long_again() {
        let killed = saved(&run(&base(Active), Event::Kill { wait_secs: Some(7) }).unwrap()).clone();
        assert_eq!(run(&killed, Event::GainLeadership), Ok(vec![arm(Alarm::Remove, 7)]));
        let options = RebalanceOptions { wait_secs: Some(9), ..RebalanceOptions::default() };
        let moving = saved(&run(&base(Active), Event::Rebalance(Box::new(options))).unwrap()).clone();
        assert_eq!(run(&moving, Event::GainLeadership), Ok(vec![arm(Alarm::DoRebalance, 9)]));
    }

    #[test]
    fn a_rebalance_goes_back_to_the_status_before_it() {
        let mut before = base(Inactive);
        before.component_executors = Some(BTreeMap::from([("a".into(), 1), ("b".into(), 2)]));
        let options = RebalanceOptions {
            num_workers: Some(5),
            num_executors: Some(BTreeMap::from([("b".into(), 4)])),
            ..RebalanceOptions::default()
        };
        let effects = run(&before, Event::Rebalance(Box::new(options))).unwrap();
        let moving = saved(&effects).clone();
        assert_eq!((moving.status, moving.prev_status), (Rebalancing, Some(Inactive)));
        assert_eq!(moving.num_workers, 2, "nothing changes before the wait is over");
        let effects = run(&moving, Event::DoRebalance).unwrap();
        let after = saved(&effects);
        assert_eq!((after.status, after.prev_status, after.num_workers), (Inactive, None, 5));
        assert_eq!(after.component_executors, Some(BTreeMap::from([("a".into(), 1), ("b".into(), 4)])));
        assert_eq!(after.topology_action_options, None);
        assert!(matches!(&effects[1], Effect::Rebalance(o) if o.num_workers == Some(5)));
    }
}
