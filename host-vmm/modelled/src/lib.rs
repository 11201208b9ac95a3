//! The `model` machine: the executable specification as a machine that the suite can run on.
//!
//! A VM of [`model::kvm`] with [`model::firmware`] in it, behind the same traits as /dev/kvm. It runs on any host and
//! opens nothing. Beside the specification's defects it has some of a VMM: ways to lose state between save and restore
//! (`snapshot.rs`). What a case sees of it must be what it would see of a kernel that keeps its contract.

mod factory;
mod features;
mod hazard;
mod race;
mod snapshot;
mod vm;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use abi::mailbox::{BootReport, MAX_WORDS, PageKind, Status, SysReg};
use abi::map::{self, Window};
use model::cpu::Env;
use model::firmware::{Firmware, HeapError, Outcome as FirmwareOutcome};

pub use factory::{BlockRecord, KernelError, ModelFactory, Settings};
pub use features::features;

use self::factory::Shared;
use self::snapshot::Archive;
use machine::registers::RegisterId;
use machine::snapshot::Snapshot;
use machine::{Backing, Block, Config, Machine, MachineError, Outcome, Race, RaceReport, Trace};

/// The defects that hang a kernel.
pub use hazard::DEFECTS as HAZARD_DEFECTS;
/// The defects that show when vCPUs and the VMM work at the same time.
pub use race::DEFECTS as RACE_DEFECTS;
/// The defects of the model machine's own VMM.
pub use snapshot::DEFECTS;

/// The boot report's names of [`RegisterId::MTE`].
const MTE_REGISTERS: [SysReg; 4] = [SysReg::Rgsr, SysReg::Gcr, SysReg::Tfsr, SysReg::Tfsre0];

/// Where cases may write and tag without spoiling the firmware: from the arena to the end of RAM.
const SCRATCH: u64 = map::ARENA_BASE;

/// A VM of the model with the firmware in it.
struct ModelMachine {
    shared: Rc<Shared>,
    /// The VM. The tag ioctl changes a VM that the VMM only looks at.
    vm: RefCell<model::kvm::Vm>,
    /// What the firmware keeps in guest memory; `None` when that memory was lost.
    firmware: Option<Firmware>,
    /// The states of the firmware that snapshots of this machine refer to.
    archive: Archive,
    config: Config,
    boot: Vec<BootReport>,
    /// How many words each vCPU's last block has.
    words: Vec<usize>,
    /// Whether each vCPU waits at a checkpoint.
    in_block: Vec<bool>,
    /// Whether everything since boot happened in [`SCRATCH`] and in the program's registers.
    recyclable: Cell<bool>,
}

impl ModelMachine {
    fn check_cpu(&self, cpu: usize) -> Result<(), MachineError> {
        if cpu < self.config.cpus {
            return Ok(());
        }
        Err(MachineError::BadRequest(format!("there is no vCPU {cpu}; this VM has {}", self.config.cpus)))
    }

    /// Lets the firmware do something on a vCPU: enters it, and leaves it afterwards.
    fn enter<T>(
        &mut self,
        cpu: usize,
        action: impl FnOnce(&mut Firmware, &mut model::cpu::Cpu, &mut Env<'_>) -> T,
    ) -> Result<T, MachineError> {
        let Some(firmware) = &mut self.firmware else {
            let what = "executes what is no firmware: its memory is not what was saved".to_owned();
            return Err(MachineError::Misbehaved { cpu, what });
        };
        let vm = self.vm.get_mut();
        let platform = vm.platform(cpu);
        let result = match vm.enter(cpu) {
            Some((state, bus, features)) => {
                let choices = &mut *self.shared.choices.borrow_mut();
                let mut env = Env { features, platform, injected: self.shared.settings.injected, choices, bus };
                action(firmware, state, &mut env)
            }
            None => return Err(MachineError::BadRequest(format!("there is no vCPU {cpu}"))),
        };
        vm.leave(cpu);
        Ok(result)
    }

    /// Turns how a block came back into what a host learns.
    fn finish(&mut self, cpu: usize, outcome: FirmwareOutcome) -> Result<Outcome, MachineError> {
        self.in_block[cpu] = matches!(outcome, FirmwareOutcome::Checkpoint);
        if !matches!(outcome, FirmwareOutcome::Checkpoint | FirmwareOutcome::Done(_)) {
            self.recyclable.set(false);
        }
        let misbehaved = |what| Err(MachineError::Misbehaved { cpu, what });
        match outcome {
            FirmwareOutcome::Checkpoint => Ok(Outcome::Checkpoint),
            FirmwareOutcome::Done(mut done) => {
                self.shared.ended.borrow_mut().push(BlockRecord {
                    unknown: done.unknown,
                    at_faults: std::mem::take(&mut done.chosen),
                    at_end: self.shared.choices.borrow().made(),
                });
                let trap = |place: usize| {
                    let missing = || MachineError::BadRequest(format!("there is no record of exception {place}"));
                    done.traps.get(place).copied().ok_or_else(missing)
                };
                let v = done.v.clone();
                Ok(Outcome::Done(Box::new(Trace::from_records(cpu, self.words[cpu], &done.reply, trap, v)?)))
            }
            FirmwareOutcome::Rang { byte } => misbehaved(format!("rang {byte:#04x} amid a block")),
            FirmwareOutcome::NoMemory(place) => {
                misbehaved(format!("touched {:#x}, where there is neither memory nor a device", place.ipa))
            }
            // The model has no clock: a block that used up its instructions is one that does not come back.
            FirmwareOutcome::Exhausted { pc } => {
                Err(MachineError::Silent { cpu, millis: self.shared.settings.guest_timeout.as_millis() as u64, pc })
            }
            FirmwareOutcome::Unmodelled { pc, what } => {
                Err(MachineError::Unsupported(format!("the specification does not cover this: {what}, at pc {pc:#x}")))
            }
            FirmwareOutcome::Refused => {
                Err(MachineError::BadRequest("the firmware refused the block: BadArgument".to_owned()))
            }
        }
    }
}

impl Machine for ModelMachine {
    fn boot_report(&self, cpu: usize) -> &BootReport {
        &self.boot[cpu]
    }

