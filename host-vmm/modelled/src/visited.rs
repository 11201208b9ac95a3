//! What a run on the model chose where the architecture leaves a choice, and what no trace shows of its blocks.

use firmware_model::Unknown;
use model_base::choice::Choices;

use crate::backend::ModelMachine;
use machine::Deadline;

/// What the model knows of a block that ended, and its trace does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    /// What the architecture leaves open in the trace.
    pub unknown: Unknown,
    /// For each exception, how many choices had been made since the run began when it was taken.
    pub at_faults: Vec<usize>,
    /// The same at the block's end.
    pub at_end: usize,
    /// Where each of its words was executed: bit `4 * el + mode` for each exception level and mode of tag check faults.
    pub executed: Vec<u8>,
}

/// One permitted course of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    /// All choices that were made. [`Choices::next`] of them is another permitted course of the same run.
    pub choices: Choices,
    /// The blocks that ended, in order.
    pub blocks: Vec<BlockRecord>,
}

/// Does something with a machine that answers its choices from `choices` and may take until the deadline; returns what was
/// visited on the way, too.
pub fn run_with<T>(
    machine: &mut ModelMachine,
    choices: Choices,
    deadline: Deadline,
    action: impl FnOnce(&mut ModelMachine) -> T,
) -> (T, Visited) {
    machine.backend().begin(choices, deadline);
    let result = action(machine);
    (result, machine.backend().end())
}
