//! Guest memory as KVM keeps it: slots, the pages in them, the logs of those that were written, and bytes that are UNKNOWN.

mod dirty;
mod guest_memory;
mod page;
mod unknown;

pub use guest_memory::{GRANULE, GuestMemory, Slot};
pub(crate) use page::Page;

use model_base::defect::Defect;

/// The defects of guest memory.
pub(crate) fn defects() -> impl Iterator<Item = &'static Defect> {
    [guest_memory::DEFECTS, dirty::DEFECTS, page::DEFECTS].into_iter().flatten().copied()
}
