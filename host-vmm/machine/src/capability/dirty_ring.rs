//! The rings of dirty pages, one for each vCPU.

use crate::error::MachineError;

/// Logs dirty pages in rings (KVM_CAP_DIRTY_LOG_RING_ACQ_REL).
pub trait DirtyRing {
    /// Enables rings of this many entries, before any vCPU is made.
    ///
    /// # Errors
    ///
    /// What the kernel says; `Lacking` where it has no rings.
    fn enable_dirty_ring(&mut self, entries: u32) -> Result<(), MachineError>;

    /// Takes what is in a vCPU's dirty ring: guest-physical addresses of pages, in the order of the first write.
    ///
    /// # Errors
    ///
    /// When there is no ring, or the kernel refuses to reset it.
    fn take_dirty_ring(&mut self, cpu: usize) -> Result<Vec<u64>, MachineError>;
}
