//! Who is compared with the model: makes the machine and, for the same CPU, the model.
//!
//! Machines stay on the thread that made them, so each worker makes its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use abi::mailbox::BootReport;
use model::contract::Release;
use model::cpu::{Features, Hypervisor};

use super::judge::Judge;
use super::known::Known;
use super::profile::Profile;
use super::reference::ModelReference;
use super::session;
use crate::event::{Event, Sink, Target};
use crate::firmware;
use crate::machine::model::{ModelFactory, Settings};
use crate::machine::tcg::{Choice, TcgFactory};
use crate::machine::{Factory, MachineError};
use crate::nested::qemu::Qemu;
use crate::suite::{self, Subject};

/// Which machine.
#[derive(Clone, Debug)]
pub enum Kind {
    /// This host's /dev/kvm.
    Kvm,
    /// QEMU without a kernel.
    Tcg {
        /// The QEMU program.
        qemu: PathBuf,
        /// QEMU's `-cpu`.
        cpu: String,
    },
    /// The model itself, perhaps with a defect: what the fuzzer costs, and whether it can find anything.
    Model(Box<Settings>),
}

/// A machine to be compared with the model.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Which.
    pub kind: Kind,
    /// The firmware to use instead of the embedded one: an ELF file's bytes.
    pub firmware: Option<Vec<u8>>,
    /// How long a guest may take for one request.
    pub patience: Duration,
    /// When all is to be over.
    pub deadline: Instant,
    /// Known divergences that random programs stay away from.
    pub known: &'static [Known],
}

/// What a machine turned out to be.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The emulator and its version, and the CPU it emulates.
    pub emulator: Option<(String, String)>,
    /// What whoever makes the machine knows.
    pub subject: Subject,
    /// What the firmware found.
    pub boot: BootReport,
    /// Bytes in a host page.
    pub page_size: u64,
    /// Whether a hypervisor stands between the program and the CPU.
    hypervisor: bool,
    /// Divergences that are known of the emulator, if one is at work.
    known: &'static [Known],
}

impl Identity {
    /// Tells what was started, and what is under test.
    pub fn tell(&self, seed: u64, cases: usize, micros: u64, sink: &mut dyn Sink) {
        if let Some((emulator, cpu)) = self.emulator.clone() {
            sink.event(Event::Booted { emulator, cpu, micros });
        }
        sink.event(Event::Started(self.target(seed, cases)));
    }

    /// What is under test, for the stream of events.
    fn target(&self, seed: u64, cases: usize) -> Target {
        Target {
            granule: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: self.subject.kernel.clone(),
            page_size: self.page_size,
            kvm_mode: self.subject.kvm_mode.clone(),
            cpu: self.subject.cpu.clone(),
            mte: (self.boot.pfr1 >> 8 & 0xf) as u8,
            tag_block: 4 << (self.boot.gmid & 0xf),
            seed,
            cases,
        }
    }

    /// What programs for this machine may contain.
    #[must_use]
    pub fn profile(&self) -> Profile {
        // A hypervisor may handle the exceptions of memory copies itself and begin them anew, as KVM does
        // (HCRX_EL2.MCE2), so that what a guest sees of one that went wrong is not the CPU's alone.
        let mops = !self.hypervisor;
        Profile { mops, known: self.known, ..Profile::default() }.limited_to(&self.boot)
    }
}

/// Why there is no machine: the event that closes the run.
pub type Closing = Box<Event>;

/// What is done with a judge.
pub type Action<'a> = dyn FnMut(&mut Judge<'_>, &Identity) -> Result<(), Closing> + 'a;

impl Contender {
    /// Makes the machine and the model, and lets `action` compare programs on them.
    ///
    /// # Errors
    ///
    /// When there is no such machine, or what `action` says.
    pub fn with_judge(&self, action: &mut Action<'_>) -> Result<(), Closing> {
        match &self.kind {
            Kind::Kvm => self.on_kvm(action),
            Kind::Tcg { qemu, cpu } => {
                let qemu = Qemu::probe(qemu, self.deadline).map_err(|error| broken(&error.to_string()))?;
                let emulator = Some((format!("QEMU {}", qemu.version), cpu.clone()));
                let subject = Subject { cpu: cpu.clone(), ..Subject::default() };
                let choice = Choice { qemu, cpu: cpu.clone() };
                let factory = TcgFactory::new(choice, self.image()?, self.patience);
                against_model(&factory, emulator, subject, self.known, action)
            }
            Kind::Model(settings) => {
                let factory = ModelFactory::new((**settings).clone());
                let subject = factory.subject();
                against_model(&factory, None, subject, &[], action)
            }
        }
    }

