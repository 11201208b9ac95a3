//! vCPUs with SVE, step by step: made, restricted to some vector lengths, finalized.

use crate::registers::RegisterId;
use kvm_model::kernel::Errno;

/// Makes vCPUs with or without SVE (Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE).
///
/// [`crate::Vm::add_vcpu`] makes vCPUs with SVE and all its vector lengths, and finalizes them, where the host has it.
pub trait ScalableVectors {
    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_SVE.
    fn has_scalable_vectors(&self) -> bool;

    /// Creates and initialises a vCPU with KVM_ARM_VCPU_SVE, which is not finalized, or without; returns its index.
    ///
    /// # Errors
    ///
    /// What the kernel says: EINVAL for SVE where the host has none.
    fn initialise_vcpu(&mut self, sve: bool) -> Result<usize, Errno>;

    /// Finalizes SVE (KVM_ARM_VCPU_FINALIZE with KVM_ARM_VCPU_SVE).
    ///
    /// # Errors
    ///
    /// What the kernel says: EPERM if it was finalized, EINVAL without SVE.
    fn finalize_vcpu(&mut self, cpu: usize) -> Result<(), Errno>;

    /// Lists the registers of a vCPU, whether or not it is finalized (KVM_GET_REG_LIST).
    ///
    /// # Errors
    ///
    /// What the kernel says: EPERM if it is not.
    fn list_registers(&self, cpu: usize) -> Result<Vec<RegisterId>, Errno>;

    /// Reads a register of any size (KVM_GET_ONE_REG). The buffer is as long as its id says.
    ///
    /// # Errors
    ///
    /// What the kernel says: EPERM for z0 to z31, p0 to p15 and FFR of one that is not finalized.
    fn read_register(&self, cpu: usize, id: RegisterId, value: &mut [u8]) -> Result<(), Errno>;

    /// Writes a register of any size (KVM_SET_ONE_REG).
    ///
    /// # Errors
    ///
    /// What the kernel says: EPERM as [`Self::read_register`], and for the vector lengths of one that is finalized.
    fn write_register(&mut self, cpu: usize, id: RegisterId, value: &[u8]) -> Result<(), Errno>;

    /// Runs a vCPU whose KVM_RUN is expected to be refused.
    ///
    /// # Errors
    ///
    /// What the kernel says: EPERM if it is not finalized.
    fn try_run(&mut self, cpu: usize) -> Result<(), Errno>;
}
