//! Operands of SME: slices, vectors and tiles of ZA, the table ZT0, counters, and lists of vectors that are apart.

use alloc::string::ToString;
use alloc::vec::Vec;

use arch::{
    Arg, PredicateCounter, PredicateForm, Reg, RegClass, ScalableAddress, ScalableList, SimdWidth, SliceIndex,
    SmeState, ZaSlice, ZaTiles,
};

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use crate::operand::register::XN_SP;
use crate::operand::sve::vector::{SIZE, width};

/// `Rs` or `Rv`: w12 to w15.
const SELECT: Field = Field::unsigned(13, 2, 1);

/// Returns what selects a slice: the register in a word, and an offset.
fn index(word: u32, offset: u32) -> Option<SliceIndex> {
    let register = Reg::new(12 + SELECT.read(word) as u8, RegClass::W)?;
    SliceIndex::new(register, offset as u8)
}

fn select(index: SliceIndex) -> Result<u32, OperandError> {
    SELECT.write("register", i64::from(index.register().index()) - 12)
}

/// `za0h.b[w12, 0]`, in braces where it is loaded or stored: V in bit 15, and four bits for the tile and the offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    shift: u32,
    element: SimdWidth,
    listed: bool,
}

/// Defines slices for each size of element: in bits 3:0 in braces or not, and in bits 8:5.
macro_rules! slices {
    ($( $element:ident => $listed:ident $low:ident $high:ident; )*) => { $(
        pub(crate) const $listed: Slice = Slice { shift: 0, element: SimdWidth::$element, listed: true };
        pub(crate) const $low: Slice = Slice { shift: 0, element: SimdWidth::$element, listed: false };
        pub(crate) const $high: Slice = Slice { shift: 5, element: SimdWidth::$element, listed: false };
    )* };
}

slices! {
    B => ZAT_B ZAD_B ZAN_B;
    H => ZAT_H ZAD_H ZAN_H;
    S => ZAT_S ZAD_S ZAN_S;
    D => ZAT_D ZAD_D ZAN_D;
    Q => ZAT_Q ZAD_Q ZAN_Q;
}

impl Slice {
    const VERTICAL: u32 = 1 << 15;

    pub(crate) const fn mask(self) -> u32 {
        Self::VERTICAL | SELECT.mask() | 0xf << self.shift
    }

    /// How many of the four bits are the offset.
    const fn offset_bits(self) -> u32 {
        4 - self.element.bytes().trailing_zeros()
    }
}

impl Operand for Slice {
    fn expects(&self) -> &'static str {
        if self.listed {
            "a slice in braces such as {za0h.b[w12, 0]}, with elements that fit the instruction"
        } else {
            "a slice such as za0h.b[w12, 0], with elements that fit the other operand"
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let bits = word >> self.shift & 0xf;
        let (tile, offset) = (bits >> self.offset_bits(), bits & ((1 << self.offset_bits()) - 1));
        let slice = ZaSlice::new(tile as u8, self.element, word & Self::VERTICAL != 0, index(word, offset)?)?;
        Some(if self.listed { Arg::ZaSliceList(slice) } else { Arg::ZaSlice(slice) })
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let slice = match arg {
            Arg::ZaSliceList(slice) if self.listed => slice,
            Arg::ZaSlice(slice) if !self.listed => slice,
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        if slice.element() != self.element {
            return Err(self.wrong_kind(&arg.to_string()));
        }
        let vertical = if slice.is_vertical() { Self::VERTICAL } else { 0 };
        let offset = Field::unsigned(self.shift, self.offset_bits(), 1);
        let offset = match offset.write("offset of the slice", slice.index().offset().into()) {
            // A field of no bits has one value.
            Err(OperandError::OutOfRange { value: 0, .. }) => 0,
            written => written?,
        };
        Ok(vertical | select(slice.index())? | u32::from(slice.tile()) << (self.shift + self.offset_bits()) | offset)
    }

    fn samples(&self) -> Vec<Arg> {
        let bits = [0, 1, 0xf].map(|bits: u32| bits << self.shift);
        let words = bits.into_iter().flat_map(|bits| [bits, bits | SELECT.mask(), bits | Self::VERTICAL]);
        words.filter_map(|word| self.decode(word)).collect()
    }
}

/// `za[w12, 3]`, whose offset is also that of the address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ZaVector;

pub(crate) const ZA_VECTOR: ZaVector = ZaVector;

/// Bits 3:0: the offset of `za[w12, 3]`, and the factor of its address.
const OFF4: Field = Field::unsigned(0, 4, 1);

impl ZaVector {
    pub(crate) const fn mask(self) -> u32 {
        SELECT.mask() | OFF4.mask()
    }
}

impl Operand for ZaVector {
    fn expects(&self) -> &'static str {
        "a vector of ZA such as za[w12, 0]"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        index(word, OFF4.read(word) as u32).map(Arg::ZaVector)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::ZaVector(index) => Ok(select(index)? | OFF4.write("offset", index.offset().into())?),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 1, 0xf, 0x6001].into_iter().filter_map(|word| self.decode(word)).collect()
    }
}

