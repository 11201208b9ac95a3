//! ID_AA64ISAR2_EL1, AArch64 Instruction Set Attribute Register 2: support for memory copies and sets.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of ID_AA64ISAR2_EL1.
    pub ISAR2_FIELDS [
        /// Memory copy and memory set instructions: 1 with FEAT_MOPS.
        MOPS OFFSET(16) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c6_2", ISAR2_FIELDS::Register);

/// AArch64 Instruction Set Attribute Register 2.
pub const ID_AA64ISAR2_EL1: Reg = Reg;
