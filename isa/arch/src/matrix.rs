//! What SME adds to operands: the array ZA, its tiles and slices, and the table ZT0 (Arm ARM C9, SME).

use core::fmt;

use crate::register::{Reg, RegClass};
use crate::simd::SimdWidth;

/// A register that selects a slice or a vector of ZA, and what is added to it: `w12, 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceIndex {
    register: Reg,
    offset: u8,
}

impl SliceIndex {
    /// Creates the index. Returns `None` if the register is not w12 to w15, or the offset above 15.
    #[must_use]
    pub const fn new(register: Reg, offset: u8) -> Option<Self> {
        let selects = matches!(register.class(), RegClass::W) && matches!(register.index(), 12..=15);
        if selects && offset <= 15 { Some(Self { register, offset }) } else { None }
    }

    /// Returns the register.
    #[must_use]
    pub const fn register(self) -> Reg {
        self.register
    }

    /// Returns what is added to the register, 0 to 15.
    #[must_use]
    pub const fn offset(self) -> u8 {
        self.offset
    }
}

impl fmt::Display for SliceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.register, self.offset)
    }
}

/// A horizontal or vertical slice of a tile of ZA: `za1h.s[w12, 3]`.
///
/// ```
/// use arch::{Reg, SimdWidth, SliceIndex, ZaSlice};
/// let index = SliceIndex::new(Reg::parse("w12").unwrap(), 3).unwrap();
/// let slice = ZaSlice::new(1, SimdWidth::S, true, index).unwrap();
/// assert_eq!((slice.to_string().as_str(), ZaSlice::new(4, SimdWidth::S, true, index)), ("za1v.s[w12, 3]", None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZaSlice {
    tile: u8,
    element: SimdWidth,
    vertical: bool,
    index: SliceIndex,
}

impl ZaSlice {
    /// Creates the slice. Returns `None` if there is no such tile: elements of so many bytes have so many tiles.
    #[must_use]
    pub const fn new(tile: u8, element: SimdWidth, vertical: bool, index: SliceIndex) -> Option<Self> {
        if tile < element.bytes() { Some(Self { tile, element, vertical, index }) } else { None }
    }

    /// Returns the number of the tile.
    #[must_use]
    pub const fn tile(self) -> u8 {
        self.tile
    }

    /// Returns the size of an element.
    #[must_use]
    pub const fn element(self) -> SimdWidth {
        self.element
    }

    /// Returns whether it is a column of the tile, and not a row.
    #[must_use]
    pub const fn is_vertical(self) -> bool {
        self.vertical
    }

    /// Returns what selects the slice.
    #[must_use]
    pub const fn index(self) -> SliceIndex {
        self.index
    }

    /// Parses what stands before the bracket, such as `za1v.s`, ignoring case: tile, element, whether it is vertical.
    #[must_use]
    pub fn parse_tile(text: &str) -> Option<(u8, SimdWidth, bool)> {
        let (tile, size) = text.split_once('.')?;
        let element = SimdWidth::by_name(size)?;
        let (tile, vertical) = match tile.char_indices().next_back()? {
            (end, 'h' | 'H') => (&tile[..end], false),
            (end, 'v' | 'V') => (&tile[..end], true),
            _ => return None,
        };
        Some((parse_number(tile)?, element, vertical))
    }
}

impl fmt::Display for ZaSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.vertical { 'v' } else { 'h' };
        write!(f, "za{}{direction}.{}[{}]", self.tile, self.element.letter(), self.index)
    }
}

/// A set of the tiles za0.d to za7.d, of which each other tile is one: `{za0.h, za1.d}`.
///
/// ```
/// use arch::ZaTiles;
/// let texts = [0xff, 0x55, 0x31, 0].map(|mask| ZaTiles::new(mask).to_string());
/// assert_eq!(texts, ["{za}", "{za0.h}", "{za0.s, za5.d}", "{}"]);
/// assert_eq!(ZaTiles::parse_one("za1.s").map(ZaTiles::mask), Some(0x22));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZaTiles(u8);

impl ZaTiles {
    /// Creates the set, bit n for the tile `zan.d`.
    #[must_use]
    pub const fn new(mask: u8) -> Self {
        Self(mask)
    }

    /// Returns a bit for each tile of doublewords.
    #[must_use]
    pub const fn mask(self) -> u8 {
        self.0
    }

    /// Returns the set with the tiles of another one.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the tiles of doublewords that a tile of larger or smaller elements consists of.
    const fn of(tile: u8, count: u8) -> Self {
        let mut mask = 0;
        let mut at = tile;
        while at < 8 {
            mask |= 1 << at;
            at += count;
        }
        Self(mask)
    }

    /// Parses one tile or the whole array: `za`, `za0.b`, `za1.h`, `za3.s`, `za7.d`, ignoring case.
    #[must_use]
    pub fn parse_one(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("za") {
            return Some(Self(0xff));
        }
        let (tile, size) = text.split_once('.')?;
        let count = SimdWidth::by_name(size).filter(|element| *element != SimdWidth::Q)?.bytes();
        parse_number(tile).filter(|tile| *tile < count).map(|tile| Self::of(tile, count))
    }
}

impl fmt::Display for ZaTiles {
    /// Writes the largest tiles that the set consists of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0xff {
            return f.write_str("{za}");
        }
        f.write_str("{")?;
        let mut rest = self.0;
        for (count, letter) in [(2, 'h'), (4, 's'), (8, 'd')] {
            for tile in 0..count {
                let mask = Self::of(tile, count).0;
                if rest & mask == mask {
                    write!(f, "{}za{tile}.{letter}", if rest == self.0 { "" } else { ", " })?;
                    rest &= !mask;
                }
            }
        }
        f.write_str("}")
    }
}

/// What SMSTART and SMSTOP switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SmeState {
    /// Streaming mode: PSTATE.SM.
    Streaming = 0b01,
    /// ZA and ZT0: PSTATE.ZA.
    Za = 0b10,
    /// Both, which is not written.
    Both = 0b11,
}

impl SmeState {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Streaming, Self::Za, Self::Both];

    /// Returns the name in assembly.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streaming => "sm",
            Self::Za => "za",
            Self::Both => "smza",
        }
    }
}

impl fmt::Display for SmeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Parses `za12`.
fn parse_number(text: &str) -> Option<u8> {
    let letters = text.get(..2).filter(|letters| letters.eq_ignore_ascii_case("za"))?;
    crate::simd::number(&text[letters.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn slices_and_tiles_parse_as_printed() {
        assert_eq!(ZaSlice::parse_tile("ZA15V.Q"), Some((15, SimdWidth::Q, true)));
        for text in ["za0.b", "za0x.b", "z0h.b", "za0h", "za0h.x", "zah.b", ""] {
            assert_eq!(ZaSlice::parse_tile(text), None, "{text}");
        }
        for text in ["za2.h", "za0.q", "za1.b", "za8.d", "zb", "za.d"] {
            assert_eq!(ZaTiles::parse_one(text), None, "{text}");
        }
        for mask in 0..=0xff {
            let text = ZaTiles::new(mask).to_string();
            let parts = text[1..text.len() - 1].split(", ").filter(|part| !part.is_empty());
            let parsed = parts.map(|part| ZaTiles::parse_one(part).unwrap());
            assert_eq!(parsed.fold(ZaTiles::new(0), ZaTiles::with).mask(), mask, "{text}");
        }
        let (w11, x12) = (Reg::parse("w11").unwrap(), Reg::parse("x12").unwrap());
        assert_eq!((SliceIndex::new(w11, 0), SliceIndex::new(x12, 0)), (None, None));
    }
}
