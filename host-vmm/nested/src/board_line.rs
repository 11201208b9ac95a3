//! A board in a nested Linux, from outside. The image travels in the initramfs.

use board::console::Console;
use board::remote::Remote;
use machine::target::OpenError;

use crate::console_line::QemuLine;
use crate::{Options, TIMEOUT};

/// Boots a nested Linux with a board in it. Returns the board, and what is around it.
///
/// # Errors
///
/// When it does not come up.
pub fn open(options: &Options, console: Box<dyn Console>) -> Result<(Remote<QemuLine>, String), OpenError> {
    let (line, emulator) = QemuLine::boot(options)?;
    Ok((Remote::connect(line, console, TIMEOUT)?, emulator))
}
