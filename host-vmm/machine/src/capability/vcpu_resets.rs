//! vCPUs that are initialised again, and stopped.

use crate::error::MachineError;

/// Puts vCPUs back to where they began.
pub trait VcpuResets {
    /// Initialises a vCPU again, with the features that it has (KVM_ARM_VCPU_INIT).
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn initialise_again(&mut self, cpu: usize) -> Result<(), MachineError>;

    /// Stops a vCPU, as PSCI CPU_OFF does (KVM_SET_MP_STATE with KVM_MP_STATE_STOPPED).
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn stop_vcpu(&mut self, cpu: usize) -> Result<(), MachineError>;
}
