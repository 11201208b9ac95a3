//! Random Allocation Tag Seed Register (EL1): the state of IRG's generator.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of RGSR_EL1.
    pub RGSR_FIELDS [
        /// Seed of the generator.
        SEED OFFSET(8) NUMBITS(16) [],
        /// The last tag that IRG gave.
        TAG OFFSET(0) NUMBITS(4) []
    ]
}

/// The register's type.
pub struct Reg;

super::system_register!(rw Reg, "s3_0_c1_c0_5", RGSR_FIELDS::Register);

/// Random Allocation Tag Seed Register.
pub const RGSR_EL1: Reg = Reg;
