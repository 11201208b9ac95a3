//! Guest memory that the architecture leaves UNKNOWN.

use std::ops::Range;

/// Knows which guest memory is UNKNOWN.
pub trait UnknownMemory {
    /// Lists what the architecture leaves UNKNOWN of guest memory from `ipa` on: ranges of guest-physical addresses, in
    /// ascending order.
    fn unknown_memory(&self, ipa: u64, bytes: u64) -> Vec<Range<u64>>;
}
