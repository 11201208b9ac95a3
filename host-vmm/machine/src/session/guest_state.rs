//! What a session knows of its guest beyond what is in guest memory.

use abi::map::Window;

/// What became of a guest since it booted. It goes with a saved state, and comes back with it.
#[derive(Clone, Debug)]
pub struct GuestState {
    /// Whether each vCPU waits at a checkpoint.
    pub in_block: Vec<bool>,
    /// Pages of windows that are no longer as after boot: first byte, guest-physical, and bytes.
    pub changed_pages: Vec<(Window, u64, u64)>,
    /// Whether the guest's heap may have objects.
    pub heap_used: bool,
    /// Whether the machine cannot be handed on, whatever comes.
    pub spoiled: bool,
}

impl GuestState {
    /// Returns the state after boot.
    #[must_use]
    pub fn new(cpus: usize) -> Self {
        Self { in_block: vec![false; cpus], changed_pages: Vec::new(), heap_used: false, spoiled: false }
    }

    /// Returns whether each vCPU waits at a checkpoint.
    #[must_use]
    pub fn in_block(&self) -> &[bool] {
        &self.in_block
    }

    /// Returns whether a window shows memory as it did after boot. The range is in bytes.
    #[must_use]
    pub fn is_as_booted(&self, window: Window, ipa: u64, bytes: u64) -> bool {
        let overlaps = |&(_, start, length): &(Window, u64, u64)| start < ipa + bytes && ipa < start + length;
        !self.changed_pages.iter().filter(|changed| changed.0 == window).any(overlaps)
    }
}
