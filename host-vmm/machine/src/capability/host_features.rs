//! What the host shows its own processes: of its CPUs, and of its memory.

use kvm_model::kernel::RegisterId;
use kvm_model::offer::VcpuOption;

use crate::error::MachineError;

/// Reports what a process of the host finds out about the CPU and about KVM.
pub trait HostFeatures {
    /// Returns an ID register as MRS reads it in a process of the host (Documentation/arch/arm64/cpu-feature-registers.rst). The
    /// specification has the fields of [`kvm_model::offer::FEATURES`], and no others.
    ///
    /// # Errors
    ///
    /// When the kernel does not show its processes ID registers, or not this one.
    fn host_id_register(&self, id: RegisterId) -> Result<u64, MachineError>;

    /// Returns AT_HWCAP, AT_HWCAP2 and AT_HWCAP3 of the auxiliary vector (Documentation/arch/arm64/elf_hwcaps.rst).
    fn hwcaps(&self) -> [u64; 3];

    /// Returns whether the kernel's page full of zeros is flagged as tagged.
    ///
    /// # Errors
    ///
    /// `Lacking` when the kernel does not tell.
    fn zero_page_is_tagged(&self) -> Result<bool, MachineError>;

    /// Returns whether KVM_CHECK_EXTENSION reports an option of vCPUs.
    fn offers(&self, option: VcpuOption) -> bool;
}
