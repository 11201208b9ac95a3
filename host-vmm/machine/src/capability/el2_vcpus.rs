//! vCPUs that have EL2 themselves: nested virtualization.

use crate::error::MachineError;
use crate::registers::RegisterId;

/// Creates vCPUs with EL2, and lets them read registers there.
pub trait El2Vcpus {
    /// Creates and initialises a vCPU that starts at EL2 (KVM_ARM_VCPU_HAS_EL2); returns its index.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host has none (KVM_CAP_ARM_EL2); else what the kernel says.
    fn add_vcpu_el2(&mut self) -> Result<usize, MachineError>;

    /// Lets such a vCPU read a system register by MRS at EL2; `None` if it took an exception instead. It needs a page of memory
    /// in the first slot, in which its program is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn read_at_el2(&mut self, cpu: usize, id: RegisterId) -> Result<Option<u64>, MachineError>;
}
