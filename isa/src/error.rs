//! What can be wrong with a line of assembly, said so that the writer can correct it.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::system_register::SysReg;

/// What is wrong with one operand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperandError {
    /// It is no operand of the kind that belongs here.
    WrongKind {
        /// What belongs here, such as "a register x0 to x30 or sp".
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// A number does not fit its field.
    OutOfRange {
        /// What the number is, such as "offset".
        what: &'static str,
        /// The number.
        value: i64,
        /// The smallest number that fits.
        min: i64,
        /// The largest number that fits.
        max: i64,
    },
    /// A number fits but falls between the steps of its field.
    NotMultiple {
        /// What the number is, such as "offset".
        what: &'static str,
        /// The number.
        value: i64,
        /// The step.
        step: i64,
    },
    /// A number is no run of ones, rotated and repeated, and so no immediate of AND and its like.
    NotBitmask {
        /// The number, as the bits of a register.
        value: u64,
    },
    /// A name is in no table.
    UnknownName {
        /// What the name should be of, such as "system register".
        what: &'static str,
        /// The name.
        name: String,
        /// A known name much like it.
        suggestion: Option<&'static str>,
    },
    /// MSR to a register that can only be read.
    ReadOnly {
        /// The register.
        register: SysReg,
    },
    /// The operands are right one by one but the architecture leaves open what they do together.
    Unpredictable {
        /// Which of them clash, such as "the base register is also loaded".
        clash: &'static str,
    },
    /// There are too many or too few operands.
    Count {
        /// The fewest operands the mnemonic takes.
        min: usize,
        /// The most operands it takes.
        max: usize,
        /// How many there were.
        found: usize,
    },
}

impl OperandError {
    /// Tells whether this came from a value in the right kind of operand, so that no other form was meant.
    pub(crate) const fn is_about_value(&self) -> bool {
        !matches!(self, Self::WrongKind { .. })
    }
}

impl fmt::Display for OperandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind { expected, found } => write!(f, "expected {expected}, found `{found}`"),
            Self::OutOfRange { what, value, min, max } => write!(f, "{what} {value} is out of {min}..={max}"),
            Self::NotMultiple { what, value, step } => write!(f, "{what} {value} is not a multiple of {step}"),
            Self::NotBitmask { value } => {
                write!(f, "{value:#x} is no run of ones, maybe rotated and repeated; use a register")
            }
            Self::UnknownName { what, name, suggestion } => {
                write!(f, "unknown {what} `{name}`")?;
                suggest(f, *suggestion)
            }
            Self::ReadOnly { register } => write!(f, "{register} is read-only; use it with mrs"),
            Self::Unpredictable { clash } => write!(f, "unpredictable: {clash}; use different registers"),
            Self::Count { min, max, found } if min == max => write!(f, "expected {min} operands, found {found}"),
            Self::Count { min, max, found } => write!(f, "expected {min} to {max} operands, found {found}"),
        }
    }
}

impl Error for OperandError {}

/// An error in assembly text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column of the part that is wrong, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

impl fmt::Display for ParseError {
    /// Writes `line 1, column 10: offset 24 is not a multiple of 16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, kind } = self;
        write!(f, "line {line}, column {column}: {kind}")
    }
}

impl Error for ParseError {}

/// What is wrong with a line of assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text can't be read at all.
    Syntax {
        /// What should have followed.
        expected: &'static str,
        /// What did: a character, or "the end of the line".
        found: String,
    },
    /// A number has digits but no value.
    BadNumber {
        /// The text.
        text: String,
    },
    /// No register is so wide.
    BadShift {
        /// The shift amount.
        amount: i64,
    },
    /// There is no such mnemonic.
    UnknownInstruction {
        /// The mnemonic.
        mnemonic: String,
        /// A known one much like it.
        suggestion: Option<&'static str>,
    },
    /// An operand is wrong.
    Operand {
        /// The mnemonic as written.
        mnemonic: String,
        /// What is wrong with the operand.
        error: OperandError,
    },
    /// A label stands in two places.
    DuplicateLabel {
        /// The label.
        label: String,
    },
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::BadNumber { text } => write!(f, "expected a 64-bit number such as 16 or 0x10, found `{text}`"),
            Self::BadShift { amount } => write!(f, "shift amount {amount} is out of 0..=63"),
            Self::UnknownInstruction { mnemonic, suggestion } => {
                write!(f, "unknown instruction `{mnemonic}`")?;
                suggest(f, *suggestion)
            }
            Self::Operand { mnemonic, error } => write!(f, "{mnemonic}: {error}"),
            Self::DuplicateLabel { label } => write!(f, "label `{label}` is defined twice; rename one"),
        }
    }
}

/// Writes the end of a message about an unknown name.
fn suggest(f: &mut fmt::Formatter<'_>, suggestion: Option<&str>) -> fmt::Result {
    match suggestion {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => Ok(()),
    }
}
