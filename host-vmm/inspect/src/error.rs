//! Why a line could not be carried out.

use std::borrow::Cow;

use machine::{Explain, MachineError};
use program::TextError;

/// Why a line could not be carried out. The session is as before it.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It is no A64, no setting and no expectation.
    #[error("column {}: {}", .0.column, .0.kind)]
    Text(#[from] TextError),
    /// A verb is used wrongly.
    #[error("{0}")]
    Usage(String),
    /// A machine failed.
    #[error("{0}")]
    Machine(#[from] MachineError),
    /// A line does not end.
    #[error("this does not end on {machine}; nothing of it was kept")]
    Endless {
        /// The machine.
        machine: String,
    },
    /// There is no line to undo.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// There is no saved state.
    #[error("nothing was saved")]
    NothingSaved,
    /// Something outside the session failed.
    #[error("{0}")]
    Outside(String),
}

impl Explain for InspectError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Text(error) => error.remedy(),
            Self::Machine(error) => error.remedy(),
            Self::NothingSaved => Some("`save` saves the VM".into()),
            Self::Usage(_) | Self::Endless { .. } | Self::NothingToUndo | Self::Outside(_) => None,
        }
    }
}
