//! The tags of a page as bits: one bit if there are none, eight if all are equal, else run lengths or four bits a tag,
//! whichever is smaller. A page never takes more than [`MAX_BITS`], 128 bytes and four bits.
//!
//! | bits, in this order | meaning |
//! |---|---|
//! | `0` | all tags are 0 |
//! | `1`, mode 6 (3), tag (4) | all tags are equal, and not 0 |
//! | `1`, mode 0 to 5 (3), Rice₃(runs − 2), for each run: tag (4) and, but for the last run, Rice_mode(length − 1) | runs |
//! | `1`, mode 7 (3), 256 tags (4 each) | packed |
//!
//! A number in parentheses is a width in bits, least significant bit first. Rice_k(v) is ⌊v / 2^k⌋ ones, a zero, and the low
//! k bits of v. The last run's length is what remains of the page; neighbouring runs have different tags.
//!
//! An encoder is free in the choice between runs and packed. A decoder rejects what no encoder needs: a page that is longer
//! than [`MAX_BITS`], uniform tags that are 0, neighbouring runs with one tag, runs beyond the page's end.

use crate::bits::{BitReader, BitWriter, rice_bits};
use crate::defect::{Defect, Injected};
use crate::{PAGE, PAGES_PER_FRAME, TAGS};

/// The tags of a page, one a byte, in the order of addresses: the form of KVM_ARM_MTE_COPY_TAGS.
pub type PageTags = [u8; TAGS];

/// Bits that the tags of a page take at most.
pub const MAX_BITS: usize = 4 + 4 * TAGS;

/// Bytes that the tags of a frame's pages take at most.
pub const MAX_BYTES: usize = (PAGES_PER_FRAME * MAX_BITS).div_ceil(8);

/// Modes up to this one are the parameter of the Rice code of run lengths.
const MAX_K: u32 = 5;
const UNIFORM: u32 = 6;
const PACKED: u32 = 7;
/// The parameter of the Rice code of the number of runs.
const COUNT_K: u32 = 3;
/// With more runs the tags alone, and a bit for each length, take more than packed tags.
const MAX_RUNS: usize = 4 * TAGS / 5;

/// Why bits are not the tags of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagsError {
    /// A tag to encode has more than four bits.
    #[error("tag of granule {granule}: expected at most 15, found {value}")]
    BadTag {
        /// The granule, counted from the first page's first one.
        granule: usize,
        /// The byte.
        value: u8,
    },
    /// The slice of tags does not consist of whole pages.
    #[error("tags of whole pages: expected a multiple of {TAGS}, found {count}")]
    BadCount {
        /// Tags that were given.
        count: usize,
    },
    /// The bits end within a page, or a run length or a number of runs is above what fits into a page.
    #[error("tags of page {page}: the bits end, or a code exceeds the page")]
    BadCode {
        /// The page, counted from the frame's first one.
        page: usize,
    },
    /// Uniform tags of 0, or neighbouring runs with the same tag.
    #[error("tags of page {page}: a run that its neighbour, or the one bit of an untagged page, should include")]
    Redundant {
        /// The page, counted from the frame's first one.
        page: usize,
    },
    /// A page takes more than [`MAX_BITS`].
    #[error("tags of page {page}: expected at most {MAX_BITS} bits, found {bits}")]
    TooLong {
        /// The page, counted from the frame's first one.
        page: usize,
        /// Its bits.
        bits: usize,
    },
    /// More bytes than the pages' tags need, or a bit that is set after the last page.
    #[error("tags: expected the last page to end in the last byte, and zero bits after it")]
    Trailing,
}

/// Encodes the tags of consecutive pages, one a byte. The result is empty if all are 0.
///
/// # Errors
///
/// A tag is above 15, or the number of tags is not a multiple of [`TAGS`].
///
/// ```
/// let mut tags = [0; 512];
/// tags[256..].fill(9);
/// let bits = mte_migration::tags::encode(&tags)?;
/// // 0; 1, mode 6 = 0b110, tag 9 = 0b1001: least significant bits first.
/// assert_eq!(bits, [0b0011_1010, 0b1]);
/// assert_eq!(mte_migration::tags::decode(&bits, 2)?, tags);
/// # Ok::<(), mte_migration::tags::TagsError>(())
/// ```
pub fn encode(tags: &[u8]) -> Result<Vec<u8>, TagsError> {
    encode_with(tags, Injected::default())
}

