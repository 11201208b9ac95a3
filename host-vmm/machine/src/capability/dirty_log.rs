//! The log of dirty pages of a memory slot.

use kvm_model::kernel::Errno;

use crate::error::MachineError;

/// Logs which pages the guest wrote or tagged.
pub trait DirtyLog {
    /// Starts (or stops) logging dirty pages in the slot at `ipa`.
    ///
    /// # Errors
    ///
    /// What the kernel says; EINVAL when no slot starts there.
    fn log_dirty(&mut self, ipa: u64, on: bool) -> Result<(), Errno>;

    /// Takes the dirty log of the slot at `ipa`: numbers of the pages that the guest wrote or tagged since it was last
    /// taken, in ascending order (KVM_GET_DIRTY_LOG).
    ///
    /// # Errors
    ///
    /// What the kernel says; ENOENT when the slot is not logged.
    fn take_dirty(&mut self, ipa: u64) -> Result<Vec<u64>, MachineError>;
}
