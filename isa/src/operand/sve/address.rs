//! Memory operands of SVE: scalar and vector bases, with immediates, registers and vectors of offsets.

use alloc::string::ToString;
use alloc::vec::Vec;

use arch::{Address, Addressing, Arg, ExtendKind, Indexed, Reg, RegClass, Scalable, ScalableAddress, SimdWidth};

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use crate::operand::register::{XM, XN_SP};

/// The bases of samples.
fn bases() -> impl Iterator<Item = Reg> {
    [0, 30, Reg::INDEX_31].into_iter().filter_map(|index| Reg::new(index, RegClass::XSp))
}

/// Returns the base of `[x0]`.
const fn plain_base(arg: Arg) -> Option<Reg> {
    match arg {
        Arg::Address(Address { base, offset: 0, addressing: Addressing::Offset }) => Some(base),
        _ => None,
    }
}

const fn base(word: u32) -> Reg {
    Reg::from_field(word, 5, RegClass::XSp)
}

const fn vector(word: u32, shift: u32, element: SimdWidth) -> Option<Scalable> {
    Scalable::new((word >> shift & 0x1f) as u8, Some(element))
}

/// `[x0, #1, mul vl]`: a base, and a factor in one field or in two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiple {
    high: Field,
    /// The low bits of the factor of LDR and STR, of 9 bits.
    low: Option<Field>,
}

const fn multiple(registers: i64) -> Multiple {
    Multiple { high: Field::signed(16, 4, registers), low: None }
}

pub(crate) const VL4_1: Multiple = multiple(1);
pub(crate) const VL4_2: Multiple = multiple(2);
pub(crate) const VL4_3: Multiple = multiple(3);
pub(crate) const VL4_4: Multiple = multiple(4);
pub(crate) const VL6: Multiple = Multiple { high: Field::signed(16, 6, 1), low: None };
pub(crate) const VL9: Multiple = Multiple { high: Field::signed(16, 6, 8), low: Some(Field::unsigned(10, 3, 1)) };

impl Multiple {
    pub(crate) const fn mask(self) -> u32 {
        let low = match self.low {
            Some(low) => low.mask(),
            None => 0,
        };
        XN_SP.mask() | self.high.mask() | low
    }

    fn factor(self, factor: i64) -> Result<u32, OperandError> {
        match self.low {
            None => self.high.write("factor", factor),
            Some(low) => {
                let (min, max) = (self.high.min(), self.high.max() + low.max());
                if !(min..=max).contains(&factor) {
                    return Err(OperandError::OutOfRange { what: "factor", value: factor, min, max });
                }
                Ok(self.high.write("factor", factor & !7)? | low.write("factor", factor & 7)?)
            }
        }
    }
}

impl Operand for Multiple {
    fn expects(&self) -> &'static str {
        "an address such as [x0] or [x0, #1, mul vl]"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let factor = self.high.read(word) + self.low.map_or(0, |low| low.read(word));
        Some(Arg::ScalableAddress(ScalableAddress::Multiple { base: base(word), factor }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let (base, factor) = match arg {
            Arg::ScalableAddress(ScalableAddress::Multiple { base, factor }) => (base, factor),
            _ => (plain_base(arg).ok_or_else(|| self.wrong_kind(&arg.to_string()))?, 0),
        };
        Ok(XN_SP.encode(Arg::Reg(base))? | self.factor(factor)?)
    }

    fn samples(&self) -> Vec<Arg> {
        let mut factors = self.high.edges();
        factors.extend(self.low.map_or(0, |low| low.max()).checked_add(self.high.max()));
        let of = |base| factors.iter().map(move |&factor| ScalableAddress::Multiple { base, factor });
        bases().flat_map(of).map(Arg::ScalableAddress).collect()
    }
}

/// What an index of 31 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zero {
    /// Another encoding, or reserved.
    Refused,
    /// The zero register.
    Register,
    /// The zero register, which may be left out.
    Optional,
}

/// `[x0, x1, lsl #3]`: a base and an index with a fixed shift.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index {
    shift: u8,
    zero: Zero,
}

/// Defines the indexes of each size of what is loaded or stored.
macro_rules! indexes {
    ($( $zero:ident => $($name:ident $shift:literal),*; )*) => { $( $(
        pub(crate) const $name: Index = Index { shift: $shift, zero: Zero::$zero };
    )* )* };
}

