//! Operands of vector instructions: whole registers, elements, and the immediates that belong to them.
//!
//! Size and number of the elements are encoded once. The operand that is named first in a row owns these bits, the others
//! of the row read them.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, Arrangement, SimdReg, SimdWidth, Vector, VectorElement};

/// How a word says what the arrangement of a vector is.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// `size` in bits 23:22 and `Q` in bit 30, with the values that are not reserved.
    Sized(&'static [Arrangement]),
    /// `Q` alone: this one of 8 bytes, or the same elements in 16.
    Whole(Arrangement),
    /// `size` alone: elements of 1, 2 or 4 bytes in 8, or in 16.
    Narrow { full: bool },
    /// `size` alone, of other operands: elements twice as large in 16 bytes.
    Wide,
    /// Always the same.
    Fixed(Arrangement),
}

const SIZE: Field = Field::unsigned(22, 2, 1);
const Q: Field = Field::unsigned(30, 1, 1);

impl Shape {
    const fn mask(self) -> u32 {
        match self {
            Self::Sized(_) => SIZE.mask() | Q.mask(),
            Self::Whole(_) => Q.mask(),
            Self::Narrow { .. } => SIZE.mask(),
            Self::Wide | Self::Fixed(_) => 0,
        }
    }

    fn decode(self, word: u32) -> Option<Arrangement> {
        let size = SIZE.read(word) as usize;
        match self {
            Self::Sized(allowed) => {
                let found = Arrangement::ALL[size << 1 | Q.read(word) as usize];
                allowed.contains(&found).then_some(found)
            }
            Self::Whole(half) => Some(Arrangement::ALL[half as usize | Q.read(word) as usize]),
            Self::Narrow { full } => (size < 3).then(|| Arrangement::ALL[size << 1 | usize::from(full)]),
            Self::Wide => Arrangement::ALL.get((size + 1) << 1 | 1).copied(),
            Self::Fixed(arrangement) => Some(arrangement),
        }
    }

    /// Returns all arrangements that the shape has.
    fn all(self) -> impl Iterator<Item = Arrangement> {
        let words = (0..4).flat_map(|size| (0..2).map(move |q| size << 22 | q << 30));
        let mut found: Vec<Arrangement> = words.filter_map(|word| self.decode(word)).collect();
        found.dedup();
        found.into_iter()
    }

    /// Returns the bits of an arrangement.
    fn encode(self, arrangement: Arrangement) -> Option<u32> {
        let words = (0..4).flat_map(|size| (0..2).map(move |q| (size << 22 | q << 30) & self.mask()));
        words.into_iter().find(|word| self.decode(*word) == Some(arrangement))
    }
}

const ANY: Shape = Shape::Sized(&[
    Arrangement::B8,
    Arrangement::B16,
    Arrangement::H4,
    Arrangement::H8,
    Arrangement::S2,
    Arrangement::S4,
    Arrangement::D2,
]);
const UP_TO_S: Shape = Shape::Sized(&[
    Arrangement::B8,
    Arrangement::B16,
    Arrangement::H4,
    Arrangement::H8,
    Arrangement::S2,
    Arrangement::S4,
]);
const UP_TO_H: Shape = Shape::Sized(&[Arrangement::B8, Arrangement::B16, Arrangement::H4, Arrangement::H8]);
const SEVERAL: Shape =
    Shape::Sized(&[Arrangement::B8, Arrangement::B16, Arrangement::H4, Arrangement::H8, Arrangement::S4]);

/// A vector register, five bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VectorRegister {
    shift: u32,
    shape: Shape,
    owner: bool,
}

const fn owner(shift: u32, shape: Shape) -> VectorRegister {
    VectorRegister { shift, shape, owner: true }
}

const fn other(shift: u32, shape: Shape) -> VectorRegister {
    VectorRegister { shift, shape, owner: false }
}

impl VectorRegister {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift | if self.owner { self.shape.mask() } else { 0 }
    }
}

impl Operand for VectorRegister {
    fn expects(&self) -> &'static str {
        match self.shape {
            _ if !self.owner && !matches!(self.shape, Shape::Fixed(_)) => "a vector that fits the first one",
            Shape::Sized(_) => "a vector such as v0.16b or v0.4s",
            Shape::Whole(Arrangement::B8) | Shape::Narrow { .. } => "a vector such as v0.8b or v0.16b",
            Shape::Whole(Arrangement::H4) => "a vector such as v0.4h or v0.8h",
            Shape::Whole(Arrangement::S2) => "a vector such as v0.2s or v0.4s",
            Shape::Fixed(Arrangement::D2) => "a vector such as v0.2d",
            _ => "a vector such as v0.8h",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Vector::new((word >> self.shift & 0x1f) as u8, self.shape.decode(word)?).map(Arg::Vector)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let Arg::Vector(vector) = arg else { return Err(wrong()) };
        let shape = self.shape.encode(vector.arrangement());
        let shape = if self.owner { shape.ok_or_else(wrong)? } else { 0 };
        Ok(u32::from(vector.index()) << self.shift | shape)
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word) == Some(arg) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        let arrangements: Vec<_> = self.shape.all().take(if self.owner { 8 } else { 1 }).collect();
        let of = |index| arrangements.iter().filter_map(move |arrangement| Vector::new(index, *arrangement));
        [0, 1, 31].into_iter().flat_map(of).map(Arg::Vector).collect()
    }
}

