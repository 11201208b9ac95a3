//! vCPUs and threads of the VMM at work at the same time.

use crate::error::MachineError;

use crate::race::{Race, RaceReport};

/// Runs races.
pub trait Races {
    /// Runs blocks on several vCPUs while threads of the VMM do their steps, all at the same time, and waits for all of
    /// them. Blocks have no checkpoints.
    ///
    /// # Errors
    ///
    /// As [`crate::machine::Machine::start`]; when a vCPU is named twice or a block rings a checkpoint.
    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError>;
}
