//! What Linux's proposed compression of swapped tags stores for a page, restated from its description.
//!
//! Alexander Potapenko, "arm64: mte: add compression support for mteswap", linux-arm-kernel, 2023; the description is
//! Documentation/arch/arm64/mte-tag-compression.rst of the series, which was not merged. Up to version 7 the tags of a page
//! are an object of a size class, by the number of runs; from version 8 on (the last is 11, of December 2023) they are in the 8 bytes of
//! the XArray's entry, or not compressed.
//!
//! To be read again, a page needs its entry of 8 bytes, and the object if there is one. The XArray's own nodes are not counted.

use mte_migration::TAGS;

/// The XArray's entry: the handle, or the compressed tags themselves.
const ENTRY: usize = 8;

/// Runs up to which a size class can hold a page of 4 KiB, and its bytes. Six runs fit into the entry.
const CLASSES: [(usize, usize); 5] = [(6, 0), (11, 16), (23, 32), (46, 64), (TAGS, 128)];

fn runs(tags: &[u8; TAGS]) -> usize {
    tags.chunk_by(|a, b| a == b).count()
}

/// Bytes that are stored for a page with the size classes.
pub fn bytes(tags: &[u8; TAGS]) -> usize {
    let runs = runs(tags);
    ENTRY + CLASSES.iter().find(|(most, _)| runs <= *most).map_or(128, |(_, bytes)| *bytes)
}

/// As [`bytes`], and nothing for a page without tags. Linux stores nothing for a page that is not marked as tagged; KVM marks every page
/// of a VM with MTE (arch/arm64/kvm/mmu.c, `sanitise_mte_tags()`), so this is what it would be at best.
pub fn bytes_if_tagged(tags: &[u8; TAGS]) -> usize {
    if tags.iter().all(|tag| *tag == 0) { 0 } else { bytes(tags) }
}

/// Bytes that are stored for a page without size classes: in the entry, or 128 more.
pub fn bytes_inline_only(tags: &[u8; TAGS]) -> usize {
    if runs(tags) <= CLASSES[0].0 { ENTRY } else { ENTRY + 128 }
}
