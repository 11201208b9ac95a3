//! Runs a program to a checkpoint and saves its guest.

use std::time::Instant;

use fuzz::session;
use machine::target::{Opened, Opener};
use machine::{Machine, MachineError, snapshot as state};
use mte_snapshot::Snapshot;
use program::Program;
use program::run::run_to_checkpoint;
use report::event::{self, Event, Sink};
use serde::{Deserialize, Serialize};

use super::convert::{self, Origin};
use super::error::SavedError;
use super::note::{Standing, WritableBits};
use super::passport::is_feature;

/// What was saved, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The step of the program whose block stands, from 1 on.
    pub step: usize,
    /// Which of the block's checkpoints it stands at, from 1 on.
    pub checkpoint: usize,
    /// vCPUs.
    pub vcpus: usize,
    /// Registers of each vCPU.
    pub registers: usize,
    /// Bytes of memory that are not zero, in whole pages of the host.
    pub data: u64,
    /// Granules whose tag is not 0.
    pub tags: u64,
}

impl Summary {
    /// Counts what is in a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot, standing: &Standing) -> Self {
        let memory = &snapshot.memory;
        Self {
            step: standing.progress.step + 1,
            checkpoint: standing.progress.checkpoint + 1,
            vcpus: snapshot.vcpus.len(),
            registers: snapshot.vcpus.first().map_or(0, |vcpu| vcpu.registers.len()),
            data: memory.iter().map(|extent| extent.data.len() as u64).sum(),
            tags: memory.iter().flat_map(|extent| &extent.tags).filter(|tag| **tag != 0).count() as u64,
        }
    }
}

/// A program, and where to stop it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The program.
    pub program: &'a Program,
    /// The number of the checkpoint, from 1 on, through all blocks.
    pub checkpoint: usize,
}

/// Takes the file that was made, before the run is closed. Fails for a reason that people read.
pub type Deliver<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// Runs a program to a checkpoint, saves its guest, and delivers the file. The [`Summary`] is the [`Event::Answer`]; everything else is reported,
/// too, from `Started` to the end.
pub fn save(wanted: Wanted<'_>, opener: &dyn Opener, origin: &Origin, deliver: &mut Deliver<'_>, sink: &mut dyn Sink) {
    let began = Instant::now();
    let opened = opener.open(session::config(wanted.program.cpus())).and_then(Opened::with_tags);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return sink.event(error.into()),
    };
    event::started(&opened.target, opened.took, 0, 0, sink);
    let closing = match saved(wanted, opened, origin) {
        Ok((snapshot, standing)) => close(&snapshot, &standing, deliver, sink),
        Err(error) => Err(Box::new(Event::broken(&error))),
    };
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    sink.event(closing.err().map_or(Event::Finished { micros }, |closing| *closing));
}

/// Delivers a snapshot, and answers with its summary; `Err` closes the run.
pub(super) fn close(
    snapshot: &Snapshot,
    standing: &Standing,
    deliver: &mut Deliver<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Box<Event>> {
    let broken = |reason: String| Box::new(Event::Broken { reason, remedy: String::new() });
    let bytes = snapshot.encode().map_err(|error| Box::new(Event::broken(&SavedError::from(error))))?;
    deliver(&bytes).map_err(broken)?;
    let summary = serde_json::to_value(Summary::of(snapshot, standing)).map_err(|error| broken(error.to_string()))?;
    sink.event(Event::Answer(summary));
    Ok(())
}

/// Asks KVM what it lets be changed of the ID registers that it lists.
pub(super) fn writable_bits(machine: &mut dyn Machine, state: &state::Snapshot) -> Option<WritableBits> {
    let masks = machine.vm()?.id_register_masks()?;
    let listed = state.cpus.first()?.registers.iter().map(|(id, _)| id).filter(|id| is_feature(*id));
    let bits: Result<Vec<_>, _> = listed.map(|id| Ok::<_, MachineError>((id.0, masks.writable_mask(id)?))).collect();
    bits.ok().map(WritableBits::new)
}

fn saved(wanted: Wanted<'_>, opened: Opened, origin: &Origin) -> Result<(Snapshot, Standing), SavedError> {
    let Opened { mut machine, target, .. } = opened;
    let number = wanted.checkpoint.saturating_sub(1);
    let progress = run_to_checkpoint(wanted.program, &mut *machine, number)?
        .map_err(|passed| SavedError::NoCheckpoint { wanted: wanted.checkpoint, passed })?;
    let state = machine.save()?;
    let writable = writable_bits(&mut *machine, &state);
    let standing = Standing { program: wanted.program.clone(), progress, guest: state.guest.clone(), writable };
    Ok((convert::snapshot(&state, &target, origin, Some(standing.application()?))?, standing))
}
