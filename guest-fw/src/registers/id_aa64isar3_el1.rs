//! ID_AA64ISAR3_EL1, AArch64 Instruction Set Attribute Register 3: support for atomics of floating point and of EL0's memory.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of ID_AA64ISAR3_EL1.
    pub ISAR3_FIELDS [
        /// Floating-point atomics: 1 with FEAT_LSFE.
        LSFE OFFSET(16) NUMBITS(4) [],
        /// Unprivileged atomics: 1 with FEAT_LSUI.
        LSUI OFFSET(24) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c6_3", ISAR3_FIELDS::Register);

/// AArch64 Instruction Set Attribute Register 3.
pub const ID_AA64ISAR3_EL1: Reg = Reg;
