//! Vector registers as operands: all elements of one, or a single element.

use core::fmt;

use crate::simd::{Arrangement, SimdWidth, VectorList};

/// A vector register and how it is divided into elements: `v0.16b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vector {
    index: u8,
    arrangement: Arrangement,
}

impl Vector {
    /// Creates the operand. Returns `None` if `index` is above 31.
    #[must_use]
    pub const fn new(index: u8, arrangement: Arrangement) -> Option<Self> {
        if index <= 31 { Some(Self { index, arrangement }) } else { None }
    }

    /// Returns the register number, 0 to 31.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns how the register is divided into elements.
    #[must_use]
    pub const fn arrangement(self) -> Arrangement {
        self.arrangement
    }

    /// Parses `v7.4s`, ignoring case.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, arrangement) = VectorList::parse_one(text)?;
        Self::new(index, arrangement)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.index, self.arrangement)
    }
}

/// One element of a vector register: `v0.s[1]`.
///
/// ```
/// use arch::{SimdWidth, VectorElement};
/// let element = VectorElement::new(3, SimdWidth::S, 1).unwrap();
/// assert_eq!(element.to_string(), "v3.s[1]");
/// assert_eq!(VectorElement::new(3, SimdWidth::S, 4), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VectorElement {
    register: u8,
    width: SimdWidth,
    number: u8,
}

impl VectorElement {
    /// Creates element `number` of a register. Returns `None` if `register` is above 31, or if a register has no element of
    /// that number or no such elements.
    #[must_use]
    pub const fn new(register: u8, width: SimdWidth, number: u8) -> Option<Self> {
        if register <= 31 && width.bytes() < 16 && number < 16 / width.bytes() {
            Some(Self { register, width, number })
        } else {
            None
        }
    }

    /// Returns the register number, 0 to 31.
    #[must_use]
    pub const fn register(self) -> u8 {
        self.register
    }

    /// Returns the size of the element.
    #[must_use]
    pub const fn width(self) -> SimdWidth {
        self.width
    }

    /// Returns the number of the element, from the least significant one on.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Parses what is before the brackets: `v3.s` into number and size.
    pub fn parse_register(text: &str) -> Option<(u8, SimdWidth)> {
        let (register, size) = text.split_once('.')?;
        let digits = register.strip_prefix(['v', 'V'])?;
        // A register such as `s3` has the number and the letter of `v3.s`.
        let mut name = [0; 3];
        let parts = size.bytes().chain(digits.bytes());
        if size.len() != 1 || parts.clone().count() > name.len() {
            return None;
        }
        let length = size.len() + digits.len();
        name.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        let scalar = crate::simd::SimdReg::parse(core::str::from_utf8(name.get(..length)?).ok()?)?;
        (scalar.width() != SimdWidth::Q).then_some((scalar.index(), scalar.width()))
    }
}

impl fmt::Display for VectorElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}[{}]", self.register, self.width.letter(), self.number)
    }
}