pub(crate) fn encode_with(tags: &[u8], injected: Injected) -> Result<Vec<u8>, TagsError> {
    let (pages, rest) = tags.as_chunks::<TAGS>();
    if !rest.is_empty() {
        return Err(TagsError::BadCount { count: tags.len() });
    }
    let any_bits = tags.as_chunks::<16>().0.iter().fold(0, |bits, chunk| bits | u128::from_ne_bytes(*chunk));
    if any_bits & all(!kvm_mte::MAX_TAG) != 0 {
        let granule = tags.iter().position(|tag| *tag > kvm_mte::MAX_TAG).unwrap_or_default();
        return Err(TagsError::BadTag { granule, value: tags[granule] });
    }
    let mut bits = BitWriter::default();
    let mut any = false;
    for (index, page) in pages.iter().enumerate() {
        let is_last = index + 1 == pages.len();
        let lost = injected.is(Defect::LastPageTagsLost) && is_last && index > 0;
        any |= !lost && encode_page(page, &mut bits, injected);
        if lost {
            bits.write(0, 1);
        }
    }
    Ok(if any { bits.finish() } else { Vec::new() })
}

/// Returns a word all of whose bytes are this one.
const fn all(byte: u8) -> u128 {
    u128::from_ne_bytes([byte; 16])
}

/// Encodes a page, and returns whether it has tags.
fn encode_page(tags: &PageTags, bits: &mut BitWriter, injected: Injected) -> bool {
    let first = tags[0];
    if tags.as_chunks::<16>().0.iter().all(|chunk| u128::from_ne_bytes(*chunk) == all(first)) {
        let has_tags = first != 0 && !injected.is(Defect::UniformTakenForUntagged);
        bits.write(u32::from(has_tags), 1);
        if has_tags {
            bits.write(UNIFORM, 3);
            bits.write(u32::from(first), 4);
        }
        return has_tags;
    }
    bits.write(1, 1);
    let runs = Runs::of(tags);
    match runs.best_k() {
        Some(k) => runs.write(k, bits, injected),
        None => {
            bits.write(PACKED, 3);
            for tag in tags {
                bits.write(u32::from(*tag), 4);
            }
        }
    }
    true
}

/// Runs of equal tags: each tag, and its length less one.
struct Runs {
    runs: [(u8, u8); TAGS],
    count: usize,
}

impl Runs {
    fn of(tags: &PageTags) -> Self {
        let mut found = Self { runs: [(0, 0); TAGS], count: 0 };
        let mut rest = &tags[..];
        while let [tag, after @ ..] = rest {
            let more = equal_to(*tag, after);
            found.runs[found.count] = (*tag, more as u8);
            found.count += 1;
            rest = &after[more..];
        }
        found
    }

    fn all(&self) -> &[(u8, u8)] {
        &self.runs[..self.count]
    }

    /// Returns the parameter with which the runs take the fewest bits, or `None` if packed tags take no more.
    fn best_k(&self) -> Option<u32> {
        if self.count > MAX_RUNS {
            return None;
        }
        let fixed = rice_bits(self.count as u32 - 2, COUNT_K) + 4 * self.count as u32;
        let lengths = &self.all()[..self.count - 1];
        let size = |k: u32| fixed + lengths.iter().map(|(_, more)| rice_bits(u32::from(*more), k)).sum::<u32>();
        let (bits, k) = (0..=MAX_K).map(|k| (size(k), k)).min()?;
        (bits < 4 * TAGS as u32).then_some(k)
    }

