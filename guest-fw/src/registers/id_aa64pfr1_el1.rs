//! Fields of ID_AA64PFR1_EL1 that aarch64-cpu lacks.

use aarch64_cpu::registers::ID_AA64PFR1_EL1::Register;
use tock_registers::fields::Field;

/// The lowest value of [`MTE`] with FEAT_MTE2, which has allocation tags and the registers of MTE.
pub const FEAT_MTE2: u64 = 2;

/// Support for the Memory Tagging Extension.
pub const MTE: Field<u64, Register> = Field::new(0b1111, 8);

/// Support for the Scalable Matrix Extension.
pub const SME: Field<u64, Register> = Field::new(0b1111, 24);
