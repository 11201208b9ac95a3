//! Scalable vectors, predicates and the addresses made of them, as operands (Arm ARM C8, SVE).

use core::fmt;

use crate::extend::ExtendKind;
use crate::register::Reg;
use crate::simd::{SimdWidth, list, number};

/// A scalable vector register, whole or divided into elements: `z3` or `z3.d`.
///
/// ```
/// use arch::{Scalable, SimdWidth};
/// let vector = Scalable::new(3, Some(SimdWidth::D)).unwrap();
/// assert_eq!((vector.to_string().as_str(), Scalable::new(32, None)), ("z3.d", None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalable {
    index: u8,
    element: Option<SimdWidth>,
}

impl Scalable {
    /// Creates the operand. Returns `None` if `index` is above 31.
    #[must_use]
    pub const fn new(index: u8, element: Option<SimdWidth>) -> Option<Self> {
        if index <= 31 { Some(Self { index, element }) } else { None }
    }

    /// Returns the register number, 0 to 31.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns the size of an element, or `None` if the register is meant as a whole.
    #[must_use]
    pub const fn element(self) -> Option<SimdWidth> {
        self.element
    }

    /// Parses `z3` or `z3.d`, ignoring case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (index, element) = parse_register(text, 'z')?;
        Self::new(index, element)
    }
}

impl fmt::Display for Scalable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "z{}", self.index)?;
        self.element.map_or(Ok(()), |element| write!(f, ".{}", element.letter()))
    }
}

/// A list of one to four scalable vectors: consecutive, `{z30.b, z31.b}`, where `z0` follows `z31`, or two of eight apart or
/// four of four apart, `{z1.b, z9.b}` (SME2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScalableList {
    first: u8,
    count: u8,
    /// The distance between two registers.
    stride: u8,
    element: SimdWidth,
}

impl ScalableList {
    /// The maximum number of registers in a list.
    pub const MAX_COUNT: u8 = 4;

    /// Creates a list of `count` registers from `first`. Returns `None` if `first` is above 31 or `count` is not 1 to 4.
    #[must_use]
    pub const fn new(first: u8, count: u8, element: SimdWidth) -> Option<Self> {
        let valid = first <= 31 && count >= 1 && count <= Self::MAX_COUNT;
        if valid { Some(Self { first, count, stride: 1, element }) } else { None }
    }

    /// Creates a list of registers that are apart: `stride` is 8 of two registers and 4 of four, and the first one's number is
    /// below it, or 16 higher. Returns `None` for others.
    #[must_use]
    pub const fn strided(first: u8, stride: u8, element: SimdWidth) -> Option<Self> {
        let valid = matches!(stride, 4 | 8) && first <= 31 && first % 16 < stride;
        if valid { Some(Self { first, count: 16 / stride, stride, element }) } else { None }
    }

    /// Returns the distance between two registers: 1, 4 or 8.
    #[must_use]
    pub const fn stride(self) -> u8 {
        self.stride
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

    /// Returns the size of an element of each register.
    #[must_use]
    pub const fn element(self) -> SimdWidth {
        self.element
    }

    /// Returns the register numbers in order.
    pub fn indexes(self) -> impl Iterator<Item = u8> {
        (0..self.count).map(move |step| (self.first + step * self.stride) % 32)
    }
}

impl fmt::Display for ScalableList {
    /// Writes lists of three or more as a range, unless they wrap from `z31` to `z0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stride == 1 {
            return list(f, 'z', self.first, self.count, self.element.letter());
        }
        for (place, index) in self.indexes().enumerate() {
            write!(f, "{}z{index}.{}", if place == 0 { "{" } else { ", " }, self.element.letter())?;
        }
        f.write_str("}")
    }
}

/// A predicate register, and what its bits mean to the instruction: `p0`, `p0/z`, `p0/m` or `p0.b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Predicate {
    index: u8,
    form: PredicateForm,
}

/// What follows the name of a predicate register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PredicateForm {
    /// Nothing: the whole register, or which elements are active.
    Plain,
    /// `/z`: elements that are not active become zero.
    Zeroing,
    /// `/m`: elements that are not active keep their value.
    Merging,
    /// `.b` to `.d`: divided into elements.
    Elements(SimdWidth),
}

