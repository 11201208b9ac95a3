//! Why a guest was not saved or restored.

use std::borrow::Cow;

use machine::{Explain, MachineError};
use mte_snapshot::{DecodeError, EncodeError};

/// Why a guest was not saved or restored.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The program ended before.
    #[error("the program comes to {passed} checkpoints, and was to be saved at number {wanted}")]
    NoCheckpoint {
        /// Which one was wanted, from 1 on.
        wanted: usize,
        /// How many there are.
        passed: usize,
    },
    /// The machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The state cannot be kept in a snapshot.
    #[error("the saved state is no snapshot: {0}")]
    Encode(#[from] EncodeError),
    /// The file is no snapshot.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A snapshot of something else.
    #[error("the snapshot is of {found}, and not of a program's guest that this granule can go on with")]
    Foreign {
        /// Of what.
        found: String,
    },
    /// This machine is not like the one that was saved.
    #[error("{field}: the snapshot has {saved}, this machine {here}")]
    OtherMachine {
        /// What differs.
        field: &'static str,
        /// As it was saved.
        saved: String,
        /// As it is here.
        here: String,
    },
}

impl Explain for SavedError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoCheckpoint { passed: 0, .. } => {
                "a program stops where its block stores `checkpoint` to `uart`; see docs/programs.md".into()
            }
            Self::NoCheckpoint { passed, .. } => format!("give --checkpoint 1 to {passed}").into(),
            Self::Machine(error) => return error.remedy(),
            Self::Encode(_) => machine::error::REPORT_IF_REPEATED.into(),
            Self::Decode(_) => "give a file that `granule save` wrote".into(),
            Self::Foreign { .. } => "`granule show` says what is in it".into(),
            Self::OtherMachine { .. } => "restore it on a machine like the one where it was saved".into(),
        })
    }
}
