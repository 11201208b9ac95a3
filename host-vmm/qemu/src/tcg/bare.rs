//! QEMU's `virt` board with somebody's image, looked into through the gdb port: `granule exec --via tcg`.
//!
//! QEMU loads the image itself (`-kernel`), makes a device tree, and starts vCPU 0 at EL1 with the others off. A Linux `Image` or a flat
//! binary has the device tree's address in x0 (Documentation/arch/arm64/booting.rst); an ELF file does not get it from QEMU
//! (docs/system/arm/virt.rst), and is given it here.
//!
//! The image is not trusted: it has no semihosting of QEMU, which would open the host's files to it, and no network.

mod gdb_port;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use abi::map::RAM_BASE;
use arch::Tag;
use machine::MachineError;
use machine::debuggee::{ConsoleOutput, Debuggee, DebuggeeError, HostCalls, Register, Stop, untagged};

use super::debugger::{DebugError, Debugger, RegisterNumbers, StopReason, TagTransfer};
use super::emulator_error::EmulatorError;
use super::emulator_error::{SocketError, end_of_machine, ended, lost, refused, system};
use super::qmp::Monitor;
use crate::child::{Subprocess, wait_readable};
use crate::end::Monitored;
use crate::memfd::MemFile;
use crate::program::Qemu;

/// RAM from 1 GiB, a PL011 at 0x0900_0000, a GICv3, PSCI by HVC, and memory for tags.
const MACHINE: &str = "virt,mte=on,gic-version=3";
/// How long QEMU may take for what takes no time.
const GRACE: Duration = Duration::from_secs(20);
/// How long it may take to say why the guest is off: it was said before.
const REASON: Duration = Duration::from_secs(2);
/// Input that the guest does not take is offered again so much later.
const RETRY: Duration = Duration::from_millis(20);
/// The first word of a device tree, big-endian (Devicetree Specification, 5.2).
const FDT_MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

/// What is run, and on what.
pub struct BareConfig {
    /// The program.
    pub qemu: Qemu,
    /// Its `-cpu`.
    pub cpu: String,
    /// How many vCPUs.
    pub cpus: u32,
    /// MiB of RAM.
    pub memory_mib: u32,
    /// What `-kernel` is given: an ELF file, a Linux `Image` or a flat binary.
    pub kernel: Vec<u8>,
    /// `/chosen/bootargs` of the device tree.
    pub arguments: String,
}

/// Where the console ends.
pub struct ConsoleEnds {
    /// Takes what the image prints.
    pub out: ConsoleOutput,
    /// What it reads, if anything.
    pub input: Option<OwnedFd>,
}

/// A QEMU with the image in it, which stands still.
pub struct BareBoard {
    /// `None` once it is known to have ended.
    child: Option<Subprocess>,
    debugger: Debugger,
    monitor: Monitor,
    numbers: RegisterNumbers,
    cpus: usize,
    uart: UnixStream,
    console: ConsoleEnds,
    /// Input that the guest did not take yet.
    pending: Vec<u8>,
    breakpoints: BTreeSet<u64>,
    /// Calls of the guest that are served while a debugger has it.
    calls: Option<Box<dyn HostCalls>>,
    /// Whether the guest is off for good.
    over: Option<Stop>,
    _kernel: MemFile,
}

impl BareBoard {
    /// Starts QEMU. The guest stands still, vCPU 0 at its entry.
    ///
    /// # Errors
    ///
    /// When QEMU cannot be started, or refuses its command line or the image.
    pub fn start(config: &BareConfig, console: ConsoleEnds) -> Result<Self, MachineError> {
        let deadline = Instant::now() + GRACE;
        let kernel = MemFile::new(&config.kernel).map_err(system("a file for the image cannot be made"))?;
        let pair = || UnixStream::pair().map_err(system("no socket can be made"));
        let ((uart, uart_inside), (port, port_inside), (monitor, monitor_inside)) = (pair()?, pair()?, pair()?);
        uart.set_nonblocking(true).map_err(system("no socket can be made"))?;

        let mut command = Command::new(&config.qemu.program);
        command.args(["-M", MACHINE, "-accel", "tcg", "-cpu", &config.cpu, "-smp", &config.cpus.to_string()]);
        command.args(["-m", &format!("{}M", config.memory_mib)]);
        command.args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-S"]);
        // A guest that turns itself off, or asks for a reset, stands still then, and can be looked into.
        command.args(["-no-reboot", "-no-shutdown"]);
        let inside = [("uart", &uart_inside), ("gdb", &port_inside), ("qmp", &monitor_inside)];
        for (name, socket) in inside {
            command.args(["-chardev", &format!("socket,id={name},fd={}", socket.as_raw_fd())]);
        }
        command.args(["-serial", "chardev:uart", "-gdb", "chardev:gdb", "-qmp", "chardev:qmp"]);
        command.arg("-kernel").arg(kernel.path());
        if !config.arguments.is_empty() {
            command.args(["-append", &config.arguments]);
        }
        let inherited = inside.map(|(_, socket)| socket.as_raw_fd()).into_iter().chain([kernel.descriptor()]);
        let child = Subprocess::start(command, inherited).map_err(system("QEMU cannot be started"))?;
        // QEMU's end must be in no other process: that it closes is how its death shows.
        drop((uart_inside, port_inside, monitor_inside));

        let mut debugger = match Debugger::connect(port, deadline) {
            Ok(debugger) => debugger,
            Err(error) => return Err(refused(child, error)),
        };
        let numbers = match debugger.register_numbers(deadline) {
            Ok(numbers) => numbers,
            Err(error) => return Err(refused(child, error)),
        };
        let mut board = Self {
            child: Some(child),
            debugger,
            monitor: Monitor::new(monitor),
            numbers,
            cpus: config.cpus as usize,
            uart,
            console,
            pending: Vec::new(),
            breakpoints: BTreeSet::new(),
            calls: None,
            over: None,
            _kernel: kernel,
        };
        let opened = board.monitor.open(deadline);
        board.checked(opened)?;
        Ok(board)
    }