/// A SIMD&FP register as wide as the elements of the vector in the row, or twice that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalarOfVector {
    steps: u8,
}

/// The result of ADDV and others: an element.
pub(crate) const ELEMENT_D: ScalarOfVector = ScalarOfVector { steps: 0 };
/// The result of UADDLV: an element of twice the size.
pub(crate) const LONG_ELEMENT_D: ScalarOfVector = ScalarOfVector { steps: 1 };

impl ScalarOfVector {
    pub(crate) const fn mask(self) -> u32 {
        0x1f
    }
}

impl Operand for ScalarOfVector {
    fn expects(&self) -> &'static str {
        "a register such as b0, of the size that fits the vector"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        const WIDTHS: [SimdWidth; 4] = [SimdWidth::B, SimdWidth::H, SimdWidth::S, SimdWidth::D];
        let width = WIDTHS.get(SIZE.read(word) as usize + usize::from(self.steps))?;
        SimdReg::new((word & 0x1f) as u8, *width).map(Arg::Simd)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Simd(register) => Ok(register.index().into()),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word) == Some(arg) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 1, 31].into_iter().filter_map(|index| SimdReg::new(index, SimdWidth::B)).map(Arg::Simd).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        SimdReg::parse(name).map(Arg::Simd).ok_or_else(|| self.wrong_kind(name))
    }
}

/// An element of a vector register: the register at bit `shift`, the number in a field, or fixed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    shift: u32,
    width: SimdWidth,
    number: Option<Field>,
}

/// `imm5`: the size is the lowest bit that is set, the number is above it.
const fn element(shift: u32, width: SimdWidth) -> Element {
    let log = width as u32;
    Element { shift, width, number: Some(Field::unsigned(17 + log, 4 - log, 1)) }
}

/// `imm4` of INS (element): the number, shifted left by the size.
const fn inserted(width: SimdWidth) -> Element {
    let log = width as u32;
    Element { shift: 5, width, number: Some(Field::unsigned(11 + log, 4 - log, 1)) }
}

pub(crate) const ELEMENT_N_B: Element = element(5, SimdWidth::B);
pub(crate) const ELEMENT_N_H: Element = element(5, SimdWidth::H);
pub(crate) const ELEMENT_N_S: Element = element(5, SimdWidth::S);
pub(crate) const ELEMENT_N_D: Element = element(5, SimdWidth::D);
pub(crate) const ELEMENT_D_B: Element = element(0, SimdWidth::B);
pub(crate) const ELEMENT_D_H: Element = element(0, SimdWidth::H);
pub(crate) const ELEMENT_D_S: Element = element(0, SimdWidth::S);
pub(crate) const ELEMENT_D_D: Element = element(0, SimdWidth::D);
pub(crate) const INSERTED_B: Element = inserted(SimdWidth::B);
pub(crate) const INSERTED_H: Element = inserted(SimdWidth::H);
pub(crate) const INSERTED_S: Element = inserted(SimdWidth::S);
pub(crate) const INSERTED_D: Element = inserted(SimdWidth::D);
/// The upper half of a register, of FMOV.
pub(crate) const UPPER_D: Element = Element { shift: 0, width: SimdWidth::D, number: None };
pub(crate) const UPPER_N: Element = Element { shift: 5, width: SimdWidth::D, number: None };

impl Element {
    pub(crate) const fn mask(self) -> u32 {
        let number = match self.number {
            Some(field) => field.mask(),
            None => 0,
        };
        0x1f << self.shift | number
    }
}

