//! The line to the debugger outside: texts as frames on the console, both ways.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

use board::remote::Line;
use machine::MachineError;
use qemu::child::wait_readable;
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::os::fd::AsFd;

use super::CONSOLE;
use crate::line_error::LineError;
use crate::wire::{Decoder, Item};

/// The console's input; its output is shared with whoever reports a panic.
#[derive(Debug)]
pub struct TerminalLine {
    input: File,
    decoder: Decoder,
}

impl TerminalLine {
    /// Opens the console for input as it comes, without echo.
    pub fn open() -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or_default();
        let input = OpenOptions::new().read(true).custom_flags(flags).open("/dev/console")?;
        let mut settings = tcgetattr(&input)?;
        settings.make_raw();
        tcsetattr(&input, OptionalActions::Now, &settings)?;
        Ok(Self { input, decoder: Decoder::default() })
    }
}

fn broken(error: impl ToString) -> MachineError {
    MachineError::lost(LineError::Garbled(error.to_string()))
}

impl Line for TerminalLine {
    fn send(&mut self, text: &str) -> Result<(), MachineError> {
        let mut console = CONSOLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(console) = &mut *console {
            let frame = console.encoder.text(text);
            console.write(&frame);
        }
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> Result<Option<String>, MachineError> {
        loop {
            match self.decoder.next_item() {
                Some(Ok(Item::Text(text))) => return Ok(Some(text)),
                Some(Ok(other)) => return Err(broken(format!("{other:?} is no text"))),
                Some(Err(error)) => return Err(broken(error)),
                None => {}
            }
            let [ready] = wait_readable([Some(self.input.as_fd())], until).map_err(broken)?;
            if !ready {
                return Ok(None);
            }
            let mut bytes = [0; 256];
            let count = self.input.read(&mut bytes).map_err(broken)?;
            self.decoder.push(&bytes[..count]);
        }
    }
}
