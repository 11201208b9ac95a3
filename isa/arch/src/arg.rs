//! Operands of a decoded instruction, as typed values that an interpreter matches on.

use core::fmt;
use core::ops::Deref;

use crate::barrier::Barrier;
use crate::condition::Condition;
use crate::copy_options::{CopyOptions, SetOptions};
use crate::data_cache_op::DataCacheOp;
use crate::extend::Extend;
use crate::indexed::{Indexed, PostIndexed};
use crate::instruction_cache_op::InstructionCacheOp;
use crate::matrix::{SliceIndex, SmeState, ZaSlice, ZaTiles};
use crate::order::Order;
use crate::prefetch::Prefetch;
use crate::register::Reg;
use crate::scalable::{Pattern, Predicate, PredicateCounter, Scalable, ScalableAddress, ScalableList};
use crate::simd::{LaneList, SimdReg, VectorList};
use crate::system_register::SysReg;
use crate::vector::{Vector, VectorElement};

/// An operand of an instruction.
///
/// An instruction has all operands of its row, including those that are omitted in assembly: the third operand of
/// `irg x0, x1` is `xzr`.
///
/// ```
/// use arch::{Arg, Reg};
/// // The operands of `addg x0, sp, #32, #1`: the third in bytes, the last an offset of the tag.
/// let operands = [Arg::Reg(Reg::x(0).unwrap()), Arg::Reg(Reg::SP), Arg::Imm(32), Arg::Imm(1)];
/// assert_eq!(operands.map(|arg| arg.to_string()), ["x0", "sp", "#0x20", "#0x1"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arg {
    /// A register.
    Reg(Reg),
    /// An immediate, scaled as in assembly: the address offset of ADDG is in bytes, not in granules.
    Imm(i64),
    /// A shift of the preceding operand.
    Shift(Shift),
    /// A memory address.
    Address(Address),
    /// The offset in bytes of a branch target or literal from this instruction; of ADRP, from the page of the instruction.
    PcOffset(i64),
    /// A system register.
    SysReg(SysReg),
    /// A PSTATE field that MSR (immediate) writes.
    Pstate(PstateField),
    /// A data cache operation.
    DataCacheOp(DataCacheOp),
    /// The option of a barrier.
    Barrier(Barrier),
    /// A condition.
    Condition(Condition),
    /// A bitmask immediate, of AND, ORR, EOR and ANDS, or of MOVI, a mask of bytes. Of W registers, bits 63:32 are 0.
    BitmaskImm(u64),
    /// A bit number, 0 to 63.
    BitNumber(u8),
    /// An extension of the preceding register.
    Extend(Extend),
    /// A memory address with a register offset.
    Indexed(Indexed),
    /// A memory address that is post-indexed by a register.
    PostIndexed(PostIndexed),
    /// An address register that a memory copy or set updates: `[x0]!`.
    UpdatedAddress(Reg),
    /// A size register that a memory copy or set updates: `x2!`.
    UpdatedSize(Reg),
    /// A SIMD&FP register.
    Simd(SimdReg),
    /// A vector register.
    Vector(Vector),
    /// An element of a vector register.
    VectorElement(VectorElement),
    /// A list of vector registers.
    VectorList(VectorList),
    /// One lane of each register in a list.
    LaneList(LaneList),
    /// The memory ordering of an atomic; part of the mnemonic.
    Order(Order),
    /// The options of a memory copy; part of the mnemonic.
    CopyOptions(CopyOptions),
    /// The options of a memory set; part of the mnemonic.
    SetOptions(SetOptions),
    /// A prefetch operation.
    Prefetch(Prefetch),
    /// An instruction cache operation.
    InstructionCacheOp(InstructionCacheOp),
    /// A scalable vector register.
    Scalable(Scalable),
    /// A list of scalable vector registers.
    ScalableList(ScalableList),
    /// A predicate register.
    Predicate(Predicate),
    /// A memory address that depends on the vector length or on a vector.
    ScalableAddress(ScalableAddress),
    /// A predicate constraint.
    Pattern(Pattern),
    /// A factor, 1 to 16: `mul #4`.
    Factor(u8),
    /// An immediate that is written in decimal.
    Number(i64),
    /// A predicate register whose value is a number of elements.
    PredicateCounter(PredicateCounter),
    /// A slice of a tile of ZA.
    ZaSlice(ZaSlice),
    /// A slice of a tile of ZA that is loaded or stored: in braces.
    ZaSliceList(ZaSlice),
    /// A vector of the array ZA: `za[w12, 3]`.
    ZaVector(SliceIndex),
    /// A set of tiles of ZA.
    ZaTiles(ZaTiles),
    /// The table ZT0.
    Zt0,
    /// The table ZT0 in braces.
    Zt0List,
    /// What SMSTART and SMSTOP switch.
    SmeState(SmeState),
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(register) => register.fmt(f),
            Self::Imm(value) if *value < 0 => write!(f, "#-{:#x}", value.unsigned_abs()),
            Self::Imm(value) => write!(f, "#{value:#x}"),
            Self::Shift(shift) => shift.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::PcOffset(distance) => write!(f, ".{distance:+}"),
            Self::SysReg(register) => register.fmt(f),
            Self::Pstate(field) => field.fmt(f),
            Self::DataCacheOp(operation) => operation.fmt(f),
            Self::Barrier(barrier) => barrier.fmt(f),
            Self::Condition(condition) => condition.fmt(f),
            Self::BitmaskImm(bits) => write!(f, "#{bits:#x}"),
            Self::BitNumber(number) => write!(f, "#{number}"),
            Self::Extend(extend) => extend.fmt(f),
            Self::Indexed(address) => address.fmt(f),
            Self::PostIndexed(address) => address.fmt(f),
            Self::UpdatedAddress(register) => write!(f, "[{register}]!"),
            Self::UpdatedSize(register) => write!(f, "{register}!"),
            Self::Simd(register) => register.fmt(f),
            Self::Vector(vector) => vector.fmt(f),
            Self::VectorElement(element) => element.fmt(f),
            Self::VectorList(vectors) => vectors.fmt(f),
            Self::LaneList(lanes) => lanes.fmt(f),
            Self::Order(order) => order.fmt(f),
            Self::CopyOptions(options) => options.fmt(f),
            Self::SetOptions(options) => options.fmt(f),
            Self::Prefetch(operation) => operation.fmt(f),
            Self::InstructionCacheOp(operation) => operation.fmt(f),
            Self::Scalable(vector) => vector.fmt(f),
            Self::ScalableList(vectors) => vectors.fmt(f),
            Self::Predicate(predicate) => predicate.fmt(f),
            Self::ScalableAddress(address) => address.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Factor(factor) => write!(f, "mul #{factor}"),
            Self::Number(number) => write!(f, "#{number}"),
            Self::PredicateCounter(counter) => counter.fmt(f),
            Self::ZaSlice(slice) => slice.fmt(f),
            Self::ZaSliceList(slice) => write!(f, "{{{slice}}}"),
            Self::ZaVector(index) => write!(f, "za[{index}]"),
            Self::ZaTiles(tiles) => tiles.fmt(f),
            Self::Zt0 => f.write_str("zt0"),
            Self::Zt0List => f.write_str("{zt0}"),
            Self::SmeState(state) => state.fmt(f),
        }
    }
}

