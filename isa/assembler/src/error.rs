//! Errors of the assembler. Every message says what was expected, what was found and, where it is certain, what to do.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use isa::OperandError;
use isa::suggest::did_you_mean;

/// An assembler error and its position in the text.
///
/// ```
/// let error = assembler::assemble("irg x1, x0\nsgt x1, [x1]").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 1));
/// assert_eq!(error.kind.to_string(), "unknown instruction `sgt`; did you mean `stg`?");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column where the invalid part begins, from 1, in characters.
    pub column: usize,
    /// The kind of error.
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

/// The kind of an assembler error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text is not well-formed.
    Syntax {
        /// What the syntax allows here.
        expected: &'static str,
        /// The word or character found, or "end of line".
        found: String,
    },
    /// A number is malformed or does not fit in 64 bits.
    BadNumber {
        /// The number as written.
        text: String,
    },
    /// A shift amount does not fit in any register.
    BadShift {
        /// The shift amount.
        amount: i64,
    },
    /// The mnemonic is not in the table.
    UnknownInstruction {
        /// The mnemonic as written.
        mnemonic: String,
        /// A known mnemonic that differs in at most two letters.
        suggestion: Option<&'static str>,
    },
    /// An operand is invalid.
    Operand {
        /// The mnemonic as written.
        mnemonic: String,
        /// The reason why the operand is invalid.
        error: OperandError,
    },
    /// A label is defined twice.
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
            Self::BadShift { amount } => write!(f, "shift amount {amount} is out of range; expected 0 to 63"),
            Self::UnknownInstruction { mnemonic, suggestion } => {
                write!(f, "unknown instruction `{mnemonic}`")?;
                did_you_mean(f, *suggestion)
            }
            Self::Operand { mnemonic, error } => write!(f, "{mnemonic}: {error}"),
            Self::DuplicateLabel { label } => write!(f, "label `{label}` is already defined; use another name"),
        }
    }
}
