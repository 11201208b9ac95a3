//! Memory that a VM with MTE may not have, and that comes late.

use kvm_model::kernel::{Introduced, KernelMemory, KernelMemoryAnswers};

use crate::error::MachineError;

/// Makes memory of the kernel's own a VM's.
pub trait LateMemory {
    /// Makes a VM of its own, gives it memory of the kernel's, and lets the guest, a fetch and a store access that, in this order.
    /// The VM has the configuration of no other; its guest runs without the firmware, and with its MMU off.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host has no such memory to map; what the kernel says when it refuses another step.
    fn access_kernel_memory(
        &mut self,
        memory: KernelMemory,
        introduced: Introduced,
    ) -> Result<KernelMemoryAnswers, MachineError>;
}
