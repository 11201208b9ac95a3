//! Operands of the memory copies and sets, which the instruction itself moves on: `[x0]!` and `x2!`.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::arg::Arg;
use crate::error::OperandError;
use crate::operand::Operand;
use crate::register::{Reg, RegClass};

/// A register of the copy's state; 31 is CONSTRAINED UNPREDICTABLE.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving {
    shift: u32,
    pointer: bool,
}

/// The destination.
pub(crate) const TO: Moving = Moving { shift: 0, pointer: true };
/// The source of a copy.
pub(crate) const FROM: Moving = Moving { shift: 16, pointer: true };
/// The bytes that are left.
pub(crate) const LEFT: Moving = Moving { shift: 5, pointer: false };

impl Moving {
    pub(crate) const fn mask(self) -> u32 {
        0x1f << self.shift
    }

    fn arg(self, register: Reg) -> Arg {
        if self.pointer { Arg::Pointer(register) } else { Arg::Counter(register) }
    }
}

impl Operand for Moving {
    fn expects(&self) -> &'static str {
        if self.pointer { "a pointer [x0]! to [x30]!" } else { "a count x0! to x30!" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let register = Reg::from_field(word, self.shift, RegClass::X);
        (!register.is_zero()).then(|| self.arg(register))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match (arg, self.pointer) {
            (Arg::Pointer(register), true) | (Arg::Counter(register), false)
                if register.index() != Reg::INDEX_31 && register.class().width() == 64 =>
            {
                Ok(u32::from(register.index()) << self.shift)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        // The three of a row are at different places, so that not every combination overlaps.
        let first = self.shift as u8 / 5;
        [first, first + 7, 30 - first].into_iter().filter_map(Reg::x).map(|register| self.arg(register)).collect()
    }
}
