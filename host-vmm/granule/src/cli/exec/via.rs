//! The machine on which `granule exec` runs an image.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::kvm;
use crate::cli::run::emulation;
use ::exec::image::{Format, Image};
use machine::MachineError;
use machine::debuggee::{ConsoleOutput, Debuggee, DebuggeeError, DebuggerEnd, HostCalls};
use qemu::program::Qemu;
use qemu::tcg::{self, BareBoard, BareConfig, ConsoleEnds};

/// Where an image runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// QEMU alone, on any host
    Tcg,
    /// This host's /dev/kvm: an arm64 Linux with MTE
    Kvm,
    /// A stock kernel's KVM inside QEMU, on any host
    Nested,
}

/// An opened board: what can be looked into, and served to a debugger.
pub enum OpenBoard {
    /// QEMU alone, whose own gdb port a debugger gets.
    Bare(Box<BareBoard>),
    /// A board on KVM, here or on a line.
    Kvm(Box<dyn Debuggee>),
}

impl OpenBoard {
    /// Returns what can be looked into.
    pub fn debuggee(&mut self) -> &mut dyn Debuggee {
        match self {
            Self::Bare(board) => &mut **board,
            Self::Kvm(board) => &mut **board,
        }
    }

    /// Waits for a debugger, and serves it until it goes away or the guest is off. Calls of the guest to its host are served meanwhile.
    ///
    /// # Errors
    ///
    /// When the machine is lost, or no connection can be taken.
    pub fn serve_gdb(
        &mut self,
        listener: &TcpListener,
        calls: Box<dyn HostCalls>,
        deadline: Instant,
    ) -> Result<DebuggerEnd, DebuggeeError> {
        match self {
            Self::Bare(board) => {
                board.serve_calls(calls);
                board.serve_gdb(listener, deadline)
            }
            Self::Kvm(board) => gdb::serve(&mut **board, calls, listener, deadline),
        }
    }
}

/// How long QEMU may take to say its version.
const PROBE: Duration = Duration::from_secs(20);

/// The board.
#[derive(Debug, Args)]
#[command(next_help_heading = "The board: QEMU's `virt`, with RAM at 0x40000000 and a PL011 at 0x09000000")]
pub struct Board {
    /// QEMU for arm64 [default: qemu-system-aarch64 in PATH]; with `cargo xtask` also a version to fetch, such as 10
    #[arg(long, value_name = "PATH", env = "GRANULE_QEMU")]
    qemu: Option<PathBuf>,
    /// Kernel whose KVM is used, for nested: an arm64 `Image`; with `cargo xtask` also a series, such as 6.12
    #[arg(long, value_name = "PATH", env = "GRANULE_KERNEL")]
    kernel: Option<PathBuf>,
    /// The arm64 granule that runs inside, for nested [default: granule-aarch64 beside this program]
    #[arg(long, value_name = "PATH", env = "GRANULE_AGENT")]
    agent: Option<PathBuf>,
    /// CPU that is emulated
    #[arg(long, value_name = "NAME", help = format!("CPU that QEMU emulates [default: {}; {} for nested]", tcg::CPU, nested::CPU))]
    cpu: Option<String>,
    /// vCPUs; all but the first are off until PSCI CPU_ON
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    smp: u32,
    /// RAM in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(8..=65_536))]
    mem: u32,
    /// Arguments for the image: /chosen/bootargs of the device tree, whose address is in x0, and semihosting's command line
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true, default_value = "")]
    append: String,
}

impl Board {
    /// Returns the bytes of RAM.
    pub fn ram_bytes(&self) -> u64 {
        u64::from(self.mem) << 20
    }

    /// Returns semihosting's command line: the image's name and the arguments.
    pub fn arguments(&self, image: &Path) -> String {
        let name = image.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{name} {}", self.append).trim_end().to_owned()
    }

