//! What the firmware asks of the CPU beyond registers: barriers, cache and TLB maintenance, waiting.

use core::arch::asm;

use aarch64_cpu::registers::ID_AA64PFR1_EL1;
use tock_registers::interfaces::Readable;

use crate::registers::ctr_el0::CTR_FIELDS;
use crate::registers::{CTR_EL0, id_aa64pfr1_el1};

/// Returns whether this CPU has allocation tags.
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

/// Applies `$op` to v0 to v31 and the 512 bytes at `$base`, two registers an instruction.
macro_rules! each_vector_pair {
    ($op:literal, $base:expr) => {
        asm!(
            ".arch_extension fp",
            ".arch_extension simd",
            concat!($op, " q0, q1, [{0}]"),
            concat!($op, " q2, q3, [{0}, #32]"),
            concat!($op, " q4, q5, [{0}, #64]"),
            concat!($op, " q6, q7, [{0}, #96]"),
            concat!($op, " q8, q9, [{0}, #128]"),
            concat!($op, " q10, q11, [{0}, #160]"),
            concat!($op, " q12, q13, [{0}, #192]"),
            concat!($op, " q14, q15, [{0}, #224]"),
            concat!($op, " q16, q17, [{0}, #256]"),
            concat!($op, " q18, q19, [{0}, #288]"),
            concat!($op, " q20, q21, [{0}, #320]"),
            concat!($op, " q22, q23, [{0}, #352]"),
            concat!($op, " q24, q25, [{0}, #384]"),
            concat!($op, " q26, q27, [{0}, #416]"),
            concat!($op, " q28, q29, [{0}, #448]"),
            concat!($op, " q30, q31, [{0}, #480]"),
            in(reg) $base,
            options(nostack, preserves_flags),
        )
    };
}

/// Puts values into v0 to v31, the lower half of each first. The firmware's own code never uses them: its
/// target has no floating point.
pub fn set_vectors(values: &[[u64; 2]; 32]) {
    // SAFETY: reads 512 bytes of the array; the compiler keeps nothing in the registers it fills.
    #[expect(unsafe_code, reason = "the vector registers belong to the program under test")]
    unsafe {
        each_vector_pair!("ldp", values);
    }
}

/// Clears FPCR and FPSR, so that a block does not find what another one left there.
pub fn clear_float_registers() {
    // SAFETY: the compiler emits no floating point for this target, so nothing depends on them.
    #[expect(unsafe_code, reason = "the floating-point registers belong to the program under test")]
    unsafe {
        asm!(".arch_extension fp", "msr fpcr, xzr", "msr fpsr, xzr", options(nomem, nostack, preserves_flags));
    }
}

/// Reads v0 to v31.
pub fn vectors() -> [[u64; 2]; 32] {
    let mut values = [[0; 2]; 32];
    // SAFETY: writes 512 bytes of the array, which is that long.
    #[expect(unsafe_code, reason = "the vector registers belong to the program under test")]
    unsafe {
        each_vector_pair!("stp", &mut values);
    }
    values
}
