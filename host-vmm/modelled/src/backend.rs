//! The back end of a `model` machine: a VM of the model, and the firmware as the specification has it.

use std::cell::Cell;
use std::rc::Rc;

use abi::mailbox::{Request, Status};
use abi::map;
use firmware_model::{Firmware, HeapError, Outcome as FirmwareOutcome, VectorState};
use model::cpu::Env;
use model_base::memory::{Lacks, NoMemory};
use model_base::{choice::Choices, hypercalls::RESETS};

use super::archive::Archive;
use super::factory::Model;
use super::faulty::{FaultyVm, Record};
use super::settings::Settings;
use super::visited::{BlockRecord, Visited};
use super::vm::ModelVm;
use machine::capability::{Capability, UnknownMemory};
use machine::deadline::OutOfTime;
use machine::migration::{self, SavableVm as _};
use machine::session::{GuestCall, KernelBackend, RunReason, Session};
use machine::snapshot::Snapshot;
use machine::{Config, Deadline, Errno, MachineError, Outcome, Race, RaceReport, RequestError, Trace, Vm as _};

/// A machine of the model.
pub type ModelMachine = Session<ModelBackend>;

/// A VM of the model with the firmware in it.
#[derive(Debug)]
pub struct ModelBackend {
    model: Rc<Model>,
    vm: ModelVm,
    /// What the firmware keeps in guest memory; `None` when that memory was lost.
    firmware: Option<Firmware>,
    /// The states of the firmware that snapshots of this machine refer to.
    archive: Archive,
    /// What a VMM that is wrong remembers from saving.
    record: Record,
    /// How many words each vCPU's last block has.
    words: Vec<usize>,
    /// The answers to the choices of the run, and those that were made.
    choices: Choices,
    /// When the run is to be over; the firmware looks at it, too.
    deadline: Rc<Cell<Deadline>>,
    /// The blocks that ended in the run, if somebody wants to know.
    blocks: Option<Vec<BlockRecord>>,
}