// In the order: what loads and stores of SVE have, of several vectors, and LDFF1 and slices of ZA.
indexes! {
    Refused => XX_1 0, XX_2 1, XX_4 2, XX_8 3, XX_16 4;
    Register => XZ_1 0, XZ_2 1, XZ_4 2, XZ_8 3;
    Optional => XZR_1 0, XZR_2 1, XZR_4 2, XZR_8 3, XZR_16 4;
}

impl Index {
    #[expect(clippy::unused_self, reason = "the table calls mask on every kind of operand")]
    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask() | XM.mask()
    }

    fn amount(self) -> Option<u8> {
        (self.shift != 0).then_some(self.shift)
    }
}

impl Operand for Index {
    fn expects(&self) -> &'static str {
        match self.shift {
            0 => "an address such as [x0, x1]",
            1 => "an address such as [x0, x1, lsl #1]",
            2 => "an address such as [x0, x1, lsl #2]",
            3 => "an address such as [x0, x1, lsl #3]",
            _ => "an address such as [x0, x1, lsl #4]",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let index = Reg::from_field(word, 16, RegClass::X);
        let address = Indexed { base: base(word), index, extend: ExtendKind::Uxtx, amount: self.amount() };
        (self.zero != Zero::Refused || !index.is_zero()).then_some(Arg::Indexed(address))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let (base, index) = match arg {
            Arg::Indexed(Indexed { base, index, extend: ExtendKind::Uxtx, amount })
                if amount.unwrap_or(0) == self.shift && (self.zero != Zero::Refused || !index.is_zero()) =>
            {
                (base, index)
            }
            _ => (plain_base(arg).filter(|_| self.zero == Zero::Optional).ok_or_else(wrong)?, Reg::XZR),
        };
        Ok(XN_SP.encode(Arg::Reg(base))? | XM.encode(Arg::Reg(index))?)
    }

    fn samples(&self) -> Vec<Arg> {
        let last = if self.zero == Zero::Refused { 30 } else { Reg::INDEX_31 };
        let of = |base| {
            let indexes = [0, last].into_iter().filter_map(|index| Reg::new(index, RegClass::X));
            indexes.map(move |index| Indexed { base, index, extend: ExtendKind::Uxtx, amount: self.amount() })
        };
        bases().flat_map(of).map(Arg::Indexed).collect()
    }
}

/// `[x0, z1.d, uxtw #2]`: a base and a vector of offsets, of which bit `xs` says whether they are signed words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offsets {
    element: SimdWidth,
    xs: Option<u32>,
    amount: u8,
}

/// Defines the offsets of one element and one place of `xs`, for each size of what is loaded or stored.
macro_rules! offsets {
    ($( $element:ident $xs:expr => $($name:ident $amount:literal),*; )*) => { $( $(
        pub(crate) const $name: Offsets = Offsets { element: SimdWidth::$element, xs: $xs, amount: $amount };
    )* )* };
}

// Words, of loads and of stores; and doublewords.
offsets! {
    S Some(22) => LXS_1 0, LXS_2 1, LXS_4 2, LXS_8 3;
    D Some(22) => LXD_1 0, LXD_2 1, LXD_4 2, LXD_8 3;
    S Some(14) => SXS_1 0, SXS_2 1, SXS_4 2;
    D Some(14) => SXD_1 0, SXD_2 1, SXD_4 2, SXD_8 3;
    D None => XD_1 0, XD_2 1, XD_4 2, XD_8 3;
}

impl Offsets {
    pub(crate) const fn mask(self) -> u32 {
        let xs = match self.xs {
            Some(bit) => 1 << bit,
            None => 0,
        };
        XN_SP.mask() | XM.mask() | xs
    }

    fn extend(self, word: u32) -> ExtendKind {
        match self.xs {
            None => ExtendKind::Uxtx,
            Some(bit) if word >> bit & 1 == 1 => ExtendKind::Sxtw,
            Some(_) => ExtendKind::Uxtw,
        }
    }
}

