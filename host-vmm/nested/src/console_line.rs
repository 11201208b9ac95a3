//! The line into a nested Linux, from outside: its console.
//!
//! Frames carry requests in and answers out; what else comes over the console is the kernel's, and is kept to be shown when it dies.

use std::time::{Duration, Instant};

use board::remote::Line;
use machine::MachineError;
use machine::target::OpenError;
use qemu::child::{Output, Subprocess};
use qemu::program::QemuError;
use report::event::{Event, STREAM_VERSION};

use crate::Options;
use crate::kernel_warning::{self, LastLines};
use crate::line_error::LineError;
use crate::outer::{Booting, NestedError, boot};
use crate::wire::{Decoder, Encoder, Item};

/// Console lines shown when the kernel dies.
const SHOWN_LINES: usize = 20;
/// How long QEMU may take to end once it has closed its output.
const GRACE: Duration = Duration::from_secs(5);

/// The console of a nested Linux as a line.
#[derive(Debug)]
pub struct QemuLine {
    child: Option<Subprocess>,
    encoder: Encoder,
    decoder: Decoder,
    buffer: Vec<u8>,
    last: LastLines,
    panicked: Option<String>,
}

impl QemuLine {
    /// Boots a nested Linux. Returns the line to its inner granule, and the emulator with its CPU.
    ///
    /// Call it on a thread that outlives the line: QEMU dies with the thread that started it.
    ///
    /// # Errors
    ///
    /// When something is missing, or QEMU cannot be started.
    pub fn boot(options: &Options) -> Result<(Self, String), OpenError> {
        let Booting { child, emulator } = boot(options, true).map_err(|error| match error {
            NestedError::Qemu(QemuError::NoMte) => OpenError::unavailable(&error),
            _ => OpenError::broken(&error),
        })?;
        let line = Self {
            child: Some(child),
            encoder: Encoder::default(),
            decoder: Decoder::default(),
            buffer: vec![0; 16 << 10],
            last: LastLines::new(SHOWN_LINES),
            panicked: None,
        };
        Ok((line, format!("{}, cpu {}", emulator.name, emulator.cpu)))
    }

    fn item(&mut self, item: Item) -> Result<Option<String>, MachineError> {
        match item {
            Item::Text(text) => return Ok(Some(text)),
            Item::Line(line) => {
                let message = kernel_warning::message(&line);
                if kernel_warning::is_panic(message) {
                    self.panicked.get_or_insert_with(|| message.to_owned());
                }
                self.last.push(line);
            }
            Item::Event(event) if *event == Event::Hello(STREAM_VERSION) => {}
            Item::Event(event) => {
                return Err(MachineError::lost(match *event {
                    Event::Broken { reason, remedy } => LineError::Broken { reason, remedy },
                    other => LineError::Garbled(format!("{other:?} is no answer")),
                }));
            }
        }
        Ok(None)
    }

    /// QEMU has closed its output. Returns why.
    fn ended(&mut self) -> MachineError {
        let errors = self.child.take().map(|child| child.end(Instant::now() + GRACE).1).unwrap_or_default();
        let what = match &self.panicked {
            Some(panic) => format!("the kernel under test died: {panic}"),
            None => "QEMU ended before the image did".to_owned(),
        };
        let lines = self.last.lines().into_iter().map(|line| format!("  {line}"));
        let errors = (!errors.is_empty()).then_some(errors);
        let all: Vec<String> = [what].into_iter().chain(errors).chain(lines).collect();
        MachineError::lost(LineError::Ended(all.join("\n")))
    }
}

impl Line for QemuLine {
    fn send(&mut self, text: &str) -> Result<(), MachineError> {
        let frame = self.encoder.text(text);
        match self.child.as_mut().map(|child| child.write(&frame)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(self.ended()),
        }
    }

    fn receive(&mut self, until: Instant) -> Result<Option<String>, MachineError> {
        loop {
            while let Some(item) = self.decoder.next_item() {
                let item = item.map_err(|error| MachineError::lost(LineError::Garbled(error.to_string())))?;
                if let Some(text) = self.item(item)? {
                    return Ok(Some(text));
                }
            }
            let Some(child) = &mut self.child else { return Err(self.ended()) };
            let read = child.read(&mut self.buffer, until);
            match read.map_err(|error| MachineError::lost(NestedError::Listening(error)))? {
                Output::Bytes(count) => self.decoder.push(&self.buffer[..count]),
                Output::TimedOut => return Ok(None),
                Output::Closed => return Err(self.ended()),
            }
        }
    }
}
