//! What the firmware asks of the CPU beyond registers: barriers, cache and TLB maintenance, waiting.

use core::arch::asm;

use tock_registers::interfaces::Readable;

/// Lowest value of ID_AA64PFR1_EL1.MTE with allocation tags (FEAT_MTE2).
const FEAT_MTE2: u64 = 2;

/// Reads ID_AA64PFR1_EL1, whose MTE field aarch64-cpu does not name.
pub fn pfr1() -> u64 {
    aarch64_cpu::registers::ID_AA64PFR1_EL1.get()
}

/// Tells whether this CPU has allocation tags.
pub fn has_mte2() -> bool {
    pfr1() >> 8 & 0xf >= FEAT_MTE2
}

/// Completes all accesses, asynchronous tag check faults included, and synchronises the context.
pub fn barrier() {
    // SAFETY: barriers only; not `nomem`, so the compiler keeps its accesses on their side.
    #[expect(unsafe_code, reason = "barriers")]
    unsafe {
        asm!("dsb sy", "isb", options(nostack, preserves_flags));
    }
}

/// Reads CTR_EL0, the cache type register.
pub fn ctr() -> u64 {
    let value;
    // SAFETY: reading it has no side effect.
    #[expect(unsafe_code, reason = "reads a system register that aarch64-cpu lacks")]
    unsafe {
        asm!("mrs {}, ctr_el0", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Reads DCZID_EL0, the block size of DC ZVA, DC GVA and DC GZVA.
pub fn dczid() -> u64 {
    let value;
    // SAFETY: reading it has no side effect.
    #[expect(unsafe_code, reason = "reads a system register that aarch64-cpu lacks")]
    unsafe {
        asm!("mrs {}, dczid_el0", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Makes `bytes` of code written at `data` visible to instruction fetches at `code`.
pub fn synchronise_code(data: u64, bytes: u64, code: u64) {
    let ctr = ctr();
    let data_line = 4 << (ctr >> 16 & 0xf);
    let code_line = 4 << (ctr & 0xf);
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
