//! ID_AA64PFR2_EL1, AArch64 Processor Feature Register 2: support for store-only tag checking.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of ID_AA64PFR2_EL1.
    pub PFR2_FIELDS [
        /// Store-only tag checking: 1 with FEAT_MTE_STORE_ONLY.
        MTESTOREONLY OFFSET(4) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_0_c0_c4_2", PFR2_FIELDS::Register);

/// AArch64 Processor Feature Register 2.
pub const ID_AA64PFR2_EL1: Reg = Reg;
