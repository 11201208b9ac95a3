//! Tags in bulk by the guest's own instructions: what several chapters begin and end with.

use abi::map::Window;

use crate::address::{arena, pointer, tagged};
use crate::case::{CaseError, CaseResult};
use crate::expect::no_fault;
use crate::guest::Guest;

/// Where the guest finds the tags that it is to store, and leaves those that it read: one a byte, far from what the
/// cases tag.
const LIST: u64 = 0x1f_0000;

/// Stores tags by the guest's STG, one a granule, from `offset` of the arena on.
///
/// # Errors
///
/// When the machine cannot, or the guest takes an exception.
pub fn guest_tags(guest: &mut Guest, offset: u64, wanted: &[u8]) -> CaseResult {
    guest.write(arena(LIST), wanted)?;
    let text = "again: ldrb w1, [x2], #1; orr x1, xzr, x1, lsl #56; stg x1, [x0], #16; subs x3, x3, #1; b.ne again";
    let list = pointer(Window::Untagged, LIST, 0);
    let trace = guest.exec(text, &[tagged(offset, 0), 0, list, wanted.len() as u64])?;
    no_fault(guest, "STG", &trace)
}

/// Loads the tags of granules by the guest's LDG, from `offset` of the arena on.
///
/// # Errors
///
/// As [`guest_tags`].
pub fn guest_reads(guest: &mut Guest, offset: u64, granules: usize) -> Result<Vec<u8>, CaseError> {
    // x1 has nothing but the tag that LDG puts there.
    let text = "again: movz x1, #0; ldg x1, [x0]; add x0, x0, #16; orr x1, xzr, x1, lsr #56; strb w1, [x2], #1
        subs x3, x3, #1; b.ne again";
    let trace = guest.exec(text, &[tagged(offset, 0), 0, pointer(Window::Untagged, LIST, 0), granules as u64])?;
    no_fault(guest, "LDG", &trace)?;
    guest.read(arena(LIST), granules)
}