impl Predicate {
    /// Creates the operand. Returns `None` if `index` is above 15.
    #[must_use]
    pub const fn new(index: u8, form: PredicateForm) -> Option<Self> {
        if index <= 15 { Some(Self { index, form }) } else { None }
    }

    /// Returns the register number, 0 to 15.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns what the bits mean.
    #[must_use]
    pub const fn form(self) -> PredicateForm {
        self.form
    }

    /// Parses `p3` or `p3.d`, ignoring case. What follows a slash is for the caller.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (index, element) = parse_register(text, 'p')?;
        Self::new(index, element.map_or(PredicateForm::Plain, PredicateForm::Elements))
    }

    /// Returns the register with `/z` or `/m` behind it, by that letter.
    #[must_use]
    pub fn qualified(self, letter: &str) -> Option<Self> {
        let form = match letter {
            "z" | "Z" => PredicateForm::Zeroing,
            "m" | "M" => PredicateForm::Merging,
            _ => return None,
        };
        (self.form == PredicateForm::Plain).then_some(Self { form, ..self })
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}{}", self.index, self.form)
    }
}

impl fmt::Display for PredicateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => Ok(()),
            Self::Zeroing => f.write_str("/z"),
            Self::Merging => f.write_str("/m"),
            Self::Elements(element) => write!(f, ".{}", element.letter()),
        }
    }
}

/// A predicate register whose value says how many elements are active (predicate-as-counter, SME2): `pn8`, `pn8/z` or `pn8.b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PredicateCounter {
    index: u8,
    form: PredicateForm,
}

impl PredicateCounter {
    /// Creates the operand. Returns `None` if `index` is not 8 to 15, or the form is one of a mask alone.
    #[must_use]
    pub const fn new(index: u8, form: PredicateForm) -> Option<Self> {
        let valid = matches!(index, 8..=15) && !matches!(form, PredicateForm::Merging);
        if valid { Some(Self { index, form }) } else { None }
    }

    /// Returns the number of the register, 8 to 15.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.index
    }

    /// Returns what follows the name.
    #[must_use]
    pub const fn form(self) -> PredicateForm {
        self.form
    }

    /// Parses `pn8` or `pn8.b`, ignoring case. What follows a slash is for the caller.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.get(1..).filter(|rest| text.starts_with(['p', 'P']) && rest.starts_with(['n', 'N']))?;
        let (index, element) = parse_register(number, 'n')?;
        Self::new(index, element.map_or(PredicateForm::Plain, PredicateForm::Elements))
    }

    /// Returns the register with `/z` behind it, by that letter.
    #[must_use]
    pub fn qualified(self, letter: &str) -> Option<Self> {
        let plain = self.form == PredicateForm::Plain && letter.eq_ignore_ascii_case("z");
        plain.then_some(Self { form: PredicateForm::Zeroing, ..self })
    }
}

impl fmt::Display for PredicateCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pn{}{}", self.index, self.form)
    }
}

/// A memory address that depends on the vector length or on a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalableAddress {
    /// `[x0, #1, mul vl]`: a base plus a multiple of what is accessed.
    Multiple {
        /// The base; register 31 is the stack pointer.
        base: Reg,
        /// The factor. What it multiplies depends on the instruction.
        factor: i64,
    },
    /// `[x0, z1.d, uxtw #2]`: a base plus an offset for each element.
    Offsets {
        /// The base; register 31 is the stack pointer.
        base: Reg,
        /// The offsets.
        offsets: Scalable,
        /// The extension of an offset. [`ExtendKind::Uxtx`] is none, written `lsl` or left out.
        extend: ExtendKind,
        /// The left shift of an extended offset, in bits.
        amount: u8,
    },
    /// `[z1.d, #8]`: an address for each element, plus an immediate in bytes.
    Bases {
        /// The addresses.
        bases: Scalable,
        /// The immediate.
        offset: i64,
    },
    /// `[z1.d, x2]`: an address for each element, plus a register.
    BasesPlus {
        /// The addresses.
        bases: Scalable,
        /// The register; 31 is the zero register.
        offset: Reg,
    },
}

