//! The QEMU process of a `tcg` machine: its command line, its RAM, and the sockets to it.
//!
//! RAM is a file without a name that both sides have open; the host reads and writes it by system calls. The UART, the gdb
//! port and the monitor are socket pairs, so nothing is in any file system and nobody else can connect. QEMU dies with the
//! thread that started it, see [`Child`].
//!
//! The firmware is put into RAM as KVM's would be, and QEMU's generic loader only sets the PC: an image is then checked
//! by the same code on every machine.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use abi::map::RAM_BASE;

use super::baton::Baton;
use super::debugger::{DebugError, Debugger, Halt};
use super::qmp::Monitor;
use super::state::{self, State};
use super::trouble::{Trouble, ended, lost, refused};
use crate::child::{Child, wait_readable};
use crate::memfd::InMemory;
use crate::program::Qemu;
use machine::MachineError;

/// QEMU's board: RAM from 1 GiB, a PL011 at 0x0900_0000, PSCI by HVC, and memory for tags.
const MACHINE: &str = "virt,mte=on,gic-version=3,memory-backend=ram";
/// How long QEMU may take to start, to stop the guest, to save it or to load it.
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
    choice: Choice,
    shape: Shape,
    /// `None` once it is known to have ended.
    child: Option<Child>,
    debugger: Debugger,
    monitor: Monitor,
    /// Whether the guest runs.
    runs: bool,
    uart: UnixStream,
    ram: InMemory,
    baton: Baton,
    /// What was saved, since when nothing else was done. QEMU does not save twice what did not run in between, so another
    /// one goes on from here.
    spent: Option<Rc<State>>,
}

