//! The operation of PRFM, bits 4:0.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, Prefetch};

/// A prefetch operation from 0 to `last`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefetchOp {
    last: u8,
}

pub(crate) const PRFOP: PrefetchOp = PrefetchOp { last: 31 };
/// The operation of PRFM (register); from 24 up the encoding is another instruction, RPRFM.
pub(crate) const PRFOP_INDEXED: PrefetchOp = PrefetchOp { last: 23 };

impl PrefetchOp {
    const FIELD: Field = Field::unsigned(0, 5, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for PrefetchOp {
    fn expects(&self) -> &'static str {
        "a prefetch operation such as pldl1keep, or its number"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let operation = Prefetch::new(Self::FIELD.read(word) as u8)?;
        (operation.bits() <= self.last).then_some(Arg::Prefetch(operation))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let value = match arg {
            Arg::Prefetch(operation) => i64::from(operation.bits()),
            Arg::Imm(value) => value,
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        let max = i64::from(self.last);
        if !(0..=max).contains(&value) {
            return Err(OperandError::OutOfRange { what: "prefetch operation", value, min: 0, max });
        }
        Self::FIELD.write("prefetch operation", value)
    }

    fn samples(&self) -> Vec<Arg> {
        (0..=self.last).filter_map(Prefetch::new).map(Arg::Prefetch).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Prefetch::by_name(name).map(Arg::Prefetch).ok_or_else(|| self.wrong_kind(name))
    }
}
