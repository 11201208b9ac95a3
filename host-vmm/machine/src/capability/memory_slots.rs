//! Memory slots that go and move.

use crate::error::MachineError;

/// Deletes and moves memory slots.
pub trait MemorySlots {
    /// Deletes the slot at `ipa` and the memory behind it.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn remove_memory(&mut self, ipa: u64) -> Result<(), MachineError>;

    /// Moves the slot at `ipa` to another guest-physical address; the memory behind it is the same.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn move_memory(&mut self, ipa: u64, to: u64) -> Result<(), MachineError>;
}
