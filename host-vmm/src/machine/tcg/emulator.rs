//! The QEMU process of a `tcg` machine: its command line, its RAM, and the sockets to it.
//!
//! RAM is a file without a name that both sides have open; the host reads and writes it by system calls. The UART and the gdb port are socket pairs, so nothing is in any file system and
//! nobody else can connect. QEMU dies with the thread that started it, see [`Child`].
//!
//! The firmware is put into RAM as KVM's would be, and QEMU's generic loader only sets the PC: an image is then checked
//! by the same code on every machine.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use abi::map::RAM_BASE;

use super::baton::Baton;
use super::debugger::{DebugError, Debugger, Halt};
use crate::machine::MachineError;
use crate::nested::child::{Child, wait_readable};
use crate::nested::initramfs::InMemory;
use crate::nested::outer::reason_and_remedy;
use crate::nested::qemu::{Qemu, QemuError, refusal};

/// QEMU's board: RAM from 1 GiB, a PL011 at 0x0900_0000, PSCI by HVC, and memory for tags.
const MACHINE: &str = "virt,mte=on,gic-version=3,memory-backend=ram";
/// How long QEMU may take to start, and to end once it has closed its sockets.
const GRACE: Duration = Duration::from_secs(20);

/// What QEMU is started with.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The program.
    pub qemu: Qemu,
    /// Its `-cpu`.
    pub cpu: String,
}

/// What the guest is given.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many vCPUs.
    pub cpus: usize,
    /// Bytes of RAM, all zero; a multiple of 1 KiB.
    pub bytes: u64,
    /// Where vCPU 0 begins; the others are off.
    pub entry: u64,
}

/// A running QEMU.
#[derive(Debug)]
pub struct Emulator {
    /// `None` once it is known to have ended.
    child: Option<Child>,
    debugger: Debugger,
    /// Whether the guest runs.
    runs: bool,
    uart: UnixStream,
    ram: InMemory,
    bytes: u64,
    baton: Baton,
}

/// What the guest did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It stored this byte to the UART. Where a block did that, the guest stands still behind the store.
    Byte(u8),
    /// A block stored to the UART, but no byte came of it. The guest stands still behind the store.
    Store,
    /// Nothing until the deadline.
    Nothing,
    /// It turned itself off, or asked to be reset.
    Off,
}

