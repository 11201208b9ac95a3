//! The suite inside QEMU, with a stock Linux kernel whose KVM is under test; or somebody's image on its KVM
//! ([`board_line`]), or a machine that stays open ([`machine_line`]); both over [`console_line`].
//!
//! Outside ([`outer`]): [`kernel_image`] and [`agent`] check the files, [`initramfs`] packs the agent,
//! `command` says how QEMU is started, [`wire`] decodes its console, [`watch`] makes the verdict on what came or did not
//! come. Inside ([`inner`]): the arm64 granule as PID 1 runs the suite and writes its events on the console;
//! [`kernel_log`] looks for what the kernel says about itself meanwhile.
//!
//! Nothing is written to a file system and no process stays behind, however the run ends.

pub mod agent;
pub mod board_line;
mod command;
pub mod console_line;
#[cfg(any(test, target_arch = "aarch64"))]
mod device_tree;
pub mod files;
pub mod initramfs;
pub mod inner;
pub mod kernel_image;
pub mod kernel_log;
pub mod kernel_warning;
pub mod line_error;
pub mod machine_line;
pub mod modules;
pub mod outer;
pub mod parcel;
pub mod watch;
pub mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use outer::run;

use board::program::Program;
use exec::image::Image;
use machine::Deadline;
use suite::GuestPolicy;

use report::event::CaseInfo;

/// QEMU, looked up in PATH.
pub const QEMU: &str = "qemu-system-aarch64";
/// All that QEMU can emulate but pointer authentication, which a kernel uses in every function and which
/// costs a seventh of the boot's time.
pub const CPU: &str = "max,pauth=off";
/// One CPU boots in two thirds of the time that two take.
pub const SMP: u32 = 1;
/// MiB; less does not boot faster, and Linux keeps transparent huge pages off below 512 of its own.
pub const MEMORY_MIB: u32 = 640;
/// For everything: thirty times what a run takes on two idle cores.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns an image as a board takes it.
#[must_use]
pub fn program_of(image: &Image) -> Program {
    let parts = image.segments.iter().map(|segment| (segment.pa, segment.data.clone(), segment.size)).collect();
    Program { entry: image.entry, parts }
}

/// What to run, in what.
#[derive(Clone, Debug)]
pub struct Options {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// The kernel under test.
    pub kernel: PathBuf,
    /// The arm64 granule, if not the one beside this program.
    pub agent: Option<PathBuf>,
    /// QEMU's `-cpu`.
    pub cpu: String,
    /// Kernel parameters, behind ours.
    pub append: String,
    /// Emulated CPUs.
    pub smp: u32,
    /// Emulated memory.
    pub memory_mib: u32,
    /// When the whole run is to be over.
    pub deadline: Deadline,
    /// What is to be run.
    pub work: inner::Work,
    /// A board to be served instead of doing `work`; its image is `firmware`.
    pub board: Option<inner::BoardOptions>,
    /// The cases; of programs that are given, what they are as cases.
    pub cases: Vec<CaseInfo>,
    /// The seed of everything random.
    pub seed: u64,
    /// The firmware to use instead of the agent's own: an ELF file's bytes.
    pub firmware: Option<Vec<u8>>,
    /// How guests are treated.
    pub guests: GuestPolicy,
    /// How the guests of programs are saved and restored at every checkpoint, if they are.
    pub save_restore: Option<saved::restoring::Way>,
    /// Whether the work is done behind a kexec: by the same kernel once more, in RAM that is full of another one's data and tags.
    pub behind_kexec: bool,
    /// A file for the work, which the inner granule finds.
    pub file: Option<Vec<u8>>,
    /// Where it puts what is too much for its console.
    pub parcel: Option<Arc<parcel::Parcel>>,
}
