//! What can be wrong with a program's text: where, and what is allowed there.

use std::borrow::Cow;

use assembler::ParseErrorKind;
use machine::Explain;

/// A mistake in a program's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct TextError {
    /// The line, from 1.
    pub line: usize,
    /// The column of what is wrong, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub kind: TextErrorKind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextErrorKind {
    /// The first line is not a program's.
    #[error("expected `granule program {version}` as the first line, found `{found}`")]
    Header {
        /// The version that is read here.
        version: u64,
        /// What was there.
        found: String,
        /// Whether it is what code begins with.
        assembly: bool,
    },
    /// The text is of another version of the format.
    #[error("this is version {found} of the format, expected version {version}")]
    Version {
        /// The version that is read here.
        version: u64,
        /// The one that was found.
        found: u64,
    },
    /// Something else belongs here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What belongs here.
        expected: String,
        /// What was there, in backquotes, or "the end of the line".
        found: String,
    },
    /// A name is none of those that belong here.
    #[error("expected {expected}, found `{found}`; {hint}")]
    Unknown {
        /// What the names stand for.
        expected: String,
        /// What was there.
        found: String,
        /// What is meant, or what to do.
        hint: String,
    },
    /// A number does not fit.
    #[error("{what} {value:#x} is out of range: expected {min:#x} to {max:#x}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A number falls between the steps.
    #[error("{what} {value:#x} is not a multiple of {step:#x}")]
    NotMultiple {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The step.
        step: u64,
    },
    /// Something is said twice.
    #[error("`{what}` is set twice")]
    Twice {
        /// What.
        what: String,
    },
    /// An instruction is wrong.
    #[error(transparent)]
    Instruction(#[from] Instruction),
    /// A branch or a literal load leads out of the block.
    #[error(
        "{instruction}: {distance:+} leads out of the block: expected {min:+} to {max:+}, in steps of 4 for branches"
    )]
    OutOfBlock {
        /// The instruction.
        instruction: String,
        /// The distance in bytes that it has.
        distance: i64,
        /// The least allowed.
        min: i64,
        /// The greatest allowed.
        max: i64,
    },
    /// A block has no instruction.
    #[error("a block has 1 to {max} instructions, this one has {found}")]
    BlockSize {
        /// The most.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// A block does not end.
    #[error("the block that begins in line {begun} has no `{missing}`")]
    Unfinished {
        /// Where it begins.
        begun: usize,
        /// What is missing.
        missing: &'static str,
    },
    /// `resume_block` before any block.
    #[error("`again` runs the last block once more, and there is none before it")]
    NothingBefore,
    /// An expectation without a block, or before the first instruction of one.
    #[error("`expect` is about what has run, and nothing has")]
    NothingToExpect,
    /// A branch or a literal load leads over an expectation.
    #[error("{instruction} leads over this expectation: the block ends here when it is looked at")]
    BranchOver {
        /// The branch.
        instruction: String,
    },
}

impl Explain for TextError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match &self.kind {
            TextErrorKind::Header { assembly: true, .. } => Some(
                "this is code alone: put lines `granule program 1`, `block el=1` and `code` before it, and `end` behind it".into(),
            ),
            TextErrorKind::Header { .. } => Some("docs/programs.md has the format".into()),
            TextErrorKind::Version { .. } => Some("use a granule that reads it".into()),
            TextErrorKind::Twice { .. } => Some("leave one out".into()),
            TextErrorKind::NothingToExpect => Some("put it behind an instruction, or behind the block".into()),
            TextErrorKind::BranchOver { .. } => Some("put it behind the block, or before the branch".into()),
            TextErrorKind::Unfinished { missing, .. } => Some(format!("end it with a line `{missing}`").into()),
            _ => None,
        }
    }
}

/// What the assembler says about an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction(pub ParseErrorKind);

impl std::fmt::Display for Instruction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Instruction {}
