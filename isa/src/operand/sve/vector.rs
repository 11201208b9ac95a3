//! Scalable vector registers, and lists of them.

use alloc::string::ToString;
use alloc::vec::Vec;

use arch::{Arg, Scalable, ScalableList, SimdWidth};

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;

/// `size`, of the elements of data processing.
pub(crate) const SIZE: Field = Field::unsigned(22, 2, 1);

/// Returns the size of an element from 0 on: B, H, S, D.
pub(crate) const fn width(size: u32) -> SimdWidth {
    match size & 3 {
        0 => SimdWidth::B,
        1 => SimdWidth::H,
        2 => SimdWidth::S,
        _ => SimdWidth::D,
    }
}

/// How a word says what the elements of a register are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element {
    /// The register is meant as a whole.
    Whole,
    /// Always the same.
    Fixed(SimdWidth),
    /// `size`, which this operand owns.
    Owner,
    /// `size`, which this operand owns and which is not that of doublewords.
    Narrow,
    /// `size`, which another operand owns.
    Other,
}

impl Element {
    pub(super) const fn mask(self) -> u32 {
        if matches!(self, Self::Owner | Self::Narrow) { SIZE.mask() } else { 0 }
    }

    pub(super) fn read(self, word: u32) -> Option<SimdWidth> {
        match self {
            Self::Whole => None,
            Self::Fixed(element) => Some(element),
            Self::Owner | Self::Other => Some(width(SIZE.read(word) as u32)),
            Self::Narrow => Some(width(SIZE.read(word) as u32)).filter(|element| *element != SimdWidth::D),
        }
    }

    /// Returns the bits for an element that the operand may have.
    pub(super) fn write(self, element: Option<SimdWidth>) -> Option<u32> {
        match (self, element) {
            (Self::Whole, None) => Some(0),
            (Self::Fixed(only), Some(element)) => (only == element).then_some(0),
            (Self::Owner, Some(element)) if element != SimdWidth::Q => Some((element as u32) << 22),
            (Self::Narrow, Some(element)) if (element as u32) < 3 => Some((element as u32) << 22),
            (Self::Other, Some(_)) => Some(0),
            _ => None,
        }
    }

    /// Returns all elements that a word can have, or one where another operand decides.
    pub(super) fn all(self) -> Vec<Option<SimdWidth>> {
        match self {
            Self::Owner => (0..4).map(|size| Some(width(size))).collect(),
            Self::Narrow => (0..3).map(|size| Some(width(size))).collect(),
            _ => [self.read(0)].into(),
        }
    }
}

/// A scalable vector register, five bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalableRegister {
    shift: u32,
    element: Element,
}

const fn register(shift: u32, element: Element) -> ScalableRegister {
    ScalableRegister { shift, element }
}

pub(crate) const ZT: ScalableRegister = register(0, Element::Whole);
pub(crate) const ZD_T: ScalableRegister = register(0, Element::Owner);
pub(crate) const ZN_T: ScalableRegister = register(5, Element::Other);
pub(crate) const ZM_T: ScalableRegister = register(16, Element::Other);
pub(crate) const ZD_NARROW: ScalableRegister = register(0, Element::Narrow);
pub(crate) const ZN_NARROW: ScalableRegister = register(5, Element::Narrow);
pub(crate) const ZM_D: ScalableRegister = register(16, Element::Fixed(SimdWidth::D));

/// Defines destinations and sources for each size of element.
macro_rules! fixed {
    ($( $element:ident => $to:ident $from:ident; )*) => { $(
        pub(crate) const $to: ScalableRegister = register(0, Element::Fixed(SimdWidth::$element));
        pub(crate) const $from: ScalableRegister = register(5, Element::Fixed(SimdWidth::$element));
    )* };
}

fixed! {
    B => ZD_B ZN_B;
    H => ZD_H ZN_H;
    S => ZD_S ZN_S;
    D => ZD_D ZN_D;
    Q => ZD_Q ZN_Q;
}

impl ScalableRegister {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift | self.element.mask()
    }
}

impl Operand for ScalableRegister {
    fn expects(&self) -> &'static str {
        match self.element {
            Element::Whole => "a vector z0 to z31",
            Element::Owner => "a vector such as z0.b or z0.d",
            Element::Narrow => "a vector such as z0.b or z0.s",
            Element::Other => "a vector that fits the first one",
            Element::Fixed(_) => "a vector such as z0.d",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let element = self.element.read(word);
        if element.is_none() && !matches!(self.element, Element::Whole) {
            return None;
        }
        Scalable::new((word >> self.shift & 0x1f) as u8, element).map(Arg::Scalable)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let Arg::Scalable(vector) = arg else { return Err(wrong()) };
        let element = self.element.write(vector.element()).ok_or_else(wrong)?;
        Ok(u32::from(vector.index()) << self.shift | element)
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word) == Some(arg) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        let elements = self.element.all();
        let elements = match self.element {
            Element::Other => [Some(SimdWidth::B)].into(),
            _ => elements,
        };
        let of = |index| elements.iter().filter_map(move |element| Scalable::new(index, *element));
        [0, 1, 31].into_iter().flat_map(of).map(Arg::Scalable).collect()
    }
}

/// A list of consecutive scalable vectors, of which the first is in bits 4:0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    count: u8,
    element: SimdWidth,
}

/// Defines the lists of one to four registers for each size of element.
macro_rules! lists {
    ($( $name:ident = $count:literal $element:ident; )*) => {
        $( pub(crate) const $name: List = List { count: $count, element: SimdWidth::$element }; )*
    };
}

lists! {
    Z_B = 1 B; Z_H = 1 H; Z_S = 1 S; Z_D = 1 D; Z_Q = 1 Q;
    Z2_B = 2 B; Z2_H = 2 H; Z2_S = 2 S; Z2_D = 2 D; Z2_Q = 2 Q;
    Z3_B = 3 B; Z3_H = 3 H; Z3_S = 3 S; Z3_D = 3 D; Z3_Q = 3 Q;
    Z4_B = 4 B; Z4_H = 4 H; Z4_S = 4 S; Z4_D = 4 D; Z4_Q = 4 Q;
}

impl List {
    #[expect(clippy::unused_self, reason = "the table calls mask on every kind of operand")]
    pub(crate) const fn mask(self) -> u32 {
        0x1f
    }
}

impl Operand for List {
    fn expects(&self) -> &'static str {
        match self.count {
            1 => "a vector in braces such as {z0.b}, with elements that fit the instruction",
            2 => "two consecutive vectors such as {z0.b, z1.b}, with elements that fit the instruction",
            3 => "three consecutive vectors such as {z0.b-z2.b}, with elements that fit the instruction",
            _ => "four consecutive vectors such as {z0.b-z3.b}, with elements that fit the instruction",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        ScalableList::new((word & 0x1f) as u8, self.count, self.element).map(Arg::ScalableList)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::ScalableList(list) if (list.count(), list.element()) == (self.count, self.element) => {
                Ok(list.first().into())
            }
            // GNU as takes one register without braces, too.
            Arg::Scalable(vector) if (1, Some(self.element)) == (self.count, vector.element()) => {
                Ok(vector.index().into())
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let list = |first| ScalableList::new(first, self.count, self.element);
        [0, 1, 31].into_iter().filter_map(list).map(Arg::ScalableList).collect()
    }
}
