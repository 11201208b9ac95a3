//! The VMM's own tags: what IRG gives in this process, on the thread that runs vCPUs.
//!
//! Its generator and exclusions are this CPU's GCR_EL1 and RGSR_EL1 while the guest does not run, so it shows whether KVM
//! keeps the guest's apart (Documentation/arch/arm64/memory-tagging-extension.rst).
#![expect(unsafe_code, reason = "prctl, and IRG itself")]

use machine::{Errno, MachineError};
use rustix::thread::{TaggedAddressMode, set_current_tagged_address_mode};

use super::vm::kernel;

/// Lets this thread draw only tags of `include`, a bit each.
///
/// # Errors
///
/// What the kernel says.
pub fn include(include: u16) -> Result<(), MachineError> {
    // SAFETY: sets how this thread's pointers are taken; no pointer of ours has a tag.
    let result = unsafe { set_current_tagged_address_mode(Some(TaggedAddressMode::ENABLED), include.into()) };
    result.map_err(|error| kernel("prctl(PR_SET_TAGGED_ADDR_CTRL)", Errno(error.raw_os_error())))
}

/// Draws tags by IRG.
pub fn irg(count: usize) -> Vec<u8> {
    let mut tags = Vec::with_capacity(count);
    for _ in 0..count {
        let pointer: u64;
        // SAFETY: IRG computes a value from a value; whoever has KVM with MTE has the instruction.
        unsafe {
            std::arch::asm!(".arch_extension memtag", "irg {0}, {1}", out(reg) pointer, in(reg) 0_u64, options(nomem, nostack))
        };
        tags.push((pointer >> 56 & 0xf) as u8);
    }
    tags
}
