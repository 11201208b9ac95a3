//! How far a copy came. The kernel's count and its error number, made into one value.

use crate::errno::Errno;
use crate::error::TagError;

/// Whether all of a range was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a copy may stop early"]
pub enum Copied {
    /// All of it.
    Complete,
    /// Everything below an address was copied, and nothing from there on.
    Stopped {
        /// The guest-physical address of the first granule that was not copied.
        at: u64,
        /// What the kernel answered for its page.
        cause: Errno,
    },
}

impl Copied {
    /// Turns an early stop into an error.
    ///
    /// # Errors
    ///
    /// [`TagError::Stopped`] when the copy stopped early.
    pub fn complete(self) -> Result<(), TagError> {
        match self {
            Self::Complete => Ok(()),
            Self::Stopped { at, cause } => Err(TagError::Stopped { at, cause }),
        }
    }
}
