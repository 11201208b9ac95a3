//! The QEMU process of a `tcg` machine: its command line, its RAM, and the sockets to it.
//!
//! RAM is a file without a name that both sides have open; the host reads and writes it by system calls. The UART, the gdb
//! port and the monitor are socket pairs, so nothing is in any file system and nobody else can connect. QEMU dies with the
//! thread that started it, see [`Subprocess`].
//!
//! The firmware is put into RAM as KVM's would be, and QEMU's generic loader only sets the PC: an image is then checked
//! by the same code on every machine.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use abi::map::RAM_BASE;

use super::active_qemu::ActiveQemu;
use super::debugger::{DebugError, Debugger, StopReason};
use super::emulator_error::{EmulatorError, POWERED_OFF, SocketError, end_of_machine, ended, lost, refused, system};
use super::qmp::Monitor;
use super::state::{self, MigrationFile};
use crate::child::{Subprocess, wait_readable};
use crate::memfd::MemFile;
use crate::program::Qemu;
use machine::need::Need;
use machine::{MachineError, RequestError};

/// QEMU's board: RAM from 1 GiB, a PL011 at 0x0900_0000, PSCI by HVC, and memory for tags.
const MACHINE: &str = "virt,mte=on,gic-version=3,memory-backend=ram";
/// How long QEMU may take to start, to stop the guest, to save it or to load it.
const GRACE: Duration = Duration::from_secs(20);

/// What QEMU is started with.
#[derive(Clone, Debug)]
pub struct QemuConfig {
    /// The program.
    pub qemu: Qemu,
    /// Its `-cpu`.
    pub cpu: String,
}

/// What the guest is given.
#[derive(Clone, Copy, Debug)]
pub struct BoardConfig {
    /// How many vCPUs.
    pub cpus: usize,
    /// Bytes of RAM, all zero; a multiple of 1 KiB.
    pub bytes: u64,
    /// Where vCPU 0 begins; the others are off.
    pub entry: u64,
}

/// A running QEMU.
#[derive(Debug)]
pub struct QemuProcess {
    qemu_config: QemuConfig,
    board: BoardConfig,
    /// `None` once it is known to have ended.
    child: Option<Subprocess>,
    debugger: Debugger,
    monitor: Monitor,
    /// Whether the guest runs.
    runs: bool,
    /// Whether the guest has turned the machine off, or asked for a reset: it will never run again.
    powered_off: bool,
    uart: UnixStream,
    ram: MemFile,
    active: ActiveQemu,
    /// What was saved, since when nothing else was done. QEMU does not save twice what did not run in between, so another
    /// one goes on from here.
    spent: Option<Rc<MigrationFile>>,
}

/// What a QEMU begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartMode {
    /// An empty RAM.
    Boot,
    /// What it will be given to load.
    Incoming,
}

/// What the guest did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestEvent {
    /// It stored this byte to the UART. Where a block did that, the guest stands still behind the store.
    Byte(u8),
    /// A block stored to the UART, but no byte came of it. The guest stands still behind the store.
    Store,
    /// Nothing until the deadline.
    Timeout,
    /// It turned itself off, or asked to be reset.
    PoweredOff,
}

impl QemuProcess {
    /// Starts QEMU. The guest stands still, vCPU 0 at its entry. `active` is that of all QEMUs of which one works at a time.
    ///
    /// # Errors
    ///
    /// When there is no memory, QEMU cannot be started, or it refuses its command line.
    pub fn start(qemu_config: &QemuConfig, active: &ActiveQemu, board: BoardConfig) -> Result<Self, MachineError> {
        Self::launch(qemu_config, active, board, StartMode::Boot)
    }

