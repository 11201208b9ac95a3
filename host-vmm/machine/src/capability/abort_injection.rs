//! Aborts that the VMM injects.

use crate::error::MachineError;

/// Injects external aborts.
pub trait AbortInjection {
    /// Makes a synchronous external data abort pending in a vCPU (KVM_SET_VCPU_EVENTS): it takes it when it runs next.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn inject_data_abort(&mut self, cpu: usize) -> Result<(), MachineError>;
}