impl Operand for Element {
    fn expects(&self) -> &'static str {
        match self.width {
            _ if self.number.is_none() => "an upper half such as v0.d[1]",
            SimdWidth::B => "an element v0.b[0] to v31.b[15]",
            SimdWidth::H => "an element v0.h[0] to v31.h[7]",
            SimdWidth::S => "an element v0.s[0] to v31.s[3]",
            SimdWidth::D | SimdWidth::Q => "an element v0.d[0] to v31.d[1]",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let number = self.number.map_or(1, |field| field.read(word)) as u8;
        VectorElement::new((word >> self.shift & 0x1f) as u8, self.width, number).map(Arg::VectorElement)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::VectorElement(element) if element.width() == self.width => {
                let number = match self.number {
                    Some(field) => field.write("element", element.number().into())?,
                    None if element.number() == 1 => 0,
                    None => return Err(self.wrong_kind(&arg.to_string())),
                };
                Ok(u32::from(element.register()) << self.shift | number)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let numbers = self.number.map_or_else(|| [1].into(), Field::edges);
        let of = |index| {
            let numbers = numbers.iter();
            numbers.filter_map(move |number| VectorElement::new(index, self.width, *number as u8))
        };
        [0, 31].into_iter().flat_map(of).map(Arg::VectorElement).collect()
    }
}

/// A number that is written in decimal: the amount of a shift, or a byte of EXT, as `minuend - field` or as the field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    field: Option<Field>,
    minuend: Option<i64>,
}

/// A shift to the left in elements of so many bits.
const fn left(bits: u32) -> Amount {
    Amount { field: Some(Field::unsigned(16, bits.ilog2(), 1)), minuend: None }
}

/// A shift to the right.
const fn right(bits: u32) -> Amount {
    Amount { minuend: Some(bits as i64), ..left(bits) }
}

pub(crate) const LEFT_8: Amount = left(8);
pub(crate) const LEFT_16: Amount = left(16);
pub(crate) const LEFT_32: Amount = left(32);
pub(crate) const LEFT_64: Amount = left(64);
pub(crate) const RIGHT_8: Amount = right(8);
pub(crate) const RIGHT_16: Amount = right(16);
pub(crate) const RIGHT_32: Amount = right(32);
pub(crate) const RIGHT_64: Amount = right(64);
/// The first byte of EXT, in vectors of 8 and of 16 bytes.
pub(crate) const BYTE_OF_8: Amount = Amount { field: Some(Field::unsigned(11, 3, 1)), minuend: None };
pub(crate) const BYTE_OF_16: Amount = Amount { field: Some(Field::unsigned(11, 4, 1)), minuend: None };
/// `#0`, which comparisons with zero are written with.
pub(crate) const ZERO: Amount = Amount { field: None, minuend: None };

impl Amount {
    pub(crate) const fn mask(self) -> u32 {
        match self.field {
            Some(field) => field.mask(),
            None => 0,
        }
    }

    fn of_field(self, raw: i64) -> i64 {
        self.minuend.map_or(raw, |minuend| minuend - raw)
    }
}

impl Operand for Amount {
    fn expects(&self) -> &'static str {
        if self.field.is_some() { "a number such as #4" } else { "#0" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::BitNumber(self.of_field(self.field.map_or(0, |field| field.read(word))) as u8))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let value = match arg {
            Arg::BitNumber(number) => i64::from(number),
            Arg::Imm(number) => number,
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        let ends = [0, self.field.map_or(0, Field::max)].map(|raw| self.of_field(raw));
        let (min, max) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        if !(min..=max).contains(&value) {
            return Err(OperandError::OutOfRange { what: "number", value, min, max });
        }
        self.field.map_or(Ok(0), |field| field.write("number", self.of_field(value)))
    }

    fn samples(&self) -> Vec<Arg> {
        let raw = self.field.map_or_else(|| [0].into(), Field::edges);
        raw.into_iter().map(|raw| Arg::BitNumber(self.of_field(raw) as u8)).collect()
    }
}

/// `abc` in bits 18:16 and `defgh` in bits 9:5: eight bits, or a mask with a byte for each of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModifiedImmediate {
    bytes: bool,
}

/// The immediate of MOVI, MVNI, ORR and BIC.
pub(crate) const IMM8: ModifiedImmediate = ModifiedImmediate { bytes: false };
/// The immediate of MOVI with elements of 64 bits: each byte is 0 or 0xff.
pub(crate) const BYTE_MASK: ModifiedImmediate = ModifiedImmediate { bytes: true };

impl ModifiedImmediate {
    const UPPER: Field = Field::unsigned(16, 3, 1);
    const LOWER: Field = Field::unsigned(5, 5, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::UPPER.mask() | Self::LOWER.mask()
    }

    /// Returns the operand that eight bits stand for (pseudocode `AdvSIMDExpandImm`).
    fn value(self, bits: u8) -> Arg {
        if self.bytes {
            let byte = |n: u32| if bits >> n & 1 == 1 { 0xff << (8 * n) } else { 0 };
            Arg::BitmaskImm((0..8).map(byte).fold(0, |all, byte: u64| all | byte))
        } else {
            Arg::Imm(bits.into())
        }
    }
}

