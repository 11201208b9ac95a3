//! Digests of a stopped guest, which both sides compute from what is there, not from what was sent.
//!
//! BLAKE2b with 32 bytes (RFC 7693) throughout; numbers are little-endian, 8 bytes:
//!
//! - memory: of `MTEmem1\0` and, for each page that is not all zeros, in ascending order: its number, and the digest of its
//!   4096 bytes;
//! - tags: of `MTEtag1\0` and, for each page with a tag other than 0, in ascending order: its number, and the digest of its tags
//!   packed as in a core file: 128 bytes, the lower four bits of a byte are the tag of the lower address;
//! - registers: of `MTEreg1\0`, then the length and bytes of the VM's state, then of each vCPU's, in ascending order.

use std::ops::Range;

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};

use crate::bits::is_zero;
use crate::defect::{Defect, Injected};
use crate::guest::{Guest, Paused};
use crate::message::{Digest, Digests, Hello};
use crate::{PAGE, PAGES_PER_FRAME, TAGS};

/// Computes the digests of a stopped guest, whose slots and vCPUs are those of `hello`.
///
/// # Errors
/// The guest cannot be read.
pub fn of<G: Guest + ?Sized>(guest: &mut G, paused: &Paused, hello: &Hello) -> Result<Digests, G::Error> {
    with(guest, paused, hello, Injected::default())
}

pub(crate) fn with<G: Guest + ?Sized>(
    guest: &mut G,
    paused: &Paused,
    hello: &Hello,
    injected: Injected,
) -> Result<Digests, G::Error> {
    let parts = guest.populated()?.parts(&hello.slots, PAGES_PER_FRAME as u64);
    let (memory, tags) = memory_and_tags(guest, parts, injected)?;
    let mut registers = Blake2b::<U32>::new_with_prefix(b"MTEreg1\0");
    let mut add = |state: &[u8]| {
        registers.update((state.len() as u64).to_le_bytes());
        registers.update(state);
    };
    add(&guest.vm_state(paused)?);
    for index in 0..u32::from(hello.vcpus) {
        add(&guest.vcpu(paused, index)?);
    }
    Ok(Digests { memory, tags, registers: registers.finalize().into() })
}

fn memory_and_tags<G: Guest + ?Sized>(
    guest: &mut G,
    parts: Vec<Range<u64>>,
    injected: Injected,
) -> Result<(Digest, Digest), G::Error> {
    let mut memory = Blake2b::<U32>::new_with_prefix(b"MTEmem1\0");
    let mut tags = Blake2b::<U32>::new_with_prefix(b"MTEtag1\0");
    let add = |to: &mut Blake2b<U32>, page: u64, bytes: &[u8]| {
        if !injected.is(Defect::DigestWithoutPageNumbers) {
            to.update(page.to_le_bytes());
        }
        to.update(Blake2b::<U32>::digest(bytes));
    };
    let mut data_of = vec![0; PAGES_PER_FRAME * PAGE];
    let mut tags_of = vec![0; PAGES_PER_FRAME * TAGS];
    for pages in parts {
        let count = (pages.end - pages.start) as usize;
        guest.read(pages.start, &mut data_of[..count * PAGE])?;
        guest.fetch_tags(pages.start, &mut tags_of[..count * TAGS])?;
        let count = count - usize::from(injected.is(Defect::DigestWithoutRangeEnd));
        let data_of = data_of.as_chunks::<PAGE>().0;
        let tags_of = tags_of.as_chunks::<TAGS>().0;
        for ((page, data), page_tags) in pages.zip(data_of).zip(tags_of).take(count) {
            let has_data = !is_zero(data);
            if has_data {
                add(&mut memory, page, data);
            }
            let counts = has_data || !injected.is(Defect::DigestOfTagsWithDataOnly);
            if counts && !is_zero(page_tags) && !injected.is(Defect::DigestWithoutTags) {
                add(&mut tags, page, &packed(page_tags));
            }
        }
    }
    Ok((memory.finalize().into(), tags.finalize().into()))
}

/// Packs the tags of a page, the lower address in the lower four bits.
fn packed(tags: &[u8; TAGS]) -> [u8; TAGS / 2] {
    let mut packed = [0; TAGS / 2];
    for (byte, [low, high]) in packed.iter_mut().zip(tags.as_chunks::<2>().0) {
        *byte = low | high << 4;
    }
    packed
}