/// A memory address: a base register plus an immediate offset, with or without writeback.
///
/// ```
/// use arch::{Address, Addressing, Reg};
/// let address = Address { base: Reg::SP, offset: -16, addressing: Addressing::PreIndex };
/// assert_eq!((address.to_string().as_str(), address.writes_back()), ("[sp, #-16]!", true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The base register; register 31 is the stack pointer.
    pub base: Reg,
    /// The offset in bytes.
    pub offset: i64,
    /// The addressing mode.
    pub addressing: Addressing,
}

impl Address {
    /// Returns whether the instruction writes the base register.
    #[must_use]
    pub const fn writes_back(self) -> bool {
        !matches!(self.addressing, Addressing::Offset)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, offset, addressing } = self;
        match addressing {
            Addressing::Offset if *offset == 0 => write!(f, "[{base}]"),
            Addressing::Offset => write!(f, "[{base}, #{offset}]"),
            Addressing::PreIndex => write!(f, "[{base}, #{offset}]!"),
            Addressing::PostIndex => write!(f, "[{base}], #{offset}"),
        }
    }
}

/// An addressing mode (Arm ARM C1.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addressing {
    /// `[x1, #16]`: base plus offset, no writeback.
    Offset,
    /// `[x1, #16]!`: base plus offset; the address is written back to the base.
    PreIndex,
    /// `[x1], #16`: the base alone; base plus offset is written back to the base.
    PostIndex,
}

/// A shift by a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The kind of shift.
    pub kind: ShiftKind,
    /// The shift amount in bits, 0 to 63.
    pub amount: u8,
}

impl Shift {
    /// `lsl #0`, which is omitted in assembly.
    pub const NONE: Self = Self { kind: ShiftKind::Lsl, amount: 0 };
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.kind.name(), self.amount)
    }
}

/// The kind of a shift, in the order of its two-bit encoding (Arm ARM, `DecodeShift`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShiftKind {
    /// Logical left.
    Lsl,
    /// Logical right.
    Lsr,
    /// Arithmetic right.
    Asr,
    /// Rotate right.
    Ror,
}

impl ShiftKind {
    /// All kinds, indexed by encoding.
    pub const ALL: [Self; 4] = [Self::Lsl, Self::Lsr, Self::Asr, Self::Ror];

    /// Returns the name in assembly.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsl => "lsl",
            Self::Lsr => "lsr",
            Self::Asr => "asr",
            Self::Ror => "ror",
        }
    }
}

/// A PSTATE field that MSR (immediate) can write (Arm ARM C6.2, MSR (immediate)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PstateField {
    /// Tag check override.
    Tco,
}

impl PstateField {
    /// Returns the name in assembly.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tco => "tco",
        }
    }
}

impl fmt::Display for PstateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The operands of an instruction, in the order of assembly. Dereferences to a slice.
///
/// ```
/// use arch::{Arg, Args, Reg};
/// let mut args = Args::EMPTY;
/// [Reg::SP, Reg::XZR].into_iter().for_each(|register| args.push(Arg::Reg(register)));
/// assert_eq!(args[..], [Arg::Reg(Reg::SP), Arg::Reg(Reg::XZR)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args {
    list: [Arg; Self::MAX],
    len: usize,
}

impl Args {
    /// The maximum number of operands of a row.
    pub const MAX: usize = 6;

    /// No operands.
    pub const EMPTY: Self = Self { list: [Arg::Imm(0); Self::MAX], len: 0 };

    /// Appends an operand.
    ///
    /// # Panics
    /// If there are [`Self::MAX`] already, which the table of instructions rules out at compile time.
    pub fn push(&mut self, arg: Arg) {
        self.list[self.len] = arg;
        self.len += 1;
    }
}

impl Deref for Args {
    type Target = [Arg];

    fn deref(&self) -> &[Arg] {
        &self.list[..self.len]
    }
}
