//! Where a random program works: two pages of the arena, their tags, and pointers to what is interesting in them.
//!
//! Interesting are the borders: of granules, of the two pages, of the arena. Most pointers carry the tag of the granule
//! that they lead to, so that not every access faults.

use abi::map::{ARENA_SIZE, GUEST_PAGE, Window};
use arch::Tag;
use fastrand::Rng;

use super::profile::{one_in, weighted};
use machine::El;
use program::Event;
use program::value::Pointer;

/// Bytes of a site.
pub const BYTES: u64 = 2 * GUEST_PAGE;
const GRANULE: u64 = arch::GRANULE_BYTES as u64;
const GRANULES: usize = (BYTES / GRANULE) as usize;
/// Granules to either side of a hot spot whose tags are drawn one by one.
const AROUND: usize = 12;

/// Two pages.
#[derive(Clone, Debug)]
pub struct TestArea {
    /// Offset of the first byte in the arena.
    pub base: u64,
    /// The tag of each granule at the beginning.
    tags: Vec<Tag>,
    /// Offsets from `base` that pointers lie about.
    spots: Vec<u64>,
    /// The tags that the program uses.
    palette: Vec<Tag>,
}

impl TestArea {
    /// Draws a site.
    pub fn new(rng: &mut Rng) -> Self {
        let last = ARENA_SIZE - BYTES;
        let middle = rng.u64(1..last / GUEST_PAGE) * GUEST_PAGE;
        let base = weighted(rng, &[(4, 0), (4, last), (8, middle)]);
        let palette = vec![Tag::ZERO, Tag::MAX, Tag::truncate(rng.u8(..)), Tag::truncate(rng.u8(..))];
        let spots = vec![0, GUEST_PAGE, BYTES, rng.u64(..BYTES)];
        let mut test_area = Self { base, tags: vec![Tag::ZERO; GRANULES], spots, palette };
        let quiet = test_area.any_tag(rng);
        test_area.tags.fill(quiet);
        for spot in test_area.spots.clone() {
            let middle = (spot / GRANULE) as usize;
            let mut tag = quiet;
            for granule in middle.saturating_sub(AROUND)..(middle + AROUND).min(GRANULES) {
                if one_in(rng, 3) {
                    tag = test_area.any_tag(rng);
                }
                test_area.tags[granule] = tag;
            }
        }
        test_area
    }

    /// Draws one of the program's tags, or any.
    pub fn any_tag(&self, rng: &mut Rng) -> Tag {
        if one_in(rng, 8) { Tag::truncate(rng.u8(..)) } else { self.palette[rng.usize(..self.palette.len())] }
    }

    /// Returns the event that stores the site's tags.
    pub fn initial_tags(&self) -> Event {
        Event::Tags { offset: self.base, tags: self.tags.clone() }
    }

    /// Draws data about a hot spot.
    pub fn initial_data(&self, rng: &mut Rng) -> Event {
        let spot = self.spots[rng.usize(..self.spots.len())];
        let start = spot.saturating_sub(32).min(BYTES - 64);
        Event::Data { offset: self.base + start, bytes: std::iter::repeat_with(|| rng.u8(..)).take(64).collect() }
    }

    /// Draws an event that stores a few tags about a hot spot.
    pub fn some_tags(&self, rng: &mut Rng) -> Event {
        let count = rng.usize(1..=8);
        let tags = std::iter::repeat_with(|| self.any_tag(rng)).take(count).collect();
        Event::Tags { offset: self.base + self.granules(rng, count), tags }
    }

    /// Draws an event that fetches the tags about a hot spot.
    pub fn some_fetch(&self, rng: &mut Rng) -> Event {
        let count = rng.usize(1..=32);
        Event::Fetch { offset: self.base + self.granules(rng, count), bytes: count as u64 * GRANULE }
    }

    /// Draws a place for so many granules.
    fn granules(&self, rng: &mut Rng, count: usize) -> u64 {
        let spot = self.spots[rng.usize(..self.spots.len())] & !(GRANULE - 1);
        spot.saturating_sub(rng.u64(..4) * GRANULE).min(BYTES - count as u64 * GRANULE)
    }

    /// Draws a pointer for code at a level.
    pub fn pointer(&self, rng: &mut Rng, el: El) -> u64 {
        let spot = self.spots[rng.usize(..self.spots.len())];
        let near = match rng.u32(..10) {
            0..6 => spot.wrapping_add_signed(rng.i64(-4..4) * GRANULE as i64) & !(GRANULE - 1),
            6..8 => spot.wrapping_add_signed(rng.i64(-4..4) * 8),
            _ => spot.wrapping_add_signed(rng.i64(-32..32)),
        };
        // A pointer into the page before wraps to the last granules of the site.
        let offset = if near < BYTES { near } else { (near % BYTES).min(BYTES - 1) };
        let tag = match rng.u32(..10) {
            0..8 => self.tags[(offset / GRANULE) as usize],
            _ => self.any_tag(rng),
        };
        let pointer = Pointer { window: window(rng, el), upper: one_in(rng, 4), offset: self.base + offset, tag };
        // With TBI the uppermost four bits mean nothing.
        if one_in(rng, 24) { pointer.bits() ^ rng.u64(..16) << 60 } else { pointer.bits() }
    }

    /// Draws an aligned pointer for the stack pointer.
    pub fn stack(&self, rng: &mut Rng, el: El) -> u64 {
        let pointer = self.pointer(rng, el);
        if one_in(rng, 16) { pointer } else { pointer & !(GRANULE - 1) }
    }
}

/// Draws the window that code at a level looks through: mostly the checked one.
fn window(rng: &mut Rng, el: El) -> Window {
    let (own, other) = match el {
        El::El0 => (Window::TaggedEl0, Window::Tagged),
        El::El1 => (Window::Tagged, Window::TaggedEl0),
    };
    let unchecked = if el == El::El0 { Window::UntaggedEl0 } else { Window::Untagged };
    weighted(rng, &[(24, own), (4, unchecked), (2, other)])
}
