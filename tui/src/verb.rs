//! The verbs of `stormctl` that `:` takes, and what a line of them does.

/// A verb, or a verb with a verb of its own: `list`, `zk ls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verb {
    pub name: String,
    pub about: String,
    /// Its first argument is the name of a topology.
    pub topology: bool,
}

/// What a command line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Prints something and ends.
    Reads,
    /// Changes something: it is asked for first, and forbidden to who may only read.
    Changes,
    /// Needs the terminal for itself until it ends.
    Terminal { changes: bool },
}

/// What the parser of the command line says of these arguments of `stormctl`; else why they cannot be run from here.
pub type Judge = fn(&[String]) -> Result<Effect, String>;
