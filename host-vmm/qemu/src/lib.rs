//! QEMU: the program and the processes of it, and the machine that is the firmware on QEMU alone.
//!
//! - [`program`]: finding it, its version, what its refusals mean;
//! - [`child`]: a process that dies with its owner; [`memfd`]: what it is given to read;
//! - [`tcg`]: the machine.

pub mod child;
pub mod memfd;
pub mod program;
pub mod tcg;

/// Parts an error message: what to do stands behind the last semicolon of its first line. What follows in
/// more lines is somebody else's words, and belongs to the reason.
#[must_use]
pub fn reason_and_remedy(message: &str) -> (String, String) {
    let (first, more) = message.split_at(message.find('\n').unwrap_or(message.len()));
    let (reason, remedy) = first.rsplit_once("; ").unwrap_or((first, ""));
    (format!("{reason}{more}"), remedy.to_owned())
}
