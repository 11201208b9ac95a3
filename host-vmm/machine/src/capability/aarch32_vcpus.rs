//! vCPUs that start in AArch32.

use crate::error::MachineError;

/// Makes vCPUs that start in AArch32.
pub trait Aarch32Vcpus {
    /// Creates and initialises a vCPU that starts in AArch32 (KVM_ARM_VCPU_EL1_32BIT); returns its index.
    ///
    /// # Errors
    ///
    /// What the kernel says; `Lacking` when the CPU has no AArch32 at EL1 at all.
    fn add_vcpu_aarch32(&mut self) -> Result<usize, MachineError>;
}
