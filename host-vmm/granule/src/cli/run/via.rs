//! The machine that the command line names, and what is run on it: the suite, programs, or random programs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use fuzz::contender::KnownErrata;
use fuzz::{campaign, replay};
use kvm::open::ThisHost;
use machine::Deadline;
use machine::target::{OpenError, Opener};
use program::Program;
use qemu::tcg;
use report::event::{CaseInfo, Event, STREAM_VERSION, Sink};
use suite::GuestPolicy;

use super::emulation::Emulation;
use super::{model_options, no_kernel};
use crate::cli::error::CliError;
use crate::firmware;
use nested::inner::Work;
use nested::parcel::Parcel;
use saved::attempt::{Candidate, attempt};
use saved::convert::Origin;
use saved::restore::Then;
use saved::restoring::{RestoringOpener, Way};
use saved::save::{Deliver, Wanted};

/// Where the suite runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// This host's /dev/kvm: an arm64 Linux with MTE
    Kvm,
    /// A stock kernel's KVM inside QEMU, on any host
    Nested,
    /// QEMU alone, without a kernel, on any host: the architecture's promises in a second
    Tcg,
    /// The executable specification, on any host: what should happen, in no time
    Model,
}

impl Via {
    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Nested => "nested",
            Self::Tcg => "tcg",
            Self::Model => "model",
        }
    }
}

/// How guests of programs are saved and restored at every checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SaveRestore {
    /// Within granule's memory, as `save-restore` in a program does
    Memory,
    /// Through a snapshot's file (docs/snapshot.md), on KVM
    File,
}

impl From<SaveRestore> for Way {
    fn from(way: SaveRestore) -> Self {
        match way {
            SaveRestore::Memory => Self::Memory,
            SaveRestore::File => Self::File,
        }
    }
}

/// A machine and its options, as they were given.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// Which machine.
    pub via: Via,
    /// The options of an emulated one.
    pub emulation: &'a Emulation,
    /// The firmware to use instead of the built-in one.
    pub firmware: Option<&'a Path>,
    /// How guests are treated.
    pub guests: GuestPolicy,
    /// When all is to be over.
    pub deadline: Deadline,
    /// Whether random programs stay away from known divergences.
    pub avoid_known: bool,
    /// Emulated CPUs of a nested run unless the user says otherwise.
    pub smp: u32,
    /// How guests of programs are saved and restored at every checkpoint, if they are.
    pub save_restore: Option<SaveRestore>,
}

/// A machine whose options make sense.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    options: Machine<'a>,
    kind: Kind,
}

/// Makes a file on a machine that this process opens.
type MakeFile<'a> = dyn FnMut(&dyn Opener, &Origin, &mut Deliver<'_>, &mut dyn Sink) + 'a;

/// What a nested run gets besides the options.
#[derive(Default)]
struct Parts {
    work: Work,
    cases: Vec<CaseInfo>,
    seed: u64,
    /// A file for the work.
    file: Option<Vec<u8>>,
    /// Where it puts a file.
    parcel: Option<Arc<Parcel>>,
    /// Whether the work is done behind a kexec.
    behind_kexec: bool,
}

/// The largest file that a nested run can make, in bytes: many times the memory of a program's guest.
const LARGEST_FILE: u64 = 64 << 20;

fn no_room(error: &std::io::Error) -> Event {
    Event::Broken {
        reason: format!("there is no room for what the nested run sends: {error}"),
        remedy: "free some memory".to_owned(),
    }
}

/// Hands on what a nested run put into its parcel, before its answer.
struct Delivering<'a, 'd> {
    sink: &'a mut dyn Sink,
    parcel: &'a Parcel,
    deliver: &'a mut Deliver<'d>,
}

