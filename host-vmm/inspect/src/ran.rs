//! What a line of code did, and how the machines agree on it.

use fuzz::reference::Outcome;
use machine::Trace;
use program::compare::Difference;
use program::{Observation, Run};

use super::state::State;

/// How a machine agrees with what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It showed the same.
    Same,
    /// It showed something else that the architecture permits, too: what is shown, and what it showed.
    Permitted(Vec<Difference>),
    /// It showed something that the architecture does not permit.
    Differs(Vec<Difference>),
    /// There are more permitted outcomes than could be tried.
    Undecided(Vec<Difference>),
    /// It failed, and was started anew.
    Failed(String),
}

/// What a line of code did.
pub struct Ran {
    /// The instructions that were executed, as the specification shows them.
    pub block: trace::Block,
    /// Whether there were more than were watched.
    pub more: bool,
    /// The state before.
    pub before: State,
    /// The exceptions, registers and flags, as the inspected machine showed them.
    pub trace: Trace,
    /// What the specification has of it, for expectations.
    pub outcome: Outcome,
    /// What the inspected machine showed.
    pub shown: Observation,
    /// How the inspected machine agrees with the specification, if it is another.
    pub inspected: Option<Agreement>,
    /// How the machines beside it agree with it.
    pub beside: Vec<(String, Agreement)>,
    /// The program of one block that it was.
    pub run: Run,
}

/// What restoring did.
pub struct Restored {
    /// The state before.
    pub before: State,
    /// The state that was saved.
    pub saved: State,
    /// A NOP on the restored VM.
    pub ran: Ran,
}
