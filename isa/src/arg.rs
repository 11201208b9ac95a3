//! Operands of a decoded instruction, as values with types: what an interpreter matches on.

use core::fmt;
use core::ops::Deref;

use crate::barrier::Barrier;
use crate::cache_op::CacheOp;
use crate::condition::Condition;
use crate::copy_options::{CopyOptions, SetOptions};
use crate::extend::Extend;
use crate::indexed::{Indexed, PostIndexed};
use crate::instruction_cache_op::InstructionCacheOp;
use crate::order::Order;
use crate::prefetch::Prefetch;
use crate::register::Reg;
use crate::simd::{SimdReg, Vectors};
use crate::system_register::SysReg;

/// One operand. Every operand of a row is present, also one that is left out in print (`irg x0, x1` has `xzr` third).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arg {
    /// A register.
    Reg(Reg),
    /// An immediate in its final unit: ADDG's first one counts bytes, not granules.
    Imm(i64),
    /// A shift of the operand before it.
    Shift(Shift),
    /// A memory address.
    Address(Address),
    /// A distance in bytes from this instruction, of a branch or a literal load.
    Target(i64),
    /// A system register.
    SysReg(SysReg),
    /// A field of PSTATE that MSR (immediate) writes.
    Pstate(PstateField),
    /// A data cache operation.
    CacheOp(CacheOp),
    /// What a barrier orders.
    Barrier(Barrier),
    /// A condition.
    Condition(Condition),
    /// A bit pattern: the immediate of AND, ORR and EOR, 32 of its bits for W registers.
    Bits(u64),
    /// The number of a bit, 0 to 63.
    Bit(u8),
    /// An extension of the register before it.
    Extend(Extend),
    /// A memory address with a register as offset.
    Indexed(Indexed),
    /// A memory address in a register that another register is then added to.
    PostIndexed(PostIndexed),
    /// A register with an address, which the instruction moves as it proceeds: `[x0]!`.
    Pointer(Reg),
    /// A register with a count, which the instruction counts down as it proceeds: `x2!`.
    Counter(Reg),
    /// A SIMD&FP register.
    Simd(SimdReg),
    /// A list of vectors.
    Vectors(Vectors),
    /// What an atomic orders; written inside the mnemonic.
    Order(Order),
    /// Options of a memory copy; written at the end of the mnemonic.
    CopyOptions(CopyOptions),
    /// Options of a memory set; written at the end of the mnemonic.
    SetOptions(SetOptions),
    /// A prefetch operation.
    Prefetch(Prefetch),
    /// An instruction cache operation.
    InstructionCacheOp(InstructionCacheOp),
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(register) => register.fmt(f),
            Self::Imm(value) if *value < 0 => write!(f, "#-{:#x}", value.unsigned_abs()),
            Self::Imm(value) => write!(f, "#{value:#x}"),
            Self::Shift(shift) => shift.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Target(distance) => write!(f, ".{distance:+}"),
            Self::SysReg(register) => register.fmt(f),
            Self::Pstate(field) => field.fmt(f),
            Self::CacheOp(operation) => operation.fmt(f),
            Self::Barrier(barrier) => barrier.fmt(f),
            Self::Condition(condition) => condition.fmt(f),
            Self::Bits(bits) => write!(f, "#{bits:#x}"),
            Self::Bit(number) => write!(f, "#{number}"),
            Self::Extend(extend) => extend.fmt(f),
            Self::Indexed(address) => address.fmt(f),
            Self::PostIndexed(address) => address.fmt(f),
            Self::Pointer(register) => write!(f, "[{register}]!"),
            Self::Counter(register) => write!(f, "{register}!"),
            Self::Simd(register) => register.fmt(f),
            Self::Vectors(vectors) => vectors.fmt(f),
            Self::Order(order) => order.fmt(f),
            Self::CopyOptions(options) => options.fmt(f),
            Self::SetOptions(options) => options.fmt(f),
            Self::Prefetch(operation) => operation.fmt(f),
            Self::InstructionCacheOp(operation) => operation.fmt(f),
        }
    }
}

/// A memory address: a base register, an offset in bytes, and what happens to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The base; register 31 is the stack pointer.
    pub base: Reg,
    /// The offset in bytes.
    pub offset: i64,
    /// When the offset is added, and whether the base keeps the sum.
    pub addressing: Addressing,
}

impl Address {
    /// Tells whether the instruction writes the base register.
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
    /// `[x1, #16]`: the base stays.
    Offset,
    /// `[x1, #16]!`: the base becomes the address used.
    PreIndex,
    /// `[x1], #16`: the base is used as it is and moved after.
    PostIndex,
}

/// A shift by a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The kind of shift.
    pub kind: ShiftKind,
    /// By how many bits, 0 to 63.
    pub amount: u8,
}

impl Shift {
    /// The shift that is not printed: `lsl #0`.
    pub const NONE: Self = Self { kind: ShiftKind::Lsl, amount: 0 };
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.kind.name(), self.amount)
    }
}

/// The kind of a shift, in the order of its two-bit encoding.
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
    pub(crate) const ALL: [Self; 4] = [Self::Lsl, Self::Lsr, Self::Asr, Self::Ror];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lsl => "lsl",
            Self::Lsr => "lsr",
            Self::Asr => "asr",
            Self::Ror => "ror",
        }
    }
}

/// A PSTATE field of MSR (immediate) (Arm ARM C6.2, MSR (immediate)).
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

/// The operands of one instruction, in the order of assembly. Dereferences to a slice.
///
/// ```
/// use isa::{Arg, Reg};
/// let irg = isa::assemble("irg x2, sp").unwrap()[0];
/// let [Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)] = *irg.args() else { panic!() };
/// assert_eq!((rd.index(), rn, rm), (2, Reg::SP, Reg::XZR));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args {
    list: [Arg; Self::MAX],
    len: usize,
}

impl Args {
    /// The most operands a row may have.
    pub(crate) const MAX: usize = 6;

    pub(crate) const EMPTY: Self = Self { list: [Arg::Imm(0); Self::MAX], len: 0 };

    /// Appends an operand; a row's length is checked against [`Self::MAX`] where the table is built.
    pub(crate) fn push(&mut self, arg: Arg) {
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
