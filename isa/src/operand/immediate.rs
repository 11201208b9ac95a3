//! Immediate operands.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::Arg;

/// An immediate; `what` names it in error messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Imm {
    what: &'static str,
    field: Field,
    default: Option<i64>,
}

const fn imm(what: &'static str, field: Field) -> Imm {
    Imm { what, field, default: None }
}

/// `uimm6` of ADDG and SUBG: the address offset in bytes, a multiple of 16.
pub(crate) const UIMM6_GRANULES: Imm = imm("address offset", Field::unsigned(16, 6, 16));
/// `uimm4` of ADDG and SUBG: the tag offset.
pub(crate) const UIMM4_TAG: Imm = imm("tag offset", Field::unsigned(10, 4, 1));
/// The immediate of ADD, ADDS, SUB and SUBS.
pub(crate) const IMM12: Imm = imm("immediate", Field::unsigned(10, 12, 1));
/// The immediate of MOVZ, MOVK, MOVN, BRK, SVC and HVC.
pub(crate) const IMM16: Imm = imm("immediate", Field::unsigned(5, 16, 1));
/// The new value of a one-bit PSTATE field.
pub(crate) const PSTATE_BIT: Imm = imm("value", Field::unsigned(8, 1, 1));
/// The immediate of CLREX, which is ignored and usually omitted.
pub(crate) const IMM4_OPT: Imm = Imm { default: Some(15), ..imm("immediate", Field::unsigned(8, 4, 1)) };

/// `nzcv` of CCMP and CCMN: the flags if the condition does not hold.
pub(crate) const FLAGS: Imm = imm("flags", Field::unsigned(0, 4, 1));
/// `imm5` of CCMP and CCMN.
pub(crate) const COMPARED: Imm = imm("immediate", Field::unsigned(16, 5, 1));

impl Imm {
    pub(crate) const fn mask(self) -> u32 {
        self.field.mask()
    }
}

impl Operand for Imm {
    fn expects(&self) -> &'static str {
        "an immediate such as #16"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::Imm(self.field.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Imm(value) => self.field.write(self.what, value),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        self.field.edges().into_iter().map(Arg::Imm).collect()
    }

    fn default(&self) -> Option<Arg> {
        self.default.map(Arg::Imm)
    }
}