/// What a QEMU begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// An empty RAM.
    Boot,
    /// What it will be given to load.
    Saved,
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
        Self::launch(choice, baton, shape, Beginning::Boot)
    }

    fn launch(choice: &Choice, baton: &Baton, shape: Shape, beginning: Beginning) -> Result<Self, MachineError> {
        let Shape { cpus, bytes, entry } = shape;
        let deadline = Instant::now() + GRACE;
        let system = |what: &'static str| move |error: io::Error| lost(format!("{what}: {error}"));
        let ram = InMemory::new(&[]).map_err(system("the guest's RAM cannot be made"))?;
        ram.file().set_len(bytes).map_err(system("the guest's RAM cannot be made"))?;
        let pair = || UnixStream::pair().map_err(system("no socket can be made"));
        let ((uart, uart_inside), (port, port_inside), (monitor, monitor_inside)) = (pair()?, pair()?, pair()?);
        uart.set_nonblocking(true).map_err(system("no socket can be made"))?;

        let mut command = Command::new(&choice.qemu.program);
        command.args(["-M", MACHINE, "-accel", "tcg", "-cpu", &choice.cpu, "-smp", &cpus.to_string()]);
        command.args(["-m", &format!("{}k", bytes >> 10)]);
        let mut backend =
            OsString::from(format!("memory-backend-file,id=ram,size={}k,share=on,mem-path=", bytes >> 10));
        backend.push(ram.path());
        command.args([OsString::from("-object"), backend]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot", "-S"]);
        let inside = [("uart", &uart_inside), ("gdb", &port_inside), ("qmp", &monitor_inside)];
        for (name, socket) in inside {
            command.args(["-chardev", &format!("socket,id={name},fd={}", socket.as_raw_fd())]);
        }
        command.args(["-serial", "chardev:uart", "-gdb", "chardev:gdb", "-qmp", "chardev:qmp"]);
        command.args(["-device", &format!("loader,addr={entry:#x},cpu-num=0")]);
        if beginning == Beginning::Saved {
            command.args(["-incoming", "defer"]);
        }
        let inherited = inside.map(|(_, socket)| socket.as_raw_fd()).into_iter().chain([ram.descriptor()]);
        let child = Child::start(command, inherited).map_err(system("QEMU cannot be started"))?;
        // QEMU's end must be in no other process: that it closes is how its death shows.
        drop((uart_inside, port_inside, monitor_inside));

        baton.take(child.id());
        match Debugger::attach(port, deadline) {
            Ok(debugger) => Ok(Self {
                choice: choice.clone(),
                shape,
                child: Some(child),
                debugger,
                monitor: Monitor::new(monitor),
                runs: false,
                uart,
                ram,
                baton: baton.clone(),
                spent: None,
            }),
            Err(error) => {
                baton.drop_by(child.id());
                Err(refused(child, &error))
            }
        }
    }

    /// Stops the guest, if it runs, and saves its whole state: memory, tags, CPUs, devices.
    ///
    /// # Errors
    ///
    /// `Unsupported` when this QEMU cannot; when it has ended, or saves something else than expected.
    pub fn save(&mut self) -> Result<Rc<State>, MachineError> {
        if let Some(state) = self.saved() {
            return Ok(state);
        }
        // Brings the guest to a stop.
        self.ask(|_, _| Ok(()))?;
        let file = InMemory::new(&[]).map_err(lost)?;
        let saved = self.monitor.save(&state::path(&file), Instant::now() + GRACE);
        self.checked(saved)?;
        let state = Rc::new(State::open(file)?);
        self.spent = Some(Rc::clone(&state));
        Ok(state)
    }

    /// Gives what was saved, if nothing was done since.
    #[must_use]
    pub fn saved(&self) -> Option<Rc<State>> {
        self.spent.clone()
    }

    /// Ends this QEMU, and lets another one go on from a state that was saved.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not load the state.
    pub fn replace_by(&mut self, state: &State) -> Result<(), MachineError> {
        if let Some(child) = self.child.take() {
            self.baton.drop_by(child.id());
        }
        *self = Self::launch(&self.choice, &self.baton, self.shape, Beginning::Saved)?;
        let loaded = self.monitor.load(&state.path(), Instant::now() + GRACE);
        self.checked(loaded)
    }

    /// Makes QEMU ready for whatever is to be done with it.
    fn wake(&mut self) -> Result<(), MachineError> {
        if let Some(state) = self.spent.take() {
            self.replace_by(&state)?;
        }
        if let Some(child) = &self.child {
            self.baton.take(child.id());
        }
        Ok(())
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
        self.wake()?;
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
        self.wake()?;
        let deadline = Instant::now() + GRACE;
        let stopped = if self.runs { self.stop(deadline) } else { Ok(()) };
        let answer = stopped.and_then(|()| question(&mut self.debugger, deadline));
        self.checked(answer)
    }

    fn stop(&mut self, deadline: Instant) -> Result<(), DebugError> {
        self.debugger.interrupt()?;
        self.debugger.wait(deadline)?;
        self.runs = false;
        Ok(())
    }

    /// Makes the end of QEMU, or of sense, into an error that says how it ended.
    fn checked<T, E: Into<Trouble>>(&mut self, result: Result<T, E>) -> Result<T, MachineError> {
        result.map_err(|error| {
            let trouble = error.into();
            if let Trouble::Refused(what) = trouble {
                return MachineError::Unsupported(what);
            }
            let Some(child) = self.child.take() else { return lost("QEMU has ended") };
            self.baton.drop_by(child.id());
            match trouble {
                Trouble::Ended => lost(ended(child)),
                Trouble::Refused(what) | Trouble::Other(what) => {
                    let (_, errors) = child.end(Instant::now());
                    lost(format!("{what}\n{errors}").trim_end())
                }
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
    pub fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        if self.spent.is_some() {
            self.wake()?;
        }
        let offset = self.offset(ipa, bytes.len())?;
        self.ram.file().write_all_at(bytes, offset).map_err(|error| lost(format!("the guest's RAM: {error}")))
    }

    fn offset(&self, ipa: u64, length: usize) -> Result<u64, MachineError> {
        let offset = ipa
            .checked_sub(RAM_BASE)
            .filter(|offset| offset.checked_add(length as u64).is_some_and(|end| end <= self.shape.bytes));
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
