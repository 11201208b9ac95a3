//! The scalable registers of SVE: z0 to z31, p0 to p15, FFR, and the vector length.
//!
//! The assembler accepts SVE instructions here, whatever the target has; each function that executes one checks first
//! that the CPU has them ([`is_implemented`]). `boot.S` enables them for EL1 and EL0.

use core::arch::asm;
use core::mem::offset_of;

use aarch64_cpu::registers::CPACR_EL1;
use abi::mailbox::Scalable;
use tock_registers::interfaces::{Readable, Writeable};

use crate::cpu;
use crate::registers::ZCR_EL1;

/// The bytes of a vector register for each unit of ZCR_EL1.LEN.
const UNIT: u64 = 16;
/// The number of values of ZCR_EL1.LEN.
const LENGTHS: u64 = 16;

/// Returns whether this CPU implements FEAT_SVE: where it does `boot.S` sets CPACR_EL1.ZEN, which is RES0 where it does
/// not. A hypervisor does not trap reads of it, as it does those of ID_AA64PFR0_EL1.
pub fn is_implemented() -> bool {
    CPACR_EL1.read(CPACR_EL1::ZEN) != 0
}

/// Selects a vector length in bytes and returns whether this CPU has it; if not, that of before stays selected.
pub fn select(bytes: u64) -> bool {
    if !is_implemented() || !bytes.is_multiple_of(UNIT) || !(UNIT..=UNIT * LENGTHS).contains(&bytes) {
        return false;
    }
    let before = ZCR_EL1.get();
    ZCR_EL1.set(bytes / UNIT - 1);
    cpu::barrier();
    let selected = length() == bytes;
    if !selected {
        ZCR_EL1.set(before);
        cpu::barrier();
    }
    selected
}

/// Returns the vector length in effect, in bytes; 0 without FEAT_SVE.
pub fn length() -> u64 {
    if !is_implemented() {
        return 0;
    }
    let bytes;
    // SAFETY: the CPU has SVE, and RDVL only writes its destination.
    #[expect(unsafe_code, reason = "RDVL is an instruction")]
    unsafe {
        asm!(".arch_extension sve", "rdvl {}, #1", out(reg) bytes, options(nomem, nostack, preserves_flags));
    }
    bytes
}

/// Returns the vector lengths of this CPU, bit n for `16 * (n + 1)` bytes, and selects the longest.
pub fn probe() -> u64 {
    let lengths = (1..=LENGTHS).map(|n| n * UNIT);
    let found = lengths.filter(|bytes| select(*bytes));
    found.fold(0, |all, bytes| all | 1 << (bytes / UNIT - 1))
}

/// Executes `$op` (`ldr` or `str`) on z0 to z31, 256 bytes apart from `$base` on, which is after them then.
macro_rules! each_vector {
    ($op:literal, $base:expr) => {
        asm!(
            ".arch_extension sve",
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            concat!($op, " z\\n, [{0}]"),
            "add {0}, {0}, #256",
            ".endr",
            inout(reg) $base => _,
            options(nostack, preserves_flags),
        )
    };
}

/// Executes `$op` on p0 to p15, 32 bytes apart.
macro_rules! each_predicate {
    ($op:literal, $base:expr) => {
        asm!(
            ".arch_extension sve",
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            concat!($op, " p\\n, [{0}]"),
            "add {0}, {0}, #32",
            ".endr",
            inout(reg) $base => _,
            options(nostack, preserves_flags),
        )
    };
}

/// Where z0, p0 and FFR are in a [`Scalable`].
const FIELDS: [usize; 3] = [offset_of!(Scalable, z), offset_of!(Scalable, p), offset_of!(Scalable, ffr)];

/// Loads z0 to z31, p0 to p15 and FFR as the vector length in effect says.
///
/// # Safety
///
/// The CPU implements FEAT_SVE, and `values` points at memory that can be read.
#[expect(unsafe_code, reason = "the compiler cannot access the scalable registers on this target")]
pub unsafe fn load(values: *const Scalable) {
    let [z, p, ffr] = FIELDS.map(|offset| values.cast::<u8>().wrapping_add(offset));
    // SAFETY: reads a predicate, 32 bytes at most, from the memory that the caller promises. The registers are not
    // clobbers, here and below: code for this target never uses them.
    unsafe {
        asm!(".arch_extension sve", "ldr p0, [{0}]", "wrffr p0.b", in(reg) ffr, options(nostack, preserves_flags));
    }
    // SAFETY: reads 32 vectors of 256 bytes at most, from the memory that the caller promises.
    unsafe {
        each_vector!("ldr", z);
    }
    // SAFETY: reads 16 predicates of 32 bytes at most, from the memory that the caller promises.
    unsafe {
        each_predicate!("ldr", p);
    }
}

/// Stores z0 to z31, p0 to p15 and FFR as the vector length in effect says; what is above is left as it is.
///
/// # Safety
///
/// The CPU implements FEAT_SVE, and `values` points at memory that can be written and to which no reference exists.
#[expect(unsafe_code, reason = "the compiler cannot access the scalable registers on this target")]
pub unsafe fn store(values: *mut Scalable) {
    let [z, p, ffr] = FIELDS.map(|offset| values.cast::<u8>().wrapping_add(offset));
    // SAFETY: writes 32 vectors of 256 bytes at most, to the memory that the caller promises.
    unsafe {
        each_vector!("str", z);
    }
    // SAFETY: writes 16 predicates of 32 bytes at most, to the memory that the caller promises.
    unsafe {
        each_predicate!("str", p);
    }
    // SAFETY: writes a predicate to the memory that the caller promises, and reads p0 back from it.
    unsafe {
        asm!(
            ".arch_extension sve",
            "rdffr p0.b",
            "str p0, [{ffr}]",
            "ldr p0, [{p}]",
            ffr = in(reg) ffr,
            p = in(reg) p,
            options(nostack, preserves_flags),
        );
    }
}
