//! A debugger on a board: QEMU's own gdb port, with what debuggers need for tags and QEMU does not say added in between.
//!
//! What debuggers want to see before they ask for tags is in [`debugger_needs`]. The packets of tags themselves are answered here, too,
//! since QEMU's answers are right for single granules only (see the parent module's `debugger`). Everything else goes to QEMU and
//! back as it is; system registers, those of tags among them, are in QEMU's own description.

mod answers;
mod calls;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use machine::debuggee::{DebuggeeError, DebuggerEnd, Stop, untagged};
use machine::debugger_needs;
use machine::tags::GRANULE;

use self::answers::{FILE, described, feature, file, granules, hex, piece};
use super::super::debugger::{DebugError, TagTransfer, halt};
use super::super::emulator_error::{SocketError, system};
use super::super::packet::{self, Decoder, Item};
use super::{BareBoard, GRACE, RETRY, StopReason};
use crate::child::wait_readable;

impl BareBoard {
    /// Waits for a debugger, and serves it until it goes away or the guest is off.
    ///
    /// # Errors
    ///
    /// When QEMU is gone, or no connection can be taken.
    pub fn serve_gdb(&mut self, listener: &TcpListener, deadline: Instant) -> Result<DebuggerEnd, DebuggeeError> {
        let accept = || -> std::io::Result<Option<TcpStream>> {
            let [ready] = wait_readable([Some(listener.as_fd())], deadline)?;
            if ready { listener.accept().map(|(client, _)| Some(client)) } else { Ok(None) }
        };
        let Some(client) = accept().map_err(system("no debugger can be taken"))? else {
            return Ok(DebuggerEnd::Ended(Stop::TimedOut));
        };
        // Neither side waits for more: every packet is to arrive at once.
        client.set_nodelay(true).map_err(system("no debugger can be taken"))?;
        let mut port = GdbPort {
            board: self,
            client,
            decoder: Decoder::of_debugger(),
            sent: Vec::new(),
            runs: false,
            description: None,
            breakpoints: BTreeSet::new(),
            resumed_by: Vec::new(),
            selected: Vec::new(),
        };
        match port.serve(deadline) {
            Ok(end) => Ok(end),
            Err(PortError::Client) => port.detach(),
            Err(PortError::Qemu(error)) => Err(self.ended_by(error).into()),
            Err(PortError::Board(error)) => Err(error),
        }
    }
}

/// What ends a connection.
enum PortError {
    /// The debugger is gone, or says what is no packet.
    Client,
    /// QEMU is.
    Qemu(SocketError),
    /// The guest cannot be looked into.
    Board(DebuggeeError),
}

impl From<DebuggeeError> for PortError {
    fn from(error: DebuggeeError) -> Self {
        Self::Board(error)
    }
}

impl From<DebugError> for PortError {
    fn from(error: DebugError) -> Self {
        Self::Qemu(error.into())
    }
}

/// How a packet is answered.
enum Answer {
    /// With this.
    Here(Vec<u8>),
    /// By QEMU, which gets this.
    Forward(Vec<u8>),
    /// With this, and then no more.
    Last(Vec<u8>, DebuggerEnd),
}

struct GdbPort<'b> {
    board: &'b mut BareBoard,
    client: TcpStream,
    decoder: Decoder,
    /// The last packet, in case that it is asked for again.
    sent: Vec<u8>,
    /// Whether the guest runs, so that the next packet of QEMU says why it stopped.
    runs: bool,
    /// The target's description, with what is added.
    description: Option<String>,
    /// Breakpoints that the debugger has set and not cleared, as QEMU was asked for them.
    breakpoints: BTreeSet<Vec<u8>>,
    /// The last request that let the guest run.
    resumed_by: Vec<u8>,
    /// The last request that chose a vCPU to look at.
    selected: Vec<u8>,
}

