//! Operands of the memory copy and memory set instructions, which update them: `[x0]!` and `x2!`.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use arch::{Arg, Reg, RegClass};

/// An address or size register that the instruction updates; register 31 is CONSTRAINED UNPREDICTABLE.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MopsRegister {
    shift: u32,
    is_address: bool,
}

/// `Xd`, the destination address.
pub(crate) const DESTINATION: MopsRegister = MopsRegister { shift: 0, is_address: true };
/// `Xs`, the source address of a copy.
pub(crate) const SOURCE: MopsRegister = MopsRegister { shift: 16, is_address: true };
/// `Xn`, the number of bytes left.
pub(crate) const SIZE: MopsRegister = MopsRegister { shift: 5, is_address: false };

impl MopsRegister {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift
    }

    fn arg(self, register: Reg) -> Arg {
        if self.is_address { Arg::UpdatedAddress(register) } else { Arg::UpdatedSize(register) }
    }
}

impl Operand for MopsRegister {
    fn expects(&self) -> &'static str {
        if self.is_address { "an address [x0]! to [x30]!" } else { "a size register x0! to x30!" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let register = Reg::from_field(word, self.shift, RegClass::X);
        (!register.is_zero()).then(|| self.arg(register))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match (arg, self.is_address) {
            (Arg::UpdatedAddress(register), true) | (Arg::UpdatedSize(register), false)
                if register.index() != Reg::INDEX_31 && register.class().width() == 64 =>
            {
                Ok(u32::from(register.index()) << self.shift)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        // Each field samples other registers, so that not every combination overlaps.
        let first = self.shift as u8 / 5;
        [first, first + 7, 30 - first].into_iter().filter_map(Reg::x).map(|register| self.arg(register)).collect()
    }
}
