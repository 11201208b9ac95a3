//! `granule exec` on KVM: this host's, or a stock kernel's inside QEMU.

use std::borrow::Cow;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use ::exec::image::Image;
use board::console::Console;
use machine::debuggee::{ConsoleOutput, Debuggee};
use machine::target::OpenError;
use machine::{Deadline, Explain, MachineError};
use nested::inner::{BoardOptions, Work};
use qemu::child::wait_readable;
use suite::GuestPolicy;

/// Bytes of input that are read at once.
const CHUNK: usize = 256;

/// What an image gets on KVM.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The file.
    pub file: &'a [u8],
    /// What is in it.
    pub image: &'a Image,
    /// RAM in MiB.
    pub memory_mib: u32,
    /// Arguments for the image.
    pub arguments: &'a str,
}

/// This process's input, and the output that the command line made.
struct Terminal {
    print: ConsoleOutput,
    read: Vec<u8>,
    /// Whether more may come.
    open: bool,
}

impl Terminal {
    fn new(print: ConsoleOutput) -> Self {
        Self { print, read: Vec::new(), open: true }
    }
}

impl Console for Terminal {
    fn write(&mut self, bytes: &[u8]) {
        (self.print)(bytes);
    }

    fn read(&mut self) -> Option<u8> {
        if self.read.is_empty() && self.open {
            let input = std::io::stdin();
            let ready = wait_readable([Some(input.as_fd())], Instant::now());
            if let Ok([true]) = ready {
                let mut bytes = [0; CHUNK];
                let count = input.lock().read(&mut bytes).unwrap_or(0);
                self.open = count > 0;
                self.read = bytes[..count].iter().rev().copied().collect();
            }
        }
        self.read.pop()
    }
}

/// A machine that is not there, as an error of a machine.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct NotOpened(OpenError);

impl Explain for NotOpened {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        self.0.remedy()
    }
}

fn not_opened(error: OpenError) -> MachineError {
    match error {
        OpenError::Unavailable { .. } => MachineError::NoMte(Box::new(NotOpened(error))),
        OpenError::Broken { .. } => MachineError::lost(NotOpened(error)),
    }
}

/// Opens a board on this host's KVM.
///
/// # Errors
///
/// When the host has no KVM or no MTE, or the kernel refuses something.
#[cfg(target_arch = "aarch64")]
pub fn open(request: &Request<'_>, print: ConsoleOutput) -> Result<(Box<dyn Debuggee>, String), MachineError> {
    use board::kvm_board::{Config, KvmBoard};

    let host = kvm::probe::host()
        .map_err(|missing| not_opened(OpenError::Unavailable { reason: missing.reason, remedy: missing.remedy }))?;
    let memory = u64::from(request.memory_mib) << 20;
    let config = Config { memory, arguments: request.arguments };
    let board = KvmBoard::new(&host, &nested::program_of(request.image), config, Box::new(Terminal::new(print)))?;
    Ok((Box::new(board), format!("kvm: Linux {}, {}, {} MiB", host.kernel, host.mode, request.memory_mib)))
}

/// Says that there is no such KVM here.
///
/// # Errors
///
/// Always.
#[cfg(not(target_arch = "aarch64"))]
pub fn open(request: &Request<'_>, _print: ConsoleOutput) -> Result<(Box<dyn Debuggee>, String), MachineError> {
    debug_assert!(!request.image.segments.is_empty(), "an image that was parsed has something in it");
    Err(not_opened(OpenError::Unavailable {
        reason: format!("this is a {} host, whose KVM cannot run arm64 guests", std::env::consts::ARCH),
        remedy: "use --via nested or --via tcg, or run granule on an arm64 board".to_owned(),
    }))
}

/// Where the Linux of a nested run comes from.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// QEMU.
    pub qemu: std::path::PathBuf,
    /// The kernel whose KVM is used.
    pub kernel: &'a Path,
    /// The arm64 granule.
    pub agent: Option<&'a Path>,
    /// QEMU's `-cpu`.
    pub cpu: Option<&'a str>,
}

/// Opens a board on the KVM of a nested Linux.
///
/// # Errors
///
/// When it does not come up.
pub fn open_nested(
    request: &Request<'_>,
    around: &Around<'_>,
    print: ConsoleOutput,
) -> Result<(Box<dyn Debuggee>, String), MachineError> {
    let options = nested::Options {
        qemu: around.qemu.clone(),
        kernel: around.kernel.to_owned(),
        agent: around.agent.map(Path::to_owned),
        cpu: around.cpu.unwrap_or(nested::CPU).to_owned(),
        append: String::new(),
        smp: nested::SMP,
        // The guest's memory comes out of the inner Linux's.
        memory_mib: nested::MEMORY_MIB + request.memory_mib,
        deadline: Deadline::after(nested::TIMEOUT),
        work: Work::default(),
        board: Some(BoardOptions { memory_mib: request.memory_mib, arguments: request.arguments.to_owned() }),
        cases: Vec::new(),
        seed: 0,
        firmware: Some(request.file.to_owned()),
        guests: GuestPolicy::default(),
        save_restore: None,
        behind_kexec: false,
        file: None,
        parcel: None,
    };
    let opened = nested::board_line::open(&options, Box::new(Terminal::new(print)));
    let (board, emulator) = opened.map_err(not_opened)?;
    let machine = format!("nested: {} in {emulator}, {} MiB", board.host(), request.memory_mib);
    Ok((Box::new(board), machine))
}
