//! GMID_EL1, Multiple tag transfer ID Register: the block size of LDGM, STGM and STZGM.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of GMID_EL1.
    pub GMID_FIELDS [
        /// Log2 of the block size in words.
        BS OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "s3_1_c0_c0_4", GMID_FIELDS::Register);

/// Multiple tag transfer ID Register.
pub const GMID_EL1: Reg = Reg;
