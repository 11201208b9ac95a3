//! Data Cache Zero ID register: the block of DC ZVA, DC GVA and DC GZVA.

use tock_registers::register_bitfields;

register_bitfields! {u64,
    /// Fields of DCZID_EL0.
    pub DCZID_FIELDS [
        /// Whether these instructions are prohibited.
        DZP OFFSET(4) NUMBITS(1) [],
        /// Log2 of the block's words.
        BS OFFSET(0) NUMBITS(4) []
    ]
}

/// The register's type.
pub struct Reg;

super::system_register!(ro Reg, "dczid_el0", DCZID_FIELDS::Register);

/// Data Cache Zero ID register.
pub const DCZID_EL0: Reg = Reg;
