//! ZCR_EL1, SVE Control Register (EL1): the vector length.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of ZCR_EL1.
    pub ZCR_FIELDS [
        /// The vector length at EL1 and EL0, in units of 128 bits, less 1.
        LEN OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_0_c1_c2_0", ZCR_FIELDS::Register);

/// SVE Control Register (EL1).
pub const ZCR_EL1: Reg = Reg;