/// `[x0, #3, mul vl]`, whose factor is the offset of the vector of ZA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ZaAddress;

pub(crate) const VL_ZA: ZaAddress = ZaAddress;

impl ZaAddress {
    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask()
    }
}

impl Operand for ZaAddress {
    fn expects(&self) -> &'static str {
        "an address such as [x0, #3, mul vl], with the offset of the vector of ZA"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let base = Reg::from_field(word, 5, RegClass::XSp);
        Some(Arg::ScalableAddress(ScalableAddress::Multiple { base, factor: OFF4.read(word) }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::ScalableAddress(ScalableAddress::Multiple { base, .. }) => XN_SP.encode(Arg::Reg(base)),
            Arg::Address(address) if address.offset == 0 && !address.writes_back() => {
                XN_SP.encode(Arg::Reg(address.base))
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        let written = match arg {
            Arg::ScalableAddress(ScalableAddress::Multiple { factor, .. }) => factor,
            _ => 0,
        };
        if written == OFF4.read(word) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 0x3e0].into_iter().filter_map(|word| self.decode(word)).collect()
    }
}

/// A set of tiles, a bit for each of doublewords.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiles;

pub(crate) const ZA_TILES: Tiles = Tiles;

impl Tiles {
    pub(crate) const fn mask(self) -> u32 {
        0xff
    }
}

impl Operand for Tiles {
    fn expects(&self) -> &'static str {
        "tiles in braces such as {za}, {za0.h} or {za0.d, za3.d}"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::ZaTiles(ZaTiles::new(word as u8)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::ZaTiles(tiles) => Ok(tiles.mask().into()),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 1, 0x55, 0xaa, 0x11, 0x33, 0x37, 0x80, 0xff].into_iter().map(ZaTiles::new).map(Arg::ZaTiles).collect()
    }
}

/// ZT0, which has no bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table(Arg);

pub(crate) const ZT0: Table = Table(Arg::Zt0);
pub(crate) const ZT0_LIST: Table = Table(Arg::Zt0List);

impl Table {
    pub(crate) const fn mask(self) -> u32 {
        0
    }
}

impl Operand for Table {
    fn expects(&self) -> &'static str {
        if self.0 == Arg::Zt0 { "zt0" } else { "{zt0}" }
    }

    fn decode(&self, _word: u32) -> Option<Arg> {
        Some(self.0)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        if arg == self.0 { Ok(0) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        Vec::new()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        if name.eq_ignore_ascii_case("zt0") { Ok(Arg::Zt0) } else { Err(self.wrong_kind(name)) }
    }
}

/// What SMSTART and SMSTOP switch, bits 10:9; both if it is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State;

pub(crate) const SME_STATE: State = State;

impl State {
    const SHIFT: u32 = 9;

    pub(crate) const fn mask(self) -> u32 {
        3 << Self::SHIFT
    }
}

impl Operand for State {
    fn expects(&self) -> &'static str {
        "sm, za or nothing"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let bits = word >> Self::SHIFT & 3;
        SmeState::ALL.into_iter().find(|state| *state as u32 == bits).map(Arg::SmeState)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::SmeState(state) => Ok((state as u32) << Self::SHIFT),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        SmeState::ALL.into_iter().map(Arg::SmeState).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let named = |state: &SmeState| *state != SmeState::Both && name.eq_ignore_ascii_case(state.name());
        SmeState::ALL.into_iter().find(named).map(Arg::SmeState).ok_or_else(|| self.wrong_kind(name))
    }

    fn default(&self) -> Option<Arg> {
        Some(Arg::SmeState(SmeState::Both))
    }
}

