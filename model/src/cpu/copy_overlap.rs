//! Memory copies whose destination shares bytes with their source.
//!
//! A byte that is read after the same copy has written it depends on the size of the steps, which is the CPU's choice
//! (pseudocode `CPYSizeChoice`), so what it is copied to is UNKNOWN. So it is where CPYF* copies upwards into its own
//! source, and where two addresses of one byte hide from CPYP that it does: then the direction is the CPU's choice, too.
//! The other bytes, the registers and the faults are what they always are.

use super::copy::{ADDRESS, Stage};
use super::state::Core;
use model_base::memory::ByteMask;

/// In which direction a copy goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forwards,
    Backwards,
    /// As the CPU likes.
    Either,
}

#[mutants::rules]
impl Direction {
    /// The direction of CPYP between these addresses, of `bytes` bytes (Arm ARM C6.2, CPYP).
    pub(super) fn of(from: u64, to: u64, bytes: u64) -> Self {
        let (from, to) = (from & ADDRESS, to & ADDRESS);
        if from > to && from < to.saturating_add(bytes) {
            Self::Forwards
        } else if from < to && to < from.saturating_add(bytes) {
            Self::Backwards
        } else {
            Self::Either
        }
    }
}

/// The destination of a copy that may read what it has written: where it begins in guest-physical memory, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    to: u64,
    bytes: u64,
}

/// A copy with such a destination that has begun, and the registers by which its next instruction knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    overlap: Overlap,
    /// Xd and Xs, which only the prologue changes.
    registers: [u64; 2],
}

#[mutants::rules]
impl Overlap {
    /// Looks at a copy of `bytes` bytes from and to these guest-physical addresses.
    pub(super) fn of(direction: Direction, [from, to]: [u64; 2], bytes: u64) -> Option<Self> {
        let (up, down) = (to.wrapping_sub(from), from.wrapping_sub(to));
        let upwards = up != 0 && up < bytes && direction != Direction::Backwards;
        let downwards = down != 0 && down < bytes && direction != Direction::Forwards;
        (upwards || downwards).then_some(Self { to, bytes })
    }

    /// Returns which of `count` bytes from a guest-physical address on may be read after they were written.
    pub(super) fn unknown(self, from: u64, count: u64) -> ByteMask {
        let written = |at: &u64| from.wrapping_add(*at).wrapping_sub(self.to) < self.bytes;
        (0..count).filter(written).fold(0, |mask, at| mask | 1 << at)
    }

    /// Notes the registers of a copy that goes on.
    pub(super) fn seen_by(self, registers: [u64; 2]) -> Copying {
        Copying { overlap: self, registers }
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Takes what the stage before has found out about this copy.
    pub(super) fn overlap_of_stage_before(&mut self, stage: Stage, registers: [u64; 2]) -> Option<Overlap> {
        let copying = self.cpu.copying.take()?;
        (stage != Stage::Prologue && copying.registers == registers).then_some(copying.overlap)
    }
}