impl Operand for Offsets {
    fn expects(&self) -> &'static str {
        match (self.xs, self.element, self.amount) {
            (None, _, 0) => "an address such as [x0, z1.d]",
            (None, ..) => "an address such as [x0, z1.d, lsl #3], with the shift of the instruction",
            (Some(_), SimdWidth::S, 0) => "an address such as [x0, z1.s, uxtw]",
            (Some(_), SimdWidth::S, _) => "an address such as [x0, z1.s, uxtw #2], with the shift of the instruction",
            (Some(_), _, 0) => "an address such as [x0, z1.d, uxtw]",
            (Some(_), ..) => "an address such as [x0, z1.d, uxtw #3], with the shift of the instruction",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let (base, offsets) = (base(word), vector(word, 16, self.element)?);
        let (extend, amount) = (self.extend(word), self.amount);
        Some(Arg::ScalableAddress(ScalableAddress::Offsets { base, offsets, extend, amount }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let Arg::ScalableAddress(ScalableAddress::Offsets { base, offsets, .. }) = arg else { return Err(wrong()) };
        let word = XN_SP.encode(Arg::Reg(base))? | u32::from(offsets.index()) << 16;
        let signed = self.xs.map_or(0, |bit| 1 << bit);
        [word, word | signed].into_iter().find(|word| self.decode(*word) == Some(arg)).ok_or_else(wrong)
    }

    fn samples(&self) -> Vec<Arg> {
        let words = [0, 31].into_iter().flat_map(|index: u32| [0, 0x3e0].map(|base| index << 16 | base));
        let extended = words.flat_map(|word| [word, word | self.xs.map_or(0, |bit| 1 << bit)]);
        let mut samples: Vec<Arg> = extended.filter_map(|word| self.decode(word)).collect();
        samples.dedup();
        samples
    }
}

/// `[z1.d, #8]`: a vector of addresses and an immediate in units of the access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases {
    element: SimdWidth,
    offset: Field,
}

/// Defines the addresses in words and in doublewords.
macro_rules! bases {
    ($( $scale:literal: $s:ident $d:ident; )*) => { $(
        pub(crate) const $s: Bases = Bases { element: SimdWidth::S, offset: Field::unsigned(16, 5, $scale) };
        pub(crate) const $d: Bases = Bases { element: SimdWidth::D, offset: Field::unsigned(16, 5, $scale) };
    )* };
}

bases! {
    1: ZI_S_1 ZI_D_1;
    2: ZI_S_2 ZI_D_2;
    4: ZI_S_4 ZI_D_4;
    8: ZI_S_8 ZI_D_8;
}

impl Bases {
    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask() | self.offset.mask()
    }
}

impl Operand for Bases {
    fn expects(&self) -> &'static str {
        if self.element == SimdWidth::S { "an address such as [z1.s, #8]" } else { "an address such as [z1.d, #8]" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let (bases, offset) = (vector(word, 5, self.element)?, self.offset.read(word));
        Some(Arg::ScalableAddress(ScalableAddress::Bases { bases, offset }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::ScalableAddress(ScalableAddress::Bases { bases, offset }) if bases.element() == Some(self.element) => {
                Ok(u32::from(bases.index()) << 5 | self.offset.write("offset", offset)?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let offsets = self.offset.edges();
        let fields = offsets.into_iter().filter_map(|offset| self.offset.write("offset", offset).ok());
        fields.flat_map(|field| [field, field | 0x3e0]).filter_map(|word| self.decode(word)).collect()
    }
}

/// `[z1.d, x2]`: a vector of addresses and a register, which is the zero register if it is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasesPlus {
    element: SimdWidth,
}

pub(crate) const ZX_S: BasesPlus = BasesPlus { element: SimdWidth::S };
pub(crate) const ZX_D: BasesPlus = BasesPlus { element: SimdWidth::D };

impl BasesPlus {
    #[expect(clippy::unused_self, reason = "the table calls mask on every kind of operand")]
    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask() | XM.mask()
    }
}

impl Operand for BasesPlus {
    fn expects(&self) -> &'static str {
        if self.element == SimdWidth::S { "an address such as [z1.s, x2]" } else { "an address such as [z1.d, x2]" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let (bases, offset) = (vector(word, 5, self.element)?, Reg::from_field(word, 16, RegClass::X));
        Some(Arg::ScalableAddress(ScalableAddress::BasesPlus { bases, offset }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let (bases, offset) = match arg {
            Arg::ScalableAddress(ScalableAddress::BasesPlus { bases, offset }) => (bases, offset),
            Arg::ScalableAddress(ScalableAddress::Bases { bases, offset: 0 }) => (bases, Reg::XZR),
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        if bases.element() != Some(self.element) {
            return Err(self.wrong_kind(&arg.to_string()));
        }
        Ok(u32::from(bases.index()) << 5 | XM.encode(Arg::Reg(offset))?)
    }

    fn samples(&self) -> Vec<Arg> {
        let words = [0, 30, 31].into_iter().flat_map(|index: u32| [0, 0x3e0].map(|base| index << 16 | base));
        words.filter_map(|word| self.decode(word)).collect()
    }
}
