//! A board used over a line: the debugger is outside of QEMU, the board in the Linux inside.
//!
//! Messages are JSON texts without characters below U+0020, one at a time: a request, its reply. Console bytes come and go between them,
//! exactly: a byte is the character of that number.

mod client;
mod message;
mod server;

pub use client::Remote;
pub use message::Bytes;
pub use server::{LineConsole, serve};

use std::time::Instant;

use machine::MachineError;

/// A line that carries texts in order, both ways.
pub trait Line {
    /// Sends a text.
    ///
    /// # Errors
    ///
    /// When nobody takes it any more.
    fn send(&mut self, text: &str) -> Result<(), MachineError>;

    /// Receives the next text; `None` when there is none until `until`.
    ///
    /// # Errors
    ///
    /// When no more will come.
    fn receive(&mut self, until: Instant) -> Result<Option<String>, MachineError>;
}

#[cfg(test)]
mod tests;
