//! REVIDR_EL1, Revision ID Register: implementation-specific revision information in addition to MIDR_EL1.

/// The type of the register.
pub struct Reg;

system_register!(ro Reg, "revidr_el1", ());

/// Revision ID Register.
pub const REVIDR_EL1: Reg = Reg;
