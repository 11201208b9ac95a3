//! Errors of the assembler. Every message says what was expected, what was found and, where it is certain, what to do.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use isa::OperandError;
use isa::suggest::did_you_mean;

/// How comments look.
const COMMENTS: &str = "a comment is `// …` or `/* … */`";

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
    /// The mnemonic is one of A64, and the table lacks it.
    NotInTable {
        /// The mnemonic as written.
        mnemonic: String,
    },
    /// No block may have the instruction.
    Unsupported {
        /// The mnemonic as written.
        mnemonic: String,
        /// The reason.
        reason: &'static str,
    },
    /// The mnemonic is one of A32 or of another architecture.
    Foreign {
        /// The mnemonic as written.
        mnemonic: String,
        /// What A64 has instead.
        instead: &'static str,
    },
    /// A name that begins with a dot is no directive of this assembler.
    UnknownDirective {
        /// The directive as written.
        directive: String,
    },
    /// What follows a semicolon on a line is no instruction; it may be meant as a comment.
    NotAComment {
        /// The first word behind the semicolon.
        found: String,
    },
    /// A character that begins a comment elsewhere.
    CommentMark {
        /// The character.
        found: char,
    },
    /// A comment that begins with `/*` has no end.
    OpenComment,
    /// A word of `.inst` does not fit in 32 bits.
    BadWord {
        /// The number.
        value: i64,
    },
    /// A word of `.inst` is no instruction of the table, where only those are taken.
    UnknownWord {
        /// The word.
        word: u32,
    },
    /// A register has a number that no register has.
    NoRegister {
        /// The register as written.
        name: String,
        /// What there is instead.
        instead: &'static str,
    },
    /// A branch or an address names a label that the text does not have.
    UndefinedLabel {
        /// The mnemonic as written.
        mnemonic: String,
        /// The label.
        label: String,
        /// A label of the text that differs in at most two letters.
        suggestion: Option<String>,
    },
    /// An operand is invalid.
    Operand {
        /// The mnemonic as written.
        mnemonic: String,
        /// The reason why the operand is invalid.
        error: OperandError,
        /// What to do.
        hint: Option<&'static str>,
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
            Self::NotInTable { mnemonic } => {
                write!(f, "granule's table has no `{mnemonic}`; write its word as `.inst 0x…`")
            }
            Self::Unsupported { mnemonic, reason } => write!(f, "`{mnemonic}` is not supported in blocks: {reason}"),
            Self::Foreign { mnemonic, instead } => write!(f, "A64 has no `{mnemonic}`; {instead}"),
            Self::UnknownDirective { directive } => {
                write!(
                    f,
                    "unknown directive `{directive}`; leave it out, or give words with `.inst`, `.word` or `.long`"
                )
            }
            Self::NotAComment { found } => {
                write!(f, "expected an instruction behind `;`, found `{found}`; {COMMENTS}")
            }
            Self::CommentMark { found } => write!(f, "`{found}` begins no comment; {COMMENTS}"),
            Self::OpenComment => f.write_str("the comment that begins with `/*` has no `*/`"),
            Self::BadWord { value } => {
                let sign = if *value < 0 { "-" } else { "" };
                let magnitude = value.unsigned_abs();
                write!(f, "instruction word {sign}{magnitude:#x} is out of range; expected 0x0 to 0xffffffff")
            }
            Self::UnknownWord { word } => {
                write!(f, "granule's table has no instruction {word:#010x}; only the code of a program takes any word")
            }
            Self::NoRegister { name, instead } => write!(f, "there is no register `{name}`; {instead}"),
            Self::UndefinedLabel { mnemonic, label, suggestion } => {
                write!(
                    f,
                    "{mnemonic}: label `{label}` is not defined in this block, and a block reaches no other code"
                )?;
                did_you_mean(f, suggestion.as_deref())
            }
            Self::Operand { mnemonic, error, hint } => {
                write!(f, "{mnemonic}: {error}")?;
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::DuplicateLabel { label } => write!(f, "label `{label}` is already defined; use another name"),
        }
    }
}
