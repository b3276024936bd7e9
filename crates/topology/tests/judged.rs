//! Topologies judged by Apache Storm itself: what its own classes make of the same input.

mod judged {
    mod system;
}
