//! The machine that the command line names, and what is run on it: the suite, programs, or random programs.

use std::path::{Path, PathBuf};

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
}

/// A machine whose options make sense.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    options: Machine<'a>,
    kind: Kind,
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
        self.here_or_nested(Work::Suite, cases, seed, sink, &mut |opener, sink| {
            super::run_suite(&options, opener, sink)
        });
    }

    /// Runs a campaign of random programs.
    pub fn fuzz(&self, options: &campaign::Options, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64, usize)) {
        // In this process nothing is around the target: it is QEMU itself, the model, or hardware.
        let known = KnownErrata { avoided: self.options.avoid_known, around: String::new() };
        let work = Work::Fuzz(*options, self.options.avoid_known);
        self.here_or_nested(work, Vec::new(), options.seed, sink, &mut |opener, sink| {
            campaign::run(options, opener, &known, sink, progress);
        });
    }

    /// Runs programs, each as a case.
    pub fn replay(&self, programs: &[replay::NamedProgram], seed: u64, sink: &mut dyn Sink) {
        let cases = programs.iter().map(replay::NamedProgram::info).collect();
        self.here_or_nested(Work::Programs(programs.to_vec()), cases, seed, sink, &mut |opener, sink| {
            replay::run(programs, opener, "", seed, self.options.deadline, sink);
        });
    }

    /// Traces a program on the machine and on the specification of the same CPU; the trace is the answer.
    pub fn trace(&self, program: &Program, sink: &mut dyn Sink) {
        let work = Work::Trace(program.to_string());
        self.here_or_nested(work, Vec::new(), 0, sink, &mut |opener, sink| {
            trace::beside::beside(program, opener, "", self.options.deadline, sink);
        });
    }

    /// Lets `run` do the work on a machine that this process opens, or sends the work into a nested run.
    fn here_or_nested(
        &self,
        work: Work,
        cases: Vec<CaseInfo>,
        seed: u64,
        sink: &mut dyn Sink,
        run: &mut dyn FnMut(&dyn Opener, &mut dyn Sink),
    ) {
        let firmware = match self.options.firmware.map(read_firmware).transpose() {
            Ok(firmware) => firmware,
            Err(error) => return sink.event(error.into()),
        };
        if let Kind::Nested { kernel } = &self.kind {
            return nested::run(&self.nested(kernel, work, cases, seed, firmware), sink);
        }
        sink.event(Event::Hello(STREAM_VERSION));
        match self.opener(firmware) {
            Ok(opener) => run(&*opener, sink),
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
                Opening::Nested(Box::new(self.nested(kernel, Work::Machine, Vec::new(), 0, firmware)))
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
    fn nested(
        &self,
        kernel: &Path,
        work: Work,
        cases: Vec<CaseInfo>,
        seed: u64,
        firmware: Option<Vec<u8>>,
    ) -> nested::Options {
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
