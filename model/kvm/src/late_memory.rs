//! Memory of the kernel's own that becomes a VM's: who may access it.
//!
//! When a slot is made, a VM with MTE is refused all that is not memory with tags. Later the guest is asked again when it
//! touches the memory (arch/arm64/kvm/mmu.c, user_mem_abort(): "Check the VMM hasn't introduced a new disallowed VMA"), unless that
//! is a device's. The ioctl asks for page frames alone (arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()).

use crate::contract::Rule;
use crate::kernel::{CopyResult, Errno, Introduced, KernelMemory, KernelMemoryAnswers};
use crate::vm::Vm;

mutants::defects!();

#[mutants::rules]
impl Vm {
    /// Returns what a VM of this host is answered that has such memory.
    #[must_use]
    pub fn access_kernel_memory(&self, memory: KernelMemory, introduced: Introduced) -> KernelMemoryAnswers {
        let mte = introduced != Introduced::WithoutMte;
        KernelMemoryAnswers {
            run: if mte { self.run_in_kernel_memory(memory) } else { Ok(None) },
            fetch: if mte { self.copy_kernel_tags(memory, false) } else { Err(Errno::EINVAL) },
            store: if mte { self.copy_kernel_tags(memory, true) } else { Err(Errno::EINVAL) },
        }
    }

    /// A guest with MTE loads from it.
    fn run_in_kernel_memory(&self, memory: KernelMemory) -> Result<Option<u64>, Errno> {
        let asked = match memory {
            // Before 6.2 it was asked for shared mappings alone.
            KernelMemory::VdsoData => self.contract().holds(Rule::PrivateFileRefused),
            KernelMemory::Ring => true,
            KernelMemory::Device => false,
        };
        if asked { Err(Errno::EFAULT) } else { Ok(None) }
    }

    /// The ioctl: there are no tags without a `struct page`, nor may they be stored where the process may not write.
    fn copy_kernel_tags(&self, memory: KernelMemory, store: bool) -> CopyResult {
        let has_page = match memory {
            KernelMemory::VdsoData => !store && self.contract().holds(Rule::VdsoDataHasTags),
            KernelMemory::Ring => true,
            KernelMemory::Device => false,
        };
        if has_page { Ok(self.page_size()) } else { Err(Errno::EFAULT) }
    }
}
