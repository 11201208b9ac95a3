//! Makes machines of the model.

use std::cell::Cell;
use std::rc::Rc;

use firmware_model::{Firmware, Interrupt};
use kvm_model::{Host, Mode};
use model::cpu::Cpu;

use super::backend::{ModelBackend, ModelMachine};
use super::settings::Settings;
use super::vm::ModelVm;
use machine::capability::MachineKind;
use machine::migration::{self, SavableVm as _};
use machine::session::Session;
use machine::target::Host as Description;
use machine::{Config, Deadline, Factory, Machine, MachineError, Vm};

/// What the machines of a factory have in common.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) settings: Settings,
    host: Host,
}

impl Model {
    /// Creates a VM without anything.
    pub(super) fn vm(&self) -> ModelVm {
        ModelVm::new(kvm_model::Vm::new(&self.host), self.settings.capabilities)
    }

    /// Returns the firmware as booted, which is interrupted once a deadline is over.
    pub(super) fn firmware(&self, deadline: Rc<Cell<Deadline>>) -> Firmware {
        let mut firmware = Firmware::new();
        firmware.budget = self.settings.budget;
        firmware.interrupt = Interrupt::when(move || deadline.get().is_over());
        firmware
    }
}

/// Makes VMs of the model.
#[derive(Debug)]
pub struct ModelFactory {
    model: Rc<Model>,
}

impl ModelFactory {
    /// Models what the settings say.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let host = settings.host();
        Self { model: Rc::new(Model { settings, host }) }
    }

    /// Boots a machine that is known to be one of the model.
    ///
    /// # Errors
    ///
    /// When there cannot be such a machine.
    pub fn boot_model(&self, config: Config) -> Result<Box<ModelMachine>, MachineError> {
        config.check()?;
        let mut vm = self.model.vm();
        migration::build(&mut vm, config)?;
        let mut boot = Vec::new();
        for cpu in 0..config.cpus {
            let vm = vm.model();
            let report = Firmware::boot_report(vm.features(), cpu);
            let booted = Cpu::new(vm.features());
            if let Some((state, ..)) = vm.enter(cpu) {
                *state = booted;
            }
            vm.leave(cpu);
            boot.push(report);
        }
        vm.changes().reset();
        let backend = ModelBackend::new(Rc::clone(&self.model), vm, config.cpus);
        Ok(Box::new(Session::new(backend, config, boot)))
    }

    /// Describes what is modelled.
    #[must_use]
    pub fn description(&self) -> Description {
        let settings = &self.model.settings;
        let mode = match settings.mode {
            Mode::Vhe => "VHE",
            Mode::Nvhe => "nVHE",
            Mode::Protected => "protected",
            Mode::Nested => "nested",
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

impl Factory for ModelFactory {
    fn kind(&self) -> MachineKind {
        MachineKind::Model
    }

    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        Ok(self.boot_model(config)?)
    }

    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError> {
        Ok(Some(Box::new(self.model.vm())))
    }
}
