//! Groupings as they are written in a topology.

use storm_thrift::types::{Grouping, NullStruct};

pub(crate) fn shuffle() -> Grouping {
    Grouping::Shuffle(NullStruct {})
}

pub(crate) fn all() -> Grouping {
    Grouping::All(NullStruct {})
}

/// All tuples to the lowest task; Storm writes it as a fields grouping on nothing.
pub(crate) fn global() -> Grouping {
    Grouping::Fields(Vec::new())
}

pub(crate) fn none() -> Grouping {
    Grouping::None(NullStruct {})
}

pub(crate) fn direct() -> Grouping {
    Grouping::Direct(NullStruct {})
}

pub(crate) fn local_or_shuffle() -> Grouping {
    Grouping::LocalOrShuffle(NullStruct {})
}
