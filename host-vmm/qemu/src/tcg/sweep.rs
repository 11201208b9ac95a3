//! Fetches the tags of many granules by the guest itself.
//!
//! QEMU's gdb port gives one tag a packet, 10 µs each: a mebibyte takes more than half a second. A block of LDGM that
//! files what it loads takes a millisecond. It needs a vCPU that is in no block, and windows as after boot.

use abi::map::{self, Window};

use super::TcgBackend;
use machine::session::{Backend as _, GuestState, RunReason};
use machine::tags::GRANULE;
use machine::{Block, MachineError, Outcome, RequestError};

/// From how many granules on this is done.
pub(super) const FROM: usize = 257;

/// Where the block files the tags: behind the code pages, in memory that the firmware maps for itself and does not use.
const FILED: u64 = map::CODE_BASE + map::CODE_STRIDE * map::MAX_CPUS as u64;
/// How many registers fit there.
const ROOM: u64 = (map::ARENA_BASE - FILED) / 8;

/// Loads the tags of x1 bytes from x0 on, x3 bytes at a time, and files them at x2.
const TEXT: &str = "again: ldgm x4, [x0]; str x4, [x2], #8; add x0, x0, x3; subs x1, x1, x3; b.ne again";

/// Fetches tags by the guest, if it can now. `false` when it cannot.
///
/// # Errors
///
/// When the guest does not do what it is asked.
pub(super) fn fetch(
    backend: &mut TcgBackend,
    ipa: u64,
    tags: &mut [u8],
    guest: &GuestState,
) -> Result<bool, MachineError> {
    // LDGM loads the tags of a block of this size (GMID_EL1.BS).
    let block = backend.tag_block;
    let start = ipa & !(block - 1);
    let length = (ipa + tags.len() as u64 * GRANULE).next_multiple_of(block) - start;
    let fits = length / block <= ROOM && super::is_visible(start, length);
    if !fits || !guest.windows_are_as_booted() || guest.in_block().contains(&true) {
        return Ok(false);
    }
    let sweep = Block::assemble(TEXT).map_err(RequestError::from)?;
    let sweep = sweep.x(0, Window::Tagged.va(start)).x(1, length).x(2, FILED).x(3, block);
    match backend.run(0, RunReason::Start(&sweep), guest)? {
        Outcome::Done(trace) if trace.faults.is_empty() => {}
        Outcome::Done(trace) => {
            return Err(backend.mailboxes[0].misbehaved(format!("faulted where nothing can: {:?}", trace.faults)));
        }
        Outcome::Checkpoint => return Err(backend.mailboxes[0].misbehaved("rang a checkpoint that is not there")),
    }
    let mut filed = vec![[0u8; 8]; (length / block) as usize];
    backend.emulator.read(FILED, filed.as_flattened_mut())?;
    for (number, tag) in (0u64..).zip(tags) {
        let at = ipa + number * GRANULE;
        let register = u64::from_le_bytes(filed[((at - start) / block) as usize]);
        *tag = (register >> place(at) & 0xf) as u8;
    }
    Ok(true)
}

/// Returns the bit at which LDGM puts the tag of a granule: that follows from its address alone.
fn place(address: u64) -> u64 {
    address / GRANULE % 16 * 4
}
