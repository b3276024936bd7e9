//! What a supervisor tells the worker it starts.

use crate::WorkerError;

/// The five arguments of Storm's worker, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerArgs {
    pub topology_id: String,
    /// The supervisor's assignment id, which is the node in assignments.
    pub supervisor_id: String,
    pub supervisor_port: u16,
    pub port: u16,
    pub worker_id: String,
}

impl WorkerArgs {
    pub fn parse<S: AsRef<str>>(args: &[S]) -> Result<WorkerArgs, WorkerError> {
        let [topology_id, supervisor_id, supervisor_port, port, worker_id] = args else {
            return Err(WorkerError::Usage(format!("5 arguments expected, {} given", args.len())));
        };
        let number = |what: &str, text: &str| {
            text.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| WorkerError::Usage(format!("{what} {text:?} is not a port")))
        };
        // Both become names of folders.
        for id in [topology_id.as_ref(), worker_id.as_ref()] {
            if matches!(id, "" | "." | "..") || id.contains(['/', '\0']) {
                return Err(WorkerError::Usage(format!("{id:?} is not an id")));
            }
        }
        Ok(WorkerArgs {
            topology_id: topology_id.as_ref().to_owned(),
            supervisor_id: supervisor_id.as_ref().to_owned(),
            supervisor_port: number("supervisor's port", supervisor_port.as_ref())?,
            port: number("worker's port", port.as_ref())?,
            worker_id: worker_id.as_ref().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storms_five() {
        let args = WorkerArgs::parse(&["wc-1-1700000000", "s-127.0.0.1", "6628", "6700", "w"]).unwrap();
        assert_eq!((args.supervisor_port, args.port), (6628, 6700));
        for bad in [
            &["a", "b", "1", "2"][..],
            &["a", "b", "x", "2", "w"],
            &["a", "b", "1", "0", "w"],
            &["a/../b", "b", "1", "2", "w"],
            &["a", "b", "1", "2", ".."],
        ] {
            assert_eq!(WorkerArgs::parse(bad).unwrap_err().code(), "worker-usage", "{bad:?}");
        }
    }
}
