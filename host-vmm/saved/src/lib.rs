//! The guest of a program, in a file: saved where its block stands at a checkpoint, restored by another process into another VM, where
//! the program goes on.
//!
//! The file is a snapshot as `mte-snapshot` has it, of any VM. What a program needs besides is in its application's note ([`note`]): its
//! text, how far it came, and what was seen so far. So the process that restores can say whether all of it, before and after, is what
//! the specification permits.

#![forbid(unsafe_code)]

pub mod attempt;
pub mod convert;
pub mod error;
pub mod note;
pub mod passport;
pub mod restore;
pub mod restoring;
pub mod save;

pub use error::SavedError;
