//! Tags of guest memory as a debugger of the VMM sees them.

use crate::error::MachineError;

/// Reads and writes tags through the VMM's own mapping, which must be [`crate::Protection::Tagged`]
/// (Documentation/arch/arm64/memory-tagging-extension.rst, The ptrace() interface).
pub trait PtraceTags {
    /// Reads tags by PTRACE_PEEKMTETAGS; returns the number of tags read.
    ///
    /// # Errors
    ///
    /// What the kernel says: EOPNOTSUPP when the mapping is not PROT_MTE, EIO when it cannot be accessed.
    fn peek_tags(&mut self, ipa: u64, tags: &mut [u8]) -> Result<usize, MachineError>;

    /// Writes tags by PTRACE_POKEMTETAGS; returns the number of tags written.
    ///
    /// # Errors
    ///
    /// As [`Self::peek_tags`].
    fn poke_tags(&mut self, ipa: u64, tags: &[u8]) -> Result<usize, MachineError>;
}
