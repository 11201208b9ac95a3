//! CTR_EL0, Cache Type Register: the sizes of cache lines.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of CTR_EL0.
    pub CTR_FIELDS [
        /// Log2 of the number of words in the smallest data cache line.
        DMINLINE OFFSET(16) NUMBITS(4) [],
        /// Log2 of the number of words in the smallest instruction cache line.
        IMINLINE OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "ctr_el0", CTR_FIELDS::Register);

/// Cache Type Register.
pub const CTR_EL0: Reg = Reg;
