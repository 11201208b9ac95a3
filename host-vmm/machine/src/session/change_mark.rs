//! Whether something happened to a VM that only a new VM undoes.

use std::sync::atomic::{AtomicBool, Ordering};

use abi::map;

use kvm_model::kernel::CopyTags;

/// Where cases may write and tag without spoiling the firmware: from the arena to the end of RAM.
pub const SCRATCH: u64 = map::ARENA_BASE;

/// Records whether anything was done to a VM beyond [`SCRATCH`] and the program's registers. A VM has one, and marks it in
/// whatever it does for others.
#[derive(Debug, Default)]
pub struct ChangeMark(AtomicBool);

impl ChangeMark {
    /// Records a change.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Records a write to guest memory, unless it is to [`SCRATCH`].
    pub fn mark_write(&self, ipa: u64) {
        if ipa < SCRATCH {
            self.mark();
        }
    }

    /// Records a call of the tag ioctl, unless it only fetches or stores to [`SCRATCH`].
    pub fn mark_copy(&self, call: &CopyTags<'_>) {
        if call.flags != CopyTags::FROM_GUEST {
            self.mark_write(call.ipa);
        }
    }

    /// Returns whether anything was recorded.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Forgets what was recorded: whoever owns the VM did it, and knows what it did.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
