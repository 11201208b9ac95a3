//! The firmware: what `guest-fw` promises about blocks, windows and the tagged heap.
//!
//! A request of [`abi::mailbox`] is a method here. The state is what the real firmware keeps in guest memory:
//! kinds of pages, the heap's lists, the block that each vCPU is in. So a clone belongs to a snapshot of memory.
//! It must not know how a machine carries a request.

mod executor;
mod heap;
mod state;

pub use executor::{Done, Interrupt, Outcome, Unknown, VectorState};
pub use heap::HeapError;
pub use state::{BUDGET, Firmware};

use crate::defect::Defect;

/// The defects of the firmware's promises.
pub fn defects() -> impl Iterator<Item = &'static Defect> {
    [state::DEFECTS, executor::DEFECTS, heap::DEFECTS].into_iter().flatten().copied()
}