impl GdbPort<'_> {
    fn serve(&mut self, deadline: Instant) -> Result<DebuggerEnd, PortError> {
        loop {
            self.board.offer_input()?;
            let idle = self.board.pending.is_empty();
            let input = self.board.console.input.as_ref().filter(|_| self.runs && idle).map(AsFd::as_fd);
            let until = if idle { deadline } else { deadline.min(Instant::now() + RETRY) };
            let qemu = self.board.debugger.descriptor();
            let ends = [Some(self.client.as_fd()), Some(qemu), Some(self.board.uart.as_fd()), input];
            let [asked, answered, printed, typed] = wait_readable(ends, until).map_err(DebugError::from)?;
            if printed {
                self.board.carry_output()?;
            }
            if typed {
                self.board.take_input()?;
            }
            if answered && let Some(end) = self.answer()? {
                return Ok(end);
            }
            if asked && let Some(end) = self.requests()? {
                return Ok(end);
            }
            if Instant::now() >= deadline {
                self.stand_still()?;
                return Ok(DebuggerEnd::Ended(Stop::TimedOut));
            }
        }
    }

    /// Hands on what QEMU says. Returns the end that it is.
    fn answer(&mut self) -> Result<Option<DebuggerEnd>, PortError> {
        let Some(answer) = self.board.debugger.poll_packet(Instant::now() + GRACE)? else { return Ok(None) };
        self.board.carry_output()?;
        let reason = halt(&answer);
        if self.runs && reason == Some(StopReason::PoweredOff) {
            let stop = self.board.stop(reason, |cpu| Stop::Breakpoint { cpu });
            // The guest is off: that is the end of what is debugged.
            self.send(b"W00")?;
            return Ok(Some(DebuggerEnd::Ended(stop)));
        }
        if self.runs
            && let Some(StopReason::Trapped(cpu)) = reason
            && let Some(served) = self.at_call(cpu)?
        {
            return Ok(served.break_value());
        }
        self.runs &= reason.is_none();
        self.send(&answer)?;
        Ok(None)
    }

    /// Takes what the debugger sent.
    fn requests(&mut self) -> Result<Option<DebuggerEnd>, PortError> {
        let mut buffer = [0; 4096];
        match self.client.read(&mut buffer) {
            Ok(0) => return Err(PortError::Client),
            Ok(count) => self.decoder.push(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(_) => return Err(PortError::Client),
        }
        loop {
            match self.decoder.next_item().map_err(|_| PortError::Client)? {
                None => return Ok(None),
                Some(Item::Ack) => {}
                Some(Item::Nack) => self.send_again()?,
                Some(Item::Interrupt) => self.board.debugger.interrupt()?,
                Some(Item::Packet(request)) => {
                    self.client.write_all(b"+").map_err(|_| PortError::Client)?;
                    match self.respond(&request)? {
                        Answer::Here(answer) => self.send(&answer)?,
                        Answer::Forward(request) => {
                            if resumes(&request)
                                && let Some(served) = self.before_resume(&request)?
                            {
                                match served {
                                    ControlFlow::Break(end) => return Ok(Some(end)),
                                    ControlFlow::Continue(()) => continue,
                                }
                            }
                            self.forward(&request)?;
                        }
                        Answer::Last(answer, end) => {
                            self.send(&answer)?;
                            return if matches!(end, DebuggerEnd::Detached) {
                                Err(PortError::Client)
                            } else {
                                Ok(Some(end))
                            };
                        }
                    }
                }
            }
        }
    }

    fn respond(&mut self, request: &[u8]) -> Result<Answer, PortError> {
        let text = std::str::from_utf8(request).unwrap_or_default();
        if text.starts_with("qSupported") {
            let more = if text.contains("memory-tagging+") { "" } else { ";memory-tagging+" };
            return Ok(Answer::Forward([request, more.as_bytes()].concat()));
        }
        if let Some(rest) = text.strip_prefix("qXfer:features:read:target.xml:") {
            let description = self.description()?;
            return Ok(Answer::Here(piece(&description, rest)));
        }
        if let Some(rest) =
            text.strip_prefix("qXfer:features:read:").and_then(|rest| rest.strip_prefix(FILE)?.strip_prefix(':'))
        {
            return Ok(Answer::Here(piece(&feature(self.tag_ctl()), rest)));
        }
        if let Some(rest) = text.strip_prefix("qMemTags:") {
            return self.fetch_tags(rest).map(Answer::Here);
        }
        if let Some(rest) = text.strip_prefix("QMemTags:") {
            return self.store_tags(rest).map(Answer::Here);
        }
        if let Some(address) = text.strip_prefix("qIsAddressTagged:").and_then(hex) {
            return Ok(Answer::Here(if self.is_tagged(address)? { b"01".to_vec() } else { b"00".to_vec() }));
        }
        if let Some(address) = text.strip_prefix("qMemoryRegionInfo:").and_then(hex) {
            return Ok(Answer::Here(debugger_needs::region(address).into_bytes()));
        }
        if let Some(rest) = text.strip_prefix("vFile:") {
            return Ok(Answer::Here(file(rest)));
        }
        if text.strip_prefix('p').and_then(hex) == Some(self.tag_ctl() as u64) {
            return self.tag_control().map(Answer::Here);
        }
        Ok(match text {
            // Packets are acknowledged to the end: it costs nothing here.
            "QStartNoAckMode" => Answer::Here(Vec::new()),
            _ if text == "k" || text.starts_with("vKill") => Answer::Last(b"OK".to_vec(), DebuggerEnd::Killed),
            _ if text == "D" || text.starts_with("D;") => Answer::Last(b"OK".to_vec(), DebuggerEnd::Detached),
            _ => Answer::Forward(request.to_vec()),
        })
    }

    /// Returns the target's description with what is added: the system whose rules for tags a debugger knows, and a register.
    fn description(&mut self) -> Result<String, PortError> {
        if self.description.is_none() {
            let text = self.board.debugger.description("target.xml", Instant::now() + GRACE)?;
            self.description = Some(if self.board.has_tags() { described(&text) } else { text });
        }
        Ok(self.description.clone().unwrap_or_default())
    }

    /// Returns the number of the register that is added: behind QEMU's.
    fn tag_ctl(&self) -> usize {
        self.board.numbers.behind()
    }

    /// Returns that register, as the vCPU that is looked at has tag checks now.
    fn tag_control(&mut self) -> Result<Vec<u8>, PortError> {
        let mut values = [0; 2];
        for (value, name) in values.iter_mut().zip(["sctlr_el1", "gcr_el1"]) {
            let Some(number) = self.board.numbers.of(name) else { continue };
            let answer = self.board.debugger.ask_bytes(format!("p{number:x}").as_bytes(), Instant::now() + GRACE)?;
            let bytes = packet::bytes(&answer).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
            *value = bytes.map_or(0, u64::from_le_bytes);
        }
        let control = debugger_needs::tag_control(values[0], values[1]);
        Ok(control.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes())
    }

    fn is_tagged(&mut self, address: u64) -> Result<bool, PortError> {
        if !self.board.has_tags() {
            return Ok(false);
        }
        let granule = untagged(address) & !(GRANULE - 1);
        let found = self.board.debugger.fetch_tags(granule, &mut [0], Instant::now() + GRACE)?;
        Ok(found == TagTransfer::Complete)
    }

    /// Answers `ADDRESS,LENGTH:TYPE` (GDB manual, `qMemTags`).
    fn fetch_tags(&mut self, rest: &str) -> Result<Vec<u8>, PortError> {
        let Some((start, granules)) = granules(rest).filter(|_| self.board.has_tags()) else {
            return Ok(b"E01".to_vec());
        };
        let mut tags = vec![0; granules as usize];
        let found = self.board.debugger.fetch_tags(start, &mut tags, Instant::now() + GRACE)?;
        if found == TagTransfer::NotTagged {
            return Ok(b"E01".to_vec());
        }
        let digits: String = tags.iter().map(|tag| format!("{tag:02x}")).collect();
        Ok(format!("m{digits}").into_bytes())
    }

    /// Answers `ADDRESS,LENGTH:TYPE:TAGS`; fewer tags than granules are repeated (GDB manual, `QMemTags`).
    fn store_tags(&mut self, rest: &str) -> Result<Vec<u8>, PortError> {
        let parsed =
            rest.rsplit_once(':').and_then(|(range, tags)| Some((granules(range)?, packet::bytes(tags.as_bytes())?)));
        let Some(((start, count), tags)) =
            parsed.filter(|(_, tags)| !tags.is_empty() && tags.iter().all(|tag| *tag < 16))
        else {
            return Ok(b"E01".to_vec());
        };
        if !self.board.has_tags() {
            return Ok(b"E01".to_vec());
        }
        let tags: Vec<u8> = tags.into_iter().cycle().take(count as usize).collect();
        let done = self.board.debugger.store_tags(start, &tags, Instant::now() + GRACE)?;
        Ok(if done == TagTransfer::Complete { b"OK".to_vec() } else { b"E01".to_vec() })
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), PortError> {
        self.sent.clear();
        packet::frame(payload, &mut self.sent);
        self.send_again()
    }

    fn send_again(&mut self) -> Result<(), PortError> {
        self.client.write_all(&self.sent).map_err(|_| PortError::Client)
    }

    fn forward(&mut self, request: &[u8]) -> Result<(), PortError> {
        self.runs = resumes(request);
        if self.runs {
            self.resumed_by = request.to_vec();
        }
        if request == b"?" {
            // QEMU takes this for a new debugger, and clears all breakpoints (gdbstub/gdbstub.c, `handle_target_halt`).
            self.board.breakpoints.clear();
            self.breakpoints.clear();
        }
        if request.starts_with(b"Hg") {
            self.selected = request.to_vec();
        }
        self.keep_breakpoint(request);
        Ok(self.board.debugger.send_bytes(request)?)
    }

    /// Keeps what is set, so that it can be cleared when the debugger is gone.
    fn keep_breakpoint(&mut self, request: &[u8]) {
        match request.split_first() {
            Some((b'Z', rest)) => drop(self.breakpoints.insert(rest.to_vec())),
            Some((b'z', rest)) => drop(self.breakpoints.remove(rest)),
            _ => {}
        }
    }

    /// Clears what a debugger that has gone has left, and leaves the guest standing.
    fn detach(&mut self) -> Result<DebuggerEnd, DebuggeeError> {
        let cleared = self.clear();
        self.board.checked(cleared)?;
        self.watch_calls(false).map_err(|error| match error {
            PortError::Client => DebuggeeError::Lost(self.board.ended_by(SocketError::Ended)),
            PortError::Qemu(error) => DebuggeeError::Lost(self.board.ended_by(error)),
            PortError::Board(error) => error,
        })?;
        Ok(DebuggerEnd::Detached)
    }

    /// Stops the guest, if it runs.
    fn stand_still(&mut self) -> Result<(), DebugError> {
        if std::mem::take(&mut self.runs) {
            self.board.debugger.interrupt()?;
            self.board.debugger.wait(Instant::now() + GRACE)?;
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), DebugError> {
        self.stand_still()?;
        for breakpoint in std::mem::take(&mut self.breakpoints) {
            let request = [b"z", &breakpoint[..]].concat();
            self.board.debugger.ask_bytes(&request, Instant::now() + GRACE)?;
        }
        Ok(())
    }
}

/// Returns whether a request lets the guest run.
fn resumes(request: &[u8]) -> bool {
    request.starts_with(b"vCont;") || matches!(request.first(), Some(b'c' | b's' | b'C' | b'S'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_resumes_is_told_from_what_asks() {
        let found = ["vCont;c", "vCont?", "c", "s", "g", "Z0,0,4"].map(|request| resumes(request.as_bytes()));
        assert_eq!(found, [true, false, true, true, false, false]);
    }
}
