//! Semihosting, as far as an image needs it to print and to end: `HLT #0xf000` with an operation in w0 and its parameters at x1
//! (Arm's "Semihosting for AArch32 and AArch64", 2.0).
//!
//! It is served here and not by the emulator, whose semihosting opens the host's files to the guest. No file is opened here but the
//! console, by its name `:tt`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use machine::debuggee::{Debuggee, DebuggeeError, HostCalls, Register};

use crate::console::{Console, SharedConsole};
use crate::image::Image;

/// `HLT #0xf000`.
const HLT: u32 = 0xd45e_0000;
/// Operations.
const SYS_OPEN: u64 = 0x01;
const SYS_CLOSE: u64 = 0x02;
const SYS_WRITEC: u64 = 0x03;
const SYS_WRITE0: u64 = 0x04;
const SYS_WRITE: u64 = 0x05;
const SYS_ISTTY: u64 = 0x09;
const SYS_ERRNO: u64 = 0x13;
const SYS_GET_CMDLINE: u64 = 0x15;
const SYS_EXIT: u64 = 0x18;
const SYS_EXIT_EXTENDED: u64 = 0x20;
/// The reason of SYS_EXIT that means an end by itself, with a status.
const APPLICATION_EXIT: u64 = 0x2_0026;
/// The handle of the console.
const TT: u64 = 1;
/// No text is longer.
const LONGEST: usize = 64 << 10;
/// ENOSYS.
const UNSUPPORTED: u64 = 38;

/// The calls of an image, as far as they can be seen in its file.
pub struct Semihosting {
    addresses: BTreeSet<u64>,
    arguments: String,
    console: Rc<RefCell<SharedConsole>>,
}

impl Semihosting {
    /// Finds the calls of an image. `arguments` is its command line.
    #[must_use]
    pub fn of(image: &Image, arguments: &str, console: Rc<RefCell<SharedConsole>>) -> Self {
        let addresses = image.addresses_of_words(|word| word == HLT).into_iter().collect();
        Self { addresses, arguments: arguments.to_owned(), console }
    }
}

impl HostCalls for Semihosting {
    fn addresses(&self) -> &BTreeSet<u64> {
        &self.addresses
    }

    fn serve(&mut self, debuggee: &mut dyn Debuggee, cpu: usize) -> Result<Option<u32>, DebuggeeError> {
        // The operation is in w0.
        let operation = debuggee.register(cpu, Register::X(0))? & 0xffff_ffff;
        let parameter = debuggee.register(cpu, Register::X(1))?;
        if matches!(operation, SYS_EXIT | SYS_EXIT_EXTENDED) {
            return exit(debuggee, cpu, parameter).map(Some);
        }
        let console = &mut *self.console.borrow_mut();
        let result = match perform(debuggee, cpu, (operation, parameter), &self.arguments, console) {
            // What the image points to is the image's business.
            Err(DebuggeeError::Unmapped { .. }) => u64::MAX,
            result => result?,
        };
        let pc = debuggee.register(cpu, Register::Pc)?;
        debuggee.set_register(cpu, Register::X(0), result)?;
        debuggee.set_register(cpu, Register::Pc, pc.wrapping_add(4))?;
        Ok(None)
    }
}

/// Returns the status of an end: that of the block at `parameter`, or 1 for an end of another kind or without a block.
fn exit(debuggee: &mut dyn Debuggee, cpu: usize, parameter: u64) -> Result<u32, DebuggeeError> {
    match words(debuggee, cpu, parameter) {
        Ok([APPLICATION_EXIT, status]) => Ok(status as u32),
        Ok(_) | Err(DebuggeeError::Unmapped { .. }) => Ok(1),
        Err(error) => Err(error),
    }
}

/// Does what any other call asks for, and returns its result.
fn perform(
    debuggee: &mut dyn Debuggee,
    cpu: usize,
    (operation, parameter): (u64, u64),
    arguments: &str,
    console: &mut dyn Console,
) -> Result<u64, DebuggeeError> {
    Ok(match operation {
        SYS_WRITEC => {
            let mut byte = [0];
            debuggee.read(cpu, parameter, &mut byte)?;
            console.print(&byte);
            0
        }
        SYS_WRITE0 => {
            console.print(&text(debuggee, cpu, parameter)?);
            0
        }
        SYS_WRITE => {
            let [handle, address, length] = words(debuggee, cpu, parameter)?;
            if handle != TT {
                return Ok(length);
            }
            let mut bytes = vec![0; length.min(LONGEST as u64) as usize];
            debuggee.read(cpu, address, &mut bytes)?;
            console.print(&bytes);
            length - bytes.len() as u64
        }
        SYS_OPEN => {
            let [name] = words(debuggee, cpu, parameter)?;
            if text(debuggee, cpu, name)? == b":tt" { TT } else { u64::MAX }
        }
        SYS_CLOSE => 0,
        SYS_ISTTY => u64::from(words::<1>(debuggee, cpu, parameter)? == [TT]),
        SYS_GET_CMDLINE => command_line(debuggee, cpu, parameter, arguments)?,
        SYS_ERRNO => UNSUPPORTED,
        _ => u64::MAX,
    })
}

/// Reads doublewords.
fn words<const N: usize>(debuggee: &mut dyn Debuggee, cpu: usize, va: u64) -> Result<[u64; N], DebuggeeError> {
    let mut words = [0; N];
    for (place, word) in words.iter_mut().enumerate() {
        let mut bytes = [0; 8];
        debuggee.read(cpu, va.wrapping_add(8 * place as u64), &mut bytes)?;
        *word = u64::from_le_bytes(bytes);
    }
    Ok(words)
}

/// Reads bytes up to a 0.
fn text(debuggee: &mut dyn Debuggee, cpu: usize, va: u64) -> Result<Vec<u8>, DebuggeeError> {
    let mut text = Vec::new();
    let mut byte = [0];
    while text.len() < LONGEST {
        debuggee.read(cpu, va.wrapping_add(text.len() as u64), &mut byte)?;
        if byte == [0] {
            break;
        }
        text.extend(byte);
    }
    Ok(text)
}

/// Writes the arguments into the image's buffer: its address and length are at `parameter`, and the length is put there, too.
fn command_line(debuggee: &mut dyn Debuggee, cpu: usize, parameter: u64, line: &str) -> Result<u64, DebuggeeError> {
    let [buffer, length] = words(debuggee, cpu, parameter)?;
    if line.len() as u64 >= length {
        return Ok(u64::MAX);
    }
    debuggee.write(cpu, buffer, &[line.as_bytes(), &[0]].concat())?;
    debuggee.write(cpu, parameter.wrapping_add(8), &(line.len() as u64).to_le_bytes())?;
    Ok(0)
}