    /// Returns whether this QEMU shows allocation tags: 9.2 and newer do.
    #[must_use]
    pub fn has_tags(&self) -> bool {
        self.debugger.has_tags()
    }

    /// Serves calls of the guest to its host while a debugger has it.
    pub fn serve_calls(&mut self, calls: Box<dyn HostCalls>) {
        self.calls = Some(calls);
    }

    /// Gives an ELF file the address of the device tree, if QEMU has put one at the begin of RAM.
    ///
    /// # Errors
    ///
    /// When QEMU is gone.
    pub fn pass_device_tree(&mut self) -> Result<(), DebuggeeError> {
        let mut magic = [0; 4];
        match self.read(0, RAM_BASE, &mut magic) {
            Ok(()) if magic == FDT_MAGIC => self.set_register(0, Register::X(0), RAM_BASE),
            Ok(()) | Err(DebuggeeError::Unmapped { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the end of QEMU, or of sense, into an error that says how it ended.
    fn checked<T, E: Into<SocketError>>(&mut self, result: Result<T, E>) -> Result<T, MachineError> {
        result.map_err(|error| self.ended_by(error.into()))
    }

    fn ended_by(&mut self, error: SocketError) -> MachineError {
        let Some(child) = self.child.take() else { return lost(EmulatorError::Ended) };
        match error {
            SocketError::Ended => end_of_machine(ended(child, &mut self.monitor)),
            error => {
                let (_, errors) = child.end(Instant::now());
                lost(EmulatorError::Socket { error, errors })
            }
        }
    }

    /// Uses the port while the guest stands still.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut Debugger, Instant) -> Result<T, DebugError>,
    ) -> Result<T, MachineError> {
        let answer = question(&mut self.debugger, Instant::now() + GRACE);
        self.checked(answer)
    }

    fn number(&self, register: Register) -> Result<usize, DebuggeeError> {
        self.numbers.of(&register.name()).ok_or(DebuggeeError::NoRegister(register))
    }

    /// Runs until something happens; carries the console.
    fn run(&mut self, deadline: Instant) -> Result<Option<StopReason>, DebugError> {
        self.debugger.continue_all()?;
        loop {
            self.offer_input()?;
            let input = self.console.input.as_ref().filter(|_| self.pending.is_empty()).map(AsFd::as_fd);
            let until = if self.pending.is_empty() { deadline } else { deadline.min(Instant::now() + RETRY) };
            let [printed, halted, typed] =
                wait_readable([Some(self.uart.as_fd()), Some(self.debugger.descriptor()), input], until)?;
            if printed {
                self.carry_output()?;
            }
            if typed {
                self.take_input()?;
            }
            if halted && let Some(reason) = self.debugger.poll_stop(Instant::now() + GRACE)? {
                self.carry_output()?;
                return Ok(Some(reason));
            }
            if Instant::now() >= deadline {
                self.debugger.interrupt()?;
                let reason = self.debugger.wait(Instant::now() + GRACE)?;
                self.carry_output()?;
                return Ok(Some(reason).filter(|reason| *reason != StopReason::Interrupted));
            }
        }
    }

    /// Hands on all that is printed so far.
    fn carry_output(&mut self) -> Result<(), DebugError> {
        let mut buffer = [0; 4096];
        loop {
            match self.uart.read(&mut buffer) {
                Ok(0) => return Err(DebugError::Closed),
                Ok(count) => (self.console.out)(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_input(&mut self) -> Result<(), DebugError> {
        let mut buffer = [0; 256];
        let Some(input) = &self.console.input else { return Ok(()) };
        match rustix::io::read(input, &mut buffer) {
            Ok(0) => self.console.input = None,
            Ok(count) => self.pending.extend(&buffer[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // Whatever is wrong with it, there is no more input.
            Err(_) => self.console.input = None,
        }
        Ok(())
    }

    fn offer_input(&mut self) -> Result<(), DebugError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        match self.uart.write(&self.pending) {
            Ok(count) => drop(self.pending.drain(..count)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(DebugError::Closed),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Returns what a stop means, and keeps it if it is the end.
    fn stop(&mut self, reason: Option<StopReason>, trapped: impl Fn(usize) -> Stop) -> Stop {
        match reason {
            None | Some(StopReason::Interrupted) => Stop::TimedOut,
            Some(StopReason::Trapped(cpu)) => trapped(cpu),
            Some(StopReason::PoweredOff) => {
                let reason = self.monitor.shutdown(Instant::now() + REASON);
                let reset = matches!(reason, Monitored::Said(event) if event.reason == "guest-reset");
                let stop = if reset { Stop::Reset } else { Stop::Off };
                self.over = Some(stop);
                stop
            }
        }
    }
}

impl Debuggee for BareBoard {
    fn cpus(&self) -> usize {
        self.cpus
    }

    fn register(&mut self, cpu: usize, register: Register) -> Result<u64, DebuggeeError> {
        let number = self.number(register)?;
        self.ask(|debugger, deadline| debugger.read_register(cpu, number, deadline))?
            .ok_or(DebuggeeError::NoRegister(register))
    }

    fn set_register(&mut self, cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        let number = self.number(register)?;
        let bytes = value.to_le_bytes();
        let bytes = if register == Register::Pstate { &bytes[..4] } else { &bytes[..] };
        match self.ask(|debugger, deadline| debugger.write_register(cpu, number, bytes, deadline))? {
            true => Ok(()),
            false => Err(DebuggeeError::NoRegister(register)),
        }
    }

    fn read(&mut self, cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        match self.ask(|debugger, deadline| debugger.read_memory(cpu, untagged(va), buffer, deadline))? {
            true => Ok(()),
            false => Err(DebuggeeError::Unmapped { va }),
        }
    }

    fn write(&mut self, cpu: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError> {
        match self.ask(|debugger, deadline| debugger.write_memory(cpu, untagged(va), bytes, deadline))? {
            true => Ok(()),
            false => Err(DebuggeeError::Unmapped { va }),
        }
    }

    fn tags(&mut self, cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        if !self.has_tags() {
            return Err(DebuggeeError::NotTagged { va });
        }
        let mut bytes = vec![0; tags.len()];
        let start = untagged(va) & !(machine::tags::GRANULE - 1);
        self.ask(|debugger, deadline| debugger.select(cpu, deadline))?;
        match self.ask(|debugger, deadline| debugger.fetch_tags(start, &mut bytes, deadline))? {
            TagTransfer::Complete => {
                tags.iter_mut().zip(bytes).for_each(|(tag, byte)| *tag = Tag::truncate(byte));
                Ok(())
            }
            TagTransfer::NotTagged => Err(DebuggeeError::NotTagged { va }),
        }
    }

    fn set_tags(&mut self, cpu: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        if !self.has_tags() {
            return Err(DebuggeeError::NotTagged { va });
        }
        let bytes: Vec<u8> = tags.iter().map(|tag| tag.value()).collect();
        let start = untagged(va) & !(machine::tags::GRANULE - 1);
        self.ask(|debugger, deadline| debugger.select(cpu, deadline))?;
        match self.ask(|debugger, deadline| debugger.store_tags(start, &bytes, deadline))? {
            TagTransfer::Complete => Ok(()),
            TagTransfer::NotTagged => Err(DebuggeeError::NotTagged { va }),
        }
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        if self.breakpoints.insert(va) {
            self.ask(|debugger, deadline| debugger.breakpoint(va, true, deadline))?;
        }
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        if self.breakpoints.remove(&va) {
            self.ask(|debugger, deadline| debugger.breakpoint(va, false, deadline))?;
        }
        Ok(())
    }

    fn step(&mut self, cpu: usize, deadline: Instant) -> Result<Stop, DebuggeeError> {
        if let Some(stop) = self.over {
            return Ok(stop);
        }
        let reason = self.ask(|debugger, _| debugger.step_once(cpu, deadline))?;
        let carried = self.carry_output();
        self.checked(carried)?;
        Ok(self.stop(Some(reason), |_| Stop::Stepped))
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        if let Some(stop) = self.over {
            return Ok(stop);
        }
        let reason = self.run(deadline);
        let reason = self.checked(reason)?;
        Ok(self.stop(reason, |cpu| Stop::Breakpoint { cpu }))
    }
}
