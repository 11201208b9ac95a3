//! What a VMM may change of ID registers.

use crate::error::MachineError;
use crate::registers::RegisterId;

/// Reports which bits of ID registers a VMM may change.
pub trait IdRegisterMasks {
    /// Returns the bits of an ID register that KVM_ARM_GET_REG_WRITABLE_MASKS reports as writable; 0 for what it does not list.
    /// The specification knows those that concern tags, and no others.
    ///
    /// # Errors
    ///
    /// `Lacking` when the kernel has no such call; else what it says.
    fn writable_mask(&self, id: RegisterId) -> Result<u64, MachineError>;
}
