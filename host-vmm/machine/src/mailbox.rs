//! The host's end of the mailboxes: files requests, reads answers, and believes nothing it reads.
//!
//! It knows the records of [`abi::mailbox`] and the order in which they are used. How a vCPU is made to run, and how
//! its doorbell is heard, is the machine's own.

use std::mem::offset_of;

use abi::doorbell::Doorbell;
use abi::mailbox::{
    BlockReply, BootReport, Control, MAX_MESSAGE, MAX_WORDS, Mailbox, PanicRecord, Request, Status, Trap,
};
use abi::map;
use zerocopy::{FromBytes, IntoBytes};

use super::block::Block;

use super::error::MachineError;

use super::request::RequestError;

use super::trace::Trace;

/// Guest RAM, as far as the mailboxes need it.
pub trait Memory {
    /// Reads guest-physical memory.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError>;

    /// Writes guest-physical memory.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError>;
}

/// Why it is the host's turn. A panic is an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// A request is answered.
    Reply,
    /// The block waits.
    Checkpoint,
}

/// What the host remembers of one vCPU's mailbox.
#[derive(Clone, Debug, Default)]
pub struct MailboxClient {
    cpu: usize,
    /// The number of the last request.
    request: u32,
    /// The words of the last block.
    words: Vec<u32>,
    /// Whether guest memory may hold others by now.
    words_lost: bool,
    /// Whether the last block set v0 to v31.
    simd: bool,
    /// Whether the last block set the scalable registers.
    scalable: bool,
}

impl MailboxClient {
    /// Returns the mailbox of a vCPU that was never asked anything.
    #[must_use]
    pub fn of(cpu: usize) -> Self {
        Self { cpu, ..Self::default() }
    }

    fn at(&self, offset: usize) -> u64 {
        map::mailbox_ipa(self.cpu) + offset as u64
    }

    fn record<T: FromBytes + IntoBytes>(&self, memory: &dyn Memory, offset: usize) -> Result<T, MachineError> {
        let mut value = T::new_zeroed();
        memory.read(self.at(offset), value.as_mut_bytes())?;
        Ok(value)
    }

    /// Files a request, whose arguments are there already.
    fn ask(&mut self, memory: &mut dyn Memory, request: Request) -> Result<(), MachineError> {
        self.request = self.request.wrapping_add(1);
        memory.write(self.at(offset_of!(Mailbox, control.kind)), (request as u32).as_bytes())?;
        memory.write(self.at(offset_of!(Mailbox, control.request)), self.request.as_bytes())
    }

    /// Files a request other than a block.
    ///
    /// # Errors
    ///
    /// When guest memory cannot be written.
    pub fn call(&mut self, memory: &mut dyn Memory, request: Request, arguments: [u64; 4]) -> Result<(), MachineError> {
        memory.write(self.at(offset_of!(Mailbox, arguments)), arguments.as_bytes())?;
        self.ask(memory, request)
    }

    /// Returns the mailbox of a vCPU whose guest memory was replaced by a saved state, as that memory has it. Whichever process saved it:
    /// the host files all requests there. The words of the next block are sent whatever they are.
    ///
    /// # Errors
    ///
    /// When guest memory cannot be read, or a count in it is out of range.
    pub fn restored(cpu: usize, memory: &dyn Memory) -> Result<Self, MachineError> {
        let mailbox = Self::of(cpu);
        let control: Control = mailbox.record(memory, 0)?;
        let block: abi::mailbox::Block = mailbox.record(memory, offset_of!(Mailbox, block))?;
        let words = usize::try_from(block.words).ok().filter(|words| *words <= MAX_WORDS);
        let words = words.ok_or_else(|| mailbox.misbehaved(format!("has a block of {} words", block.words)))?;
        Ok(Self {
            request: control.request,
            words: vec![0; words],
            words_lost: true,
            simd: block.simd != 0,
            scalable: block.vector_bytes != 0,
            ..mailbox
        })
    }

    /// Files a block. Its words are sent only if the last block had others.
    ///
    /// # Errors
    ///
    /// When it is empty or too long, or guest memory cannot be written.
    pub fn run(&mut self, memory: &mut dyn Memory, block: &Block) -> Result<(), MachineError> {
        let count = block.words().len();
        if count == 0 || count > MAX_WORDS {
            return Err(RequestError::WordCount { words: count }.into());
        }
        let new_words = self.words_lost || self.words != block.words();
        memory.write(self.at(offset_of!(Mailbox, block)), block.record(new_words).as_bytes())?;
        if new_words {
            memory.write(self.at(offset_of!(Mailbox, words)), block.words().as_bytes())?;
            block.words().clone_into(&mut self.words);
            self.words_lost = false;
        }
        self.simd = block.initial_vectors().is_some();
        if let Some(vectors) = block.initial_vectors() {
            memory.write(self.at(offset_of!(Mailbox, v)), vectors.as_bytes())?;
        }
        self.scalable = block.initial_scalable().is_some();
        if let Some(values) = block.initial_scalable() {
            memory.write(self.at(offset_of!(Mailbox, scalable)), values.registers().as_bytes())?;
        }
        self.ask(memory, Request::Run)
    }