    fn launch(
        qemu_config: &QemuConfig,
        active: &ActiveQemu,
        board: BoardConfig,
        start_mode: StartMode,
    ) -> Result<Self, MachineError> {
        let BoardConfig { cpus, bytes, entry } = board;
        let deadline = Instant::now() + GRACE;
        let ram = MemFile::new(&[]).map_err(system("the guest's RAM cannot be made"))?;
        ram.file().set_len(bytes).map_err(system("the guest's RAM cannot be made"))?;
        let pair = || UnixStream::pair().map_err(system("no socket can be made"));
        let ((uart, uart_inside), (port, port_inside), (monitor, monitor_inside)) = (pair()?, pair()?, pair()?);
        uart.set_nonblocking(true).map_err(system("no socket can be made"))?;

        let mut command = Command::new(&qemu_config.qemu.program);
        command.args(["-M", MACHINE, "-accel", "tcg", "-cpu", &qemu_config.cpu, "-smp", &cpus.to_string()]);
        command.args(["-m", &format!("{}k", bytes >> 10)]);
        let mut backend =
            OsString::from(format!("memory-backend-file,id=ram,size={}k,share=on,mem-path=", bytes >> 10));
        backend.push(ram.path());
        command.args([OsString::from("-object"), backend]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-S"]);
        // A guest that turns itself off, or asks for a reset, stands still then; QEMU does not end by it.
        command.args(["-no-reboot", "-no-shutdown"]);
        let inside = [("uart", &uart_inside), ("gdb", &port_inside), ("qmp", &monitor_inside)];
        for (name, socket) in inside {
            command.args(["-chardev", &format!("socket,id={name},fd={}", socket.as_raw_fd())]);
        }
        command.args(["-serial", "chardev:uart", "-gdb", "chardev:gdb", "-qmp", "chardev:qmp"]);
        command.args(["-device", &format!("loader,addr={entry:#x},cpu-num=0")]);
        if start_mode == StartMode::Incoming {
            command.args(["-incoming", "defer"]);
        }
        let inherited = inside.map(|(_, socket)| socket.as_raw_fd()).into_iter().chain([ram.descriptor()]);
        let child = Subprocess::start(command, inherited).map_err(system("QEMU cannot be started"))?;
        // QEMU's end must be in no other process: that it closes is how its death shows.
        drop((uart_inside, port_inside, monitor_inside));

        active.activate(child.id());
        match Debugger::attach(port, deadline) {
            Ok(debugger) => Ok(Self {
                qemu_config: qemu_config.clone(),
                board,
                child: Some(child),
                debugger,
                monitor: Monitor::new(monitor),
                runs: false,
                powered_off: false,
                uart,
                ram,
                active: active.clone(),
                spent: None,
            }),
            Err(error) => {
                active.forget(child.id());
                Err(refused(child, error))
            }
        }
    }

    /// Stops the guest, if it runs, and saves its whole state: memory, tags, CPUs, devices.
    ///
    /// # Errors
    ///
    /// `Lacking` when this QEMU cannot; when it has ended, or saves something else than expected.
    pub fn save(&mut self) -> Result<Rc<MigrationFile>, MachineError> {
        if let Some(state) = self.saved() {
            return Ok(state);
        }
        // Brings the guest to a stop.
        self.ask(|_, _| Ok(()))?;
        let file = MemFile::new(&[]).map_err(system("a file for the state cannot be made"))?;
        let saved = self.monitor.save(&state::path(&file), Instant::now() + GRACE);
        self.checked(saved)?;
        let state = Rc::new(MigrationFile::open(file)?);
        self.spent = Some(Rc::clone(&state));
        Ok(state)
    }

    /// Returns what was saved, if nothing was done since.
    #[must_use]
    pub fn saved(&self) -> Option<Rc<MigrationFile>> {
        self.spent.clone()
    }

    /// Ends this QEMU, and lets another one go on from a state that was saved.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not load the state.
    pub fn replace_by(&mut self, state: &MigrationFile) -> Result<(), MachineError> {
        if let Some(child) = self.child.take() {
            self.active.forget(child.id());
        }
        *self = Self::launch(&self.qemu_config, &self.active, self.board, StartMode::Incoming)?;
        let loaded = self.monitor.load(&state.path(), Instant::now() + GRACE);
        self.checked(loaded)
    }

    /// Makes QEMU ready for whatever is to be done with it.
    fn make_ready(&mut self) -> Result<(), MachineError> {
        if let Some(state) = self.spent.take() {
            self.replace_by(&state)?;
        }
        if let Some(child) = &self.child {
            self.active.activate(child.id());
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
    pub fn continue_cpus(&mut self, cpus: impl IntoIterator<Item = usize>) -> Result<(), MachineError> {
        self.make_ready()?;
        if self.runs || self.powered_off {
            return Ok(());
        }
        self.runs = true;
        let gone = self.debugger.continue_cpus(cpus);
        self.checked(gone)
    }

    /// Waits for a byte on the UART. What the guest sent before it turned itself off comes first.
    ///
    /// # Errors
    ///
    /// When QEMU has ended.
    pub fn next_event(&mut self, deadline: Instant) -> Result<GuestEvent, MachineError> {
        let heard = self.try_next_event(deadline);
        self.checked(heard)
    }

    fn try_next_event(&mut self, deadline: Instant) -> Result<GuestEvent, DebugError> {
        loop {
            if self.powered_off {
                return Ok(self.byte()?.map_or(GuestEvent::PoweredOff, GuestEvent::Byte));
            }
            let ends = [Some(self.uart.as_fd()), Some(self.debugger.descriptor())];
            let [byte, halt] = wait_readable(ends, deadline)?;
            if byte {
                return Ok(self.byte()?.map_or(GuestEvent::Store, GuestEvent::Byte));
            }
            if !halt {
                return Ok(GuestEvent::Timeout);
            }
            let stopped = self.debugger.poll_stop(deadline)?;
            self.note(stopped);
            if let Some(StopReason::Trapped(cpu)) = stopped {
                let stepped = self.debugger.step(cpu, Instant::now() + GRACE)?;
                self.note(Some(stepped));
                return Ok(self.byte()?.map_or(GuestEvent::Store, GuestEvent::Byte));
            }
        }
    }

    /// Keeps what a stop means.
    fn note(&mut self, stopped: Option<StopReason>) {
        self.runs &= stopped.is_none();
        self.powered_off |= stopped == Some(StopReason::PoweredOff);
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
        self.make_ready()?;
        let deadline = Instant::now() + GRACE;
        let stopped = if self.runs { self.stop(deadline) } else { Ok(()) };
        self.checked(stopped)?;
        if self.powered_off {
            return Err(MachineError::Misbehaved { cpu: 0, what: POWERED_OFF.to_owned() });
        }
        let answer = question(&mut self.debugger, deadline);
        self.checked(answer)
    }

    fn stop(&mut self, deadline: Instant) -> Result<(), DebugError> {
        self.debugger.interrupt()?;
        let stopped = self.debugger.wait(deadline)?;
        self.note(Some(stopped));
        Ok(())
    }

    /// Makes the end of QEMU, or of sense, into an error that says how it ended.
    fn checked<T, E: Into<SocketError>>(&mut self, result: Result<T, E>) -> Result<T, MachineError> {
        result.map_err(|error| {
            let error = error.into();
            if let SocketError::Refused(what) = error {
                return Need::EmulatorTags.unmet(what).into();
            }
            let Some(child) = self.child.take() else { return lost(EmulatorError::Ended) };
            self.active.forget(child.id());
            if let SocketError::Ended = error {
                return end_of_machine(ended(child, &mut self.monitor));
            }
            let (_, errors) = child.end(Instant::now());
            lost(EmulatorError::Socket { error, errors })
        })
    }

    /// Reads RAM.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    pub fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        let offset = self.offset(ipa, buffer.len())?;
        self.ram.file().read_exact_at(buffer, offset).map_err(system("the guest's RAM"))
    }

    /// Writes RAM.
    ///
    /// # Errors
    ///
    /// When the range is not all RAM.
    pub fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        if self.spent.is_some() {
            self.make_ready()?;
        }
        let offset = self.offset(ipa, bytes.len())?;
        self.ram.file().write_all_at(bytes, offset).map_err(system("the guest's RAM"))
    }

    fn offset(&self, ipa: u64, length: usize) -> Result<u64, MachineError> {
        let offset = ipa
            .checked_sub(RAM_BASE)
            .filter(|offset| offset.checked_add(length as u64).is_some_and(|end| end <= self.board.bytes));
        offset.ok_or_else(|| RequestError::OutsideMemory { ipa, length: length as u64 }.into())
    }
}

impl Drop for QemuProcess {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            self.active.forget(child.id());
        }
    }
}
