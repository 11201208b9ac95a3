//! Operands of SIMD&FP loads and stores: a register, a list of vector registers or of their lanes, and the post-index of a list.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::address::{BASE, Mem};
use crate::operand::field::Field;
use arch::{Address, Addressing, Arg, Arrangement, LaneList, SimdReg, SimdWidth, VectorList};

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
pub(crate) const HS: SimdRegister = simd(16, SimdWidth::H);
pub(crate) const SS: SimdRegister = simd(16, SimdWidth::S);
pub(crate) const DS: SimdRegister = simd(16, SimdWidth::D);

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
    /// The registers hold structures, whose elements a vector of one doubleword does not divide (`1d` is reserved).
    structures: bool,
}

pub(crate) const LIST_1: List = List { count: 1, structures: false };
pub(crate) const LIST_2: List = List { count: 2, structures: false };
pub(crate) const LIST_3: List = List { count: 3, structures: false };
pub(crate) const LIST_4: List = List { count: 4, structures: false };
pub(crate) const STRUCTURES_2: List = List { count: 2, structures: true };
pub(crate) const STRUCTURES_3: List = List { count: 3, structures: true };
pub(crate) const STRUCTURES_4: List = List { count: 4, structures: true };

impl List {
    const FIRST: Field = Field::unsigned(0, 5, 1);
    const SIZE: Field = Field::unsigned(10, 2, 1);
    const Q: Field = Field::unsigned(30, 1, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIRST.mask() | Self::SIZE.mask() | Self::Q.mask()
    }

    fn vectors(self, word: u32) -> Option<VectorList> {
        let arrangement = Arrangement::ALL[(Self::SIZE.read(word) << 1 | Self::Q.read(word)) as usize];
        let list = VectorList::new(Self::FIRST.read(word) as u8, self.count, arrangement);
        list.filter(|list| self.takes(*list))
    }

    fn takes(self, list: VectorList) -> bool {
        list.count() == self.count && !(self.structures && list.arrangement() == Arrangement::D1)
    }
}

impl Operand for List {
    fn expects(&self) -> &'static str {
        match self.count {
            1 => "a list of one register such as {v0.16b}",
            2 if self.structures => "a list of two registers such as {v0.16b, v1.16b}, not of 1d",
            3 if self.structures => "a list of three registers such as {v0.16b-v2.16b}, not of 1d",
            _ if self.structures => "a list of four registers such as {v0.16b-v3.16b}, not of 1d",
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
            Arg::VectorList(vectors) if self.takes(vectors) => {
                let arrangement = i64::from(vectors.arrangement() as u8);
                Ok(Self::FIRST.write("register", i64::from(vectors.first()))?
                    | Self::SIZE.write("size", arrangement >> 1)?
                    | Self::Q.write("size", arrangement & 1)?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let list = |first| {
            Arrangement::ALL
                .into_iter()
                .filter_map(move |each| VectorList::new(first, self.count, each))
                .filter(|list| self.takes(*list))
        };
        [0, 1, 29, 31].into_iter().flat_map(list).map(Arg::VectorList).collect()
    }
}

/// One lane of `count` vector registers: the first is in bits 4:0, the number of the lane in bits 30, 12, 11 and 10, of
/// which wider lanes need fewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    count: u8,
    width: SimdWidth,
}

const fn lanes(count: u8, width: SimdWidth) -> Lanes {
    Lanes { count, width }
}

pub(crate) const B_LANES_1: Lanes = lanes(1, SimdWidth::B);
pub(crate) const B_LANES_2: Lanes = lanes(2, SimdWidth::B);
pub(crate) const B_LANES_3: Lanes = lanes(3, SimdWidth::B);
pub(crate) const B_LANES_4: Lanes = lanes(4, SimdWidth::B);
pub(crate) const H_LANES_1: Lanes = lanes(1, SimdWidth::H);
pub(crate) const H_LANES_2: Lanes = lanes(2, SimdWidth::H);
pub(crate) const H_LANES_3: Lanes = lanes(3, SimdWidth::H);
pub(crate) const H_LANES_4: Lanes = lanes(4, SimdWidth::H);
pub(crate) const S_LANES_1: Lanes = lanes(1, SimdWidth::S);
pub(crate) const S_LANES_2: Lanes = lanes(2, SimdWidth::S);
pub(crate) const S_LANES_3: Lanes = lanes(3, SimdWidth::S);
pub(crate) const S_LANES_4: Lanes = lanes(4, SimdWidth::S);
pub(crate) const D_LANES_1: Lanes = lanes(1, SimdWidth::D);
pub(crate) const D_LANES_2: Lanes = lanes(2, SimdWidth::D);
pub(crate) const D_LANES_3: Lanes = lanes(3, SimdWidth::D);
pub(crate) const D_LANES_4: Lanes = lanes(4, SimdWidth::D);

impl Lanes {
    const FIRST: Field = Field::unsigned(0, 5, 1);
    const Q: Field = Field::unsigned(30, 1, 1);

