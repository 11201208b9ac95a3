//! CPU operations other than register accesses: barriers, cache and TLB maintenance, waiting, SIMD&FP state.

use core::arch::asm;

use aarch64_cpu::registers::ID_AA64PFR1_EL1;
use tock_registers::interfaces::Readable;

use crate::registers::ctr_el0::CTR_FIELDS;
use crate::registers::{CTR_EL0, id_aa64pfr1_el1};

/// Returns whether this CPU implements FEAT_MTE2: allocation tags and the registers of MTE.
pub fn has_mte2() -> bool {
    ID_AA64PFR1_EL1.read(id_aa64pfr1_el1::MTE) >= id_aa64pfr1_el1::FEAT_MTE2
}

/// Returns whether this CPU implements FEAT_SME.
pub fn has_sme() -> bool {
    ID_AA64PFR1_EL1.read(id_aa64pfr1_el1::SME) != 0
}

/// Completes all accesses, including the recording of asynchronous tag check faults, and synchronizes the context.
pub fn barrier() {
    // SAFETY: DSB and ISB change no register or memory. Without `nomem` the compiler orders memory accesses against them.
    #[expect(unsafe_code, reason = "barriers are instructions")]
    unsafe {
        asm!("dsb sy", "isb", options(nostack, preserves_flags));
    }
}

/// Makes `bytes` bytes of code that were written at `data` visible to instruction fetches at `code`.
pub fn synchronize_code(data: u64, bytes: u64, code: u64) {
    let data_line = 4 << CTR_EL0.read(CTR_FIELDS::DMINLINE);
    let code_line = 4 << CTR_EL0.read(CTR_FIELDS::IMINLINE);
    let lines = |start: u64, line: u64| (start & !(line - 1)..start + bytes).step_by(line as usize);
    for address in lines(data, data_line) {
        // SAFETY: DC CVAU cleans a line of a code page, which is mapped at `data`; it changes no contents.
        #[expect(unsafe_code, reason = "cache maintenance is an instruction")]
        unsafe {
            asm!("dc cvau, {}", in(reg) address, options(nostack, preserves_flags));
        }
    }
    barrier();
    for address in lines(code, code_line) {
        // SAFETY: IC IVAU invalidates cached instructions of a code page, which is mapped at `code`; it changes no memory.
        #[expect(unsafe_code, reason = "cache maintenance is an instruction")]
        unsafe {
            asm!("ic ivau, {}", in(reg) address, options(nostack, preserves_flags));
        }
    }
    barrier();
}

/// Invalidates all TLB entries of EL1 and EL0 on all CPUs of the inner shareable domain.
pub fn flush_translations() {
    barrier();
    // SAFETY: the translation tables map the firmware's own memory at all times (`tables.rs`; requests change entries of
    // windows only), so a new walk returns the same translations for it.
    #[expect(unsafe_code, reason = "TLB maintenance is an instruction")]
    unsafe {
        asm!("tlbi vmalle1is", options(nostack, preserves_flags));
    }
    barrier();
}

/// Hints that this CPU is in a polling loop.
pub fn relax() {
    core::hint::spin_loop();
}

/// Stops this vCPU forever.
pub fn park() -> ! {
    loop {
        aarch64_cpu::asm::wfi();
    }
}

/// Executes `$op` (`ldp` or `stp`) on each pair of v0 to v31 and the 512 bytes at `$base`.
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

/// Loads v0 to v31, the low half of each first.
pub fn set_vectors(values: &[[u64; 2]; 32]) {
    // SAFETY: reads the 512 bytes of the array. The registers are not clobbers: code for this target, which has no
    // floating point, never uses them.
    #[expect(unsafe_code, reason = "the compiler cannot access v0 to v31 on this target")]
    unsafe {
        each_vector_pair!("ldp", values);
    }
}

/// Clears FPCR and FPSR, so that a block does not depend on the previous one.
pub fn clear_float_registers() {
    // SAFETY: code for this target, which has no floating point, does not depend on FPCR and FPSR.
    #[expect(unsafe_code, reason = "the compiler cannot access FPCR and FPSR on this target")]
    unsafe {
        asm!(".arch_extension fp", "msr fpcr, xzr", "msr fpsr, xzr", options(nomem, nostack, preserves_flags));
    }
}

/// Reads v0 to v31, the low half of each first.
pub fn vectors() -> [[u64; 2]; 32] {
    let mut values = [[0; 2]; 32];
    // SAFETY: writes the 512 bytes of the array, which this function owns.
    #[expect(unsafe_code, reason = "the compiler cannot access v0 to v31 on this target")]
    unsafe {
        each_vector_pair!("stp", &mut values);
    }
    values
}
