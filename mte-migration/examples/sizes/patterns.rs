//! Five patterns of tags, the same in every run.

use fastrand::Rng;
use mte_migration::TAGS;

/// The seed of each pattern.
pub const SEED: u64 = 0x5eed;

/// Pages of each pattern.
pub const PAGES: usize = 1024;

/// A kind of memory.
pub struct Pattern {
    /// What is in it.
    pub name: &'static str,
    /// Makes the tags of [`PAGES`] pages, one a byte.
    pub make: fn(&mut Rng) -> Vec<u8>,
}

/// All of them.
pub const PATTERNS: [Pattern; 5] = [
    Pattern { name: "uniform pages", make: uniform },
    Pattern { name: "objects of 16–64 bytes", make: |rng| objects(rng, 1..=4) },
    Pattern { name: "objects of 256–1024 bytes", make: |rng| objects(rng, 16..=64) },
    Pattern { name: "random", make: |rng| (0..PAGES * TAGS).map(|_| rng.u8(..16)).collect() },
    Pattern { name: "mostly untagged", make: mostly_untagged },
];

fn uniform(rng: &mut Rng) -> Vec<u8> {
    (0..PAGES).flat_map(|_| [rng.u8(1..16); TAGS]).collect()
}

/// Objects without gaps, each with a random tag, of so many granules.
fn objects(rng: &mut Rng, granules: std::ops::RangeInclusive<usize>) -> Vec<u8> {
    let mut tags = Vec::new();
    while tags.len() < PAGES * TAGS {
        let length = rng.usize(granules.clone());
        tags.extend(std::iter::repeat_n(rng.u8(1..16), length));
    }
    tags.truncate(PAGES * TAGS);
    tags
}

/// Every sixteenth page has one to three objects of up to 512 bytes.
fn mostly_untagged(rng: &mut Rng) -> Vec<u8> {
    let mut tags = vec![0; PAGES * TAGS];
    for page in tags.chunks_mut(16 * TAGS) {
        for _ in 0..rng.usize(1..=3) {
            let start = rng.usize(..TAGS);
            let end = TAGS.min(start + rng.usize(1..=32));
            page[start..end].fill(rng.u8(1..16));
        }
    }
    tags
}
