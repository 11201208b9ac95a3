//! The kinds of operands: how a field of the instruction word becomes an [`Arg`] and back.
//!
//! A kind is a small constant such as [`XN_SP`](register::XN_SP) that says where its bits lie. Rows list kinds, so a
//! kind is written once and used by every instruction that has it. A kind does not print or parse: an [`Arg`] prints
//! itself, and `syntax.rs` reads operands without knowing the row.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::arg::Arg;
use crate::error::OperandError;

pub(crate) mod address;
pub(crate) mod bitfield;
pub(crate) mod bitmask;
pub(crate) mod branch;
pub(crate) mod copy;
pub(crate) mod extend;
pub(crate) mod field;
pub(crate) mod immediate;
pub(crate) mod indexed;
pub(crate) mod instruction_cache;
pub(crate) mod near;
pub(crate) mod pair;
pub(crate) mod prefetch;
pub(crate) mod register;
pub(crate) mod shift;
pub(crate) mod simd;
pub(crate) mod suffix;
pub(crate) mod system;

/// A kind of operand.
///
/// Every implementor also has a `const fn mask(self) -> u32`, the bits of the word it owns. That is not in the trait
/// because the table calls it in a constant, to prove that no two operands of a row overlap.
pub(crate) trait Operand: Sync {
    /// Says what is expected here, for messages: "a register x0 to x30 or sp".
    fn expects(&self) -> &'static str;

    /// Reads the operand out of an instruction word; `None` where its bits are reserved.
    fn decode(&self, word: u32) -> Option<Arg>;

    /// Returns the operand's bits in place.
    fn encode(&self, arg: Arg) -> Result<u32, OperandError>;

    /// Checks what `encode` could not: that the operand says the same as the finished `word`.
    ///
    /// Only an operand that follows from others has anything to check, such as the second register of CASP's pairs.
    fn check(&self, _word: u32, _arg: Arg) -> Result<(), OperandError> {
        Ok(())
    }

    /// Lists the edge values: smallest, largest, zero and its neighbours, register 31 in its meaning.
    ///
    /// The list is empty for an operand that owns no bits.
    fn samples(&self) -> Vec<Arg>;

    /// Finds the value that `name` stands for here. Most kinds have no names.
    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Err(self.wrong_kind(name))
    }

    /// Returns the value that is meant when the operand is left out, and that is left out in print.
    fn default(&self) -> Option<Arg> {
        None
    }

    /// Tells whether a label may stand here.
    fn takes_label(&self) -> bool {
        false
    }

    /// Makes the error for something that is no operand of this kind at all.
    fn wrong_kind(&self, found: &str) -> OperandError {
        OperandError::WrongKind { expected: self.expects(), found: found.to_string() }
    }
}
