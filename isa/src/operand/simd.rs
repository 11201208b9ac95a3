//! Operands of SIMD&FP loads and stores: a register, a list of vector registers, and the post-index of a list.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::arg::{Address, Addressing, Arg};
use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::address::{BASE, Mem};
use crate::operand::field::Field;
use crate::simd::{Arrangement, SimdReg, SimdWidth, VectorList};

/// A SIMD&FP register, five bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimdRegister {
    shift: u32,
    width: SimdWidth,
}

const fn simd(shift: u32, width: SimdWidth) -> SimdRegister {
    SimdRegister { shift, width }
}

pub(crate) const BT: SimdRegister = simd(0, SimdWidth::B);
pub(crate) const HT: SimdRegister = simd(0, SimdWidth::H);
pub(crate) const ST: SimdRegister = simd(0, SimdWidth::S);
pub(crate) const DT: SimdRegister = simd(0, SimdWidth::D);
pub(crate) const QT: SimdRegister = simd(0, SimdWidth::Q);
pub(crate) const SN: SimdRegister = simd(5, SimdWidth::S);
pub(crate) const DN: SimdRegister = simd(5, SimdWidth::D);
pub(crate) const ST2: SimdRegister = simd(10, SimdWidth::S);
pub(crate) const DT2: SimdRegister = simd(10, SimdWidth::D);
pub(crate) const QT2: SimdRegister = simd(10, SimdWidth::Q);

impl SimdRegister {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift
    }
}

impl Operand for SimdRegister {
    fn expects(&self) -> &'static str {
        match self.width {
            SimdWidth::B => "a register b0 to b31",
            SimdWidth::H => "a register h0 to h31",
            SimdWidth::S => "a register s0 to s31",
            SimdWidth::D => "a register d0 to d31",
            SimdWidth::Q => "a register q0 to q31",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        SimdReg::new((word >> self.shift & 0x1f) as u8, self.width).map(Arg::Simd)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Simd(register) if register.width() == self.width => Ok(u32::from(register.index()) << self.shift),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        [0, 1, 31].into_iter().filter_map(|index| SimdReg::new(index, self.width)).map(Arg::Simd).collect()
    }

    /// Parses the name of a register. The syntax leaves this to the operand, because such a name may be a label too.
    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        SimdReg::parse(name).map(Arg::Simd).ok_or_else(|| self.wrong_kind(name))
    }
}

/// A list of `count` vector registers: the first is in bits 4:0, `size` in bits 11:10, `Q` in bit 30.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    count: u8,
}

pub(crate) const LIST_1: List = List { count: 1 };
pub(crate) const LIST_2: List = List { count: 2 };
pub(crate) const LIST_3: List = List { count: 3 };
pub(crate) const LIST_4: List = List { count: 4 };

impl List {
    const FIRST: Field = Field::unsigned(0, 5, 1);
    const SIZE: Field = Field::unsigned(10, 2, 1);
    const Q: Field = Field::unsigned(30, 1, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIRST.mask() | Self::SIZE.mask() | Self::Q.mask()
    }

    fn vectors(self, word: u32) -> Option<VectorList> {
        let arrangement = Arrangement::ALL[(Self::SIZE.read(word) << 1 | Self::Q.read(word)) as usize];
        VectorList::new(Self::FIRST.read(word) as u8, self.count, arrangement)
    }
}

impl Operand for List {
    fn expects(&self) -> &'static str {
        match self.count {
            1 => "a list of one register such as {v0.16b}",
            2 => "a list of two registers such as {v0.16b, v1.16b}",
            3 => "a list of three registers such as {v0.16b-v2.16b}",
            _ => "a list of four registers such as {v0.16b-v3.16b}",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        self.vectors(word).map(Arg::VectorList)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::VectorList(vectors) if vectors.count() == self.count => {
                let arrangement = i64::from(vectors.arrangement() as u8);
                Ok(Self::FIRST.write("register", i64::from(vectors.first()))?
                    | Self::SIZE.write("size", arrangement >> 1)?
                    | Self::Q.write("size", arrangement & 1)?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let list =
            |first| Arrangement::ALL.into_iter().filter_map(move |each| VectorList::new(first, self.count, each));
        [0, 1, 29, 31].into_iter().flat_map(list).map(Arg::VectorList).collect()
    }
}

/// `[x1], #32`: the offset is the size of the list in the same row and has no bits of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostList(List);

pub(crate) const POST_LIST_1: PostList = PostList(LIST_1);
pub(crate) const POST_LIST_2: PostList = PostList(LIST_2);
pub(crate) const POST_LIST_3: PostList = PostList(LIST_3);
pub(crate) const POST_LIST_4: PostList = PostList(LIST_4);

impl PostList {
    const BASE: Mem = BASE;

    pub(crate) const fn mask(self) -> u32 {
        Self::BASE.mask()
    }
}

impl Operand for PostList {
    fn expects(&self) -> &'static str {
        "an address such as [x1], #32, post-indexed by the size of the list"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let vectors = self.0.vectors(word)?;
        let Some(Arg::Address(address)) = Self::BASE.decode(word) else { return None };
        let offset = i64::from(vectors.count() * vectors.arrangement().vector_bytes());
        Some(Arg::Address(Address { offset, addressing: Addressing::PostIndex, ..address }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Address(address) if address.addressing == Addressing::PostIndex => {
                let plain = Address { offset: 0, addressing: Addressing::Offset, ..address };
                Self::BASE.encode(Arg::Address(plain))
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let post = |arg| match arg {
            Arg::Address(address) => Arg::Address(Address { addressing: Addressing::PostIndex, ..address }),
            other => other,
        };
        Self::BASE.samples().into_iter().map(post).collect()
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        match (self.decode(word), arg) {
            (Some(Arg::Address(right)), Arg::Address(written)) if right.offset != written.offset => {
                let (value, only) = (written.offset, right.offset);
                Err(OperandError::OutOfRange { what: "offset", value, min: only, max: only })
            }
            _ => Ok(()),
        }
    }
}
