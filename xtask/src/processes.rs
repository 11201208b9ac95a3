//! Other programs: how they are started, and the message when one fails.
//!
//! Output is either captured (small tools) or left to the terminal; nothing here interprets it.

use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};

/// Runs a command to its end and returns its stdout as text.
///
/// # Errors
/// It cannot be started, or it fails: the message has the command and the end of its output.
pub fn output(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).output().map_err(|e| not_started(command, &e))?;
    let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    let said = if stderr.trim().is_empty() { stdout } else { stderr };
    Err(Failure::unavailable(format!("{} failed ({}):\n{}", name(command), done.status, tail(&said))))
}

/// Creates the failure of a command that could not be started.
pub fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::unavailable(format!("cannot start {}: {}", name(command), error))
}

/// Returns the name of a command for a message.
pub fn name(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    // The first argument tells apt-get update from apt-get download.
    if let Some(first) = command.get_args().next() {
        text.push(' ');
        text.push_str(&first.to_string_lossy());
    }
    text
}

/// Returns the last lines of an output, indented.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(12);
    lines[from..].iter().map(|l| format!("    {}", l)).collect::<Vec<_>>().join("\n")
}
