//! Tries whether saved guests could be restored on a machine: gives their registers to vCPUs that never run.

use std::time::Instant;

use fuzz::session;
use machine::migration;
use machine::registers::{RegisterId, Registers};
use machine::target::{Opened, Opener, Target};
use machine::{Backing, Factory, MachineError, Vm};
use mte_snapshot::Snapshot;
use report::event::{self, Event, Sink};
use serde::{Deserialize, Serialize};

use super::error::SavedError;
use super::note::Standing;
use abi::map;
use machine::Access;

/// A saved guest, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its file.
    pub name: String,
    /// The snapshot.
    pub bytes: Vec<u8>,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its file.
    pub name: String,
    /// What this machine refuses of it; nothing, if it could be restored.
    pub refused: Vec<Refusal>,
}

/// Something that a machine refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// All of it: why.
    Whole(String),
    /// A register of a vCPU: its id, and what the kernel said.
    Register(usize, u64, String),
}

/// Tries each candidate. The list of [`Attempt`]s is the [`Event::Answer`]; everything else is reported, too, from `Started` to the end.
pub fn attempt(candidates: &[Candidate], opener: &dyn Opener, sink: &mut dyn Sink) {
    let began = Instant::now();
    let opened = match opener.open(session::config(1)).and_then(Opened::with_tags) {
        Ok(opened) => opened,
        Err(error) => return sink.event(error.into()),
    };
    event::started(&opened.target, opened.took, 0, 0, sink);
    let attempts: Vec<Attempt> = candidates
        .iter()
        .map(|candidate| {
            let refused = refusals(&candidate.bytes, &*opened.factory, &opened.target)
                .unwrap_or_else(|error| vec![Refusal::Whole(error.to_string())]);
            Attempt { name: candidate.name.clone(), refused }
        })
        .collect();
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    match serde_json::to_value(attempts) {
        Ok(answer) => {
            sink.event(Event::Answer(answer));
            sink.event(Event::Finished { micros });
        }
        Err(error) => sink.event(Event::Broken { reason: error.to_string(), remedy: String::new() }),
    }
}

fn refusals(file: &[u8], factory: &dyn Factory, target: &Target) -> Result<Vec<Refusal>, SavedError> {
    let snapshot = Snapshot::decode(file)?;
    let standing = Standing::of(&snapshot)?;
    let state = standing.state(&snapshot, target)?;
    let mut vm = factory.bare()?.ok_or_else(|| MachineError::Unsupported("this machine has no kernel".to_owned()))?;
    let kernel = |action: &str| {
        let action = action.to_owned();
        move |errno| MachineError::Kernel { action, errno }
    };
    vm.enable_mte(0).map_err(kernel("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE"))?;
    vm.add_memory(map::RAM_BASE, state.config.ram, Backing::Anonymous, Access::ReadWrite)?;
    let mut refused = Vec::new();
    for (cpu, saved) in state.cpus.iter().enumerate() {
        let added = migration::add_vcpu(&mut *vm, state.config, Some(saved));
        let lengths = saved.registers.bytes(RegisterId::SVE_VLS);
        if added.is_err() && lengths.is_some() || vm.registers(cpu)?.bytes(RegisterId::SVE_VLS) != lengths {
            let reason = "this machine has other vector lengths".to_owned();
            refused.push(Refusal::Register(cpu, RegisterId::SVE_VLS.0, reason));
            return Ok(refused);
        }
        added?;
        registers(&mut *vm, cpu, &saved.registers, &mut refused)?;
    }
    Ok(refused)
}

/// Gives a vCPU each of the registers, and notes what is refused.
fn registers(vm: &mut dyn Vm, cpu: usize, saved: &Registers, refused: &mut Vec<Refusal>) -> Result<(), SavedError> {
    for (id, value) in saved.writable() {
        let one = Registers::collect(&[id.0], |_, place| {
            place.copy_from_slice(value);
            Ok(())
        })?;
        match vm.set_registers(cpu, &one) {
            Ok(()) => {}
            Err(MachineError::Kernel { errno, .. }) => {
                refused.push(Refusal::Register(cpu, id.0, errno.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
