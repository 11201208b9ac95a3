//! The one error type of xtask: a message for the user, and the exit status that goes with it.
//!
//! It exists so that every message can name what failed, what was expected, what was found and what to do,
//! and so that `main` is the only place that prints an error and ends the process.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a step failed: what `main` prints, and the status it exits with.
#[derive(Debug)]
pub struct Failure {
    /// What failed, what was expected and found, what to do: lower-case, no final full stop.
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
    /// Creates a failure for "could not run here".
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_UNAVAILABLE }
    }

    /// Creates a failure for a wrong command line.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_USAGE }
    }

    /// Creates a failure for something that ran and failed.
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: STATUS_FAILED }
    }

    /// Creates a failure without a message, where another program has printed one.
    pub fn silent(status: i32) -> Failure {
        Failure { message: String::new(), status }
    }

    /// Creates the failure of an I/O error at a path: `attempt` is the verb, such as `read`.
    pub fn io(attempt: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::unavailable(format!("cannot {} {}: {}", attempt, path.display(), reason(error)))
    }
}

/// Returns the reason of an I/O error in words, without the number of the system.
pub fn reason(error: &io::Error) -> String {
    // errno(3) of Linux: these are what set-up meets on a machine that works.
    match error.raw_os_error() {
        Some(2) => "no such file or directory".to_string(),
        Some(13) => "permission denied".to_string(),
        Some(28) => "the disk is full; free some space".to_string(),
        Some(30) => "the file system is read-only".to_string(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_string()
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_words_without_numbers() {
        assert_eq!(reason(&io::Error::from_raw_os_error(30)), "the file system is read-only");
        assert_eq!(reason(&io::Error::from_raw_os_error(21)), "Is a directory");
        assert_eq!(reason(&io::Error::new(io::ErrorKind::Other, "broken")), "broken");
    }
}