    /// Returns `S:size`, as far as it is part of the lane's number.
    const fn low(self) -> Option<Field> {
        match self.width {
            SimdWidth::B => Some(Field::unsigned(10, 3, 1)),
            SimdWidth::H => Some(Field::unsigned(11, 2, 1)),
            SimdWidth::S => Some(Field::unsigned(12, 1, 1)),
            _ => None,
        }
    }

    /// Returns how many bits of the number of a lane are not in `Q`.
    const fn low_bits(self) -> u32 {
        3 - self.width as u32
    }

    pub(crate) const fn mask(self) -> u32 {
        let low = match self.low() {
            Some(low) => low.mask(),
            None => 0,
        };
        Self::FIRST.mask() | Self::Q.mask() | low
    }
}

impl Operand for Lanes {
    fn expects(&self) -> &'static str {
        match (self.count, self.width) {
            (1, SimdWidth::B) => "a lane such as {v0.b}[15]",
            (1, SimdWidth::H) => "a lane such as {v0.h}[7]",
            (1, SimdWidth::S) => "a lane such as {v0.s}[3]",
            (1, _) => "a lane such as {v0.d}[1]",
            (2, SimdWidth::B) => "a lane of two registers such as {v0.b, v1.b}[15]",
            (2, SimdWidth::H) => "a lane of two registers such as {v0.h, v1.h}[7]",
            (2, SimdWidth::S) => "a lane of two registers such as {v0.s, v1.s}[3]",
            (2, _) => "a lane of two registers such as {v0.d, v1.d}[1]",
            (3, SimdWidth::B) => "a lane of three registers such as {v0.b-v2.b}[15]",
            (3, SimdWidth::H) => "a lane of three registers such as {v0.h-v2.h}[7]",
            (3, SimdWidth::S) => "a lane of three registers such as {v0.s-v2.s}[3]",
            (3, _) => "a lane of three registers such as {v0.d-v2.d}[1]",
            (_, SimdWidth::B) => "a lane of four registers such as {v0.b-v3.b}[15]",
            (_, SimdWidth::H) => "a lane of four registers such as {v0.h-v3.h}[7]",
            (_, SimdWidth::S) => "a lane of four registers such as {v0.s-v3.s}[3]",
            _ => "a lane of four registers such as {v0.d-v3.d}[1]",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let low = self.low().map_or(0, |low| low.read(word));
        let lane = Self::Q.read(word) << self.low_bits() | low;
        LaneList::new(Self::FIRST.read(word) as u8, self.count, self.width, lane as u8).map(Arg::LaneList)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::LaneList(list) if list.count() == self.count && list.width() == self.width => {
                let lane = i64::from(list.lane());
                let low = self.low().map_or(Ok(0), |low| low.write("lane", lane & ((1 << self.low_bits()) - 1)))?;
                Ok(Self::FIRST.write("register", i64::from(list.first()))?
                    | Self::Q.write("lane", lane >> self.low_bits())?
                    | low)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let last = 16 / self.width.bytes() - 1;
        let list = |first| {
            [0, 1, last / 2, last]
                .into_iter()
                .filter_map(move |lane| LaneList::new(first, self.count, self.width, lane))
        };
        [0, 1, 29, 31].into_iter().flat_map(list).map(Arg::LaneList).collect()
    }
}

/// `[x1], #32`: the offset is what the list in the same row transfers and has no bits of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PostList {
    /// All of the registers.
    Whole(List),
    /// An element for each register, which fills it.
    Replicated(List),
    /// A lane of each register.
    Lanes(Lanes),
}

pub(crate) const POST_LIST_1: PostList = PostList::Whole(LIST_1);
pub(crate) const POST_LIST_2: PostList = PostList::Whole(LIST_2);
pub(crate) const POST_LIST_3: PostList = PostList::Whole(LIST_3);
pub(crate) const POST_LIST_4: PostList = PostList::Whole(LIST_4);
pub(crate) const POST_ELEMENTS_1: PostList = PostList::Replicated(LIST_1);
pub(crate) const POST_ELEMENTS_2: PostList = PostList::Replicated(LIST_2);
pub(crate) const POST_ELEMENTS_3: PostList = PostList::Replicated(LIST_3);
pub(crate) const POST_ELEMENTS_4: PostList = PostList::Replicated(LIST_4);
pub(crate) const POST_B_LANES_1: PostList = PostList::Lanes(B_LANES_1);
pub(crate) const POST_B_LANES_2: PostList = PostList::Lanes(B_LANES_2);
pub(crate) const POST_B_LANES_3: PostList = PostList::Lanes(B_LANES_3);
pub(crate) const POST_B_LANES_4: PostList = PostList::Lanes(B_LANES_4);
pub(crate) const POST_H_LANES_1: PostList = PostList::Lanes(H_LANES_1);
pub(crate) const POST_H_LANES_2: PostList = PostList::Lanes(H_LANES_2);
pub(crate) const POST_H_LANES_3: PostList = PostList::Lanes(H_LANES_3);
pub(crate) const POST_H_LANES_4: PostList = PostList::Lanes(H_LANES_4);
pub(crate) const POST_S_LANES_1: PostList = PostList::Lanes(S_LANES_1);
pub(crate) const POST_S_LANES_2: PostList = PostList::Lanes(S_LANES_2);
pub(crate) const POST_S_LANES_3: PostList = PostList::Lanes(S_LANES_3);
pub(crate) const POST_S_LANES_4: PostList = PostList::Lanes(S_LANES_4);
pub(crate) const POST_D_LANES_1: PostList = PostList::Lanes(D_LANES_1);
pub(crate) const POST_D_LANES_2: PostList = PostList::Lanes(D_LANES_2);
pub(crate) const POST_D_LANES_3: PostList = PostList::Lanes(D_LANES_3);
pub(crate) const POST_D_LANES_4: PostList = PostList::Lanes(D_LANES_4);

impl PostList {
    const BASE: Mem = BASE;

    pub(crate) const fn mask(self) -> u32 {
        Self::BASE.mask()
    }

    /// Returns how many bytes the list in the word transfers.
    fn bytes(self, word: u32) -> Option<u8> {
        Some(match self {
            Self::Whole(list) => {
                let vectors = list.vectors(word)?;
                vectors.count() * vectors.arrangement().vector_bytes()
            }
            Self::Replicated(list) => {
                let vectors = list.vectors(word)?;
                vectors.count() * vectors.arrangement().element_bytes()
            }
            Self::Lanes(lanes) => lanes.count * lanes.width.bytes(),
        })
    }
}

impl Operand for PostList {
    fn expects(&self) -> &'static str {
        "an address such as [x1], #32, post-indexed by the number of bytes that the list transfers"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let Some(Arg::Address(address)) = Self::BASE.decode(word) else { return None };
        let offset = i64::from(self.bytes(word)?);
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
