//! KVM's contract for tags: a VM as the kernel offers it, with or without a guest in it.

use crate::capability::CapabilityObjects;
use crate::error::MachineError;
use crate::registers::{RegisterId, Registers};
use kvm_model::kernel::{Access, Backing, CopyResult, CopyTags, Errno};

/// A VM. What not every kernel or host has are objects of [`CapabilityObjects`].
pub trait Vm: CapabilityObjects {
    /// Enables KVM_CAP_ARM_MTE with these flags.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn enable_mte(&mut self, flags: u32) -> Result<(), Errno>;

    /// Creates and initialises a vCPU; returns its index.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn add_vcpu(&mut self) -> Result<usize, Errno>;

    /// Adds memory at a guest-physical address. Address and size are multiples of the host's page size.
    ///
    /// # Errors
    ///
    /// What the kernel says, for the mapping or the slot; `Lacking` when the host has no such memory.
    fn add_memory(&mut self, ipa: u64, bytes: u64, backing: Backing, access: Access) -> Result<(), MachineError>;

    /// Calls KVM_ARM_MTE_COPY_TAGS as it is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn copy_tags(&self, call: CopyTags<'_>) -> CopyResult;

    /// Reads guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not in one memory slot.
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError>;

    /// Writes guest memory as the VMM sees it.
    ///
    /// # Errors
    ///
    /// When the range is not in one memory slot.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError>;

    /// Reads all registers of a vCPU, by the kernel's own list.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or lists a register of a class that granule does not know.
    fn registers(&mut self, cpu: usize) -> Result<Registers, MachineError>;

    /// Writes registers of a vCPU, in the order in which they were read.
    ///
    /// # Errors
    ///
    /// The first that the kernel refuses.
    fn set_registers(&mut self, cpu: usize, registers: &Registers) -> Result<(), MachineError>;

    /// Reads one register of up to 64 bits.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn register(&self, cpu: usize, id: RegisterId) -> Result<u64, Errno>;

    /// Writes one register of up to 64 bits.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn set_register(&mut self, cpu: usize, id: RegisterId, value: u64) -> Result<(), Errno>;

    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_MTE.
    fn has_mte_capability(&self) -> bool;

    /// Returns the bytes in a page of the host.
    fn page_size(&self) -> u64;
}
