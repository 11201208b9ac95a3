//! What the host's memory management does to guest memory.

use kvm_model::kernel::PageEvent;

use crate::error::MachineError;

/// Makes things happen to the pages behind guest memory.
pub trait PageEvents {
    /// Lets something happen to pages behind guest memory. Range and length are in whole host pages, in one slot.
    /// Returns when it has happened to all of them, as far as the host reports it (/proc/self/pagemap).
    ///
    /// # Errors
    ///
    /// `Lacking` when this host cannot, with the reason (no swap, no KSM, …); what the kernel says otherwise.
    fn page_event(&mut self, ipa: u64, bytes: u64, event: PageEvent) -> Result<(), MachineError>;
}
