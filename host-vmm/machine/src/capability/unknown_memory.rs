//! What a specification knows of guest memory: what is UNKNOWN, and what was touched.

use std::ops::Range;

/// Knows which guest memory is UNKNOWN, and which was touched.
pub trait UnknownMemory {
    /// Lists what the architecture leaves UNKNOWN of guest memory from `ipa` on: ranges of guest-physical addresses, in
    /// ascending order.
    fn unknown_memory(&self, ipa: u64, bytes: u64) -> Vec<Range<u64>>;

    /// Lists which guest memory somebody has accessed: ranges of guest-physical addresses, in ascending order. All other
    /// data and tags are zeros.
    fn touched_memory(&self) -> Vec<Range<u64>>;
}