/// A predicate-as-counter, pn8 to pn15 in three bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    shift: u32,
    form: PredicateForm,
    /// `size` says what the elements are.
    sized: bool,
}

pub(crate) const PNG: Counter = Counter { shift: 10, form: PredicateForm::Plain, sized: false };
pub(crate) const PNG_Z: Counter = Counter { form: PredicateForm::Zeroing, ..PNG };
pub(crate) const PND_T: Counter = Counter { shift: 0, sized: true, ..PNG };

impl Counter {
    pub(crate) const fn mask(self) -> u32 {
        7 << self.shift | if self.sized { SIZE.mask() } else { 0 }
    }
}

impl Operand for Counter {
    fn expects(&self) -> &'static str {
        match (self.sized, self.form) {
            (true, _) => "a counter such as pn8.b or pn8.d",
            (false, PredicateForm::Zeroing) => "a counter pn8/z to pn15/z",
            (false, _) => "a counter pn8 to pn15",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let form = if self.sized { PredicateForm::Elements(width(SIZE.read(word) as u32)) } else { self.form };
        PredicateCounter::new(8 + (word >> self.shift & 7) as u8, form).map(Arg::PredicateCounter)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let Arg::PredicateCounter(counter) = arg else { return Err(wrong()) };
        let number = (u32::from(counter.index()) & 7) << self.shift;
        match counter.form() {
            PredicateForm::Elements(element) if self.sized && element != SimdWidth::Q => {
                Ok(number | (element as u32) << 22)
            }
            form if !self.sized && form == self.form => Ok(number),
            _ => Err(wrong()),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let sizes = if self.sized { 0..4 } else { 0..1 };
        let words = sizes.flat_map(|size: u32| [0, 1, 7].map(|number| size << 22 | number << self.shift));
        words.filter_map(|word| self.decode(word)).collect()
    }
}

/// A list of two or four vectors: consecutive from a multiple of their number on, or eight or four apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vectors {
    count: u8,
    element: SimdWidth,
    apart: bool,
}

/// Defines lists of two and of four registers, consecutive and apart.
macro_rules! lists {
    ($( $element:ident => $two:ident $four:ident $two_apart:ident $four_apart:ident; )*) => { $(
        pub(crate) const $two: Vectors = Vectors { count: 2, element: SimdWidth::$element, apart: false };
        pub(crate) const $four: Vectors = Vectors { count: 4, element: SimdWidth::$element, apart: false };
        pub(crate) const $two_apart: Vectors = Vectors { count: 2, element: SimdWidth::$element, apart: true };
        pub(crate) const $four_apart: Vectors = Vectors { count: 4, element: SimdWidth::$element, apart: true };
    )* };
}

lists! {
    B => ZM2_B ZM4_B ZX2_B ZX4_B;
    H => ZM2_H ZM4_H ZX2_H ZX4_H;
    S => ZM2_S ZM4_S ZX2_S ZX4_S;
    D => ZM2_D ZM4_D ZX2_D ZX4_D;
}

impl Vectors {
    /// Bit 4 of the first register, and its low bits; or all of them but those that are 0.
    pub(crate) const fn mask(self) -> u32 {
        match (self.apart, self.count) {
            (true, 2) => 0x17,
            (true, _) => 0x13,
            (false, 2) => 0x1e,
            (false, _) => 0x1c,
        }
    }
}

impl Operand for Vectors {
    fn expects(&self) -> &'static str {
        match (self.apart, self.count) {
            (true, 2) => "two vectors such as {z0.b, z8.b}, with elements that fit the instruction",
            (true, _) => "four vectors such as {z0.b, z4.b, z8.b, z12.b}, with elements that fit the instruction",
            (false, 2) => "two vectors such as {z2.b, z3.b}, the first of an even number",
            (false, _) => "four vectors such as {z4.b-z7.b}, the first of a number that is a multiple of 4",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let first = (word & self.mask()) as u8;
        let list = if self.apart {
            ScalableList::strided(first, 16 / self.count, self.element)
        } else {
            ScalableList::new(first, self.count, self.element)
        };
        list.map(Arg::ScalableList)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let Arg::ScalableList(list) = arg else { return Err(self.wrong_kind(&arg.to_string())) };
        let word = u32::from(list.first());
        if self.decode(word) == Some(arg) { Ok(word) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 3, 0x1f].into_iter().filter_map(|word| self.decode(word)).collect()
    }
}
