//! What a certificate is for. It stands in its subject, as the organizational unit, and in its extended key usage.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A host's agent: it is connected to, and may ask nobody.
    Agent,
    /// Asks agents, and changes what they look after.
    Operator,
    /// Asks agents, and changes nothing.
    Viewer,
}

impl Purpose {
    pub const ALL: [Purpose; 3] = [Purpose::Agent, Purpose::Operator, Purpose::Viewer];

    pub fn word(self) -> &'static str {
        match self {
            Purpose::Agent => "agent",
            Purpose::Operator => "operator",
            Purpose::Viewer => "viewer",
        }
    }

    pub fn of_word(word: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|p| p.word() == word)
    }

    /// The names of certificate and key in the folder of who uses them.
    pub fn files(self) -> (&'static str, &'static str) {
        match self {
            Purpose::Agent => ("agent.pem", "agent.key"),
            Purpose::Operator | Purpose::Viewer => ("client.pem", "client.key"),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
