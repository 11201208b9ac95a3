//! Carries tags by the guest itself.
//!
//! QEMU's gdb port gives one tag a packet, 10 µs each, and the guest must stand still for it: a mebibyte takes more than half a
//! second. A block of LDGM that files what it loads takes a millisecond, and one of STG stores as fast. They need vCPUs that are
//! in no block, and a window of tagged memory that shows the range as after boot.

use abi::map::{self, Window};

use super::TcgBackend;
use machine::session::{Backend as _, GuestState, RunReason};
use machine::tags::GRANULE;
use machine::{Block, MachineError, Outcome, RequestError};

/// From how many granules on tags are fetched so in any case.
pub(super) const FROM: usize = 257;

/// Where the block files the tags: behind the code pages, in memory that the firmware maps for itself and does not use.
const FILED: u64 = map::CODE_BASE + map::CODE_STRIDE * map::MAX_CPUS as u64;
/// How many bytes fit there.
const ROOM: u64 = map::ARENA_BASE - FILED;

/// Loads the tags of x1 bytes from x0 on, x3 bytes at a time, and files them at x2.
const LOAD: &str = "again: ldgm x4, [x0]; str x4, [x2], #8; add x0, x0, x3; subs x1, x1, x3; b.ne again";
/// Stores the tags that are filed at x2, a byte each, to the granules of x1 bytes from x0 on.
const STORE: &str =
    "again: ldrb w4, [x2], #1; add x4, x0, x4, lsl #56; stg x4, [x0], #16; subs x1, x1, #16; b.ne again";

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
    let Some(window) = window(start, length, length / block * 8, guest) else { return Ok(false) };
    let sweep = Block::assemble(LOAD).map_err(RequestError::from)?;
    run(backend, 0, &sweep.x(0, window.va(start)).x(1, length).x(2, FILED).x(3, block), guest)?;
    let mut filed = vec![[0u8; 8]; (length / block) as usize];
    backend.emulator.read(FILED, filed.as_flattened_mut())?;
    for (number, tag) in (0u64..).zip(tags) {
        let at = ipa + number * GRANULE;
        let register = u64::from_le_bytes(filed[((at - start) / block) as usize]);
        *tag = (register >> place(at) & 0xf) as u8;
    }
    Ok(true)
}

/// Stores tags, each below 16, by the guest, if it can now. `false` when it cannot.
///
/// # Errors
///
/// When the guest does not do what it is asked.
pub(super) fn store(backend: &mut TcgBackend, ipa: u64, tags: &[u8], guest: &GuestState) -> Result<bool, MachineError> {
    let length = tags.len() as u64 * GRANULE;
    if tags.is_empty() || backend.emulator.saved().is_some() {
        return Ok(false);
    }
    let Some(window) = window(ipa, length, tags.len() as u64, guest) else { return Ok(false) };
    backend.emulator.write(FILED, tags)?;
    let sweep = Block::assemble(STORE).map_err(RequestError::from)?;
    run(backend, 0, &sweep.x(0, window.va(ipa)).x(1, length).x(2, FILED), guest)?;
    Ok(true)
}

/// Returns a window through which the guest can reach the tags of a range now, if it has room for what is filed of it.
fn window(ipa: u64, length: u64, filed: u64, guest: &GuestState) -> Option<Window> {
    if filed > ROOM || !super::is_visible(ipa, length) || guest.in_block().contains(&true) {
        return None;
    }
    // The firmware lets EL1 access pages of EL0.
    [Window::Tagged, Window::TaggedEl0].into_iter().find(|window| guest.is_as_booted(*window, ipa, length))
}

/// Runs a block that must end without a fault.
pub(super) fn run(backend: &mut TcgBackend, cpu: usize, block: &Block, guest: &GuestState) -> Result<(), MachineError> {
    match backend.run(cpu, RunReason::Start(block), guest)? {
        Outcome::Done(trace) if trace.faults.is_empty() => Ok(()),
        Outcome::Done(trace) => {
            Err(backend.mailboxes[cpu].misbehaved(format!("faulted where nothing can: {:?}", trace.faults)))
        }
        Outcome::Checkpoint => Err(backend.mailboxes[cpu].misbehaved("rang a checkpoint that is not there")),
    }
}

/// Returns the bit at which LDGM puts the tag of a granule: that follows from its address alone.
fn place(address: u64) -> u64 {
    address / GRANULE % 16 * 4
}