    /// Opens the machine with the image in it, before its first instruction; and says what it is.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(
        &self,
        via: Via,
        image: &Image,
        file: &[u8],
        print: ConsoleOutput,
    ) -> Result<(OpenBoard, String), MachineError> {
        match via {
            Via::Tcg => self.open_tcg(image, file, print),
            Via::Kvm => on_kvm(kvm::open(&self.request(image, file)?, print)),
            Via::Nested => {
                let kernel = emulation::kernel_file(self.kernel.as_ref());
                let kernel = kernel.ok_or_else(|| MachineError::lost(NoKernel))?;
                let qemu = emulation::qemu_file(self.qemu.as_ref());
                let (agent, cpu) = (self.agent.as_deref(), self.cpu.as_deref());
                let around = kvm::Around { qemu, kernel: &kernel, agent, cpu };
                on_kvm(kvm::open_nested(&self.request(image, file)?, &around, print))
            }
        }
    }

    /// Returns what a board on KVM gets.
    fn request<'a>(&'a self, image: &'a Image, file: &'a [u8]) -> Result<kvm::Request<'a>, MachineError> {
        if self.smp != 1 {
            return Err(MachineError::lost(OneCpu(self.smp)));
        }
        Ok(kvm::Request { file, image, memory_mib: self.mem, arguments: &self.append })
    }

    fn open_tcg(&self, image: &Image, file: &[u8], print: ConsoleOutput) -> Result<(OpenBoard, String), MachineError> {
        let qemu = Qemu::probe(&emulation::qemu_file(self.qemu.as_ref()), Instant::now() + PROBE)
            .map_err(MachineError::lost)?;
        let version = qemu.version.clone();
        let kernel = match image.format {
            Format::PositionIndependent => image.flattened().1,
            _ => file.to_vec(),
        };
        let cpu = self.cpu.clone().unwrap_or_else(|| tcg::CPU.to_owned());
        let config = BareConfig {
            qemu,
            cpu: cpu.clone(),
            cpus: self.smp,
            memory_mib: self.mem,
            kernel,
            arguments: self.append.clone(),
        };
        let input = std::io::stdin().as_fd().try_clone_to_owned().ok();
        let mut board = BareBoard::start(&config, ConsoleEnds { out: print, input })?;
        if image.format == Format::Elf {
            board.pass_device_tree().map_err(|error| match error {
                DebuggeeError::Lost(error) => error,
                other => MachineError::lost(Unusable(other)),
            })?;
        }
        let tags = if board.has_tags() { "" } else { ", allocation tags not shown before QEMU 9.2" };
        let memory = self.mem;
        let machine = format!("tcg: QEMU {version}, cpu {cpu}, {memory} MiB{tags}");
        Ok((OpenBoard::Bare(Box::new(board)), machine))
    }
}

fn on_kvm(opened: Result<(Box<dyn Debuggee>, String), MachineError>) -> Result<(OpenBoard, String), MachineError> {
    opened.map(|(board, machine)| (OpenBoard::Kvm(board), machine))
}

/// A nested run without a kernel.
#[derive(Debug, thiserror::Error)]
#[error("an image on a nested Linux needs a kernel")]
struct NoKernel;

impl machine::Explain for NoKernel {
    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("give an arm64 Image with --kernel, or use `cargo xtask exec`, which fetches one".into())
    }
}

/// More CPUs than the board on KVM has.
#[derive(Debug, thiserror::Error)]
#[error("the board on KVM has one CPU, --smp is {0}")]
struct OneCpu(u32);

impl machine::Explain for OneCpu {
    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("leave --smp out, or use --via tcg".into())
    }
}

/// A board that does not do what every board does.
#[derive(Debug, thiserror::Error)]
#[error("the image cannot be given its device tree: {0}")]
struct Unusable(DebuggeeError);

impl machine::Explain for Unusable {
    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some(machine::error::REPORT_IF_REPEATED.into())
    }
}
