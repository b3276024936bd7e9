//! Everything that survives a restart: the tree, the sessions, the last transaction's number.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::proto::{Code, Operation};
use crate::tree::{Applied, ApplyError, Requester, Rules, Tree, apply, prepare};
use crate::txn::{Change, Op, Txn};

/// A session as it is persisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub timeout_ms: i32,
    pub password: [u8; 16],
}

/// The replicated state machine, were there replicas: the same transactions in the same order give the same state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    pub tree: Tree,
    pub sessions: BTreeMap<i64, Session>,
    /// The number of the last transaction applied.
    pub zxid: i64,
    /// The highest session id ever given.
    pub last_session: i64,
}

/// What a transaction did, one entry for each node it changed.
pub type Outcome = Vec<Applied>;

/// What became of one operation: the change it was turned into and what that did; nothing for a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    pub op: Option<Op>,
    pub applied: Option<Applied>,
}

/// The first operation of a multi that was refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub index: usize,
    pub code: Code,
}

impl State {
    /// Decides and applies `operations` together: all of them, or none.
    ///
    /// There is no transaction if nothing changes, as when all operations are checks.
    pub fn execute(
        &mut self,
        who: Requester<'_>,
        rules: Rules,
        operations: &[Operation],
        time: i64,
    ) -> Result<(Option<Txn>, Vec<Done>), Refused> {
        let zxid = self.zxid + 1;
        let mut done = Vec::with_capacity(operations.len());
        // A lone operation is refused before it changes anything.
        if operations.len() > 1 {
            self.tree.begin();
        }
        for (index, operation) in operations.iter().enumerate() {
            match self.execute_one(who, rules, operation, zxid, time) {
                Ok(one) => done.push(one),
                Err(code) => {
                    self.tree.roll_back();
                    return Err(Refused { index, code });
                }
            }
        }
        self.tree.keep();
        let changes: Vec<Op> = done.iter().filter_map(|one| one.op.clone()).collect();
        if changes.is_empty() {
            return Ok((None, done));
        }
        self.zxid = zxid;
        Ok((Some(Txn { zxid, time, session: who.session, change: Change::Ops(changes) }), done))
    }

    fn execute_one(
        &mut self,
        who: Requester<'_>,
        rules: Rules,
        operation: &Operation,
        zxid: i64,
        time: i64,
    ) -> Result<Done, Code> {
        let Some(op) = prepare(&self.tree, who, rules, operation)? else {
            return Ok(Done::default());
        };
        let applied = apply(&mut self.tree, &op, zxid, time).map_err(|_| Code::RuntimeInconsistency)?;
        Ok(Done { op: Some(op), applied: Some(applied) })
    }

    pub fn create_session(&mut self, id: i64, session: Session, time: i64) -> Txn {
        self.zxid += 1;
        self.sessions.insert(id, session);
        self.last_session = self.last_session.max(id);
        let change = Change::CreateSession { timeout_ms: session.timeout_ms, password: session.password };
        Txn { zxid: self.zxid, time, session: id, change }
    }

    /// Ends a session and deletes its ephemeral nodes.
    pub fn close_session(&mut self, id: i64, time: i64) -> Result<(Txn, Outcome), ApplyError> {
        let txn = Txn { zxid: self.zxid + 1, time, session: id, change: Change::CloseSession };
        let outcome = self.replay(&txn)?;
        Ok((txn, outcome))
    }

    /// Deletes a container or a node with a time to live; `None` if it has children or is gone.
    pub fn delete_candidate(&mut self, path: &str, time: i64) -> Result<Option<(Txn, Outcome)>, ApplyError> {
        if self.tree.get(path).is_none_or(|node| !node.children.is_empty()) {
            return Ok(None);
        }
        let change = Change::Ops(vec![Op::Delete { path: path.to_owned() }]);
        let txn = Txn { zxid: self.zxid + 1, time, session: 0, change };
        let outcome = self.replay(&txn)?;
        Ok(Some((txn, outcome)))
    }

    /// Applies a transaction that was decided before.
    pub fn replay(&mut self, txn: &Txn) -> Result<Outcome, ApplyError> {
        let mut outcome = Vec::new();
        match &txn.change {
            Change::CreateSession { timeout_ms, password } => {
                self.sessions.insert(txn.session, Session { timeout_ms: *timeout_ms, password: *password });
                self.last_session = self.last_session.max(txn.session);
            }
            Change::CloseSession => {
                self.sessions.remove(&txn.session);
                let paths: Vec<Arc<str>> = self.tree.ephemerals(txn.session).cloned().collect();
                for path in paths {
                    let op = Op::Delete { path: path.to_string() };
                    outcome.push(apply(&mut self.tree, &op, txn.zxid, txn.time)?);
                }
            }
            Change::Ops(ops) => {
                for op in ops {
                    outcome.push(apply(&mut self.tree, op, txn.zxid, txn.time)?);
                }
            }
        }
        self.zxid = txn.zxid;
        Ok(outcome)
    }
}