impl fmt::Display for ScalableAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiple { base, factor: 0 } => write!(f, "[{base}]"),
            Self::Multiple { base, factor } => write!(f, "[{base}, #{factor}, mul vl]"),
            Self::Offsets { base, offsets, extend: ExtendKind::Uxtx, amount: 0 } => write!(f, "[{base}, {offsets}]"),
            Self::Offsets { base, offsets, extend, amount } => {
                let name = if *extend == ExtendKind::Uxtx { "lsl" } else { extend.name() };
                write!(f, "[{base}, {offsets}, {name}")?;
                if *amount == 0 { f.write_str("]") } else { write!(f, " #{amount}]") }
            }
            Self::Bases { bases, offset: 0 } => write!(f, "[{bases}]"),
            Self::Bases { bases, offset } => write!(f, "[{bases}, #{offset}]"),
            Self::BasesPlus { bases, offset } => write!(f, "[{bases}, {offset}]"),
        }
    }
}

/// How many elements a predicate constraint selects (pseudocode `DecodePredCount`), five bits.
///
/// ```
/// use arch::Pattern;
/// assert_eq!((Pattern::ALL.to_string(), Pattern::ALL.count(12)), ("all".into(), 12));
/// let eight = Pattern::by_name("vl8").unwrap();
/// assert_eq!((eight.count(12), eight.count(7)), (8, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(u8);

impl Pattern {
    /// All elements.
    pub const ALL: Self = Self(31);

    const NAMED: [(u8, &str); 17] = [
        (0, "pow2"),
        (1, "vl1"),
        (2, "vl2"),
        (3, "vl3"),
        (4, "vl4"),
        (5, "vl5"),
        (6, "vl6"),
        (7, "vl7"),
        (8, "vl8"),
        (9, "vl16"),
        (10, "vl32"),
        (11, "vl64"),
        (12, "vl128"),
        (13, "vl256"),
        (29, "mul4"),
        (30, "mul3"),
        (31, "all"),
    ];

    /// Creates the pattern from its five bits. Returns `None` if `bits` is above 31.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits < 32 { Some(Self(bits)) } else { None }
    }

    /// Returns the five bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns how many of `elements` elements are selected.
    #[must_use]
    pub const fn count(self, elements: u32) -> u32 {
        let fixed = match self.0 {
            0 => return if elements == 0 { 0 } else { 1 << elements.ilog2() },
            1..=8 => self.0 as u32,
            9..=13 => 16 << (self.0 - 9),
            29 => return elements - elements % 4,
            30 => return elements - elements % 3,
            31 => return elements,
            _ => 0,
        };
        if elements >= fixed { fixed } else { 0 }
    }

    /// Finds a pattern by its name, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(bits, _)| Self(bits))
    }
}

impl fmt::Display for Pattern {
    /// Writes the name, or the number of a pattern without a name, which selects nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.into_iter().find(|(bits, _)| *bits == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "#{}", self.0),
        }
    }
}

/// Parses a letter, a number, and perhaps a dot and the size of an element.
fn parse_register(text: &str, letter: char) -> Option<(u8, Option<SimdWidth>)> {
    let text = text.strip_prefix([letter, letter.to_ascii_uppercase()])?;
    match text.split_once('.') {
        None => Some((number(text)?, None)),
        Some((digits, size)) => Some((number(digits)?, Some(SimdWidth::by_name(size)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn registers_parse_as_printed() {
        for index in 0..=31 {
            for element in [None, Some(SimdWidth::B), Some(SimdWidth::Q)] {
                let vector = Scalable::new(index, element).unwrap();
                assert_eq!(Scalable::parse(&vector.to_string().to_uppercase()), Some(vector));
            }
        }
        assert_eq!(Predicate::parse("p15.h").unwrap().to_string(), "p15.h");
        assert_eq!(Predicate::parse("p7").and_then(|p7| p7.qualified("z")).unwrap().to_string(), "p7/z");
        for text in ["z32", "z01", "z", "z1.x", "p16", "p0/z"] {
            assert_eq!((Scalable::parse(text), Predicate::parse(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_pattern_selects_what_fits() {
        let count = |name, elements| Pattern::by_name(name).unwrap().count(elements);
        assert_eq!([count("pow2", 12), count("vl5", 4), count("vl5", 5), count("vl256", 256)], [8, 0, 5, 256]);
        assert_eq!([count("mul4", 7), count("mul3", 8), count("all", 9)], [4, 6, 9]);
        assert_eq!((Pattern(14).to_string(), Pattern(14).count(256)), ("#14".into(), 0));
    }
}
