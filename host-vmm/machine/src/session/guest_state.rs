//! What a session knows of its guest beyond what is in guest memory.

use abi::map::Window;

/// What became of a guest since it booted. It goes with a saved state, and comes back with it.
#[derive(Clone, Debug)]
pub struct GuestState {
    /// Whether each vCPU waits at a checkpoint.
    pub(super) in_block: Vec<bool>,
    /// Pages of windows that are no longer as after boot.
    pub(super) changed_pages: Vec<(Window, u64, u64)>,
    /// Whether the guest's heap may have objects.
    pub(super) heap_used: bool,
    /// Whether the machine cannot be handed on, whatever comes.
    pub(super) spoiled: bool,
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

    /// Returns whether all windows show what they showed after boot.
    #[must_use]
    pub fn windows_are_as_booted(&self) -> bool {
        self.changed_pages.is_empty()
    }
}
