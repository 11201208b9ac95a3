//! SIMD&FP registers as operands: one register of some width, a list of vector registers, or one lane of each in a list.

use core::fmt;

/// The part of a SIMD&FP register that is loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SimdWidth {
    /// The low byte.
    B,
    /// The low halfword.
    H,
    /// The low word.
    S,
    /// The low doubleword.
    D,
    /// All 16 bytes.
    Q,
}

impl SimdWidth {
    const ALL: [(Self, char); 5] = [(Self::B, 'b'), (Self::H, 'h'), (Self::S, 's'), (Self::D, 'd'), (Self::Q, 'q')];

    /// Returns the width in bytes, 1 to 16.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }

    /// Returns the letter that names a register of this width.
    #[must_use]
    pub const fn letter(self) -> char {
        Self::ALL[self as usize].1
    }
}

/// A SIMD&FP register at some width. A load zeroes the bits above (Arm ARM, `V[]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SimdReg {
    index: u8,
    width: SimdWidth,
}

impl SimdReg {
    /// Creates register `index` of `width`. Returns `None` if `index` is above 31.
    #[must_use]
    pub const fn new(index: u8, width: SimdWidth) -> Option<Self> {
        if index <= 31 { Some(Self { index, width }) } else { None }
    }

    /// Returns the register number, 0 to 31.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns the part of the register that is transferred.
    #[must_use]
    pub const fn width(self) -> SimdWidth {
        self.width
    }

    /// Parses `q5` or `b31`, ignoring case.
    pub fn parse(text: &str) -> Option<Self> {
        let letter = text.chars().next()?.to_ascii_lowercase();
        let width = SimdWidth::ALL.into_iter().find(|(_, of)| *of == letter)?.0;
        Self::new(number(text.get(1..)?)?, width)
    }
}

impl fmt::Display for SimdReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.width.letter(), self.index)
    }
}

/// The arrangement of a vector: number and size of its elements, in the order of `size:Q` (Arm ARM C7.2, LD1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Arrangement {
    /// 8 bytes.
    B8,
    /// 16 bytes.
    B16,
    /// 4 halfwords.
    H4,
    /// 8 halfwords.
    H8,
    /// 2 words.
    S2,
    /// 4 words.
    S4,
    /// 1 doubleword.
    D1,
    /// 2 doublewords.
    D2,
}

impl Arrangement {
    /// All arrangements, indexed by `size:Q`.
    pub const ALL: [Self; 8] = [Self::B8, Self::B16, Self::H4, Self::H8, Self::S2, Self::S4, Self::D1, Self::D2];

    const NAMES: [&str; 8] = ["8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"];

    /// Returns the name in assembly, such as `16b`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the size of an element in bytes: 1, 2, 4 or 8.
    #[must_use]
    pub const fn element_bytes(self) -> u8 {
        1 << (self as u8 >> 1)
    }

    /// Returns the size of a vector in bytes: 8 or 16.
    #[must_use]
    pub const fn vector_bytes(self) -> u8 {
        8 << (self as u8 & 1)
    }
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A list of one to four consecutive vector registers: `{v30.16b, v31.16b}`. `v0` follows `v31`.
///
/// ```
/// use arch::{Arrangement, VectorList};
/// let list = VectorList::new(30, 3, Arrangement::B16).unwrap();
/// assert_eq!(list.indexes().collect::<Vec<u8>>(), [30, 31, 0]);
/// assert_eq!(list.to_string(), "{v30.16b, v31.16b, v0.16b}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VectorList {
    first: u8,
    count: u8,
    arrangement: Arrangement,
}

impl VectorList {
    /// The maximum number of registers in a list.
    pub const MAX_COUNT: u8 = 4;

    /// Creates a list of `count` registers from `first`. Returns `None` if `first` is above 31 or `count` is not 1 to 4.
    #[must_use]
    pub const fn new(first: u8, count: u8, arrangement: Arrangement) -> Option<Self> {
        if first <= 31 && count >= 1 && count <= Self::MAX_COUNT {
            Some(Self { first, count, arrangement })
        } else {
            None
        }
    }

    /// Returns the number of the first register, 0 to 31.
    #[must_use]
    pub const fn first(self) -> u8 {
        self.first
    }

    /// Returns the number of registers, 1 to 4.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.count
    }

    /// Returns the arrangement of each register.
    #[must_use]
    pub const fn arrangement(self) -> Arrangement {
        self.arrangement
    }

    /// Returns the register numbers in order.
    pub fn indexes(self) -> impl Iterator<Item = u8> {
        indexes(self.first, self.count)
    }

    /// Parses a vector register such as `v7.4s` into its number and arrangement.
    pub fn parse_one(text: &str) -> Option<(u8, Arrangement)> {
        let (register, name) = text.split_once('.')?;
        let arrangement = Arrangement::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))?;
        Some((vector_number(register)?, arrangement))
    }
}

