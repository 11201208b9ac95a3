//! The VMM's own tags: what IRG gives in this process, on the thread that runs vCPUs.
//!
//! Its generator and exclusions are this CPU's GCR_EL1 and RGSR_EL1 while the guest does not run, so it shows whether KVM
//! keeps the guest's apart (Documentation/arch/arm64/memory-tagging-extension.rst).
#![expect(unsafe_code, reason = "prctl, and IRG itself")]

use super::vm::kernel;
use machine::{Errno, MachineError};

/// Bits of the control word (include/uapi/linux/prctl.h).
const TAGGED_ADDR_ENABLE: u64 = 1;
const TAG_SHIFT: u32 = 3;

fn set(control: u64) -> Result<(), MachineError> {
    // SAFETY: sets how this thread's pointers are taken; no pointer of ours has a tag.
    let result = unsafe { libc::prctl(libc::PR_SET_TAGGED_ADDR_CTRL, control, 0_u64, 0_u64, 0_u64) };
    if result == 0 { Ok(()) } else { Err(kernel("prctl(PR_SET_TAGGED_ADDR_CTRL)", Errno::last())) }
}

/// Lets this thread draw only tags of `include`, a bit each.
///
/// # Errors
///
/// What the kernel says.
pub fn include(include: u16) -> Result<(), MachineError> {
    set(TAGGED_ADDR_ENABLE | u64::from(include) << TAG_SHIFT)
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
