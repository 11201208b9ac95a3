//! Revision ID Register: what its maker says of a CPU beyond MIDR_EL1.

/// The register's type.
pub struct Reg;

super::system_register!(ro Reg, "revidr_el1", ());

/// Revision ID Register.
pub const REVIDR_EL1: Reg = Reg;
