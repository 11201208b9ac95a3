//! What a migration was, and how it ended.

use crate::guest::ByOrder;
use crate::message::{Digests, Reason};

/// How a migration ended, at the receiver.
#[derive(Debug)]
pub enum Outcome {
    /// The guest runs here.
    Resumed,
    /// It does not run here, and never will: the VM was discarded.
    Discarded {
        /// Why.
        reason: Reason,
    },
    /// The guest is here, verified and stopped, and the connection broke before COMMIT came. As a rule the sender resumed it, so
    /// discard it. If the sender is dead, a person can order it to run.
    Held {
        /// Why no COMMIT came.
        reason: Reason,
        /// For a person's order.
        order: ByOrder,
    },
}

/// Numbers of a migration, which grow while it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rounds that were begun, the one after the stop included.
    pub rounds: u32,
    /// Pages that came, each as often as it came.
    pub pages: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// The digests of what is here.
    pub digests: Option<Digests>,
}
