//! Free space on the cache's disk, and the message when there is too little.
//!
//! It is checked before a download rather than found out in the middle of it.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::processes;
use crate::report;

/// Returns the number of bytes that this user may still write to the disk of `directory`.
pub fn free(directory: &Path) -> Result<u64> {
    let text = processes::output(Command::new("df").args(["--output=avail", "-B1", "--"]).arg(directory))?;
    text.lines()
        .last()
        .and_then(|line| line.trim().parse().ok())
        .ok_or_else(|| Failure::unavailable(format!("expected a number of bytes from df, found {:?}", text)))
}

/// Checks that `needed` bytes fit.
///
/// # Errors
/// They do not: the message has both numbers and the remedy.
pub fn demand(directory: &Path, needed: u64, purpose: &str) -> Result<()> {
    let free = free(directory)?;
    if free < needed {
        return Err(full(directory, needed, free, purpose));
    }
    Ok(())
}

/// Turns a failure into one about space if the disk is (nearly) full now.
pub fn explain(failure: Failure, directory: &Path, needed: u64, purpose: &str) -> Failure {
    let out_of_space = failure.message.contains("No space left") || failure.message.contains("os error 28");
    match free(directory) {
        Ok(free) if out_of_space || free < 4_000_000 => {
            let mut explained = full(directory, needed, free, purpose);
            explained.message = format!("{}\n  ({})", explained.message, failure.message);
            explained
        }
        _ => failure,
    }
}

fn full(directory: &Path, needed: u64, free: u64, purpose: &str) -> Failure {
    Failure::unavailable(format!(
        "{} needs about {} in {}, and {} are free there; free some space, or set GRANULE_CACHE to a directory on a larger disk",
        purpose,
        report::size(needed),
        directory.display(),
        report::size(free)
    ))
}
