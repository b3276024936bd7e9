//! Uploads and downloads under way, by session id, forgotten when idle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use storm_thrift::ServiceError;
use tokio::time::Instant;

/// More at one time than any cluster needs, and few enough for the file descriptors of a process.
const MOST: usize = 512;

/// Sessions of one kind. A session is taken out while a call works on it and put back after, so two calls on one
/// session never meet in the middle.
#[derive(Debug)]
pub struct Sessions<T> {
    what: &'static str,
    idle: Duration,
    open: Mutex<Open<T>>,
}

/// By id: when it was last used, and what it holds.
type Open<T> = HashMap<String, (Instant, Arc<Mutex<Option<T>>>)>;

impl<T> Sessions<T> {
    /// `what` names a session in errors: "Blob", "File".
    pub fn new(what: &'static str, idle: Duration) -> Sessions<T> {
        Sessions { what, idle, open: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open<T>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn insert(&self, id: String, session: T) -> Result<(), ServiceError> {
        self.expire();
        let mut open = self.lock();
        if open.len() >= MOST {
            return Err(ServiceError::internal(format!(
                "{} transfers are under way, no more than {MOST} may be; try again when some have ended",
                open.len()
            )));
        }
        open.insert(id, (Instant::now(), Arc::new(Mutex::new(Some(session)))));
        Ok(())
    }

    /// Runs `work` on the session; the caller is on a thread that may block.
    pub fn with<R>(&self, id: &str, work: impl FnOnce(&mut T) -> Result<R, ServiceError>) -> Result<R, ServiceError> {
        let session = {
            let mut open = self.lock();
            let (used, session) = open.get_mut(id).ok_or_else(|| self.unknown(id))?;
            *used = Instant::now();
            session.clone()
        };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        work(session.as_mut().ok_or_else(|| self.unknown(id))?)
    }

    /// Ends the session and hands out what it held.
    pub fn take(&self, id: &str) -> Result<T, ServiceError> {
        let (_, session) = self.lock().remove(id).ok_or_else(|| self.unknown(id))?;
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        session.take().ok_or_else(|| self.unknown(id))
    }

    /// Drops what has been idle for too long.
    pub fn expire(&self) {
        let idle = self.idle;
        self.lock().retain(|_, (used, _)| used.elapsed() < idle);
    }

    fn unknown(&self, id: &str) -> ServiceError {
        ServiceError::internal(format!("{} for session {id} does not exist (or timed out)", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idle_sessions_are_forgotten_and_used_ones_stay() {
        let sessions = Sessions::new("Blob", Duration::from_secs(600));
        sessions.insert("a".into(), 1).unwrap();
        sessions.insert("b".into(), 2).unwrap();
        tokio::time::advance(Duration::from_secs(500)).await;
        sessions.with("a", |v| Ok(*v)).unwrap();
        tokio::time::advance(Duration::from_secs(200)).await;
        sessions.expire();
        assert_eq!(sessions.take("a"), Ok(1));
        let text = sessions.take("b").unwrap_err().to_string();
        assert_eq!(text, "Blob for session b does not exist (or timed out)");
    }

    #[tokio::test]
    async fn there_is_a_limit() {
        let sessions = Sessions::new("Blob", Duration::from_secs(600));
        for i in 0..MOST {
            sessions.insert(i.to_string(), ()).unwrap();
        }
        assert!(sessions.insert("more".into(), ()).unwrap_err().to_string().contains("512"));
    }
}
