//! Operands of branches and literal loads: the PC-relative offset of the target, and a condition.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, Condition};

/// An offset from the address of the instruction, in bytes, a multiple of 4.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BranchOffset(Field);

/// The offset of B, up to 128 MiB either way.
pub(crate) const REL26: BranchOffset = BranchOffset(Field::signed(0, 26, 4));
/// The offset of B.cond, CBZ, CBNZ and LDR (literal), up to 1 MiB either way.
pub(crate) const REL19: BranchOffset = BranchOffset(Field::signed(5, 19, 4));
/// The offset of TBZ and TBNZ, up to 32 KiB either way.
pub(crate) const REL14: BranchOffset = BranchOffset(Field::signed(5, 14, 4));

impl BranchOffset {
    pub(crate) const fn mask(self) -> u32 {
        self.0.mask()
    }
}

impl Operand for BranchOffset {
    fn expects(&self) -> &'static str {
        "a target such as .+8 or a label"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::PcOffset(self.0.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            // A number alone is an offset, too, as in other assemblers.
            Arg::PcOffset(offset) | Arg::Imm(offset) => self.0.write("target offset", offset),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        self.0.edges().into_iter().map(Arg::PcOffset).collect()
    }

    fn takes_label(&self) -> bool {
        true
    }
}

/// A condition, four bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cond {
    shift: u32,
}

/// The condition of B.cond, part of the mnemonic in assembly.
pub(crate) const COND: Cond = Cond { shift: 0 };
/// The condition of CSEL, CSINC, CSINV and CSNEG.
pub(crate) const COND_SELECT: Cond = Cond { shift: 12 };

impl Cond {
    pub(crate) const fn mask(self) -> u32 {
        0xf << self.shift
    }
}

impl Operand for Cond {
    fn expects(&self) -> &'static str {
        "a condition such as eq or ne"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::Condition(Condition::ALL[((word & self.mask()) >> self.shift) as usize]))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Condition(condition) => Ok(u32::from(condition.encoding()) << self.shift),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        Condition::ALL.into_iter().map(Arg::Condition).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Condition::by_name(name).map(Arg::Condition).ok_or_else(|| self.wrong_kind(name))
    }
}
