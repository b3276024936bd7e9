//! Word counts on whole clusters.
