//! The kinds of operands: how fields of the instruction word decode to an [`Arg`] and encode from one.
//!
//! A kind is a constant such as [`XN_SP`](register::XN_SP) that holds the position of its bits. Rows list kinds, so a
//! kind is defined once and used by every instruction that has it. A kind does not print or parse: an [`Arg`] prints
//! itself, and `syntax.rs` parses operands without knowing the row.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use arch::Arg;

pub(crate) mod address;
pub(crate) mod adr;
pub(crate) mod bitfield;
pub(crate) mod bitmask;
pub(crate) mod branch;
pub(crate) mod eight;
pub(crate) mod extend;
pub(crate) mod field;
pub(crate) mod hint;
pub(crate) mod immediate;
pub(crate) mod indexed;
pub(crate) mod instruction_cache;
pub(crate) mod mops;
pub(crate) mod pair;
pub(crate) mod prefetch;
pub(crate) mod register;
pub(crate) mod shift;
pub(crate) mod simd;
pub(crate) mod sme;
pub(crate) mod step;
pub(crate) mod suffix;
pub(crate) mod sve;
pub(crate) mod system;
pub(crate) mod vector;

/// A kind of operand.
///
/// Every implementor also has a `const fn mask(self) -> u32` that returns the bits it owns. It is not in the trait
/// because the table calls it in a constant, to check that no two operands of a row overlap.
pub trait Operand: Sync {
    /// Returns a description for error messages: "a register x0 to x30 or sp".
    fn expects(&self) -> &'static str;

    /// Decodes the operand of an instruction word. Returns `None` if its bits are reserved.
    fn decode(&self, word: u32) -> Option<Arg>;

    /// Encodes the operand into its bits of the word; all other bits are 0.
    fn encode(&self, arg: Arg) -> Result<u32, OperandError>;

    /// Checks an operand that depends on others against the complete `word`, which `encode` cannot do.
    ///
    /// An example is the second register of a CASP pair, which must follow the first.
    fn check(&self, _word: u32, _arg: Arg) -> Result<(), OperandError> {
        Ok(())
    }

    /// Returns the edge values: minimum, maximum, zero and one step to either side of it, register 31.
    ///
    /// The list may be empty if the operand owns no bits.
    fn samples(&self) -> Vec<Arg>;

    /// Resolves a name to a value. Most kinds have no names.
    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Err(self.wrong_kind(name))
    }

    /// Returns the value that is omitted in assembly, or `None` if the operand is required.
    fn default(&self) -> Option<Arg> {
        None
    }

    /// Returns whether the operand may be a label.
    fn takes_label(&self) -> bool {
        false
    }

    /// Creates the error for an operand of another kind.
    fn wrong_kind(&self, found: &str) -> OperandError {
        OperandError::WrongKind { expected: self.expects(), found: found.to_string() }
    }
}