    /// Gives the firmware's image.
    fn image(&self) -> Result<Vec<u8>, Closing> {
        match &self.firmware {
            Some(image) => Ok(image.clone()),
            None => firmware::embedded().map(<[u8]>::to_vec).map_err(|error| broken(&error.to_string())),
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn on_kvm(&self, action: &mut Action<'_>) -> Result<(), Closing> {
        use crate::machine::kvm::KvmFactory;

        let host = crate::kvm::probe::host()
            .map_err(|missing| Event::Unavailable { reason: missing.reason, remedy: missing.remedy })?;
        let subject = Subject { kernel: host.kernel.clone(), kvm_mode: host.mode.to_owned(), ..Subject::default() };
        let factory = KvmFactory::new(host.kvm, self.image()?, self.patience);
        against_model(&factory, None, subject, self.known, action)
    }

    #[cfg(not(target_arch = "aarch64"))]
    fn on_kvm(&self, _action: &mut Action<'_>) -> Result<(), Closing> {
        Err(Box::new(suite::no_kvm()))
    }
}

/// Compares machines of a factory with the model of the same CPU.
fn against_model(
    factory: &dyn Factory,
    emulator: Option<(String, String)>,
    subject: Subject,
    known: &'static [Known],
    action: &mut Action<'_>,
) -> Result<(), Closing> {
    let machine = factory.boot(session::config(1)).map_err(|error| Box::new(suite::not_started(error)))?;
    let boot = *machine.boot_report(0);
    let level = boot.pfr1 >> 8 & 0xf;
    if level < 2 {
        let reason = format!("the CPU has no allocation tags (ID_AA64PFR1_EL1.MTE is {level})");
        return Err(Box::new(suite::not_started(MachineError::NoMte(reason))));
    }
    let hypervisor = !subject.kvm_mode.is_empty() && subject.cpu.is_empty();
    // Without a kernel it is QEMU's board that answers calls.
    let answering = if subject.kernel.is_empty() { Hypervisor::Board } else { Hypervisor::Kvm };
    let release: Release = subject.kernel.parse().unwrap_or_default();
    let identity = Identity { hypervisor, emulator, subject, boot, page_size: machine.page_size(), known };
    let settings = Settings { release, features: features(&boot), hypervisor: answering, ..Settings::default() };
    let model = ModelFactory::new(settings);
    let mut judge = Judge::new(factory, Box::new(ModelReference::new(&model))).overlooking(known);
    judge.take(machine);
    action(&mut judge, &identity)
}

/// Gives the features that a CPU reports at boot. What the report does not tell is as on QEMU's `max`.
fn features(boot: &BootReport) -> Features {
    let field = |register: u64, shift: u32| (register >> shift & 0xf) as u8;
    Features {
        mte: field(boot.pfr1, 8),
        tag_block_bs: field(boot.gmid, 0),
        dczid: (boot.dczid & 0x1f) as u8,
        atomics: field(boot.isar0, 20) >= 2,
        lse2: field(boot.mmfr2, 32) != 0,
        mops: field(boot.isar2, 16) != 0,
        store_only: field(boot.pfr2, 4) != 0,
        idst: field(boot.mmfr2, 36) != 0,
        pfr0: boot.pfr0,
        pfr1: boot.pfr1,
        dfr0: boot.dfr0,
        isar0: boot.isar0,
        isar1: boot.isar1,
        isar2: boot.isar2,
        mmfr0: boot.mmfr0,
        mmfr1: boot.mmfr1,
        mmfr2: boot.mmfr2,
        midr: boot.midr,
        mpidr: boot.mpidr,
        revidr: boot.revidr,
        clidr: boot.clidr,
        ctr: boot.ctr,
        ..Features::MAX
    }
}

/// Parts an error message: what to do stands behind the last semicolon.
fn broken(message: &str) -> Closing {
    let (reason, remedy) = message.rsplit_once("; ").unwrap_or((message, ""));
    Box::new(Event::Broken { reason: reason.to_owned(), remedy: remedy.to_owned() })
}
