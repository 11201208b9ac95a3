//! Errors of operands. Every message says what was expected, what was found and, where it is certain, what to do.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use arch::SysReg;

use crate::suggest::did_you_mean;

/// The reason why an operand is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperandError {
    /// The operand is of another kind than the instruction takes here.
    WrongKind {
        /// What the instruction takes, such as "a register x0 to x30 or sp".
        expected: &'static str,
        /// The operand as written.
        found: String,
    },
    /// A number does not fit its field.
    OutOfRange {
        /// The name of the number, such as "offset".
        what: &'static str,
        /// The number.
        value: i64,
        /// The minimum.
        min: i64,
        /// The maximum.
        max: i64,
    },
    /// A number is in range but not a multiple of the unit of its field.
    NotMultiple {
        /// The name of the number, such as "offset".
        what: &'static str,
        /// The number.
        value: i64,
        /// The unit.
        step: i64,
    },
    /// A number cannot be encoded as a bitmask immediate, the immediate of AND, ORR, EOR and ANDS.
    NotBitmask {
        /// The number, as the bits of a register.
        value: u64,
    },
    /// A name is not in its table.
    UnknownName {
        /// The kind of name, such as "system register".
        what: &'static str,
        /// The name as written.
        name: String,
        /// A known name that differs in at most two letters.
        suggestion: Option<&'static str>,
    },
    /// MSR names a read-only register.
    ReadOnly {
        /// The register.
        register: SysReg,
    },
    /// Each operand is valid, but the combination is CONSTRAINED UNPREDICTABLE.
    Unpredictable {
        /// The conflict, such as "identical destination registers".
        reason: &'static str,
    },
    /// There are too many or too few operands.
    Count {
        /// The minimum number of operands.
        min: usize,
        /// The maximum number of operands.
        max: usize,
        /// The number of operands found.
        found: usize,
    },
}

impl OperandError {
    /// Returns whether the operand was of the right kind, so that this row was the one meant.
    pub(crate) const fn is_about_value(&self) -> bool {
        !matches!(self, Self::WrongKind { .. })
    }
}

impl fmt::Display for OperandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            Self::OutOfRange { what, value, min, max } if min == max => {
                write!(f, "expected {what} {min}, found {value}")
            }
            Self::OutOfRange { what, value, min, max } => {
                write!(f, "{what} {value} is out of range; expected {min} to {max}")
            }
            Self::NotMultiple { what, value, step } => write!(f, "{what} {value} is not a multiple of {step}"),
            Self::NotBitmask { value } => write!(f, "{value:#x} is not a bitmask immediate; use a register"),
            Self::UnknownName { what, name, suggestion } => {
                write!(f, "unknown {what} `{name}`")?;
                did_you_mean(f, *suggestion)
            }
            Self::ReadOnly { register } => write!(f, "{register} is read-only; use mrs to read it"),
            Self::Unpredictable { reason } => write!(f, "unpredictable: {reason}; use different registers"),
            Self::Count { min, max, found } => {
                f.write_str("expected ")?;
                match max - min {
                    0 if *max == 0 => f.write_str("no operands")?,
                    0 => write!(f, "{max} operand{}", if *max == 1 { "" } else { "s" })?,
                    1 => write!(f, "{min} or {max} operands")?,
                    _ => write!(f, "{min} to {max} operands")?,
                }
                write!(f, ", found {found}")
            }
        }
    }
}

impl Error for OperandError {}
