//! SME: streaming mode, ZA and ZT0, and the streaming vector length.
//!
//! The firmware leaves streaming mode and turns ZA off after each block, before it saves anything: what a block has in them is
//! lost, and z0 to z31, p0 to p15 and FFR of streaming mode are 0 then. Code of the firmware that runs while a block is in
//! streaming mode, the vectors and `block_exception`, has no instruction that is illegal there.

use core::arch::asm;

use aarch64_cpu::registers::CPACR_EL1;
use tock_registers::interfaces::{Readable, Writeable};

use crate::cpu;
use crate::registers::{ID_AA64SMFR0_EL1, SMCR_EL1, SVCR, id_aa64smfr0_el1, smcr_el1};

/// CPACR_EL1.SMEN, which aarch64-cpu lacks.
const SMEN: u64 = 0b11 << 24;
/// The bytes of a vector register for each unit of SMCR_EL1.LEN.
const UNIT: u64 = 16;
/// The number of values of SMCR_EL1.LEN.
const LENGTHS: u64 = 16;

/// Returns whether this CPU implements FEAT_SME: where it does `boot.S` sets CPACR_EL1.SMEN, which is RES0 where it does not.
pub fn is_implemented() -> bool {
    CPACR_EL1.get() & SMEN != 0
}

/// Selects the longest streaming vectors of up to `bytes`, or all there are for 0, and lets a block use ZT0. It may not use what
/// is illegal in streaming mode (SMCR_EL1.FA64 is 0). A barrier must follow.
pub fn prepare(bytes: u64) {
    if is_implemented() {
        let length = if bytes == 0 { LENGTHS } else { bytes / UNIT };
        // RES0 without FEAT_SME2.
        let table = u64::from(ID_AA64SMFR0_EL1.read(id_aa64smfr0_el1::SMFR0_FIELDS::SMEVER) != 0);
        SMCR_EL1.write(smcr_el1::SMCR_FIELDS::LEN.val(length - 1) + smcr_el1::SMCR_FIELDS::EZT0.val(table));
    }
}

/// Leaves streaming mode and turns ZA off, which clears what they hold.
pub fn leave() {
    if is_implemented() {
        SVCR.set(0);
    }
}

/// Returns the streaming vector lengths of this CPU, bit n for `16 * (n + 1)` bytes, and selects the longest.
pub fn probe() -> u64 {
    if !is_implemented() {
        return 0;
    }
    let lengths = (1..=LENGTHS).map(|n| n * UNIT);
    let found = lengths.filter(|bytes| {
        prepare(*bytes);
        cpu::barrier();
        length() == *bytes
    });
    found.fold(0, |all, bytes| all | 1 << (bytes / UNIT - 1))
}

/// Returns the streaming vector length in effect, in bytes. The CPU must implement FEAT_SME.
fn length() -> u64 {
    let bytes;
    // SAFETY: the caller made sure that the CPU has SME, and RDSVL only writes its destination.
    #[expect(unsafe_code, reason = "RDSVL is an instruction")]
    unsafe {
        asm!(".arch_extension sme", "rdsvl {}, #1", out(reg) bytes, options(nomem, nostack, preserves_flags));
    }
    bytes
}
