//! What Nimbus says, and who can be reached.

use storm_thrift::types::ClusterSummary;

#[derive(Debug, Clone, Default)]
pub struct Nimbus {
    pub seeds: Vec<Seed>,
    /// The leader that a seed named, and whether it answers us.
    pub leader: Option<(String, Outcome)>,
    pub summary: Option<ClusterSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// `host:port`.
    pub address: String,
    pub answer: SeedAnswer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedAnswer {
    Unresolved(String),
    Refused(String),
    Timeout(String),
    /// Something listens there that does not speak thrift.
    Strange(String),
    /// It answers and says that nobody leads.
    NoLeader(String),
    /// It answers and names the leader.
    Names {
        leader: String,
    },
}

impl SeedAnswer {
    pub fn words(&self) -> String {
        match self {
            SeedAnswer::Unresolved(why) => format!("the name is not known here: {why}"),
            SeedAnswer::Refused(why) => format!("nobody listens: {why}"),
            SeedAnswer::Timeout(why) => format!("no answer in time: {why}"),
            SeedAnswer::Strange(why) => format!("something answers that is no Nimbus: {why}"),
            SeedAnswer::NoLeader(why) => format!("alive, but knows no leader: {why}"),
            SeedAnswer::Names { leader } => format!("alive, names the leader {leader}"),
        }
    }

    pub fn alive(&self) -> bool {
        matches!(self, SeedAnswer::NoLeader(_) | SeedAnswer::Names { .. })
    }
}

/// What became of a try to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Answers,
    Unresolved(String),
    Refused(String),
    Timeout(String),
}

impl Outcome {
    pub fn words(&self) -> String {
        match self {
            Outcome::Answers => "answers".to_owned(),
            Outcome::Unresolved(why) => format!("the name is not known: {why}"),
            Outcome::Refused(why) => why.clone(),
            Outcome::Timeout(why) => format!("no answer: {why}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    ZooKeeper,
    Supervisor,
    Worker,
    LogViewer,
}

impl Purpose {
    pub fn word(self) -> &'static str {
        match self {
            Purpose::ZooKeeper => "ZooKeeper",
            Purpose::Supervisor => "the supervisor",
            Purpose::Worker => "a worker",
            Purpose::LogViewer => "the log viewer",
        }
    }
}

/// One try to reach somebody, address by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The host that tried.
    pub from: String,
    pub host: String,
    pub port: u16,
    pub purpose: Purpose,
    /// Why the name means nothing there.
    pub unresolved: Option<String>,
    /// Every address of the name, in the order of the resolver.
    pub addresses: Vec<(std::net::IpAddr, Outcome)>,
}

impl Probe {
    pub fn answers(&self) -> bool {
        self.addresses.iter().any(|(_, outcome)| *outcome == Outcome::Answers)
    }
}
