//! QEMU's gdb port: stops and continues the guest, and carries tags between its memory and the host.
//!
//! A watchpoint stops an arm64 guest *before* the store (`gdb_stop_before_watchpoint` in target/arm/cpu.c), so to get behind
//! it takes a step without the watchpoint, after which QEMU forgets all translated code.
//!
//! Every wait has a deadline. Nothing is sent while the guest runs, but to stop it: QEMU takes any byte as that
//! (gdbstub/gdbstub.c, `gdb_read_byte`). So the acknowledgement of a packet goes in front of the next command.
//!
//! QEMU answers a `qMemTags` for a single granule only, and a `QMemTags` that begins at an odd granule puts all tags but
//! the first into the wrong places (target/arm/gdbstub64.c, `handle_q_memtag` and `handle_Q_memtag`, as of 10.0). Both
//! work within one page.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use abi::map::{GUEST_PAGE, UART_DR, upper_half};

use super::packet::{self, Decoder, Item, PacketError};
use machine::tags::GRANULE;

/// Asks for all core registers; a single one is given only to those who have asked for a description before 8.0.
const REGISTERS: &str = "g";
/// Where the PC is among them, in hexadecimal digits: behind x0 to x30 and SP (gdb-xml/aarch64-core.xml).
const PC: Range<usize> = 32 * 16..33 * 16;
/// GDB's signal numbers in a stop reply: a breakpoint or watchpoint, an interruption, and a machine that is off
/// (gdbstub/system.c, `gdb_vm_state_change`).
const SIGTRAP: u64 = 5;
const SIGINT: u64 = 2;
const SIGQUIT: u64 = 3;
/// Where a block can store to the UART.
const WATCHED: [u64; 2] = [UART_DR, upper_half(UART_DR)];
/// Granules whose tags are asked for at once. Their answers fit into a socket's buffer.
const BATCH: usize = 256;

/// Why the port cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DebugError {
    /// QEMU has closed it, or says that it exits.
    #[error("QEMU has closed its gdb port")]
    Closed,
    /// No answer.
    #[error("QEMU's gdb port did not answer in time")]
    Late,
    /// The socket.
    #[error("QEMU's gdb port: {0}")]
    Socket(#[from] io::Error),
    /// The framing.
    #[error("QEMU's gdb port: {0}")]
    Packet(#[from] PacketError),
    /// An answer that means nothing here.
    #[error("QEMU's gdb port answered {answer:?} to {command:?}")]
    Answer {
        /// What was asked.
        command: String,
        /// The payload, as text.
        answer: String,
    },
}

/// Why the guest stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// This vCPU is about to store to a watched address, or has made a step.
    Trapped(usize),
    /// It was told to.
    Interrupted,
    /// It turned itself off, or asked to be reset.
    PoweredOff,
}

/// How tags were carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagTransfer {
    /// All of them.
    Complete,
    /// QEMU found no tags behind the virtual address, as the vCPU sees it now.
    NotTagged,
}

/// The port. All but [`Debugger::interrupt`], [`Debugger::wait`] and [`Debugger::poll_stop`] need a guest that stands still.
#[derive(Debug)]
pub struct Debugger {
    socket: UnixStream,
    decoder: Decoder,
    has_tags: bool,
}

impl Debugger {
    /// Takes the socket of a QEMU that has not begun to run its guest (`-S`), and makes it stop before each store to the
    /// UART's data register, through either half of the address space.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or knows no watchpoints.
    pub fn attach(socket: UnixStream, deadline: Instant) -> Result<Self, DebugError> {
        let mut debugger = Self::connect(socket, deadline)?;
        debugger.watch(true, deadline)?;
        Ok(debugger)
    }

