//! The machine on which `granule exec` runs an image.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

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
}

/// An opened board: what can be looked into, and served to a debugger.
pub trait OpenBoard: Debuggee {
    /// Lets calls of the guest to its host be served while a debugger has it.
    fn serve_calls(&mut self, calls: Box<dyn HostCalls>);

    /// Waits for a debugger, and serves it until it goes away or the guest is off.
    ///
    /// # Errors
    ///
    /// When the machine is lost, or no connection can be taken.
    fn serve_gdb(&mut self, listener: &TcpListener, deadline: Instant) -> Result<DebuggerEnd, DebuggeeError>;
}

impl OpenBoard for BareBoard {
    fn serve_calls(&mut self, calls: Box<dyn HostCalls>) {
        self.serve_calls(calls);
    }

    fn serve_gdb(&mut self, listener: &TcpListener, deadline: Instant) -> Result<DebuggerEnd, DebuggeeError> {
        self.serve_gdb(listener, deadline)
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
    /// CPU that is emulated
    #[arg(long, value_name = "NAME", default_value = tcg::CPU)]
    cpu: String,
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
    ) -> Result<(Box<dyn OpenBoard>, String), MachineError> {
        match via {
            Via::Tcg => self.open_tcg(image, file, print),
        }
    }

    fn open_tcg(
        &self,
        image: &Image,
        file: &[u8],
        print: ConsoleOutput,
    ) -> Result<(Box<dyn OpenBoard>, String), MachineError> {
        let qemu = Qemu::probe(&emulation::qemu_file(self.qemu.as_ref()), Instant::now() + PROBE)
            .map_err(MachineError::lost)?;
        let version = qemu.version.clone();
        let kernel = match image.format {
            Format::PositionIndependent => image.flattened().1,
            _ => file.to_vec(),
        };
        let config = BareConfig {
            qemu,
            cpu: self.cpu.clone(),
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
        let machine = format!("tcg: QEMU {version}, cpu {}, {memory} MiB{tags}", self.cpu);
        Ok((Box::new(board), machine))
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
