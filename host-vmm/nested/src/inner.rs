//! PID 1 of the inner Linux: sets up what the suite needs, runs it, writes its events on the console, and
//! powers off.
//!
//! It must end in a closing event and a power-off whatever happens, a panic of its own included: a PID 1
//! that simply exits is a kernel panic, and would be taken for the kernel's fault.

#[cfg(target_arch = "aarch64")]
mod board_work;
#[cfg(target_arch = "aarch64")]
mod kexec;
mod swap;
pub(crate) mod terminal_line;

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, TryLockError};

use rustix::mount::MountFlags;
use rustix::system::{RebootCommand, reboot};
use rustix::termios::{OptionalActions, OutputModes, tcdrain, tcgetattr, tcsetattr};
use serde::{Deserialize, Serialize};

use super::files::{FIRMWARE, MODULES, OPTIONS, WORK_FILE};
use super::kernel_log::KernelLog;
use super::wire::{Encoder, NUMBER};
use fuzz::campaign;
use fuzz::replay::NamedProgram;
use report::event::{CaseInfo, Event, Sink};
use saved::restoring::Way;
use suite::GuestPolicy;

/// What is to be run inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// The selected cases.
    #[default]
    Suite,
    /// Programs, each as a case.
    Programs(Vec<NamedProgram>),
    /// What is asked over the console: see [`crate::machine_line`].
    Machine,
    /// Random programs; whether they stay away from the known divergences of the emulator and the kernel.
    Fuzz(campaign::Options, bool),
    /// A program, as its text, traced on the machine and on the specification.
    Trace(String),
    /// A program, as its text, run to a checkpoint, and its guest saved into the parcel.
    Save {
        /// The program.
        program: String,
        /// The number of the checkpoint, from 1 on.
        checkpoint: usize,
    },
    /// The guest in the work's file, restored; its program goes on.
    Restore,
    /// The guest in the work's file, restored and saved again into the parcel.
    SaveAgain,
    /// The guests in the work's file, of which is asked whether they could be restored.
    Attempt,
}

/// A board for an image, which travels as the firmware does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardOptions {
    /// RAM in MiB.
    pub memory_mib: u32,
    /// Arguments for the image.
    pub arguments: String,
}

/// What the inner granule is told to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InnerOptions {
    /// What is to be run.
    #[serde(default)]
    pub work: Work,
    /// The cases: exact names.
    pub names: Vec<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// How guests are treated.
    pub guests: GuestPolicy,
    /// How the guests of programs are saved and restored at every checkpoint, if they are.
    #[serde(default)]
    pub save_restore: Option<Way>,
    /// The emulator around this kernel, as it names itself: `QEMU 10.0.2`.
    #[serde(default)]
    pub emulator: String,
    /// Have another kernel take over, which does the work, instead of doing it.
    #[serde(default)]
    pub kexec: bool,
    /// Serve this board instead of doing `work`.
    #[serde(default)]
    pub board: Option<BoardOptions>,
    /// The firmware to use instead of the embedded one. It travels as a file of its own.
    #[serde(skip)]
    pub firmware: Option<Vec<u8>>,
    /// A file for the work, likewise.
    #[serde(skip)]
    pub file: Option<Vec<u8>>,
}

/// What is mounted: type and place. The suite reads /proc, KVM is in /dev.
const MOUNTS: &[(&CStr, &CStr)] =
    &[(c"proc", c"/proc"), (c"sysfs", c"/sys"), (c"devtmpfs", c"/dev"), (c"tmpfs", c"/tmp")];

/// What is mounted if the kernel has it. The suite splits huge pages through debugfs, and needs files that are no tmpfs's.
const MOUNTS_TO_TRY: &[(&CStr, &CStr)] = &[(c"debugfs", c"/sys/kernel/debug"), (c"ramfs", c"/var/tmp")];

/// The console, as the panic hook and the suite share it.
static CONSOLE: Mutex<Option<Console>> = Mutex::new(None);

/// Why the suite was not run.
#[derive(Debug, thiserror::Error)]
enum InnerError {
    #[error("{place} cannot be mounted: {source}")]
    Mount { place: String, source: io::Error },
    #[error("/{OPTIONS}: {0}")]
    Options(io::Error),
}

/// Returns whether this process is the first of an inner Linux.
#[must_use]
pub fn is_inner() -> bool {
    std::process::id() == 1 && Path::new("/").join(OPTIONS).exists()
}

/// Runs a suite as PID 1 and powers off.
pub fn run(suite: fn(&InnerOptions, &mut dyn Sink)) -> ! {
    *CONSOLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Console::open().ok();
    std::panic::set_hook(Box::new(|info| {
        broken(&format!("granule itself panicked in the inner Linux: {info}"));
        power_off();
    }));
    match &set_up() {
        #[cfg(target_arch = "aarch64")]
        Ok(InnerOptions { board: Some(board), firmware, .. }) => {
            board_work::run(board, firmware.as_deref().unwrap_or_default());
        }
        #[cfg(target_arch = "aarch64")]
        Ok(InnerOptions { kexec: true, .. }) => {
            broken(&format!("the next kernel cannot take over (kexec): {}", kexec::run()));
        }
        Ok(options) => suite(options, &mut KernelLog::new(&mut SharedConsole { names: &options.names })),
        Err(error) => broken(&format!("the inner Linux cannot be set up: {error}")),
    }
    power_off()
}

