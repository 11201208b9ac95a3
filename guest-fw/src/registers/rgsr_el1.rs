//! RGSR_EL1, Random Allocation Tag Seed Register: the state of the generator of IRG.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of RGSR_EL1.
    pub RGSR_FIELDS [
        /// The seed of the generator.
        SEED OFFSET(8) NUMBITS(16) [],
        /// The last tag that IRG generated.
        TAG OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(rw Reg, "s3_0_c1_c0_5", RGSR_FIELDS::Register);

/// Random Allocation Tag Seed Register.
pub const RGSR_EL1: Reg = Reg;