impl Operand for ModifiedImmediate {
    fn expects(&self) -> &'static str {
        if self.bytes { "a number of which each byte is 0 or 0xff" } else { "an immediate 0 to 255" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(self.value((Self::UPPER.read(word) << 5 | Self::LOWER.read(word)) as u8))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let same = match arg {
            Arg::Imm(value) if self.bytes => Arg::BitmaskImm(value.cast_unsigned()),
            arg => arg,
        };
        let bits = (0..=u8::MAX).find(|bits| self.value(*bits) == same);
        let bits = i64::from(bits.ok_or_else(|| self.wrong_kind(&arg.to_string()))?);
        Ok(Self::UPPER.write("immediate", bits >> 5)? | Self::LOWER.write("immediate", bits & 0x1f)?)
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 1, 0x1f, 0x20, 0x80, 0xff].into_iter().map(|bits| self.value(bits)).collect()
    }
}

pub(crate) const VD: VectorRegister = owner(0, ANY);
pub(crate) const VN: VectorRegister = other(5, ANY);
pub(crate) const VM: VectorRegister = other(16, ANY);
pub(crate) const VD_UP_TO_S: VectorRegister = owner(0, UP_TO_S);
pub(crate) const VN_UP_TO_S: VectorRegister = other(5, UP_TO_S);
pub(crate) const VM_UP_TO_S: VectorRegister = other(16, UP_TO_S);
pub(crate) const VD_UP_TO_H: VectorRegister = owner(0, UP_TO_H);
pub(crate) const VN_UP_TO_H: VectorRegister = other(5, UP_TO_H);
pub(crate) const VD_BYTES: VectorRegister = owner(0, Shape::Whole(Arrangement::B8));
pub(crate) const VN_BYTES: VectorRegister = other(5, Shape::Whole(Arrangement::B8));
pub(crate) const VM_BYTES: VectorRegister = other(16, Shape::Whole(Arrangement::B8));
pub(crate) const VD_HALVES: VectorRegister = owner(0, Shape::Whole(Arrangement::H4));
pub(crate) const VN_HALVES: VectorRegister = other(5, Shape::Whole(Arrangement::H4));
pub(crate) const VD_WORDS: VectorRegister = owner(0, Shape::Whole(Arrangement::S2));
pub(crate) const VN_WORDS: VectorRegister = other(5, Shape::Whole(Arrangement::S2));
pub(crate) const VD_8B: VectorRegister = owner(0, Shape::Fixed(Arrangement::B8));
pub(crate) const VN_8B: VectorRegister = other(5, Shape::Fixed(Arrangement::B8));
pub(crate) const VM_8B: VectorRegister = other(16, Shape::Fixed(Arrangement::B8));
pub(crate) const VD_16B: VectorRegister = owner(0, Shape::Fixed(Arrangement::B16));
pub(crate) const VN_16B: VectorRegister = other(5, Shape::Fixed(Arrangement::B16));
pub(crate) const VM_16B: VectorRegister = other(16, Shape::Fixed(Arrangement::B16));
pub(crate) const VD_4H: VectorRegister = owner(0, Shape::Fixed(Arrangement::H4));
pub(crate) const VN_4H: VectorRegister = other(5, Shape::Fixed(Arrangement::H4));
pub(crate) const VD_8H: VectorRegister = owner(0, Shape::Fixed(Arrangement::H8));
pub(crate) const VN_8H: VectorRegister = other(5, Shape::Fixed(Arrangement::H8));
pub(crate) const VD_2S: VectorRegister = owner(0, Shape::Fixed(Arrangement::S2));
pub(crate) const VN_2S: VectorRegister = other(5, Shape::Fixed(Arrangement::S2));
pub(crate) const VD_4S: VectorRegister = owner(0, Shape::Fixed(Arrangement::S4));
pub(crate) const VN_4S: VectorRegister = other(5, Shape::Fixed(Arrangement::S4));
pub(crate) const VD_2D: VectorRegister = owner(0, Shape::Fixed(Arrangement::D2));
pub(crate) const VN_2D: VectorRegister = other(5, Shape::Fixed(Arrangement::D2));
pub(crate) const VD_NARROW: VectorRegister = owner(0, Shape::Narrow { full: false });
pub(crate) const VD_NARROW2: VectorRegister = owner(0, Shape::Narrow { full: true });

/// The source of XTN: elements twice as large as the result's.
pub(crate) const VN_WIDE: VectorRegister = other(5, Shape::Wide);
/// The source of ADDV and others, whose result has no bits that say the arrangement.
pub(crate) const VN_SEVERAL: VectorRegister = owner(5, SEVERAL);
