//! Makes machines of the model: what they are to be like, and what the caller of a run shares with them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use abi::map;
use model::choice::Choices;
use model::contract::{ParseReleaseError, Release};
use model::cpu::{Cpu, Features, Hypervisor};
use model::defect::Injected;
use model::firmware::{BUDGET, Firmware, Interrupt, Unknown};
use model::kvm::{Host, Mode};

use super::ModelMachine;
use super::snapshot::Archive;
use super::vm::{BareVm, kernel};
use machine::target::{Host as Description, OpenError, Opened, Opener};
use machine::{Access, Config, Deadline, Errno, Explain, Factory, Machine, MachineError, RequestError, Vm};

/// What to model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kernel of the host.
    pub release: Release,
    /// How the host's KVM runs.
    pub mode: Mode,
    /// Bytes in a page of the host: 4096, 16384 or 65536.
    pub page_size: u64,
    /// What the host's CPU has.
    pub features: Features,
    /// Who answers the guest's calls.
    pub hypervisor: Hypervisor,
    /// The mistake to make, if any.
    pub injected: Injected,
    /// Instructions that a block may execute before it counts as one that does not come back.
    pub budget: u64,
    /// What is reported as the time that such a block took.
    pub guest_timeout: Duration,
    /// When the run is to be over.
    pub deadline: Deadline,
}

impl Default for Settings {
    fn default() -> Self {
        let Host { release, mode, page_size, features, hypervisor } = Host::default();
        let guest_timeout = machine::GUEST_TIMEOUT;
        let (injected, budget, deadline) = (Injected::NONE, BUDGET, Deadline::NEVER);
        Self { release, mode, page_size, features, hypervisor, injected, budget, guest_timeout, deadline }
    }
}

/// A text that names no kernel that can be modelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// No release.
    #[error(transparent)]
    Release(#[from] ParseReleaseError),
    /// Before the ioctl.
    #[error("Linux {0} has no MTE for VMs")]
    TooOld(Release),
}

impl Explain for KernelError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Release(_) => Some("give a series such as 6.12, or a release such as 6.12.117".into()),
            Self::TooOld(_) => Some("give a release from 5.14 on".into()),
        }
    }
}

/// Flavours of Debian's kernels with larger pages: `6.12-16k`.
const FLAVOURS: [(&str, u64); 2] = [("16k", 16 << 10), ("64k", 64 << 10)];

impl Settings {
    /// Models a kernel: a series or a release, with `-16k` or `-64k` behind it for a host with such pages.
    ///
    /// # Errors
    ///
    /// When the text names no release, or one without MTE for VMs.
    pub fn kernel(mut self, text: &str) -> Result<Self, KernelError> {
        let release: Release = text.parse()?;
        if release < Release::new(5, 14, 0) {
            return Err(KernelError::TooOld(release));
        }
        let flavour = FLAVOURS.iter().find(|(flavour, _)| text.split('-').any(|part| part == *flavour));
        self.release = release;
        self.page_size = flavour.map_or(4096, |(_, page)| *page);
        Ok(self)
    }

    /// Models a CPU by the name of a preset; `None` if there is none of that name.
    #[must_use]
    pub fn cpu(mut self, name: &str) -> Option<Self> {
        self.features = Features::by_name(name)?.clone();
        Some(self)
    }

    /// Makes a mistake.
    #[must_use]
    pub fn injecting(self, injected: Injected) -> Self {
        Self { injected, ..self }
    }

    fn host(&self) -> Host {
        let Self { release, mode, page_size, hypervisor, .. } = *self;
        Host { release, mode, page_size, features: self.features.clone(), hypervisor }
    }
}

/// What the machines of a factory have in common, and the caller may look at.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    host: Host,
    pub(super) choices: RefCell<Choices>,
    pub(super) ended: RefCell<Vec<BlockRecord>>,
    pub(super) deadline: Rc<Cell<Deadline>>,
}

/// What the model knows of a block that ended, and its trace does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    /// What the architecture leaves open in the trace.
    pub unknown: Unknown,
    /// For each exception, how many choices had been made since [`ModelFactory::set_choices`] when it was taken.
    pub at_faults: Vec<usize>,
    /// The same at the block's end.
    pub at_end: usize,
}

/// Makes VMs of the model.
#[derive(Debug)]
pub struct ModelFactory {
    shared: Rc<Shared>,
}