impl fmt::Display for VectorList {
    /// Writes lists of three or more as a range, unless they wrap from `v31` to `v0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, self.first, self.count, self.arrangement)
    }
}

/// One lane of each of one to four consecutive vector registers: `{v31.s, v0.s}[1]`. `v0` follows `v31`.
///
/// ```
/// use arch::{LaneList, SimdWidth};
/// let list = LaneList::new(31, 2, SimdWidth::S, 1).unwrap();
/// assert_eq!(list.indexes().collect::<Vec<u8>>(), [31, 0]);
/// assert_eq!(list.to_string(), "{v31.s, v0.s}[1]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneList {
    first: u8,
    count: u8,
    width: SimdWidth,
    lane: u8,
}

impl LaneList {
    /// Creates a list of `count` registers from `first`, of whose elements of `width` the one numbered `lane` is meant.
    ///
    /// Returns `None` if `first` is above 31, `count` is not 1 to 4, `width` is a whole register, or a register has no
    /// such lane.
    #[must_use]
    pub const fn new(first: u8, count: u8, width: SimdWidth, lane: u8) -> Option<Self> {
        let exists = !matches!(width, SimdWidth::Q) && lane < 16 / width.bytes();
        if first <= 31 && count >= 1 && count <= VectorList::MAX_COUNT && exists {
            Some(Self { first, count, width, lane })
        } else {
            None
        }
    }

    /// Returns the number of the first register, 0 to 31.
    #[must_use]
    pub const fn first(self) -> u8 {
        self.first
    }

    /// Returns the number of registers, 1 to 4.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.count
    }

    /// Returns the width of the lane: B, H, S or D.
    #[must_use]
    pub const fn width(self) -> SimdWidth {
        self.width
    }

    /// Returns the number of the lane, from 0 at the lowest bits.
    #[must_use]
    pub const fn lane(self) -> u8 {
        self.lane
    }

    /// Returns the register numbers in order.
    pub fn indexes(self) -> impl Iterator<Item = u8> {
        indexes(self.first, self.count)
    }

    /// Parses a vector register with an element size such as `v7.s` into its number and width.
    pub fn parse_one(text: &str) -> Option<(u8, SimdWidth)> {
        let (register, name) = text.split_once('.')?;
        let width =
            SimdWidth::ALL.into_iter().find(|(_, letter)| name.eq_ignore_ascii_case(letter.encode_utf8(&mut [0])))?;
        Some((vector_number(register)?, width.0))
    }
}

impl fmt::Display for LaneList {
    /// Writes lists of three or more as a range, unless they wrap from `v31` to `v0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, count, width, lane } = *self;
        list(f, first, count, width.letter())?;
        write!(f, "[{lane}]")
    }
}

/// Returns the numbers of consecutive registers.
fn indexes(first: u8, count: u8) -> impl Iterator<Item = u8> {
    (0..count).map(move |step| (first + step) % 32)
}

/// Writes a list of registers of the same form.
fn list(f: &mut fmt::Formatter<'_>, first: u8, count: u8, form: impl fmt::Display) -> fmt::Result {
    let last = first + count - 1;
    if count > 2 && last <= 31 {
        return write!(f, "{{v{first}.{form}-v{last}.{form}}}");
    }
    for (position, index) in indexes(first, count).enumerate() {
        let before = if position == 0 { "{" } else { ", " };
        write!(f, "{before}v{index}.{form}")?;
    }
    f.write_str("}")
}

/// Parses `v7`.
fn vector_number(register: &str) -> Option<u8> {
    number(register.strip_prefix(['v', 'V'])?).filter(|index| *index <= 31)
}

/// Parses a register number without leading zeros.
fn number(digits: &str) -> Option<u8> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn registers_parse_as_printed() {
        for (width, _) in SimdWidth::ALL {
            for index in 0..=31 {
                let register = SimdReg::new(index, width).unwrap();
                assert_eq!(SimdReg::parse(&register.to_string()), Some(register));
            }
        }
        for text in ["q32", "q01", "q", "x1", "q+1", ""] {
            assert_eq!(SimdReg::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_print_as_in_objdump() {
        let list = |first, count| VectorList::new(first, count, Arrangement::B16).unwrap().to_string();
        assert_eq!(list(0, 1), "{v0.16b}");
        assert_eq!(list(0, 2), "{v0.16b, v1.16b}");
        assert_eq!(list(28, 4), "{v28.16b-v31.16b}");
        assert_eq!(list(30, 3), "{v30.16b, v31.16b, v0.16b}");
        assert_eq!(VectorList::new(0, 5, Arrangement::D1), None);
    }

    #[test]
    fn the_name_of_an_arrangement_begins_with_its_element_count() {
        for arrangement in Arrangement::ALL {
            let elements = arrangement.vector_bytes() / arrangement.element_bytes();
            assert!(arrangement.name().starts_with(&elements.to_string()), "{arrangement}");
        }
    }
}
