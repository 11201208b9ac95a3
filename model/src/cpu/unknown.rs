//! UNKNOWN registers: where they come from, what becomes UNKNOWN by them, and where they may not count.
//!
//! An UNKNOWN value is some value, and differs from CPU to CPU (Arm ARM, glossary, UNKNOWN). It may be moved, stored and
//! computed with, and what comes of it is UNKNOWN, too. Where it would decide what happens next (an address, a branch,
//! flags, a tag, a system register) the program is not covered. Bytes of memory that are UNKNOWN are a
//! [`Bus`](model_base::memory::Bus)'s.

use arch::{Arg, Op, Reg, ScalableAddress};

use super::copy_overlap::Copying;
use super::matrix::Matrix;
use super::program::{DecodedInsn, Family};
use super::state::{Core, Cpu, Stop};

/// What the registers of a CPU do not show, but for RGSR_EL1: no VMM can save it, and a program does not get to know what
/// is UNKNOWN by being saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// [`Cpu::x_unknown`].
    x: u32,
    /// [`Cpu::v_unknown`].
    v: u32,
    /// [`Cpu::p_unknown`].
    p: u32,
    copying: Option<Copying>,
    /// [`Cpu::esr_unknown`] and [`Cpu::far_unknown`].
    syndrome: (bool, bool),
    /// [`Cpu::matrix`]: a kernel has no SME for its guests, and an emulator saves all of a machine.
    matrix: Matrix,
}

#[mutants::rules]
impl Cpu {
    /// Returns what its registers do not show.
    #[must_use]
    pub fn hidden(&self) -> Hidden {
        let syndrome = (self.esr_unknown, self.far_unknown);
        Hidden {
            x: self.x_unknown,
            v: self.v_unknown,
            p: self.p_unknown,
            copying: self.copying,
            syndrome,
            matrix: self.matrix.clone(),
        }
    }

    /// Sets what its registers do not show, after them.
    pub fn set_hidden(&mut self, hidden: Hidden) {
        (self.x_unknown, self.v_unknown, self.p_unknown) = (hidden.x, hidden.v, hidden.p);
        self.copying = hidden.copying;
        self.matrix = hidden.matrix;
        (self.esr_unknown, self.far_unknown) = hidden.syndrome;
    }
}

/// The bit of a register in [`Cpu::x_unknown`]; the zero register has none.
#[mutants::rules]
fn bit(register: Reg) -> u32 {
    if register.index() == Reg::INDEX_31 && !register.is_sp() { 0 } else { 1 << register.index() }
}

/// The registers of an operand.
#[mutants::rules]
fn registers(arg: &Arg) -> u32 {
    match *arg {
        Arg::Reg(register) | Arg::UpdatedAddress(register) | Arg::UpdatedSize(register) => bit(register),
        Arg::Address(address) => bit(address.base),
        Arg::Indexed(indexed) => bit(indexed.base) | bit(indexed.index),
        Arg::PostIndexed(indexed) => bit(indexed.base) | bit(indexed.index),
        Arg::ScalableAddress(ScalableAddress::Multiple { base, .. } | ScalableAddress::Offsets { base, .. }) => {
            bit(base)
        }
        Arg::ScalableAddress(ScalableAddress::BasesPlus { offset, .. }) => bit(offset),
        Arg::ZaSlice(slice) | Arg::ZaSliceList(slice) => bit(slice.index().register()),
        Arg::ZaVector(index) => bit(index.register()),
        _ => 0,
    }
}

