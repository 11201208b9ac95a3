//! Hazards: calls that a right kernel answers like any other, and that make a wrong one hang for good.
//!
//! Each is one store of tags to one page that nobody tagged before, and a tag buffer that is not in memory yet when the call
//! begins. They are tried where a host may be lost: in the kernel of a nested run.

use kvm_model::kernel::CopyResult;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hazard {
    /// The buffer is in the very page, seen through another mapping of the VMM, which is PROT_MTE.
    BufferInThePage,
    /// The buffer's page is served by userfaultfd, late. Meanwhile another thread of the VMM touches the page through a
    /// mapping that is PROT_MTE; the buffer is served once that thread is back, or is away for too long.
    TouchedMeanwhile,
    /// The same, but the other thread calls mprotect(PROT_MTE) on the memory of the slot.
    ProtectedMeanwhile,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HazardOutcome {
    /// The call came back, and whoever else was at the page.
    Returned(CopyResult),
    /// They came back, but the other thread only once the buffer was served although it was away.
    Waited,
    /// Somebody did not come back.
    Hangs {
        /// How much CPU time it took until it was given up, or how long it slept, in milliseconds.
        millis: u64,
        /// Whether SIGKILL ended it, before as long again.
        dies: bool,
    },
}
