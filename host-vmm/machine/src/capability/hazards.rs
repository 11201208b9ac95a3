//! Calls that may hang a kernel that is wrong.

use crate::error::MachineError;

use crate::hazard::{Hazard, HazardOutcome};

/// Tries hazards.
pub trait Hazards {
    /// Tries what may hang a kernel that is wrong, in a VM of its own.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host lacks what it takes; what the kernel says when it refuses a step.
    fn attempt(&mut self, hazard: Hazard) -> Result<HazardOutcome, MachineError>;
}
