//! How register values are written: hexadecimal with `_`, or as a pointer into a window of the arena.
//!
//! `tagged+0x40 tag 3` is the byte 0x40 of the arena in the window for EL1 with logical tag 3;
//! `upper.tagged-el0+0x40 tag 15` is the same byte in the window for EL0, in the half that TTBR1_EL1 translates.

use std::fmt;

use abi::map::{self, Window};
use arch::{Tag, TaggedPtr};

/// The windows, by name.
pub const WINDOWS: [(&str, Window); 4] = [
    ("tagged", Window::Tagged),
    ("tagged-el0", Window::TaggedEl0),
    ("untagged", Window::Untagged),
    ("untagged-el0", Window::UntaggedEl0),
];

/// What stands before the name of a window in the upper half.
pub const UPPER: &str = "upper.";
/// Bytes in the page of the PL011 whose data register takes doorbells.
pub const UART: &str = "uart";
/// The byte that rings a checkpoint on the block's own vCPU.
pub const CHECKPOINT: &str = "checkpoint";

/// A pointer into a window of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The window.
    pub window: Window,
    /// Whether in the half that TTBR1_EL1 translates.
    pub upper: bool,
    /// Bytes from the arena's start, below [`map::ARENA_SIZE`].
    pub offset: u64,
    /// The logical tag.
    pub tag: Tag,
}

impl Pointer {
    /// Returns the 64 bits; bits 63:60 are those of a canonical address.
    #[must_use]
    pub const fn bits(self) -> u64 {
        let lower = self.window.va(map::ARENA_BASE + self.offset);
        let va = if self.upper { map::upper_half(lower) } else { lower };
        TaggedPtr::new(va).with_tag(self.tag).bits()
    }

    /// Takes 64 bits apart; `None` if they are no such pointer.
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Self> {
        let upper = TaggedPtr::new(bits).bit55();
        let va = TaggedPtr::new(bits).untagged().bits() & !map::UPPER_HALF;
        let window = Window::from_number(va >> 32)?;
        let offset = map::ipa_of(va).checked_sub(map::ARENA_BASE).filter(|offset| *offset < map::ARENA_SIZE)?;
        let pointer = Self { window, upper, offset, tag: TaggedPtr::new(bits).tag() };
        (pointer.bits() == bits).then_some(pointer)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = WINDOWS.iter().find(|(_, window)| *window == self.window).map_or("", |(name, _)| name);
        let half = if self.upper { UPPER } else { "" };
        write!(f, "{half}{name}+{:#x} tag {}", self.offset, self.tag.value())
    }
}

/// Writes a register's value as it is read.
pub struct Value(pub u64);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Pointer::from_bits(self.0) {
            Some(pointer) => pointer.fmt(f),
            None if self.0 == map::UART_DR => f.write_str(UART),
            None => hex(f, self.0),
        }
    }
}

/// A number that is never a pointer.
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, self.0)
    }
}

/// Writes a number in hexadecimal, long ones in groups of four digits.
pub fn hex(f: &mut fmt::Formatter<'_>, value: u64) -> fmt::Result {
    if value <= u64::from(u32::MAX) {
        return write!(f, "{value:#x}");
    }
    let groups = [48, 32, 16, 0].map(|shift| value >> shift & 0xffff);
    write!(f, "0x{:04x}_{:04x}_{:04x}_{:04x}", groups[0], groups[1], groups[2], groups[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_taken_apart_and_put_together() {
        for (_, window) in WINDOWS {
            for upper in [false, true] {
                for offset in [0, 0x47, map::ARENA_SIZE - 1] {
                    for tag in Tag::all() {
                        let pointer = Pointer { window, upper, offset, tag };
                        assert_eq!(Pointer::from_bits(pointer.bits()), Some(pointer));
                    }
                }
            }
        }
        for no in [0, map::UART_DR, map::ARENA_BASE, Window::Tagged.va(map::HEAP_BASE), 0x10 << 56 | 0x1_4080_0000] {
            assert_eq!(Pointer::from_bits(no), None, "{no:#x}");
        }
    }

    #[test]
    fn values_say_what_they_are() {
        let pointer = Pointer { window: Window::TaggedEl0, upper: true, offset: 0x40, tag: Tag::MAX };
        assert_eq!(Value(pointer.bits()).to_string(), "upper.tagged-el0+0x40 tag 15");
        assert_eq!(Value(map::UART_DR).to_string(), "uart");
        assert_eq!(Value(0xffff).to_string(), "0xffff");
        assert_eq!(Value(1 << 32).to_string(), "0x0000_0001_0000_0000");
    }
}
