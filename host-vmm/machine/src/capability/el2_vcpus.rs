//! vCPUs that have EL2 themselves: nested virtualization.

use arch::Syndrome;

use crate::error::MachineError;
use crate::registers::RegisterId;

/// Creates vCPUs with EL2, and lets them read registers there.
pub trait El2Vcpus {
    /// Creates and initialises a vCPU that starts at EL2 (KVM_ARM_VCPU_HAS_EL2), if asked for with SVE, which is to be
    /// finalized ([`super::ScalableVectors`]); returns its index.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host has none (KVM_CAP_ARM_EL2); else what the kernel says.
    fn add_vcpu_el2(&mut self, sve: bool) -> Result<usize, MachineError>;

    /// Lets such a vCPU read a system register by MRS at EL2; `None` if it took an exception instead. It needs a page of memory
    /// in the first slot, in which its program is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn read_at_el2(&mut self, cpu: usize, id: RegisterId) -> Result<Option<u64>, MachineError>;

    /// Lets such a vCPU write ZCR_EL2.LEN (0 to 15) and then CPTR_EL2.ZEN (0 to 3) at EL2 and execute RDVL; returns the bytes of a
    /// vector, or the syndrome of the exception that the last of these took. As [`Self::read_at_el2`] else.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn vector_bytes_at_el2(&mut self, cpu: usize, len: u8, zen: u8) -> Result<Result<u64, Syndrome>, MachineError>;
}
