//! What the firmware asks of the CPU beyond registers: barriers, cache and TLB maintenance, waiting.

use core::arch::asm;

use aarch64_cpu::registers::ID_AA64PFR1_EL1;
use tock_registers::interfaces::Readable;

use crate::registers::ctr_el0::CTR_FIELDS;
use crate::registers::{CTR_EL0, id_aa64pfr1_el1};

/// Tells whether this CPU has allocation tags.
pub fn has_mte2() -> bool {
    ID_AA64PFR1_EL1.read(id_aa64pfr1_el1::MTE) >= id_aa64pfr1_el1::FEAT_MTE2
}

/// Completes all accesses, asynchronous tag check faults included, and synchronises the context.
pub fn barrier() {
    // SAFETY: barriers only; not `nomem`, so the compiler keeps its accesses on their side.
    #[expect(unsafe_code, reason = "barriers")]
    unsafe {
        asm!("dsb sy", "isb", options(nostack, preserves_flags));
    }
}

/// Makes `bytes` of code written at `data` visible to instruction fetches at `code`.
pub fn synchronise_code(data: u64, bytes: u64, code: u64) {
    let data_line = 4 << CTR_EL0.read(CTR_FIELDS::DMINLINE);
    let code_line = 4 << CTR_EL0.read(CTR_FIELDS::IMINLINE);
    let lines = |start: u64, line: u64| (start & !(line - 1)..start + bytes).step_by(line as usize);
    for address in lines(data, data_line) {
        // SAFETY: cleans a line of mapped memory; the contents stay.
        #[expect(unsafe_code, reason = "cache maintenance")]
        unsafe {
            asm!("dc cvau, {}", in(reg) address, options(nostack, preserves_flags));
        }
    }
    barrier();
    for address in lines(code, code_line) {
        // SAFETY: invalidates instructions at a mapped address.
        #[expect(unsafe_code, reason = "cache maintenance")]
        unsafe {
            asm!("ic ivau, {}", in(reg) address, options(nostack, preserves_flags));
        }
    }
    barrier();
}

/// Forgets every translation of EL1 and EL0 on all CPUs of the inner shareable domain.
pub fn flush_translations() {
    barrier();
    // SAFETY: the tables always map what the firmware uses, so a new walk finds the same.
    #[expect(unsafe_code, reason = "TLB maintenance")]
    unsafe {
        asm!("tlbi vmalle1is", options(nostack, preserves_flags));
    }
    barrier();
}

/// Lets the processor do something else for a moment, within a polling loop.
pub fn relax() {
    core::hint::spin_loop();
}

/// Stops this vCPU for good.
pub fn park() -> ! {
    loop {
        aarch64_cpu::asm::wfi();
    }
}
