//! Names of topologies that live or are just being submitted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use storm_thrift::types::AlreadyAliveException;

/// Names that submissions under way have taken, each with the id it is for.
#[derive(Debug, Default)]
pub struct NamesTaken(Mutex<HashMap<String, String>>);

/// Gives the name back when dropped.
#[derive(Debug)]
pub struct NameTaken<'a> {
    names: &'a NamesTaken,
    name: String,
}

impl NamesTaken {
    /// `living` finds the id of the topology that has the name now. It is asked under the lock: a submission gives its
    /// name back only once its topology lives, so no moment is left between the two.
    pub fn take(
        &self,
        name: &str,
        id: &str,
        living: impl FnOnce() -> Option<String>,
    ) -> Result<NameTaken<'_>, AlreadyAliveException> {
        let mut names = self.lock();
        if let Some(owner) = names.get(name).cloned().or_else(living) {
            return Err(AlreadyAliveException { msg: format!("{name} is already alive (as {owner})") });
        }
        names.insert(name.to_owned(), id.to_owned());
        Ok(NameTaken { names: self, name: name.to_owned() })
    }

    /// Ids of the submissions under way.
    pub fn ids(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for NameTaken<'_> {
    fn drop(&mut self) {
        self.names.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_gets_the_name_and_the_others_hear_of_its_id() {
        let names = NamesTaken::default();
        let barrier = std::sync::Barrier::new(10);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let (names, barrier) = (&names, &barrier);
            let run = move |i: usize| {
                barrier.wait();
                let outcome = names.take("wc", &format!("wc-{i}-1"), || None);
                let text = outcome.as_ref().err().map(|e| e.msg.clone());
                barrier.wait();
                text
            };
            let threads: Vec<_> = (0..10).map(|i| scope.spawn(move || run(i))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|o| o.is_none()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().flatten().all(|m| m.starts_with("wc is already alive (as wc-")), "{outcomes:?}");
        assert!(names.take("wc", "x", || None).is_ok(), "it was given back");
        assert!(names.take("wc", "x", || Some("wc-0-0".to_owned())).is_err(), "somebody living has it");
    }
}
