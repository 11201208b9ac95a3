//! Tags that the VMM itself draws, as a process that uses MTE.

use crate::error::MachineError;

/// Draws tags in the VMM.
pub trait VmmTags {
    /// Lets the VMM's own IRG draw only tags of `include`, a bit each, on the thread that runs vCPUs
    /// (prctl PR_SET_TAGGED_ADDR_CTRL).
    ///
    /// # Errors
    ///
    /// When the host gives its processes no tags.
    fn set_vmm_tag_mask(&mut self, include: u16) -> Result<(), MachineError>;

    /// Executes IRG `count` times in the VMM itself, on the thread that runs vCPUs; returns the tags.
    ///
    /// # Errors
    ///
    /// As [`Self::set_vmm_tag_mask`].
    fn irg_in_vmm(&mut self, count: usize) -> Result<Vec<u8>, MachineError>;
}