    fn start(&mut self, cpu: usize, block: &Block) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        let count = block.words().len();
        if count == 0 || count > MAX_WORDS {
            return Err(MachineError::BadRequest(format!(
                "a block has 1 to {MAX_WORDS} instructions, this one has {count}"
            )));
        }
        let same = self.firmware.as_ref().and_then(|firmware| firmware.program(cpu));
        let new_words = same.is_none_or(|program| program.words() != block.words());
        self.words[cpu] = count;
        let record = block.record(new_words);
        let outcome = self.enter(cpu, |firmware, state, env| {
            firmware.start(cpu, &record, block.words(), block.initial_vectors(), state, env)
        })?;
        self.finish(cpu, outcome)
    }

    fn resume(&mut self, cpu: usize) -> Result<Outcome, MachineError> {
        self.check_cpu(cpu)?;
        let outcome = self.enter(cpu, |firmware, state, env| firmware.resume(cpu, state, env))?;
        self.finish(cpu, outcome)
    }

    fn set_pages(&mut self, window: Window, ipa: u64, bytes: u64, kind: PageKind) -> Result<(), MachineError> {
        match self.enter(0, |firmware, _, _| firmware.set_pages(window, ipa, bytes, kind))? {
            Status::Done => Ok(()),
            status => Err(MachineError::BadRequest(format!(
                "the firmware cannot change {bytes:#x} bytes at {ipa:#x} of {window:?}: {status:?}"
            ))),
        }
    }

    fn heap_alloc(&mut self, bytes: u64, align: u64) -> Result<u64, MachineError> {
        match self.enter(0, |firmware, state, env| firmware.heap_alloc(bytes, align, state, env))? {
            Ok(pointer) => Ok(pointer),
            Err(error) => Err(MachineError::BadRequest(format!(
                "the heap cannot give {bytes} bytes at a multiple of {align}: {error:?}"
            ))),
        }
    }

    fn heap_free(&mut self, pointer: u64, bytes: u64, align: u64) -> Result<bool, MachineError> {
        match self.enter(0, |firmware, state, env| firmware.heap_free(pointer, bytes, align, state, env))? {
            Ok(()) => Ok(true),
            Err(HeapError::Refused(Status::BadFree)) => Ok(false),
            Err(error) => Err(MachineError::BadRequest(format!("the heap cannot free {pointer:#x}: {error:?}"))),
        }
    }

    fn unknown_memory(&self, ipa: u64, bytes: u64) -> Vec<Range<u64>> {
        self.vm.borrow().memory().unknown_in(ipa..ipa + bytes)
    }

    fn race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        self.run_race(race)
    }

    fn recycle(&mut self) -> Result<bool, MachineError> {
        // What is in a shared file stays when its pages are given back.
        let stays = self.config.backing == Backing::Shared;
        if stays || !self.recyclable.get() || self.in_block.contains(&true) {
            return Ok(false);
        }
        self.firmware = Some(self.shared.firmware());
        self.archive.clear();
        let vm = self.vm.get_mut();
        vm.forget(SCRATCH);
        let mte = self.config.mte;
        for (cpu, report) in self.boot.iter().enumerate().filter(|_| mte) {
            for (id, register) in RegisterId::MTE.into_iter().zip(MTE_REGISTERS) {
                vm.set_register(cpu, id, report.sys[register as usize].into())
                    .map_err(|errno| vm::kernel(&format!("KVM_SET_ONE_REG of {id}"), errno))?;
            }
        }
        Ok(true)
    }

    fn save(&mut self) -> Result<Snapshot, MachineError> {
        self.save_vm()
    }

    fn replace_by(&mut self, snapshot: &Snapshot) -> Result<(), MachineError> {
        self.restore_vm(snapshot)
    }
}

#[cfg(test)]
mod tests;