impl ModelBackend {
    pub(super) fn new(model: Rc<Model>, vm: ModelVm, cpus: usize) -> Self {
        let deadline = Rc::new(Cell::new(model.settings.deadline));
        Self {
            firmware: Some(model.firmware(Rc::clone(&deadline))),
            deadline,
            choices: model.settings.choices.clone(),
            model,
            vm,
            archive: Archive::default(),
            record: Record::default(),
            words: vec![0; cpus],
            blocks: None,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.model.settings
    }

    /// Begins a run with these answers, which may take until the deadline.
    pub(super) fn begin(&mut self, choices: Choices, deadline: Deadline) {
        self.choices = choices;
        self.deadline.set(deadline);
        self.blocks = Some(Vec::new());
    }

    /// Ends a run.
    pub(super) fn end(&mut self) -> Visited {
        self.deadline.set(self.model.settings.deadline);
        Visited { choices: std::mem::take(&mut self.choices), blocks: self.blocks.take().unwrap_or_default() }
    }

    /// Lets the firmware do something on a vCPU: enters it, and leaves it afterwards.
    fn enter<T>(
        &mut self,
        cpu: usize,
        action: impl FnOnce(&mut Firmware, &mut model::cpu::Cpu, &mut Env<'_>) -> T,
    ) -> Result<T, MachineError> {
        let Some(firmware) = &mut self.firmware else {
            return Err(firmware_lost(cpu));
        };
        let vm = self.vm.model();
        let platform = vm.platform(cpu);
        let result = match vm.enter(cpu) {
            Some((state, bus, features)) => {
                let mut env = Env { features, platform, choices: &mut self.choices, bus };
                action(firmware, state, &mut env)
            }
            None => return Err(RequestError::NoSuchVcpu { cpu, cpus: self.words.len() }.into()),
        };
        vm.leave(cpu);
        Ok(result)
    }

    /// Returns where each word of a vCPU's block was executed since the last call.
    fn take_executed(&self, cpu: usize) -> Vec<u8> {
        self.firmware.as_ref().map(|firmware| firmware.take_executed(cpu)).unwrap_or_default()
    }

    /// Turns how a block came back into what a host learns.
    fn finish(&mut self, cpu: usize, outcome: FirmwareOutcome) -> Result<Outcome, MachineError> {
        let misbehaved = |what| Err(MachineError::Misbehaved { cpu, what });
        match outcome {
            FirmwareOutcome::Checkpoint => Ok(Outcome::Checkpoint),
            FirmwareOutcome::Done(mut done) => {
                let executed = self.take_executed(cpu);
                if let Some(blocks) = &mut self.blocks {
                    let (at_faults, at_end) = (std::mem::take(&mut done.chosen), self.choices.made());
                    blocks.push(BlockRecord { unknown: done.unknown, at_faults, at_end, executed });
                }
                let trap = |place: usize| {
                    let record = done.traps.get(place).copied();
                    record.ok_or(MachineError::Request(RequestError::NoTrapRecord { place }))
                };
                let (v, scalable) = (done.v.take(), done.scalable.take());
                Ok(Outcome::Done(Box::new(Trace::from_records(cpu, self.words[cpu], &done.reply, trap, v, scalable)?)))
            }
            FirmwareOutcome::Rang { byte } => misbehaved(format!("rang {byte:#04x} amid a block")),
            FirmwareOutcome::NoMemory(place) => Err(no_memory(cpu, place)),
            // The model has no clock: a block that used up its instructions is one that does not come back.
            FirmwareOutcome::Exhausted { pc } => {
                Err(MachineError::Silent { cpu, millis: self.settings().guest_timeout.as_millis() as u64, pc })
            }
            FirmwareOutcome::Interrupted { .. } => Err(OutOfTime(self.deadline.get()).into()),
            // What comes of it is the VMM's to say, and KVM leaves the vCPU as it is.
            FirmwareOutcome::Unmodelled { what: RESETS, .. } => misbehaved("asked to be reset".to_owned()),
            FirmwareOutcome::Unmodelled { pc, what } => {
                Err(MachineError::Unsupported(format!("the specification does not cover this: {what}, at pc {pc:#x}")))
            }
            FirmwareOutcome::Refused => {
                let (request, status) = (Request::Run, Status::BadArgument);
                Err(RequestError::FirmwareRefused { request, arguments: Vec::new(), status }.into())
            }
        }
    }
}

fn firmware_lost(cpu: usize) -> MachineError {
    let what = "executes something other than the firmware: its memory is not what was saved".to_owned();
    MachineError::Misbehaved { cpu, what }
}

fn no_memory(cpu: usize, place: NoMemory) -> MachineError {
    if place.lacks == Lacks::Mapping {
        return super::vm::kernel("KVM_RUN", Errno::EFAULT);
    }
    let what = format!("touched {:#x}, where there is neither memory nor a device", place.ipa);
    MachineError::Misbehaved { cpu, what }
}

/// Makes a mailbox's answer of the heap's.
fn answer(result: Result<u64, HeapError>) -> Result<(Status, [u64; 4]), MachineError> {
    match result {
        Ok(value) => Ok((Status::Done, [value, 0, 0, 0])),
        Err(HeapError::Refused(status)) => Ok((status, [0; 4])),
        Err(HeapError::NoMemory(place)) => Err(no_memory(0, place)),
    }
}

impl KernelBackend for ModelBackend {
    type Vm = ModelVm;

    fn owned(&self) -> &ModelVm {
        &self.vm
    }

    fn owned_mut(&mut self) -> &mut ModelVm {
        &mut self.vm
    }

    fn run(&mut self, cpu: usize, reason: RunReason<'_>) -> Result<Outcome, MachineError> {
        let outcome = match reason {
            RunReason::Start(block) => {
                self.words[cpu] = block.words().len();
                // What a block did that never ended is nobody's.
                self.take_executed(cpu);
                let record = block.record(true);
                self.enter(cpu, |firmware, state, env| {
                    let vectors = match (block.initial_scalable(), block.initial_vectors()) {
                        (Some(values), _) => VectorState::Scalable(values.registers()),
                        (None, Some(values)) => VectorState::Simd(values),
                        (None, None) => VectorState::Kept,
                    };
                    firmware.start(cpu, &record, block.words(), vectors, state, env)
                })?
            }
            RunReason::Resume => self.enter(cpu, |firmware, state, env| firmware.resume(cpu, state, env))?,
        };
        self.finish(cpu, outcome)
    }

    fn call(&mut self, call: GuestCall) -> Result<(Status, [u64; 4]), MachineError> {
        self.enter(0, |firmware, state, env| match call {
            GuestCall::SetPages { window, ipa, bytes, kind } => {
                Ok((firmware.set_pages(window, ipa, bytes, kind), [0; 4]))
            }
            GuestCall::HeapAlloc { bytes, align } => answer(firmware.heap_alloc(bytes, align, state, env)),
            GuestCall::HeapFree { pointer, bytes, align } => {
                answer(firmware.heap_free(pointer, bytes, align, state, env).map(|()| 0))
            }
            GuestCall::HeapReset => {
                firmware.heap_reset();
                Ok((Status::Done, [0; 4]))
            }
        })?
    }

    fn forget(&mut self, from: u64) -> Result<(), MachineError> {
        // The session has asked it for the pages and the heap as after boot.
        if self.firmware.is_none() {
            return Err(firmware_lost(0));
        }
        self.archive.clear();
        self.choices = self.settings().choices.clone();
        self.vm.model().forget(from);
        Ok(())
    }

    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError> {
        let number = self.archive.next().to_le_bytes();
        if !self.vm.model().write(map::FIRMWARE_BASE, &number) {
            return Err(RequestError::OutsideMemory { ipa: map::FIRMWARE_BASE, length: 8 }.into());
        }
        let injected = self.settings().injected;
        let snapshot = migration::save(&mut FaultyVm::new(&mut self.vm, injected, &mut self.record), config)?;
        if let Some(firmware) = &self.firmware {
            self.archive.keep(firmware, self.vm.model(), &snapshot);
        }
        Ok(snapshot)
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        // The old VM goes first: nothing of it may help the new one.
        self.vm = self.model.vm();
        self.firmware = None;
        let injected = self.settings().injected;
        migration::restore(&mut FaultyVm::new(&mut self.vm, injected, &mut self.record), snapshot)?;
        let mut number = [0; 8];
        self.vm.read(map::FIRMWARE_BASE, &mut number)?;
        self.firmware = self.archive.restore(u64::from_le_bytes(number), self.vm.model());
        if self.firmware.is_some() {
            self.vm.changes().reset();
        }
        Ok(())
    }

    fn has_races(&self) -> bool {
        self.settings().capabilities.has(Capability::Races)
    }

    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        self.run_race(race)
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        if self.settings().capabilities.has(Capability::UnknownMemory) { Some(&self.vm) } else { None }
    }
}
