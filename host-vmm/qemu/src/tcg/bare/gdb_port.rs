//! A debugger on a board: QEMU's own gdb port, with what debuggers need for tags and QEMU does not say added in between.
//!
//! Stock gdb asks for tags only where it believes that it debugs a Linux process with tagged pages (gdb/aarch64-linux-tdep.c,
//! `aarch64_linux_tagged_address_p`; gdb/linux-tdep.c, `linux_address_in_memtag_page`): the target's description says
//! GNU/Linux and has the register `tag_ctl`, and a /proc/PID/smaps says which addresses are tagged. lldb asks for tags where
//! `qMemoryRegionInfo` has the flag `mt` (lldb/docs/lldb-gdb-remote.txt). Both are answered here. So are the packets of tags themselves,
//! since QEMU's answers are right for single granules only (see the parent module's `debugger`). Everything else goes to QEMU and
//! back as it is; system registers, those of tags among them, are in QEMU's own description.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Instant;

use machine::debuggee::{DebuggeeError, DebuggerEnd, Stop};
use machine::tags::GRANULE;

use super::super::debugger::{DebugError, TagTransfer, halt};
use super::super::emulator_error::{SocketError, system};
use super::super::packet::{self, Decoder, Item};
use super::{BareBoard, GRACE, RETRY, StopReason, untagged};
use crate::child::wait_readable;

/// What is added to the description of registers, and the file that has it.
const FILE: &str = "granule-mte.xml";
/// The process that QEMU says the guest is, as its smaps are asked for.
const SMAPS: &[u8] = b"/proc/1/smaps";
/// One mapping, of every address, tagged: whether a granule has a tag is answered when it is asked for.
const SMAPS_TEXT: &str = "0000000000000000-ffffffffffffffff rwxp 00000000 00:00 0 \nVmFlags: rd wr ex mt \n";
/// The descriptor of that file.
const SMAPS_FILE: &str = "5";
/// The halves of the address space (Arm ARM, FEAT_LVA: 52 bits), and behind it.
const LOWER_END: u64 = 1 << 52;
const UPPER: u64 = LOWER_END.wrapping_neg();
/// No request for tags is longer, in granules.
const MOST_GRANULES: u64 = 1 << 16;
/// The allocation tag, of the types of tags (GDB manual, "General Query Packets", qMemTags).
const ALLOCATION: u64 = 1;

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
            decoder: Decoder::default(),
            sent: Vec::new(),
            runs: false,
            description: None,
            breakpoints: BTreeSet::new(),
        };
        match port.serve(deadline) {
            Ok(end) => Ok(end),
            Err(PortError::Client) => port.detach(),
            Err(PortError::Qemu(error)) => Err(self.ended_by(error).into()),
        }
    }
}

