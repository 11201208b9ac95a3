//! Operands of SVE instructions.

pub(crate) mod address;
pub(crate) mod count;
pub(crate) mod predicate;
pub(crate) mod vector;
