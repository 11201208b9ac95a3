//! Fields of SCTLR_EL1 that aarch64-cpu lacks: those of MTE, and bits that are RES1 without a feature.

use aarch64_cpu::registers::SCTLR_EL1::Register;
use tock_registers::fields::Field;

/// Tag check faults are synchronous exceptions: a value of [`TCF`] and [`TCF0`].
pub const SYNCHRONOUS: u64 = 0b01;

/// Allocation tag access at EL1.
pub const ATA: Field<u64, Register> = Field::new(1, 43);
/// Allocation tag access at EL0.
pub const ATA0: Field<u64, Register> = Field::new(1, 42);
/// Effect of a tag check fault at EL1.
pub const TCF: Field<u64, Register> = Field::new(0b11, 40);
/// Effect of a tag check fault at EL0.
pub const TCF0: Field<u64, Register> = Field::new(0b11, 38);
/// Memory copies and sets (CPY*, SET*) may be used at EL0; RES0, hence without effect, before FEAT_MOPS.
pub const MSCEN: Field<u64, Register> = Field::new(1, 33);
/// Load and store multiple: ordering as in AArch64 (RES1 without FEAT_LSMAOC).
pub const LSMAOE: Field<u64, Register> = Field::new(1, 29);
/// Load and store multiple are not trapped on Device memory (RES1 without FEAT_LSMAOC).
pub const NTLSMD: Field<u64, Register> = Field::new(1, 28);
/// PSTATE.PAN is left as it is by an exception to EL1 (RES1 without FEAT_PAN).
pub const SPAN: Field<u64, Register> = Field::new(1, 23);
/// Exception entry is a context synchronisation event (RES1 without FEAT_ExS).
pub const EIS: Field<u64, Register> = Field::new(1, 22);
/// EL0 has no SCXTNUM_EL0 (RES1 without FEAT_CSV2_2).
pub const TSCXT: Field<u64, Register> = Field::new(1, 20);
/// Exception exit is a context synchronisation event (RES1 without FEAT_ExS).
pub const EOS: Field<u64, Register> = Field::new(1, 11);
