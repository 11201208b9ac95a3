//! What the file keeps of a program: the application's note of a snapshot, as JSON.

use abi::ABI_VERSION;
use abi::map::Window;
use fuzz::session;
use machine::session::GuestState;
use machine::target::Target;
use mte_snapshot::{Application, Snapshot};
use program::run::Progress;
use program::wire::SentStep;
use program::{Program, StepObservation};
use serde::{Deserialize, Serialize};

use super::convert;
use super::error::SavedError;

/// Whose note it is, and of which version.
const NAME: &str = "granule program 1";

/// A program that stands at a checkpoint.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The program.
    pub program: Program,
    /// How far it came, and what was seen.
    pub progress: Progress,
    /// What the host knows of the guest.
    pub guest: GuestState,
    /// What KVM lets a VMM change of ID registers where it was saved; `None` where the kernel does not tell.
    pub writable: Option<WritableBits>,
}

/// Bits of ID registers that KVM lets a VMM change (KVM_ARM_GET_REG_WRITABLE_MASKS), by the ids of the registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritableBits(Vec<(u64, u64)>);

impl WritableBits {
    /// Takes the bits of each register.
    #[must_use]
    pub fn new(bits: Vec<(u64, u64)>) -> Self {
        Self(bits)
    }

    /// Returns those of a register.
    #[must_use]
    pub fn of(&self, id: u64) -> u64 {
        self.0.iter().find(|(other, _)| *other == id).map_or(0, |(_, bits)| *bits)
    }
}

/// The note.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The version of the mailbox's layout.
    abi: u32,
    program: String,
    step: usize,
    checkpoint: usize,
    seen: Vec<SentStep>,
    begun: Vec<usize>,
    hides_vectors: bool,
    in_block: Vec<bool>,
    /// Number of the window, first byte, bytes.
    changed_pages: Vec<(u64, u64, u64)>,
    heap_used: bool,
    spoiled: bool,
    writable: Option<WritableBits>,
}

fn foreign(found: impl Into<String>) -> SavedError {
    SavedError::Foreign { found: found.into() }
}

impl Standing {
    /// Makes the note.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON, which no program is known to cause.
    pub fn application(&self) -> Result<Application, SavedError> {
        let Self { program, progress, guest, writable } = self;
        let pages = guest.changed_pages.iter().map(|(window, ipa, bytes)| (*window as u64, *ipa, *bytes));
        let note = Note {
            abi: ABI_VERSION,
            program: program.to_string(),
            step: progress.step,
            checkpoint: progress.checkpoint,
            seen: progress.seen.iter().map(SentStep::of).collect(),
            begun: progress.begun.clone(),
            hides_vectors: progress.hides_vectors,
            in_block: guest.in_block.clone(),
            changed_pages: pages.collect(),
            heap_used: guest.heap_used,
            spoiled: guest.spoiled,
            writable: writable.clone(),
        };
        let bytes = serde_json::to_vec(&note).map_err(|error| foreign(format!("a program without a note: {error}")))?;
        Ok(Application { name: NAME.to_owned(), bytes })
    }

    /// Makes the saved state of a program's guest, to be restored on this machine.
    ///
    /// # Errors
    ///
    /// As [`convert::state`].
    pub fn state(&self, snapshot: &Snapshot, here: &Target) -> Result<machine::snapshot::Snapshot, SavedError> {
        convert::state(snapshot, session::config(self.program.cpus()), self.guest.clone(), here)
    }

    /// Reads the note of a snapshot.
    ///
    /// # Errors
    ///
    /// When it is not of a program, of another version, or nonsense.
    pub fn of(snapshot: &Snapshot) -> Result<Self, SavedError> {
        let application = snapshot.application.as_ref().ok_or_else(|| foreign("a VM without a program"))?;
        if application.name != NAME {
            return Err(foreign(format!("`{}`", application.name.escape_debug())));
        }
        let note: Note = serde_json::from_slice(&application.bytes)
            .map_err(|error| foreign(format!("a program whose note cannot be read: {error}")))?;
        if note.abi != ABI_VERSION {
            return Err(foreign(format!("firmware of version {}, this one has {ABI_VERSION}", note.abi)));
        }
        let program: Program =
            note.program.parse().map_err(|error| foreign(format!("a program that is none: {error}")))?;
        let seen: Option<Vec<StepObservation>> = note.seen.iter().map(SentStep::observation).collect();
        let seen = seen.ok_or_else(|| foreign("a program that showed what no program can"))?;
        let page = |(window, ipa, bytes): &(u64, u64, u64)| Some((Window::from_number(*window)?, *ipa, *bytes));
        let changed_pages: Option<Vec<_>> = note.changed_pages.iter().map(page).collect();
        let changed_pages = changed_pages.ok_or_else(|| foreign("a program with windows that do not exist"))?;
        if note.in_block.len() != program.cpus() || snapshot.vcpus.len() != program.cpus() {
            return Err(foreign(format!("{} vCPUs, and a program for {}", snapshot.vcpus.len(), program.cpus())));
        }
        let Note { step, checkpoint, begun, hides_vectors, in_block, heap_used, spoiled, writable, .. } = note;
        let progress = Progress { step, checkpoint, seen, begun, hides_vectors };
        Ok(Self { program, progress, guest: GuestState { in_block, changed_pages, heap_used, spoiled }, writable })
    }
}