    /// Takes the socket of a QEMU, and watches nothing.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn connect(socket: UnixStream, deadline: Instant) -> Result<Self, DebugError> {
        let mut debugger = Self { socket, decoder: Decoder::default(), has_tags: false };
        let features = debugger.ask("qSupported:memory-tagging+", deadline)?;
        debugger.has_tags = features.split(|byte| *byte == b';').any(|feature| feature == b"memory-tagging+");
        Ok(debugger)
    }

    fn watch(&mut self, on: bool, deadline: Instant) -> Result<(), DebugError> {
        let verb = if on { 'Z' } else { 'z' };
        WATCHED.into_iter().try_for_each(|address| self.command(&format!("{verb}2,{address:x},4"), deadline))
    }

    /// Whether it can carry tags: QEMU 9.2 and newer, for a CPU that has them.
    #[must_use]
    pub fn has_tags(&self) -> bool {
        self.has_tags
    }

    /// Lets these vCPUs run, and the others stand.
    ///
    /// # Errors
    ///
    /// When nothing can be sent.
    pub fn continue_cpus(&mut self, cpus: impl IntoIterator<Item = usize>) -> Result<(), DebugError> {
        let actions: String = cpus.into_iter().map(|cpu| format!(";c:{:x}", cpu + 1)).collect();
        self.send(format!("vCont{actions}").as_bytes())
    }

    /// Lets a vCPU that is about to store to a watched address do that, and nothing else; returns why it stands still then.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn step(&mut self, cpu: usize, deadline: Instant) -> Result<StopReason, DebugError> {
        self.watch(false, deadline)?;
        self.send(format!("vCont;s:{:x}", cpu + 1).as_bytes())?;
        let reason = self.wait(deadline)?;
        self.watch(true, deadline)?;
        Ok(reason)
    }

    /// Waits until the guest stands still.
    ///
    /// # Errors
    ///
    /// When it still runs at the deadline, or QEMU is gone, or stops for no known reason.
    pub fn wait(&mut self, deadline: Instant) -> Result<StopReason, DebugError> {
        let answer = self.answer(deadline)?;
        stop_reason(&answer)
    }

    /// Looks whether the guest stands still, when something can be read.
    ///
    /// # Errors
    ///
    /// When QEMU is gone, or stops for no known reason.
    pub fn poll_stop(&mut self, deadline: Instant) -> Result<Option<StopReason>, DebugError> {
        self.receive(deadline)?;
        let Some(answer) = self.packet()? else { return Ok(None) };
        stop_reason(&answer).map(Some)
    }

    /// Returns the next packet, when something can be read.
    ///
    /// # Errors
    ///
    /// When QEMU is gone.
    pub fn poll_packet(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, DebugError> {
        self.receive(deadline)?;
        self.packet()
    }

    /// Stops a guest that runs; then wait for it.
    ///
    /// # Errors
    ///
    /// When nothing can be sent.
    pub fn interrupt(&mut self) -> Result<(), DebugError> {
        self.socket.write_all(&[3]).map_err(gone)
    }

    /// The descriptor that can be read when something came.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads a vCPU's PC.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn pc(&mut self, cpu: usize, deadline: Instant) -> Result<u64, DebugError> {
        self.select(cpu, deadline)?;
        let answer = self.ask(REGISTERS, deadline)?;
        let bytes = answer.get(PC).and_then(packet::bytes).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        bytes.map(u64::from_le_bytes).ok_or_else(|| unexpected(REGISTERS, &answer))
    }

    /// Chooses the vCPU through whose eyes addresses are seen.
    ///
    /// # Errors
    ///
    /// When QEMU does not know it.
    pub fn select(&mut self, cpu: usize, deadline: Instant) -> Result<(), DebugError> {
        self.command(&format!("Hg{:x}", cpu + 1), deadline)
    }

    /// Fetches tags, one a byte, from a virtual address on, which is a multiple of a granule.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or with nonsense.
    pub fn fetch_tags(&mut self, va: u64, tags: &mut [u8], deadline: Instant) -> Result<TagTransfer, DebugError> {
        let mut va = va;
        for batch in tags.chunks_mut(BATCH) {
            let mut commands = vec![b'+'];
            for granule in 0..batch.len() as u64 {
                packet::frame(format!("qMemTags:{:x},1:1", va + granule * GRANULE).as_bytes(), &mut commands);
            }
            self.socket.write_all(&commands).map_err(gone)?;
            // All answers are taken, so that none is left for the next question.
            let mut carried = TagTransfer::Complete;
            for tag in batch.iter_mut() {
                let answer = self.answer(deadline)?;
                match answer.strip_prefix(b"m").and_then(packet::number) {
                    Some(found @ 0..16) => *tag = found as u8,
                    None if answer.starts_with(b"E") => carried = TagTransfer::NotTagged,
                    _ => return Err(unexpected("qMemTags", &answer)),
                }
            }
            if carried == TagTransfer::NotTagged {
                return Ok(carried);
            }
            va += batch.len() as u64 * GRANULE;
        }
        Ok(TagTransfer::Complete)
    }

    /// Stores tags, one a byte and each below 16, from a virtual address on, which is a multiple of a granule.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or with nonsense.
    pub fn store_tags(&mut self, va: u64, tags: &[u8], deadline: Instant) -> Result<TagTransfer, DebugError> {
        for (va, part) in parts(va, tags) {
            let mut command = format!("QMemTags:{va:x},{:x}:1:", part.len() as u64 * GRANULE);
            for tag in part {
                // Writing to a string does not fail.
                let _ = write!(command, "{tag:02x}");
            }
            match self.ask(&command, deadline)?.as_slice() {
                b"OK" => {}
                [b'E', ..] => return Ok(TagTransfer::NotTagged),
                other => return Err(unexpected("QMemTags", other)),
            }
        }
        Ok(TagTransfer::Complete)
    }

    /// Asks for something that is done or not.
    fn command(&mut self, command: &str, deadline: Instant) -> Result<(), DebugError> {
        match self.ask(command, deadline)?.as_slice() {
            b"OK" => Ok(()),
            other => Err(unexpected(command, other)),
        }
    }

    fn ask(&mut self, command: &str, deadline: Instant) -> Result<Vec<u8>, DebugError> {
        self.send(command.as_bytes())?;
        self.answer(deadline)
    }

    /// Sends a packet; QEMU takes any byte as an interruption while the guest runs.
    fn send(&mut self, command: &[u8]) -> Result<(), DebugError> {
        let mut bytes = vec![b'+'];
        packet::frame(command, &mut bytes);
        self.socket.write_all(&bytes).map_err(gone)
    }

    /// Waits for the payload of the next packet.
    fn answer(&mut self, deadline: Instant) -> Result<Vec<u8>, DebugError> {
        loop {
            if let Some(payload) = self.packet()? {
                return Ok(payload);
            }
            self.receive(deadline)?;
        }
    }

    /// Returns the payload of the next packet, if it is all there.
    fn packet(&mut self) -> Result<Option<Vec<u8>>, DebugError> {
        while let Some(item) = self.decoder.next_item()? {
            // A local socket damages nothing, so there is nothing to repeat.
            if let Item::Packet(payload) = item {
                return Ok(Some(payload));
            }
        }
        Ok(None)
    }

    fn receive(&mut self, deadline: Instant) -> Result<(), DebugError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(DebugError::Late);
        }
        self.socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err(DebugError::Closed),
            Ok(count) => {
                self.decoder.push(&buffer[..count]);
                Ok(())
            }
            // The loop above looks at the clock.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(gone(error)),
        }
    }
}