fn set_up() -> Result<InnerOptions, InnerError> {
    keep_freed_memory();
    MOUNTS.iter().try_for_each(|(kind, place)| mount(kind, place))?;
    for (kind, place) in MOUNTS_TO_TRY {
        // Cases that need it say what is missing.
        let _ = mount(kind, place);
    }
    let root = Path::new("/");
    // Without swap the cases that need it are skipped.
    let _ = swap::start(&root.join(MODULES));
    let text = fs::read(root.join(OPTIONS)).map_err(InnerError::Options)?;
    let mut options: InnerOptions = serde_json::from_slice(&text).map_err(|error| InnerError::Options(error.into()))?;
    options.firmware = fs::read(root.join(FIRMWARE)).ok();
    options.file = fs::read(root.join(WORK_FILE)).ok();
    Ok(options)
}

/// Keeps freed memory in the process: the suite allocates megabytes again and again, and page faults are what
/// an emulated kernel is slow at.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "mallopt has no wrapper in std")]
fn keep_freed_memory() {
    const NEVER: libc::c_int = 1 << 30;
    // SAFETY: sets parameters of the allocator; no other thread runs yet.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, NEVER) };
    // SAFETY: as above.
    let _ = unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, NEVER) };
}

/// Other C libraries have no such parameters.
#[cfg(not(target_env = "gnu"))]
fn keep_freed_memory() {}

fn mount(kind: &CStr, place: &CStr) -> Result<(), InnerError> {
    match rustix::mount::mount(kind, place, kind, MountFlags::empty(), None) {
        // A kernel may have mounted /dev already.
        Ok(()) | Err(rustix::io::Errno::BUSY) => Ok(()),
        Err(error) => Err(InnerError::Mount { place: place.to_string_lossy().into_owned(), source: error.into() }),
    }
}

/// Writes a closing event, unless the console is in use by the very code that panicked.
fn broken(reason: &str) {
    let mut console = match CONSOLE.try_lock() {
        Ok(console) => console,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    if let Some(console) = &mut *console {
        console.event(&Event::Broken {
            reason: reason.to_owned(),
            remedy: "please report this with the command line".to_owned(),
        });
    }
}

fn power_off() -> ! {
    // Not refused to PID 1. Were it, ending would be the only thing left to do.
    let _ = reboot(RebootCommand::PowerOff);
    std::process::exit(1)
}

/// The sink of the suite.
struct SharedConsole<'a> {
    /// The cases as they were asked for.
    names: &'a [String],
}

impl Sink for SharedConsole<'_> {
    fn event(&mut self, event: Event) {
        let event = shortened(self.names, event);
        let mut console = CONSOLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(console) = &mut *console {
            console.event(&event);
        }
    }
}

/// The terminal that the kernel's messages also go to.
#[derive(Debug)]
struct Console {
    terminal: File,
    encoder: Encoder,
}

impl Console {
    fn open() -> io::Result<Self> {
        let terminal = OpenOptions::new().write(true).open("/dev/console")?;
        make_raw(&terminal);
        Ok(Self { terminal, encoder: Encoder::default() })
    }

    /// Writes an event, and waits until it has left: the kernel may die in the next moment.
    fn event(&mut self, event: &Event) {
        // What cannot be written is missed outside: a gap in the numbers, or no closing event.
        let Ok(frame) = self.encoder.frame(event) else { return };
        self.write(&frame);
    }

    fn write(&self, frame: &[u8]) {
        let mut terminal = &self.terminal;
        if terminal.write_all(frame).is_ok() {
            // What cannot be drained leaves anyhow, only later.
            let _ = tcdrain(&self.terminal);
        }
    }
}

/// Shortens an event to what is not known outside: of a case that begins its number among those asked for, of one
/// that ends how. Each byte is an access to an emulated UART.
fn shortened(names: &[String], event: Event) -> Event {
    match event {
        Event::Begin(case) => {
            let number = names.iter().position(|name| *name == case.name);
            let name = number.map_or(case.name, |number| format!("{NUMBER}{number}"));
            Event::Begin(CaseInfo { name, claim: String::new(), cite: String::new() })
        }
        Event::End { verdict, micros, .. } => Event::End { name: String::new(), verdict, micros },
        other => other,
    }
}

/// Stops the terminal from adding a carriage return to each line. It is only a byte saved, so errors do not matter.
fn make_raw(terminal: &File) {
    let Ok(mut settings) = tcgetattr(terminal) else { return };
    settings.output_modes.remove(OutputModes::OPOST);
    let _ = tcsetattr(terminal, OptionalActions::Now, &settings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::event::Verdict;

    #[test]
    fn shortened_events_keep_number_name_and_verdict() {
        let names = ["a.b.c".to_owned(), "a.b.d".to_owned()];
        let begin = |name: &str, claim: &str| {
            Event::Begin(CaseInfo { name: name.into(), claim: claim.into(), cite: String::new() })
        };
        assert_eq!(shortened(&names, begin("a.b.d", "claim")), begin("#1", ""));
        assert_eq!(shortened(&names, begin("other", "claim")), begin("other", ""));
        let end = |name: &str| Event::End { name: name.into(), verdict: Verdict::Passed, micros: 7 };
        assert_eq!(shortened(&names, end("a.b.c")), end(""));
        assert_eq!(shortened(&names, Event::Finished { micros: 1 }), Event::Finished { micros: 1 });
    }

    #[test]
    fn only_pid_1_is_the_inner_granule() {
        assert!(!is_inner());
    }
}