impl Emulator {
    /// Starts QEMU. The guest stands still, vCPU 0 at its entry. `baton` is that of all QEMUs of which one works at a time.
    ///
    /// # Errors
    ///
    /// When there is no memory, QEMU cannot be started, or it refuses its command line.
    pub fn start(choice: &Choice, baton: &Baton, shape: Shape) -> Result<Self, MachineError> {
        let Shape { cpus, bytes, entry } = shape;
        let deadline = Instant::now() + GRACE;
        let system = |what: &'static str| move |error: io::Error| lost(format!("{what}: {error}"));
        let ram = InMemory::new(&[]).map_err(system("the guest's RAM cannot be made"))?;
        ram.file().set_len(bytes).map_err(system("the guest's RAM cannot be made"))?;
        let pair = || UnixStream::pair().map_err(system("no socket can be made"));
        let ((uart, uart_inside), (port, port_inside)) = (pair()?, pair()?);
        uart.set_nonblocking(true).map_err(system("no socket can be made"))?;

        let mut command = Command::new(&choice.qemu.program);
        command.args(["-M", MACHINE, "-accel", "tcg", "-cpu", &choice.cpu, "-smp", &cpus.to_string()]);
        command.args(["-m", &format!("{}k", bytes >> 10)]);
        let mut backend =
            OsString::from(format!("memory-backend-file,id=ram,size={}k,share=on,mem-path=", bytes >> 10));
        backend.push(ram.path());
        command.args([OsString::from("-object"), backend]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot", "-S"]);
        for (name, socket) in [("uart", &uart_inside), ("gdb", &port_inside)] {
            command.args(["-chardev", &format!("socket,id={name},fd={}", socket.as_raw_fd())]);
        }
        command.args(["-serial", "chardev:uart", "-gdb", "chardev:gdb"]);
        command.args(["-device", &format!("loader,addr={entry:#x},cpu-num=0")]);
        let inherited = [ram.descriptor(), uart_inside.as_raw_fd(), port_inside.as_raw_fd()];
        let child = Child::start(command, inherited).map_err(system("QEMU cannot be started"))?;
        // QEMU's end must be in no other process: that it closes is how its death shows.
        drop((uart_inside, port_inside));

        baton.take(child.id());
        match Debugger::attach(port, deadline) {
            Ok(debugger) => {
                Ok(Self { child: Some(child), debugger, runs: false, uart, ram, bytes, baton: baton.clone() })
            }
            Err(error) => {
                baton.drop_by(child.id());
                Err(refused(child, &error))
            }
        }
    }

    /// Whether the gdb port can carry tags.
    #[must_use]
    pub fn has_tags(&self) -> bool {
        self.debugger.has_tags()
    }

    /// Lets these vCPUs run, if the guest stands still.
    ///
    /// # Errors
    ///
    /// When QEMU has ended.
    pub fn go(&mut self, cpus: impl IntoIterator<Item = usize>) -> Result<(), MachineError> {
        self.wake();
        if self.runs {
            return Ok(());
        }
        self.runs = true;
        let gone = self.debugger.go(cpus);
        self.checked(gone)
    }

    /// Waits for a byte on the UART.
    ///
    /// # Errors
    ///
    /// When QEMU has ended.
    pub fn listen(&mut self, deadline: Instant) -> Result<Heard, MachineError> {
        let heard = self.try_listen(deadline);
        self.checked(heard)
    }

    fn try_listen(&mut self, deadline: Instant) -> Result<Heard, DebugError> {
        loop {
            let [byte, halt] = wait_readable([self.uart.as_raw_fd(), self.debugger.descriptor()], deadline)?;
            if byte {
                return Ok(self.byte()?.map_or(Heard::Store, Heard::Byte));
            }
            if !halt {
                return Ok(Heard::Nothing);
            }
            match self.debugger.look(deadline)? {
                Some(Halt::Trapped(cpu)) => {
                    self.runs = false;
                    self.debugger.step(cpu, Instant::now() + GRACE)?;
                    return Ok(self.byte()?.map_or(Heard::Store, Heard::Byte));
                }
                Some(Halt::Off) => return Ok(Heard::Off),
                Some(Halt::Interrupted) => self.runs = false,
                None => {}
            }
        }
    }

    /// Reads a byte of the UART, if there is one. What another vCPU has sent meanwhile stays for the next time.
    fn byte(&mut self) -> Result<Option<u8>, DebugError> {
        let mut byte = [0];
        match self.uart.read(&mut byte) {
            Ok(0) => Err(DebugError::Closed),
            Ok(_) => Ok(Some(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Stops the guest, if it runs, and uses the gdb port.
    ///
    /// # Errors
    ///
    /// When QEMU has ended, or does not answer.
    pub fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut Debugger, Instant) -> Result<T, DebugError>,
    ) -> Result<T, MachineError> {
        self.wake();
        let deadline = Instant::now() + GRACE;
        let stopped = if self.runs { self.stop(deadline) } else { Ok(()) };
        let answer = stopped.and_then(|()| question(&mut self.debugger, deadline));
        self.checked(answer)
    }

    fn wake(&self) {
        if let Some(child) = &self.child {
            self.baton.take(child.id());
        }
    }

    fn stop(&mut self, deadline: Instant) -> Result<(), DebugError> {
        self.debugger.interrupt()?;
        self.debugger.wait(deadline)?;
        self.runs = false;
        Ok(())
    }

    /// Makes the end of QEMU, or of sense, into an error that says how it ended.
    fn checked<T>(&mut self, result: Result<T, DebugError>) -> Result<T, MachineError> {
        result.map_err(|error| {
            let Some(child) = self.child.take() else { return lost("QEMU has ended") };
            self.baton.drop_by(child.id());
            match error {
                DebugError::Closed => lost(ended(child)),
                error => lost(error),
            }
        })
    }

    /// Reads RAM.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    pub fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        let offset = self.offset(ipa, buffer.len())?;
        self.ram.file().read_exact_at(buffer, offset).map_err(|error| lost(format!("the guest's RAM: {error}")))
    }

    /// Writes RAM.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    pub fn write(&self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        let offset = self.offset(ipa, bytes.len())?;
        self.ram.file().write_all_at(bytes, offset).map_err(|error| lost(format!("the guest's RAM: {error}")))
    }

    fn offset(&self, ipa: u64, length: usize) -> Result<u64, MachineError> {
        let offset = ipa
            .checked_sub(RAM_BASE)
            .filter(|offset| offset.checked_add(length as u64).is_some_and(|end| end <= self.bytes));
        offset.ok_or_else(|| {
            MachineError::BadRequest(format!("{length} bytes at {ipa:#x} are not all in the guest's RAM"))
        })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            self.baton.drop_by(child.id());
        }
    }
}

/// Says why QEMU did not take its command line.
fn refused(child: Child, error: &DebugError) -> MachineError {
    if !matches!(error, DebugError::Closed) {
        return lost(error);
    }
    let (_, errors) = child.end(Instant::now() + GRACE);
    let error = refusal(errors);
    let (reason, remedy) = reason_and_remedy(&error.to_string());
    match error {
        QemuError::NoMte => MachineError::NoMte(reason),
        _ => MachineError::Lost { reason, remedy },
    }
}

/// Says how QEMU ended.
fn ended(child: Child) -> String {
    let (status, errors) = child.end(Instant::now() + GRACE);
    let how = status.map_or_else(|| "without exiting".to_owned(), |status| status.to_string());
    format!("QEMU ended in the middle of the run ({how})\n{errors}").trim_end().to_owned()
}

fn lost(what: impl ToString) -> MachineError {
    let remedy = "run it again; if it ends like this again, please report it".to_owned();
    MachineError::Lost { reason: what.to_string(), remedy }
}
