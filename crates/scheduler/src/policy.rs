//! `storm.scheduler`: which of Storm's schedulers decides.

use storm_conf::Conf;

pub const SCHEDULER_KEY: &str = "storm.scheduler";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `org.apache.storm.scheduler.DefaultScheduler`: evens out what it may, then fills up evenly.
    Default,
    /// `org.apache.storm.scheduler.EvenScheduler`: only fills up, never frees a slot.
    Even,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "SCHEDULER_UNKNOWN: {SCHEDULER_KEY} names {class}, which this Nimbus does not have; take one of {}, or remove the key",
    Policy::CLASSES.join(", ")
)]
pub struct UnknownScheduler {
    pub class: String,
}

impl Policy {
    pub const CLASSES: [&'static str; 2] =
        ["org.apache.storm.scheduler.DefaultScheduler", "org.apache.storm.scheduler.EvenScheduler"];

    /// The policy that the configuration names; the default scheduler when it names none.
    pub fn from_conf(conf: &Conf) -> Result<Policy, UnknownScheduler> {
        match conf.str(SCHEDULER_KEY) {
            None => Ok(Policy::Default),
            Some(c) if c == Self::CLASSES[0] => Ok(Policy::Default),
            Some(c) if c == Self::CLASSES[1] => Ok(Policy::Even),
            Some(other) => Err(UnknownScheduler { class: other.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_class_is_an_error_that_names_the_key_and_the_choices() {
        let mut conf = Conf::default();
        assert_eq!(Policy::from_conf(&conf), Ok(Policy::Default));
        conf.set(SCHEDULER_KEY, "org.apache.storm.scheduler.EvenScheduler");
        assert_eq!(Policy::from_conf(&conf), Ok(Policy::Even));
        conf.set(SCHEDULER_KEY, "com.example.MyScheduler");
        let text = Policy::from_conf(&conf).unwrap_err().to_string();
        assert!(text.contains("storm.scheduler") && text.contains("com.example.MyScheduler"), "{text}");
        assert!(text.contains("DefaultScheduler"), "{text}");
    }
}