    fn write(&self, k: u32, bits: &mut BitWriter, injected: Injected) {
        bits.write(k, 3);
        bits.write_rice(self.count as u32 - 2, COUNT_K);
        for (index, (tag, more)) in self.all().iter().enumerate() {
            bits.write(u32::from(*tag), 4);
            if index + 1 < self.count {
                let one_too_long = injected.is(Defect::RunOneTooLong) && index == 0;
                bits.write_rice(u32::from(*more) + u32::from(one_too_long), k);
            }
        }
    }
}

/// Returns how many tags from the first one on are this one.
fn equal_to(tag: u8, tags: &[u8]) -> usize {
    let mut count = 0;
    let (words, rest) = tags.as_chunks::<8>();
    for word in words {
        let difference = u64::from_le_bytes(*word) ^ u64::from_le_bytes([tag; 8]);
        count += (difference.trailing_zeros() / 8) as usize;
        if difference != 0 {
            return count;
        }
    }
    count + rest.iter().take_while(|other| **other == tag).count()
}

/// Decodes the tags of `pages` consecutive pages, one a byte. No bytes stand for pages without tags.
///
/// # Errors
///
/// The bits are not those of so many pages; see [`TagsError`].
pub fn decode(bytes: &[u8], pages: usize) -> Result<Vec<u8>, TagsError> {
    decode_with(bytes, pages, Injected::default())
}

pub(crate) fn decode_with(bytes: &[u8], pages: usize, injected: Injected) -> Result<Vec<u8>, TagsError> {
    let mut tags = vec![0; pages * TAGS];
    if bytes.is_empty() {
        return Ok(tags);
    }
    let mut bits = BitReader::new(bytes);
    for (page, tags) in tags.as_chunks_mut::<TAGS>().0.iter_mut().enumerate() {
        let start = bits.position();
        decode_page(&mut bits, tags, page, injected)?;
        let bits = bits.position() - start;
        if bits > MAX_BITS {
            return Err(TagsError::TooLong { page, bits });
        }
    }
    if bits.is_finished() { Ok(tags) } else { Err(TagsError::Trailing) }
}

fn decode_page(
    bits: &mut BitReader<'_>,
    tags: &mut PageTags,
    page: usize,
    injected: Injected,
) -> Result<(), TagsError> {
    let bad = TagsError::BadCode { page };
    if bits.read(1).ok_or(bad)? == 0 {
        return Ok(());
    }
    match bits.read(3).ok_or(bad)? {
        UNIFORM => {
            let tag = bits.read(4).ok_or(bad)?;
            if tag == 0 {
                return Err(TagsError::Redundant { page });
            }
            tags.fill(tag as u8);
        }
        PACKED => {
            for tag in tags.iter_mut() {
                *tag = bits.read(4).ok_or(bad)? as u8;
            }
            if injected.is(Defect::NibblesSwapped) {
                tags.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.swap(0, 1));
            }
        }
        k => decode_runs(bits, k, tags, page, injected)?,
    }
    Ok(())
}

fn decode_runs(
    bits: &mut BitReader<'_>,
    k: u32,
    tags: &mut PageTags,
    page: usize,
    injected: Injected,
) -> Result<(), TagsError> {
    let bad = TagsError::BadCode { page };
    let runs = bits.read_rice(COUNT_K, TAGS as u32 - 2).ok_or(bad)? + 2;
    let mut rest = &mut tags[..];
    let mut before = None;
    for later in (0..runs).rev() {
        let tag = bits.read(4).ok_or(bad)? as u8;
        if before.replace(tag) == Some(tag) {
            return Err(TagsError::Redundant { page });
        }
        let length = match later {
            0 => rest.len(),
            // Each later run has at least one granule.
            _ => bits.read_rice(k, TAGS as u32 - 1).ok_or(bad)? as usize + 1,
        };
        let (run, after) = rest.split_at_mut_checked(length).ok_or(bad)?;
        if after.len() < later as usize {
            return Err(bad);
        }
        if !(later == 0 && injected.is(Defect::LastRunLost)) {
            run.fill(tag);
        }
        rest = after;
    }
    Ok(())
}

const _: () = assert!(MAX_BITS == 1028 && MAX_BYTES == 32_896 && PAGE == 16 * TAGS);

#[cfg(test)]
#[path = "tags/tests.rs"]
mod tests;