impl Sink for Delivering<'_, '_> {
    fn event(&mut self, event: Event) {
        if matches!(event, Event::Answer(_)) {
            let delivered = match self.parcel.received() {
                Ok(Some(bytes)) => (self.deliver)(&bytes),
                Ok(None) => Err("the nested run answers, and has sent nothing".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = delivered {
                return self.sink.event(Event::Broken { reason, remedy: String::new() });
            }
        }
        self.sink.event(event);
    }
}

/// What opens a machine that stays open.
pub enum Opening {
    /// In this process.
    Here(Box<dyn Opener>),
    /// A nested run in which the machine waits for requests.
    Nested(Box<nested::Options>),
}

/// Which machine, with what it takes to open it.
#[derive(Clone, Debug)]
enum Kind {
    Kvm,
    Tcg,
    Model(Box<modelled::Settings>),
    Nested { kernel: PathBuf },
}

impl<'a> Machine<'a> {
    /// Checks the options of the command line.
    ///
    /// # Errors
    ///
    /// When one was given that means nothing on this machine, or one is missing.
    pub fn check(self) -> Result<Checked<'a>, CliError> {
        if self.save_restore == Some(SaveRestore::File) && !matches!(self.via, Via::Kvm | Via::Nested) {
            let message = "--save-restore file takes KVM: --via kvm or nested; --save-restore memory does without";
            return Err(CliError::Usage(message.to_owned()));
        }
        let kind = match self.via {
            Via::Kvm => {
                self.emulation.refuse()?;
                Kind::Kvm
            }
            Via::Tcg => {
                self.emulation.refuse_all_but(&["--qemu", "--cpu"])?;
                Kind::Tcg
            }
            Via::Model if self.firmware.is_some() => {
                let message = "the model has a firmware of its own; leave --firmware out, or choose another machine";
                return Err(CliError::Usage(message.to_owned()));
            }
            Via::Model => {
                let settings = model_options::settings(self.emulation)?;
                let (guest_timeout, deadline) = (self.guests.guest_timeout, self.deadline);
                Kind::Model(Box::new(modelled::Settings { guest_timeout, deadline, ..settings }))
            }
            Via::Nested => Kind::Nested { kernel: self.emulation.kernel_file().ok_or_else(no_kernel)? },
        };
        Ok(Checked { options: self, kind })
    }
}

impl Checked<'_> {
    /// Runs the selected cases of the suite.
    pub fn suite(&self, cases: Vec<CaseInfo>, seed: u64, sink: &mut dyn Sink) {
        let names = cases.iter().map(|case| case.name.clone()).collect();
        let options =
            suite::Options { names, seed, fresh_vms: self.options.guests.fresh_vms, deadline: self.options.deadline };
        let parts = Parts { work: Work::Suite, cases, seed, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| super::run_suite(&options, opener, sink));
    }

