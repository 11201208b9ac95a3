//! The options of a run in an emulator.

use std::path::PathBuf;

use clap::Args;

use crate::cli::error::CliError;
use qemu::tcg;

/// Environment variables that stand for options.
const KERNEL: &str = "GRANULE_KERNEL";
const QEMU: &str = "GRANULE_QEMU";
const AGENT: &str = "GRANULE_AGENT";
/// The files that set-up found for a name given as `--kernel` or `--qemu`, such as 6.12.
const FOUND_KERNEL: &str = "GRANULE_FOUND_KERNEL";
const FOUND_QEMU: &str = "GRANULE_FOUND_QEMU";

/// Options of a run in an emulator.
#[derive(Clone, Debug, Args)]
#[command(
    next_help_heading = "Options of --via nested, --qemu and --cpu of --via tcg, --kernel and --cpu of --via model"
)]
pub struct Emulation {
    /// Kernel under test: an arm64 `Image` with KVM and MTE built in; for model a release, such as 6.12 or 7.2-16k; with
    /// `cargo xtask` also a series or a suite to fetch, such as 6.12 or trixie
    #[arg(long, value_name = "PATH", env = KERNEL)]
    pub kernel: Option<PathBuf>,
    /// QEMU for arm64 [default: qemu-system-aarch64 in PATH]; with `cargo xtask` also a version to fetch, such as 10
    #[arg(long, value_name = "PATH", env = QEMU)]
    pub qemu: Option<PathBuf>,
    /// The arm64 granule that runs inside [default: granule-aarch64 beside this program]
    #[arg(long, value_name = "PATH", env = AGENT)]
    pub agent: Option<PathBuf>,
    /// CPU that QEMU emulates
    #[arg(long, help = format!("CPU that QEMU emulates [default: {}; {} for tcg and model]", nested::CPU, tcg::CPU))]
    pub cpu: Option<String>,
    /// Kernel parameters, added to granule's own
    #[arg(long, value_name = "PARAMETERS", allow_hyphen_values = true)]
    pub append: Option<String>,
    /// Emulated CPUs
    #[arg(long, value_name = "N", help = format!("Emulated CPUs [default: {}]", nested::SMP), value_parser = clap::value_parser!(u32).range(1..=512))]
    pub smp: Option<u32>,
    /// Emulated memory in MiB
    #[arg(long, value_name = "MIB", help = format!("Emulated memory in MiB [default: {}]", nested::MEMORY_MIB), value_parser = clap::value_parser!(u32).range(128..))]
    pub mem: Option<u32>,
}

impl Emulation {
    /// Returns the kernel to boot: the file behind its name if set-up found one, else what was given.
    pub fn kernel_file(&self) -> Option<PathBuf> {
        kernel_file(self.kernel.as_ref())
    }

    /// Returns the QEMU to start: the file behind its name if set-up found one, else what was given, or the default.
    pub fn qemu_file(&self) -> PathBuf {
        qemu_file(self.qemu.as_ref())
    }

    /// Returns the options that mean something on a machine, for a command that may open several.
    pub fn only(&self, useful: &[&str]) -> Self {
        let has = |name: &str| useful.contains(&name);
        Self {
            kernel: self.kernel.clone().filter(|_| has("--kernel")),
            qemu: self.qemu.clone().filter(|_| has("--qemu")),
            agent: self.agent.clone().filter(|_| has("--agent")),
            cpu: self.cpu.clone().filter(|_| has("--cpu")),
            append: self.append.clone().filter(|_| has("--append")),
            smp: self.smp.filter(|_| has("--smp")),
            mem: self.mem.filter(|_| has("--mem")),
        }
    }

    /// The kernel that the command line names, and not the environment.
    pub fn named_kernel(&self) -> Option<&PathBuf> {
        self.kernel.as_ref().filter(|path| std::env::var_os(KERNEL).is_none_or(|value| value != *path.as_os_str()))
    }

    /// Rejects options that would do nothing. What an environment variable gives is not an option.
    ///
    /// # Errors
    ///
    /// When one was given.
    pub fn refuse(&self) -> Result<(), CliError> {
        self.refuse_all_but(&[])
    }

    /// As [`Self::refuse`], on a machine where these options do something.
    ///
    /// # Errors
    ///
    /// When another was given.
    pub fn refuse_all_but(&self, useful: &[&str]) -> Result<(), CliError> {
        let given = |path: &Option<PathBuf>, variable| {
            path.as_ref().is_some_and(|path| std::env::var_os(variable).is_none_or(|value| value != *path.as_os_str()))
        };
        let given = [
            ("--kernel", given(&self.kernel, KERNEL)),
            ("--qemu", given(&self.qemu, QEMU)),
            ("--agent", given(&self.agent, AGENT)),
            ("--cpu", self.cpu.is_some()),
            ("--append", self.append.is_some()),
            ("--smp", self.smp.is_some()),
            ("--mem", self.mem.is_some()),
        ];
        match given.iter().find(|(name, given)| *given && !useful.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(CliError::Usage(format!("{name} means nothing on this machine; add --via nested, or leave it out")))
            }
        }
    }
}

/// Returns the kernel to boot: the file behind its name if set-up found one, else what was given.
pub fn kernel_file(given: Option<&PathBuf>) -> Option<PathBuf> {
    found(FOUND_KERNEL).or_else(|| given.cloned())
}

/// Returns the QEMU to start: the file behind its name if set-up found one, else what was given, or the default.
pub fn qemu_file(given: Option<&PathBuf>) -> PathBuf {
    found(FOUND_QEMU).or_else(|| given.cloned()).unwrap_or_else(|| nested::QEMU.into())
}

fn found(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}
