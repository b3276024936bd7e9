//! What goes wrong with the workers of a topology, on its way to where its owner looks: the topology's errors in ZooKeeper.

use std::collections::VecDeque;
use std::sync::Mutex;

use storm_thrift::types::ErrorInfo;
use tokio::sync::Notify;

use crate::host::lock;

/// The component that all of Storm's own parts of a topology belong to.
pub const COMPONENT: &str = "__system";
/// Without ZooKeeper troubles pile up: the newest count.
const KEPT: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    pub topology_id: String,
    pub error: ErrorInfo,
}

#[derive(Debug, Default)]
pub struct Troubles {
    queue: Mutex<VecDeque<Trouble>>,
    more: Notify,
}

impl Troubles {
    pub fn report(&self, trouble: Trouble) {
        let mut queue = lock(&self.queue);
        if queue.len() == KEPT {
            queue.pop_front();
        }
        queue.push_back(trouble);
        self.more.notify_one();
    }

    /// The oldest one, as soon as there is one.
    pub async fn next(&self) -> Trouble {
        loop {
            let next = lock(&self.queue).pop_front();
            match next {
                Some(trouble) => return trouble,
                None => self.more.notified().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_are_dropped_when_nobody_takes_them() {
        let troubles = Troubles::default();
        for n in 0..KEPT + 3 {
            let error = ErrorInfo { error: n.to_string(), ..ErrorInfo::default() };
            troubles.report(Trouble { topology_id: "t".to_owned(), error });
        }
        for n in 3..KEPT + 3 {
            assert_eq!(troubles.next().await.error.error, n.to_string());
        }
        let none = tokio::time::timeout(std::time::Duration::from_millis(20), troubles.next()).await;
        assert!(none.is_err());
    }
}