    /// Runs a campaign of random programs.
    pub fn fuzz(&self, options: &campaign::Options, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64, usize)) {
        // In this process nothing is around the target: it is QEMU itself, the model, or hardware.
        let known = KnownErrata {
            avoided: self.options.avoid_known,
            restores: self.options.save_restore.is_some(),
            around: String::new(),
        };
        let work = Work::Fuzz(*options, self.options.avoid_known);
        let parts = Parts { work, seed: options.seed, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| {
            campaign::run(options, opener, &known, sink, progress);
        });
    }

    /// Runs programs, each as a case.
    pub fn replay(&self, programs: &[replay::NamedProgram], seed: u64, sink: &mut dyn Sink) {
        let cases = programs.iter().map(replay::NamedProgram::info).collect();
        let parts = Parts { work: Work::Programs(programs.to_vec()), cases, seed, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| {
            replay::run(programs, opener, "", seed, self.options.deadline, sink);
        });
    }

    /// Traces a program on the machine and on the specification of the same CPU; the trace is the answer.
    pub fn trace(&self, program: &Program, sink: &mut dyn Sink) {
        let parts = Parts { work: Work::Trace(program.to_string()), ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| {
            trace::beside::beside(program, opener, "", self.options.deadline, sink);
        });
    }

    /// Runs a program to a checkpoint and saves its guest; `deliver` gets the file.
    pub fn save(&self, program: &Program, checkpoint: usize, deliver: &mut Deliver<'_>, sink: &mut dyn Sink) {
        let work = Work::Save { program: program.to_string(), checkpoint };
        let wanted = Wanted { program, checkpoint };
        self.with_parcel(work, None, deliver, sink, &mut |opener, origin, deliver, sink| {
            saved::save::save(wanted, opener, origin, deliver, sink);
        });
    }

    /// Restores the guest of a file and saves it again, as it is; `deliver` gets the new file.
    pub fn save_again(&self, file: &[u8], deliver: &mut Deliver<'_>, sink: &mut dyn Sink) {
        let deadline = self.options.deadline;
        self.with_parcel(Work::SaveAgain, Some(file), deliver, sink, &mut |opener, origin, deliver, sink| {
            saved::restore::restore(file, Then::SaveAgain(deliver), opener, origin, deadline, sink);
        });
    }

    /// Restores the guest of a file, and lets its program go on; in a nested run behind a kexec, if that is wanted.
    pub fn restore(&self, file: &[u8], path: &str, behind_kexec: bool, sink: &mut dyn Sink) {
        let (cases, deadline) = (vec![saved::restore::info(path)], self.options.deadline);
        let file_of_work = Some(file.to_vec());
        let parts = Parts { work: Work::Restore, cases, file: file_of_work, behind_kexec, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| {
            saved::restore::restore(file, Then::GoOn, opener, &Origin::default(), deadline, sink);
        });
    }

    /// Asks whether the guests of files could be restored here; the list of attempts is the answer.
    pub fn attempt(&self, candidates: &[Candidate], sink: &mut dyn Sink) {
        let file = match serde_json::to_vec(candidates) {
            Ok(file) => Some(file),
            Err(error) => return sink.event(Event::Broken { reason: error.to_string(), remedy: String::new() }),
        };
        let parts = Parts { work: Work::Attempt, file, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| attempt(candidates, opener, sink));
    }

    /// Lets `run` make a file on a machine that this process opens, or has a nested run make it.
    fn with_parcel(
        &self,
        work: Work,
        file: Option<&[u8]>,
        deliver: &mut Deliver<'_>,
        sink: &mut dyn Sink,
        run: &mut MakeFile<'_>,
    ) {
        if let Kind::Nested { .. } = self.kind {
            let parcel = match Parcel::new(LARGEST_FILE) {
                Ok(parcel) => Arc::new(parcel),
                Err(error) => return sink.event(no_room(&error)),
            };
            let parts =
                Parts { work, file: file.map(<[u8]>::to_vec), parcel: Some(parcel.clone()), ..Parts::default() };
            let mut delivering = Delivering { sink, parcel: &parcel, deliver };
            return self.here_or_nested(parts, &mut delivering, &mut |_, _| ());
        }
        let firmware = self.options.firmware.map(read_firmware).transpose().and_then(firmware::image);
        let origin = match firmware {
            Ok(image) => Origin::new("", &image),
            Err(error) => return sink.event(error.into()),
        };
        let parts = Parts { work, ..Parts::default() };
        self.here_or_nested(parts, sink, &mut |opener, sink| run(opener, &origin, deliver, sink));
    }

    /// Lets `run` do the work on a machine that this process opens, or sends the work into a nested run.
    fn here_or_nested(&self, parts: Parts, sink: &mut dyn Sink, run: &mut dyn FnMut(&dyn Opener, &mut dyn Sink)) {
        let firmware = match self.options.firmware.map(read_firmware).transpose() {
            Ok(firmware) => firmware,
            Err(error) => return sink.event(error.into()),
        };
        if let Kind::Nested { kernel } = &self.kind {
            return nested::run(&self.nested(kernel, parts, firmware), sink);
        }
        sink.event(Event::Hello(STREAM_VERSION));
        match self.opener(firmware) {
            Ok(opener) => match self.options.save_restore {
                Some(way) => run(&RestoringOpener { opener: &*opener, way: way.into() }, sink),
                None => run(&*opener, sink),
            },
            Err(error) => sink.event(error.into()),
        }
    }

    /// Returns what opens a machine that stays open.
    ///
    /// # Errors
    ///
    /// When there is no firmware.
    pub fn opening(&self) -> Result<Opening, OpenError> {
        let firmware = self.options.firmware.map(read_firmware).transpose()?;
        Ok(match &self.kind {
            Kind::Nested { kernel } => {
                let parts = Parts { work: Work::Machine, ..Parts::default() };
                Opening::Nested(Box::new(self.nested(kernel, parts, firmware)))
            }
            _ => Opening::Here(self.opener(firmware)?),
        })
    }

    /// Returns what opens a machine in this process.
    fn opener(&self, firmware: Option<Vec<u8>>) -> Result<Box<dyn Opener>, OpenError> {
        let GuestPolicy { guest_timeout, hazards, .. } = self.options.guests;
        if let Kind::Model(settings) = &self.kind {
            return Ok(settings.clone());
        }
        let image = firmware::image(firmware)?;
        if let Kind::Tcg = self.kind {
            let emulation = self.options.emulation;
            return Ok(Box::new(tcg::Emulation {
                qemu: emulation.qemu_file(),
                cpu: emulation.cpu.clone().unwrap_or_else(|| tcg::CPU.to_owned()),
                deadline: self.options.deadline,
                image,
                guest_timeout,
            }));
        }
        Ok(Box::new(ThisHost { image, guest_timeout, hazards }))
    }

    /// Returns the options of a nested run.
    fn nested(&self, kernel: &Path, parts: Parts, firmware: Option<Vec<u8>>) -> nested::Options {
        let Parts { work, cases, seed, file, parcel, behind_kexec } = parts;
        let emulation = self.options.emulation;
        nested::Options {
            qemu: emulation.qemu_file(),
            kernel: kernel.to_owned(),
            agent: emulation.agent.clone(),
            cpu: emulation.cpu.clone().unwrap_or_else(|| nested::CPU.to_owned()),
            append: emulation.append.clone().unwrap_or_default(),
            smp: emulation.smp.unwrap_or(self.options.smp),
            memory_mib: emulation.mem.unwrap_or(nested::MEMORY_MIB),
            deadline: self.options.deadline,
            board: None,
            cases,
            work,
            seed,
            firmware,
            guests: self.options.guests,
            save_restore: self.options.save_restore.map(Way::from),
            behind_kexec,
            file,
            parcel,
        }
    }
}

/// Reads the firmware that was named.
fn read_firmware(path: &Path) -> Result<Vec<u8>, OpenError> {
    std::fs::read(path).map_err(|error| OpenError::Broken {
        reason: format!("firmware {} cannot be read: {error}", path.display()),
        remedy: "give the path of an aarch64 bare-metal ELF with --firmware, or leave the option out".to_owned(),
    })
}
