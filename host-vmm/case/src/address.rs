//! Addresses in the arena, physical and through the windows, with logical tags.

use abi::map::{self, Window};
use arch::TaggedPtr;

use machine::El;

/// Returns the guest-physical address of a byte of the arena.
#[must_use]
pub const fn arena(offset: u64) -> u64 {
    map::ARENA_BASE + offset
}

/// Returns a pointer to a byte of the arena in a window, with a logical tag.
#[must_use]
pub fn pointer(window: Window, offset: u64, tag: u8) -> u64 {
    TaggedPtr::new(window.va(arena(offset))).with_tag(arch::Tag::truncate(tag)).bits()
}

/// Returns a pointer to a byte of the arena in the checked window of EL1, with a logical tag.
#[must_use]
pub fn tagged(offset: u64, tag: u8) -> u64 {
    pointer(Window::Tagged, offset, tag)
}

/// Returns a pointer like [`pointer()`], for code at this level and in the upper or lower half.
#[must_use]
pub fn pointer_at(el: El, upper: bool, offset: u64, tag: u8) -> u64 {
    let window = if el == El::El0 { Window::TaggedEl0 } else { Window::Tagged };
    let lower = window.va(arena(offset));
    let va = if upper { map::upper_half(lower) } else { lower };
    TaggedPtr::new(va).with_tag(arch::Tag::truncate(tag)).bits()
}