/// Returns whether an instruction on registers sets flags.
#[mutants::rules]
fn sets_flags(op: Op) -> bool {
    matches!(
        op,
        Op::AddsImm
            | Op::AddsReg
            | Op::AddsExt
            | Op::SubsImm
            | Op::SubsReg
            | Op::SubsExt
            | Op::AndsReg
            | Op::AndsImm
            | Op::BicsReg
            | Op::Subps
            | Op::Adcs
            | Op::Sbcs
            | Op::CcmnReg
            | Op::CcmnImm
            | Op::CcmpReg
            | Op::CcmpImm
    )
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Returns whether a register is UNKNOWN.
    pub(super) fn is_unknown(&self, register: Reg) -> bool {
        self.cpu.x_unknown & bit(register) != 0
    }

    /// Returns whether an instruction of SVE reads the general register that it writes.
    fn reads_first(op: Op) -> bool {
        matches!(
            op,
            Op::SveIncb
                | Op::SveInch
                | Op::SveIncw
                | Op::SveIncd
                | Op::SveDecb
                | Op::SveDech
                | Op::SveDecw
                | Op::SveDecd
                | Op::SveIncp
                | Op::SveDecp
        )
    }

    /// Makes a register UNKNOWN that was written.
    #[cold]
    pub(super) fn forget(&mut self, register: Reg) {
        self.cpu.x_unknown |= bit(register);
    }

    /// Looks at the operands of an instruction while some register is UNKNOWN: returns the register that becomes UNKNOWN
    /// if the instruction completes. Data that is stored is left to the rules of stores.
    #[cold]
    pub(super) fn tainted(&self, insn: &DecodedInsn) -> Result<Option<Reg>, Stop> {
        let DecodedInsn { op, args, family, .. } = insn;
        let unknown = |args: &[Arg]| args.iter().fold(0, |all, arg| all | registers(arg)) & self.cpu.x_unknown != 0;
        let addresses = |arg: &&Arg| matches!(arg, Arg::Address(_) | Arg::Indexed(_) | Arg::PostIndexed(_));
        let address = args.iter().filter(addresses).any(|arg| unknown(std::slice::from_ref(arg)));
        let (first, rest) = match args.split_first() {
            Some((Arg::Reg(first), rest)) => (Some(*first), rest),
            _ => (None, &args[..]),
        };
        let refused = match family {
            Family::Memory | Family::Tags if address => "an access by an address that is UNKNOWN",
            // Vectors have a record of their own, and pointers stay as UNKNOWN as they are.
            Family::Memory | Family::Vector | Family::Authentication => return Ok(None),
            Family::Tags => match op {
                // Of the register LDG changes only the tag.
                Op::Ldg => return Ok(first.filter(|rt| self.is_unknown(*rt))),
                Op::Ldgm | Op::Stgp => return Ok(None),
                _ if unknown(args) => "a store of a tag that is UNKNOWN",
                _ => return Ok(None),
            },
            // What SVE only writes is the first operand, and where it does more it reads that as well.
            Family::Scalable if unknown(rest) || Self::reads_first(*op) && unknown(args) => {
                "an instruction of SVE with a register that is UNKNOWN"
            }
            // Only RDSVL and its like write a general register, which is the first operand.
            Family::Matrix if unknown(if first.is_some() { rest } else { args }) => {
                "an instruction of SME with a register that is UNKNOWN"
            }
            Family::Scalable | Family::Matrix => return Ok(None),
            Family::Copies if unknown(args) => "a memory copy or set by a register that is UNKNOWN",
            Family::System if unknown(args) && !matches!(op, Op::Mrs | Op::Prfm | Op::Prfum) => match op {
                Op::Msr => "a write of a system register that is UNKNOWN then",
                Op::Dc | Op::Ic => "an access by an address that is UNKNOWN",
                _ => "a branch by a register that is UNKNOWN",
            },
            Family::Copies | Family::System => return Ok(None),
            Family::Pointer if *op == Op::Irg && unknown(&args[2..]) => "IRG with exclusions that are UNKNOWN",
            Family::Pointer | Family::Arithmetic => {
                let sources = match (op, rest) {
                    (Op::Csel | Op::Csinc | Op::Csinv | Op::Csneg, [rn, rm, Arg::Condition(condition)]) => {
                        std::slice::from_ref(if condition.holds(self.cpu.nzcv) { rn } else { rm })
                    }
                    // If the condition does not hold, the registers do not count.
                    (
                        Op::CcmnReg | Op::CcmnImm | Op::CcmpReg | Op::CcmpImm,
                        [_, Arg::Imm(_), Arg::Condition(condition)],
                    ) => match condition.holds(self.cpu.nzcv) {
                        true => &args[..],
                        false => &[],
                    },
                    // These keep a part of what they write.
                    (Op::Movk | Op::Bfm, _) => args,
                    _ => rest,
                };
                match unknown(sources) {
                    true if sets_flags(*op) => "flags of a register that is UNKNOWN",
                    true => return Ok(first),
                    false => return Ok(None),
                }
            }
        };
        Err(Stop::Unmodelled(refused))
    }
}