impl ModelFactory {
    /// Models what the settings say, with common choices where the architecture leaves one.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (choices, ended) = (RefCell::default(), RefCell::default());
        let host = settings.host();
        let deadline = Rc::new(Cell::new(settings.deadline));
        Self { shared: Rc::new(Shared { settings, host, choices, ended, deadline }) }
    }

    /// Puts the answers to the coming choices in place, forgets those that were made, and returns them.
    /// [`Choices::next`] of what it gives is another permitted course of the same program.
    pub fn set_choices(&self, choices: Choices) -> Choices {
        self.shared.choices.replace(choices)
    }

    /// Gives the machines of this factory until then, instead of [`Settings::deadline`].
    pub fn set_deadline(&self, deadline: Deadline) {
        self.shared.deadline.set(deadline);
    }

    /// Takes what no trace shows of the blocks that ended since the last call.
    pub fn take_block_records(&self) -> Vec<BlockRecord> {
        self.shared.ended.take()
    }

    /// Describes what is modelled.
    #[must_use]
    pub fn description(&self) -> Description {
        let settings = &self.shared.settings;
        let mode = match settings.mode {
            Mode::Vhe => "VHE",
            Mode::Nvhe => "nVHE",
            Mode::Protected => "protected",
        };
        Description {
            kernel: settings.release.to_string(),
            kvm_mode: mode.to_owned(),
            emulator: String::new(),
            cpu: settings.features.name.to_owned(),
            huge_pages: true,
            hazards: true,
        }
    }
}

/// A model with these settings, opened.
impl Opener for Settings {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        let factory = ModelFactory::new(self.clone());
        let description = factory.description();
        Opened::boot(Box::new(factory), description, config)
    }
}

impl Shared {
    /// Creates a VM with memory and vCPUs but nothing in them.
    pub(super) fn create(&self, config: Config) -> Result<model::kvm::Vm, MachineError> {
        let mut vm = self.vm();
        if config.mte {
            vm.enable_mte(0).map_err(|errno| kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", errno))?;
        }
        if config.dirty_ring != 0 {
            vm.enable_dirty_ring(config.dirty_ring).map_err(|errno| kernel("KVM_ENABLE_CAP of a dirty ring", errno))?;
        }
        vm.add_memory(map::RAM_BASE, config.ram, config.backing, Access::ReadWrite)
            .map_err(|errno| kernel("KVM_SET_USER_MEMORY_REGION of the guest's RAM", errno))?;
        for _ in 0..config.cpus {
            let added: Result<_, Errno> = vm.add_vcpu();
            added.map_err(|errno| kernel("KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT", errno))?;
        }
        Ok(vm)
    }

    fn vm(&self) -> model::kvm::Vm {
        model::kvm::Vm::new(&self.host, self.settings.injected)
    }

    /// The firmware as booted.
    pub(super) fn firmware(&self) -> Firmware {
        let mut firmware = Firmware::new();
        firmware.budget = self.settings.budget;
        let deadline = Rc::clone(&self.deadline);
        firmware.interrupt = Interrupt::when(move || deadline.get().is_over());
        firmware
    }
}

impl Factory for ModelFactory {
    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        if config.ram < map::RAM_MIN || !(1..=map::MAX_CPUS).contains(&config.cpus) {
            return Err(RequestError::BadConfig { ram: config.ram, cpus: config.cpus }.into());
        }
        let mut vm = self.shared.create(config)?;
        let mut boot = Vec::new();
        for cpu in 0..config.cpus {
            let report = Firmware::boot_report(vm.features(), cpu);
            let booted = Cpu::new(vm.features());
            if let Some((state, ..)) = vm.enter(cpu) {
                *state = booted;
            }
            vm.leave(cpu);
            boot.push(report);
        }
        Ok(Box::new(ModelMachine {
            vm: RefCell::new(vm),
            firmware: Some(self.shared.firmware()),
            archive: Archive::default(),
            config,
            boot,
            words: vec![0; config.cpus],
            in_block: vec![false; config.cpus],
            recyclable: Cell::new(true),
            shared: Rc::clone(&self.shared),
        }))
    }

    fn bare(&self) -> Result<Box<dyn Vm>, MachineError> {
        Ok(Box::new(BareVm::new(self.shared.vm())))
    }
}
