//! The one error type of xtask: a message for the user, and the exit status that goes with it.
//!
//! It exists so that every message can say what was expected, what was found and what to do,
//! and so that `main` is the only place that prints an error and ends the process.

use std::fmt;
use std::io;
use std::path::Path;

/// What a failed step hands to `main`.
#[derive(Debug)]
pub struct Failure {
    /// What was expected, what was found, what to do: lower-case, no final full stop.
    pub message: String,
    /// The exit status of the process.
    pub status: i32,
}

/// Something that was run failed (a build, a test, a lint).
pub const STATUS_FAILED: i32 = 1;
/// The command line is wrong.
pub const STATUS_USAGE: i32 = 2;
/// It could not run here; the message has the remedy.
pub const STATUS_UNAVAILABLE: i32 = 69;

/// The result of every step.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Makes a failure for "could not run here".
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_UNAVAILABLE }
    }

    /// Makes a failure for a wrong command line.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_USAGE }
    }

    /// Makes a failure for something that ran and failed.
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_FAILED }
    }

    /// Makes a failure of an I/O error at a path, naming what was attempted.
    pub fn io(attempt: &str, path: &Path, error: &io::Error) -> Failure {
        let remedy = match error.raw_os_error() {
            Some(28) => "; the disk is full: free some space, or set GRANULE_CACHE to a directory on a larger disk",
            Some(13) | Some(30) => "; set GRANULE_CACHE to a directory that you can write to",
            _ => "",
        };
        Failure::unavailable(format!("cannot {} {}: {}{}", attempt, path.display(), error, remedy))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
