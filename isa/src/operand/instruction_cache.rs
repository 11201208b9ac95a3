//! The operation of IC, bits 18:5 of SYS: one kind for operations with an address, one for those without.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, InstructionCacheOp};

/// An instruction cache operation that takes an address, or one that does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IcOp {
    takes_address: bool,
}

pub(crate) const IC_OP_ADDRESS: IcOp = IcOp { takes_address: true };
pub(crate) const IC_OP_ALL: IcOp = IcOp { takes_address: false };

impl IcOp {
    const FIELD: Field = Field::unsigned(5, 14, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }

    fn allows(self, operation: InstructionCacheOp) -> bool {
        operation.takes_address() == self.takes_address
    }
}

impl Operand for IcOp {
    fn expects(&self) -> &'static str {
        if self.takes_address { "ivau" } else { "iallu or ialluis" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let operation = InstructionCacheOp::by_encoding(Self::FIELD.read(word) as u16)?;
        self.allows(operation).then_some(Arg::InstructionCacheOp(operation))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::InstructionCacheOp(operation) if self.allows(operation) => {
                Self::FIELD.write("operation", i64::from(operation.encoding()))
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        InstructionCacheOp::all().filter(|operation| self.allows(*operation)).map(Arg::InstructionCacheOp).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        InstructionCacheOp::by_name(name).map(Arg::InstructionCacheOp).ok_or_else(|| self.wrong_kind(name))
    }
}
