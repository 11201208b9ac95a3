//! DCZID_EL0, Data Cache Zero ID Register: the block size of DC ZVA, DC GVA and DC GZVA.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of DCZID_EL0.
    pub DCZID_FIELDS [
        /// 1 if these instructions are prohibited.
        DZP OFFSET(4) NUMBITS(1) [],
        /// Log2 of the block size in words.
        BS OFFSET(0) NUMBITS(4) []
    ]
}

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "dczid_el0", DCZID_FIELDS::Register);

/// Data Cache Zero ID Register.
pub const DCZID_EL0: Reg = Reg;