/// Reads a stop reply.
fn stop_reason(answer: &[u8]) -> Result<StopReason, DebugError> {
    // QEMU exits, which is never the guest's doing: it runs with `-no-shutdown`.
    if let Some(b'W' | b'X') = answer.first() {
        return Err(DebugError::Closed);
    }
    halt(answer).ok_or_else(|| unexpected("continue", answer))
}

/// Reads why the guest stands still: `T`, the signal, and the vCPU in `thread:`.
pub fn halt(answer: &[u8]) -> Option<StopReason> {
    match (answer.first()?, answer.get(1..3).and_then(packet::number)) {
        (b'T', Some(SIGTRAP)) => {
            let thread = answer[3..].split(|byte| *byte == b';').find_map(|field| field.strip_prefix(b"thread:"))?;
            // Threads are numbered from 1; with a `p` a process comes first.
            let thread = thread.rsplit(|byte| *byte == b'.').next().and_then(packet::number)?;
            Some(StopReason::Trapped(usize::try_from(thread).ok()?.checked_sub(1)?))
        }
        (b'T', Some(SIGINT)) => Some(StopReason::Interrupted),
        (b'T', Some(SIGQUIT)) => Some(StopReason::PoweredOff),
        _ => None,
    }
}

/// Cuts tags into parts that a `QMemTags` carries rightly: within a page, and one granule alone or from an even one on.
fn parts(va: u64, tags: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let (mut va, mut rest) = (va, tags);
    std::iter::from_fn(move || {
        let to_page = (GUEST_PAGE - va % GUEST_PAGE) / GRANULE;
        let most = if va / GRANULE % 2 == 1 { 1 } else { to_page as usize };
        let (part, more) = rest.split_at(most.min(rest.len()));
        let at = va;
        va += part.len() as u64 * GRANULE;
        rest = more;
        (!part.is_empty()).then_some((at, part))
    })
}

/// Reports the end of QEMU from other errors of a socket.
fn gone(error: io::Error) -> DebugError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => DebugError::Closed,
        _ => DebugError::Socket(error),
    }
}

fn unexpected(command: &str, answer: &[u8]) -> DebugError {
    DebugError::Answer { command: command.to_owned(), answer: String::from_utf8_lossy(answer).into_owned() }
}

mod inspection;

pub use inspection::RegisterNumbers;

#[cfg(test)]
mod tests;
