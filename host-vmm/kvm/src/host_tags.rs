//! The VMM's own tags: what IRG gives in this process, on the thread that runs vCPUs.
//!
//! Its generator and exclusions are this CPU's GCR_EL1 and RGSR_EL1 while the guest does not run, so it shows whether KVM
//! keeps the guest's apart (Documentation/arch/arm64/memory-tagging-extension.rst).
#![expect(unsafe_code, reason = "prctl, and instructions that load and store tags")]

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

/// Loads the tags of granules of this process's memory by LDG: 0 where it is not mapped with PROT_MTE.
pub fn load(address: u64, tags: &mut [u8]) {
    for (number, tag) in (0..).zip(tags) {
        let mut pointer = address + number * machine::tags::GRANULE;
        // SAFETY: loads a tag of memory that the caller has mapped, into the pointer itself.
        unsafe {
            std::arch::asm!(".arch_extension memtag", "ldg {0}, [{0}]", inout(reg) pointer, options(nostack, readonly))
        };
        *tag = (pointer >> 56 & 0xf) as u8;
    }
}

/// Stores the tags of granules of this process's memory by STG.
pub fn store(address: u64, tags: &[u8]) {
    for (number, tag) in (0..).zip(tags) {
        let plain = address + number * machine::tags::GRANULE;
        let pointer = plain | u64::from(*tag) << 56;
        // SAFETY: stores a tag of memory that the caller has mapped, and that Rust accesses by pointers without tags with checks
        // off; the top byte of an address is ignored.
        unsafe { std::arch::asm!(".arch_extension memtag", "stg {0}, [{0}]", in(reg) pointer, options(nostack)) };
    }
}