/// What ends a connection.
enum PortError {
    /// The debugger is gone, or says what is no packet.
    Client,
    /// QEMU is.
    Qemu(SocketError),
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
                            self.runs = resumes(&request);
                            self.keep_breakpoint(&request);
                            self.board.debugger.send_bytes(&request)?;
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
            return Ok(Answer::Here(region(address)));
        }
        if let Some(rest) = text.strip_prefix("vFile:") {
            return Ok(Answer::Here(file(rest)));
        }
        if text.strip_prefix('p').and_then(hex) == Some(self.tag_ctl() as u64) {
            return Ok(Answer::Here(b"0000000000000000".to_vec()));
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
        Ok(DebuggerEnd::Detached)
    }

    fn clear(&mut self) -> Result<(), DebugError> {
        if std::mem::take(&mut self.runs) {
            self.board.debugger.interrupt()?;
            self.board.debugger.wait(Instant::now() + GRACE)?;
        }
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

fn hex(digits: &str) -> Option<u64> {
    packet::number(digits.as_bytes())
}

/// Reads `ADDRESS,LENGTH:TYPE` as a first granule and how many.
fn granules(text: &str) -> Option<(u64, u64)> {
    let (range, kind) = text.split_once(':')?;
    let (address, length) = range.split_once(',')?;
    let (address, length) = (untagged(hex(address)?), hex(length)?);
    if hex(kind)? != ALLOCATION {
        return None;
    }
    let start = address & !(GRANULE - 1);
    let count = address.checked_add(length.max(1))?.checked_next_multiple_of(GRANULE)?.checked_sub(start)? / GRANULE;
    (count <= MOST_GRANULES).then_some((start, count))
}

/// Returns a part of a text as `qXfer` does: `OFFSET,LENGTH`.
fn piece(text: &str, range: &str) -> Vec<u8> {
    let parsed =
        range.split_once(',').and_then(|(offset, length)| Some((hex(offset)? as usize, hex(length)? as usize)));
    let Some((offset, length)) = parsed else { return b"E00".to_vec() };
    let rest = text.as_bytes().get(offset..).unwrap_or_default();
    let kind: &[u8] = if rest.len() > length { b"m" } else { b"l" };
    [kind, &rest[..rest.len().min(length)]].concat()
}

/// Adds to a target's description what makes debuggers ask for tags.
fn described(text: &str) -> String {
    let text = match text.contains("<osabi>") {
        true => text.to_owned(),
        false => text.replacen("</architecture>", "</architecture><osabi>GNU/Linux</osabi>", 1),
    };
    match text.contains("mte") {
        true => text,
        false => text.replacen("</target>", &format!("<xi:include href=\"{FILE}\"/></target>"), 1),
    }
}

/// Returns the description of the register by which gdb knows that a process has tags (GDB manual, "AArch64 Features").
fn feature(number: usize) -> String {
    format!(
        "<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\"><feature name=\"org.gnu.gdb.aarch64.mte\">\
         <reg name=\"tag_ctl\" bitsize=\"64\" regnum=\"{number}\" type=\"uint64\" group=\"system\" save-restore=\"no\"/></feature>"
    )
}

/// Describes the region of an address to lldb, which asks for one after the other up to the end: either half of the address space is
/// one, tagged. What is between them is not there: lldb keeps results of expressions at addresses that are not.
fn region(address: u64) -> Vec<u8> {
    let (start, size, what) = match untagged(address) {
        0..LOWER_END => (0, LOWER_END, "permissions:rwx;flags:mt;"),
        UPPER.. => (UPPER, u64::MAX - UPPER, "permissions:rwx;flags:mt;"),
        _ => (LOWER_END, UPPER - LOWER_END, ""),
    };
    format!("start:{start:x};size:{size:x};{what}").into_bytes()
}

/// Answers requests for files (GDB manual, "Host I/O Packets"): there is one.
fn file(request: &str) -> Vec<u8> {
    let absent = b"F-1,2".to_vec();
    let Some((what, arguments)) = request.split_once(':') else { return Vec::new() };
    match what {
        "setfs" => b"F0".to_vec(),
        "open" => match arguments.split(',').next().and_then(|name| packet::bytes(name.as_bytes())) {
            Some(name) if name == SMAPS => format!("F{SMAPS_FILE}").into_bytes(),
            _ => absent,
        },
        "pread" => {
            let mut numbers =
                arguments.split(',').skip(1).map(|number| hex(number).map_or(0, |number| number as usize));
            let (count, offset) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            let rest = SMAPS_TEXT.as_bytes().get(offset..).unwrap_or_default();
            let rest = &rest[..rest.len().min(count)];
            [format!("F{:x};", rest.len()).as_bytes(), rest].concat()
        }
        "close" => b"F0".to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_tags_are_whole_granules_without_the_pointers_tag() {
        assert_eq!(granules("f00000040207008,10:1"), Some((0x4020_7000, 2)));
        assert_eq!(granules("40207000,0:1"), Some((0x4020_7000, 1)));
        assert_eq!(granules("40207000,20:1"), Some((0x4020_7000, 2)));
        for wrong in ["40207000,10:0", "40207000:1", "40207000,ffffffffffffffff:1", "x,10:1", "40207000,7fffffff:1"] {
            assert_eq!(granules(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_description_says_linux_once_and_has_tags() {
        let text = "<target><architecture>aarch64</architecture><xi:include href=\"aarch64-core.xml\"/></target>";
        let described = described(text);
        assert_eq!(
            described,
            "<target><architecture>aarch64</architecture><osabi>GNU/Linux</osabi><xi:include href=\"aarch64-core.xml\"/>\
             <xi:include href=\"granule-mte.xml\"/></target>"
        );
        assert_eq!(super::described(&described), described);
        assert_eq!(piece("abcdef", "0,4"), b"mabcd");
        assert_eq!(piece("abcdef", "4,4"), b"lef");
        assert_eq!(piece("abcdef", "9,4"), b"l");
        assert_eq!(piece("abcdef", "x"), b"E00");
    }

    #[test]
    fn the_only_file_is_the_list_of_mappings() {
        let open = |name: &str| {
            file(&format!("open:{},0,1c0", name.bytes().map(|byte| format!("{byte:02x}")).collect::<String>()))
        };
        assert_eq!(open("/proc/1/smaps"), b"F5");
        assert_eq!(open("/etc/passwd"), b"F-1,2");
        let text = String::from_utf8(file("pread:5,1000,0")).unwrap();
        assert_eq!(text, format!("F{:x};{SMAPS_TEXT}", SMAPS_TEXT.len()));
        assert_eq!(file("pread:5,1000,fff"), b"F0;");
        assert_eq!(file("unlink:00"), b"");
    }

    #[test]
    fn regions_cover_all_addresses() {
        assert_eq!(region(0x0900_0000_4020_7000), b"start:0;size:10000000000000;permissions:rwx;flags:mt;");
        assert_eq!(region(1 << 52), b"start:10000000000000;size:ffe0000000000000;");
        assert_eq!(region(u64::MAX), b"start:fff0000000000000;size:fffffffffffff;permissions:rwx;flags:mt;");
    }

    #[test]
    fn what_resumes_is_told_from_what_asks() {
        let found = ["vCont;c", "vCont?", "c", "s", "g", "Z0,0,4"].map(|request| resumes(request.as_bytes()));
        assert_eq!(found, [true, false, true, true, false, false]);
    }
}
