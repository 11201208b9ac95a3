//! What a debugger does and the suite does not: registers by name, memory, breakpoints, plain steps.
//!
//! QEMU names its registers in descriptions (`qXfer:features:read`): a file that includes others. Registers are numbered from 0 on, or
//! from a `regnum` on. System registers have Arm's names in some versions, and older ones in others.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use super::super::packet;
use super::{DebugError, Debugger, StopReason, unexpected};

/// Bytes of memory in one packet: well below QEMU's limit of 4096 for all of it.
const PIECE: usize = 1024;
/// No description is longer.
const LONGEST_DESCRIPTION: usize = 1 << 20;

/// QEMU's numbers of registers, by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterNumbers(BTreeMap<String, usize>);

impl RegisterNumbers {
    /// Returns the number of a register, by its name or by one that it had in older versions.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<usize> {
        // Registers that AArch32 has, too, went by that name alone.
        let older = match name {
            "pstate" => "cpsr",
            "vbar_el1" => "vbar",
            "sctlr_el1" => "sctlr",
            other => other,
        };
        self.0.get(name).or_else(|| self.0.get(older)).copied()
    }

    /// Returns the number behind them all.
    #[must_use]
    pub fn behind(&self) -> usize {
        self.0.values().max().map_or(0, |last| last + 1)
    }

    /// Adds the registers of a description; those without a number follow the one before.
    fn add(&mut self, text: &str) {
        for register in text.split("<reg ").skip(1) {
            let register = register.split('>').next().unwrap_or_default();
            let Some(name) = attribute(register, "name") else { continue };
            let next = self.behind();
            let number = attribute(register, "regnum").and_then(|number| number.parse().ok()).unwrap_or(next);
            self.0.entry(name.to_lowercase()).or_insert(number);
        }
    }
}

/// Returns an attribute of an XML element that has no quotes in its values.
fn attribute<'t>(element: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = element.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

impl Debugger {
    /// Reads which registers there are.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or without end.
    pub fn register_numbers(&mut self, deadline: Instant) -> Result<RegisterNumbers, DebugError> {
        let target = self.description("target.xml", deadline)?;
        let mut numbers = RegisterNumbers::default();
        for include in target.split("<xi:include ").skip(1) {
            if let Some(file) = attribute(include, "href") {
                numbers.add(&self.description(file, deadline)?);
            }
        }
        Ok(numbers)
    }

    /// Reads a description.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or without end.
    pub fn description(&mut self, file: &str, deadline: Instant) -> Result<String, DebugError> {
        let mut text = Vec::new();
        while text.len() < LONGEST_DESCRIPTION {
            let command = format!("qXfer:features:read:{file}:{:x},{PIECE:x}", text.len());
            let answer = self.ask(&command, deadline)?;
            match answer.split_first() {
                Some((b'm', more)) if !more.is_empty() => text.extend(more),
                Some((b'l', more)) => {
                    text.extend(more);
                    return Ok(String::from_utf8_lossy(&text).into_owned());
                }
                _ => return Err(unexpected(&command, &answer)),
            }
        }
        Err(unexpected("qXfer:features:read", b"a description without end"))
    }

    /// Reads a register of up to 64 bits; `None` if QEMU does not give it.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn read_register(&mut self, cpu: usize, number: usize, deadline: Instant) -> Result<Option<u64>, DebugError> {
        self.select(cpu, deadline)?;
        let answer = self.ask(&format!("p{number:x}"), deadline)?;
        let Some(bytes) = packet::bytes(&answer).filter(|bytes| !bytes.is_empty() && bytes.len() <= 8) else {
            return Ok(None);
        };
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(&bytes);
        Ok(Some(u64::from_le_bytes(value)))
    }

    /// Writes a register of this many bytes. Returns whether QEMU took it.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn write_register(
        &mut self,
        cpu: usize,
        number: usize,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<bool, DebugError> {
        self.select(cpu, deadline)?;
        let command = format!("P{number:x}={}", digits(bytes));
        Ok(self.ask(&command, deadline)? == b"OK")
    }

    /// Reads memory as a vCPU sees it. Returns whether all of it is there.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn read_memory(
        &mut self,
        cpu: usize,
        va: u64,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<bool, DebugError> {
        self.select(cpu, deadline)?;
        for (place, piece) in buffer.chunks_mut(PIECE).enumerate() {
            let command = format!("m{:x},{:x}", va.wrapping_add((place * PIECE) as u64), piece.len());
            match packet::bytes(&self.ask(&command, deadline)?) {
                Some(bytes) if bytes.len() == piece.len() => piece.copy_from_slice(&bytes),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Writes memory as a vCPU sees it. Returns whether all of it is there.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn write_memory(&mut self, cpu: usize, va: u64, bytes: &[u8], deadline: Instant) -> Result<bool, DebugError> {
        self.select(cpu, deadline)?;
        for (place, piece) in bytes.chunks(PIECE).enumerate() {
            let va = va.wrapping_add((place * PIECE) as u64);
            if self.ask(&format!("M{va:x},{:x}:{}", piece.len(), digits(piece)), deadline)? != b"OK" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sets or clears a breakpoint for all vCPUs. It changes no memory.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time, or refuses to set it.
    pub fn breakpoint(&mut self, va: u64, on: bool, deadline: Instant) -> Result<(), DebugError> {
        if on {
            return self.command(&format!("Z0,{va:x},4"), deadline);
        }
        // One that is not there is no error here.
        self.ask(&format!("z0,{va:x},4"), deadline).map(drop)
    }

    /// Hands on a packet of a debugger's.
    ///
    /// # Errors
    ///
    /// When nothing can be sent.
    pub fn send_bytes(&mut self, request: &[u8]) -> Result<(), DebugError> {
        self.send(request)
    }

    /// Hands on a packet of a debugger's, and returns its answer.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn ask_bytes(&mut self, request: &[u8], deadline: Instant) -> Result<Vec<u8>, DebugError> {
        self.send(request)?;
        self.answer(deadline)
    }

    /// Lets all vCPUs run.
    ///
    /// # Errors
    ///
    /// When nothing can be sent.
    pub fn continue_all(&mut self) -> Result<(), DebugError> {
        self.send(b"vCont;c")
    }

    /// Lets a vCPU execute one instruction, with no interrupt, while the others stand.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer in time.
    pub fn step_once(&mut self, cpu: usize, deadline: Instant) -> Result<StopReason, DebugError> {
        self.send(format!("vCont;s:{:x}", cpu + 1).as_bytes())?;
        self.wait(deadline)
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_numbered_from_the_last_or_from_a_regnum() {
        let mut numbers = RegisterNumbers::default();
        numbers.add("<feature><reg name=\"x0\" bitsize=\"64\"/><reg name=\"cpsr\" bitsize=\"32\"/>");
        numbers.add("<reg name=\"VBAR\" bitsize=\"64\" regnum=\"140\"/><reg name=\"FAR_EL1\"/>");
        let found = ["x0", "pstate", "vbar_el1", "far_el1", "gcr_el1"].map(|name| numbers.of(name));
        assert_eq!(found, [Some(0), Some(1), Some(140), Some(141), None]);
    }
}
