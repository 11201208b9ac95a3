//! The operations of IC, as a table of names, encodings and operands.

use core::fmt;

/// An instruction cache operation (Arm ARM C5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionCacheOp {
    /// Invalidates all to the point of unification, inner shareable.
    Ialluis,
    /// Invalidates all to the point of unification.
    Iallu,
    /// Invalidates by address to the point of unification.
    Ivau,
}

/// A row of the table.
struct OpRow {
    operation: InstructionCacheOp,
    name: &'static str,
    /// `op1`, `CRn`, `CRm`, `op2`.
    encoding: [u16; 4],
    takes_address: bool,
}

/// The operations, in the order of the enum.
static TABLE: [OpRow; 3] = [
    OpRow { operation: InstructionCacheOp::Ialluis, name: "ialluis", encoding: [0, 7, 1, 0], takes_address: false },
    OpRow { operation: InstructionCacheOp::Iallu, name: "iallu", encoding: [0, 7, 5, 0], takes_address: false },
    OpRow { operation: InstructionCacheOp::Ivau, name: "ivau", encoding: [3, 7, 5, 1], takes_address: true },
];

impl InstructionCacheOp {
    /// Returns all operations, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.operation)
    }

    fn row(self) -> &'static OpRow {
        &TABLE[self as usize]
    }

    /// Returns the name in assembly, such as `ivau`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the encoding `op1:CRn:CRm:op2` in 3, 4, 4 and 3 bits: bits 18:5 of SYS.
    #[must_use]
    pub fn encoding(self) -> u16 {
        let [op1, crn, crm, op2] = self.row().encoding;
        op1 << 11 | crn << 7 | crm << 3 | op2
    }

    /// Returns whether the operation takes an address.
    #[must_use]
    pub fn takes_address(self) -> bool {
        self.row().takes_address
    }

    /// Finds an operation by its name, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|operation| operation.name().eq_ignore_ascii_case(name))
    }

    /// Finds an operation by [`Self::encoding`].
    #[must_use]
    pub fn by_encoding(encoding: u16) -> Option<Self> {
        Self::all().find(|operation| operation.encoding() == encoding)
    }
}

impl fmt::Display for InstructionCacheOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for operation in InstructionCacheOp::all() {
            assert_eq!(operation.row().operation, operation);
            assert_eq!(InstructionCacheOp::by_encoding(operation.encoding()), Some(operation));
            assert_eq!(InstructionCacheOp::by_name(operation.name()), Some(operation));
        }
    }
}
