//! A VM that is set up by several threads at once.

use kvm_model::kernel::Errno;

use crate::error::MachineError;

/// Sets a VM up by several threads.
pub trait SetupRaces {
    /// Enables KVM_CAP_ARM_MTE in one thread and makes a vCPU in another, both at the same moment; returns what enabling said. The
    /// vCPU is made, and is the VM's first. `seed` chooses an order where the machine has to choose one.
    ///
    /// # Errors
    ///
    /// What the kernel says to the vCPU.
    fn enable_mte_beside_vcpu(&mut self, seed: u64) -> Result<Result<(), Errno>, MachineError>;
}