    /// Returns what a byte on the UART means; `None` for console text, which the firmware writes only without a host.
    ///
    /// # Errors
    ///
    /// When it was rung in another vCPU's name, or the firmware has panicked.
    pub fn decode_doorbell(&self, memory: &dyn Memory, byte: u8) -> Result<Option<Notification>, MachineError> {
        match Doorbell::decode(byte) {
            None => Ok(None),
            Some((bell, from)) if from != self.cpu => {
                Err(self.misbehaved(format!("rang {bell:?} in the name of vCPU {from}")))
            }
            Some((Doorbell::Reply, _)) => Ok(Some(Notification::Reply)),
            Some((Doorbell::Checkpoint, _)) => Ok(Some(Notification::Checkpoint)),
            Some((Doorbell::Panic, _)) => Err(self.panicked(memory)?),
        }
    }

    /// Reads the firmware's last words.
    fn panicked(&self, memory: &dyn Memory) -> Result<MachineError, MachineError> {
        let record: PanicRecord = self.record(memory, offset_of!(Mailbox, panic))?;
        let length = usize::try_from(record.length).unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE);
        let message = String::from_utf8_lossy(&record.message[..length]);
        // The guest's text may reach a terminal.
        let message = message.split('\0').next().unwrap_or_default().escape_debug().to_string();
        Ok(MachineError::Panicked { cpu: self.cpu, message })
    }

    /// Reads how the last request was taken.
    ///
    /// # Errors
    ///
    /// When it is not the last request that was answered, or the status does not exist.
    pub fn status(&self, memory: &dyn Memory) -> Result<Status, MachineError> {
        let control: Control = self.record(memory, 0)?;
        if control.reply != self.request {
            let what = format!("answered request {} when {} was asked", control.reply, self.request);
            return Err(self.misbehaved(what));
        }
        Status::from_number(control.status)
            .ok_or_else(|| self.misbehaved(format!("answered with status {}, which does not exist", control.status)))
    }

    /// Reads the results of a request other than a block.
    ///
    /// # Errors
    ///
    /// When guest memory cannot be read.
    pub fn results(&self, memory: &dyn Memory) -> Result<[u64; 4], MachineError> {
        self.record(memory, offset_of!(Mailbox, results))
    }

    /// Reads what the firmware found at boot.
    ///
    /// # Errors
    ///
    /// When it is of another version.
    pub fn boot_report(&self, memory: &dyn Memory) -> Result<BootReport, MachineError> {
        let report: BootReport = self.record(memory, offset_of!(Mailbox, boot))?;
        if report.version == abi::ABI_VERSION {
            return Ok(report);
        }
        Err(self.misbehaved(format!(
            "rang, but its boot report has version {} and not {}: this is not granule's firmware",
            report.version,
            abi::ABI_VERSION
        )))
    }

    /// Reads what the last block left behind.
    ///
    /// # Errors
    ///
    /// When the firmware refused it, or a count is out of range.
    pub fn trace(&self, memory: &dyn Memory) -> Result<Trace, MachineError> {
        let status = self.status(memory)?;
        if status != Status::Done {
            return Err(RequestError::FirmwareRefused { request: Request::Run, arguments: Vec::new(), status }.into());
        }
        let reply: BlockReply = self.record(memory, offset_of!(Mailbox, reply))?;
        let v = match self.simd {
            true => Some(Box::new(self.record(memory, offset_of!(Mailbox, v_reply))?)),
            false => None,
        };
        let scalable = match self.scalable {
            true => Some(Box::new(self.record(memory, offset_of!(Mailbox, scalable_reply))?)),
            false => None,
        };
        let trap = |place| self.record(memory, offset_of!(Mailbox, traps) + place * size_of::<Trap>());
        Trace::from_records(self.cpu, self.words.len(), &reply, trap, v, scalable)
    }

    /// Makes an error of something that no firmware of ours does.
    #[must_use]
    pub fn misbehaved(&self, what: impl Into<String>) -> MachineError {
        MachineError::Misbehaved { cpu: self.cpu, what: what.into() }
    }
}

#[cfg(test)]
mod tests;
