//! The extension of ADD and SUB (extended register): kind in bits 15:13, shift in bits 12:10.
//!
//! The extension of the full width is written `lsl` if a register is the stack pointer, and omitted if the amount is 0:
//! `add sp, x1, x2`.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use crate::operand::register::{WD_SP, WN_SP};
use arch::{Arg, Extend, ExtendKind, Shift, ShiftKind};

const KIND: Field = Field::unsigned(13, 3, 1);
const AMOUNT: Field = Field::unsigned(10, 3, 1);
/// The maximum shift; higher values of the field are reserved.
const MAX_AMOUNT: u8 = 4;

/// An extension of the preceding register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension {
    kinds: &'static [ExtendKind],
    /// The kind that is written `lsl`.
    full: ExtendKind,
    /// The mask of the register fields that may be the stack pointer.
    stack_pointers: u32,
    expects: &'static str,
}

/// Extends a W register to 64 bits.
pub(crate) const EXTEND_W_TO_X: Extension = Extension {
    kinds: {
        use ExtendKind::{Sxtb, Sxth, Sxtw, Uxtb, Uxth, Uxtw};
        &[Uxtb, Uxth, Uxtw, Sxtb, Sxth, Sxtw]
    },
    full: ExtendKind::Uxtx,
    stack_pointers: 0,
    expects: "an extension uxtb, uxth, uxtw, sxtb, sxth or sxtw",
};
/// Extends an X register to 64 bits; Rd and Rn may be SP.
pub(crate) const EXTEND_X: Extension = Extension {
    kinds: &[ExtendKind::Uxtx, ExtendKind::Sxtx],
    full: ExtendKind::Uxtx,
    stack_pointers: WD_SP.mask() | WN_SP.mask(),
    expects: "an extension uxtx or sxtx, or lsl",
};
/// Extends an X register to 64 bits; only Rn may be SP, because the instruction sets flags.
pub(crate) const EXTEND_X_FLAGS: Extension = Extension { stack_pointers: WN_SP.mask(), ..EXTEND_X };
/// Extends a W register to 32 bits; Rd and Rn may be WSP.
pub(crate) const EXTEND_W: Extension = Extension {
    kinds: &ExtendKind::ALL,
    full: ExtendKind::Uxtw,
    stack_pointers: WD_SP.mask() | WN_SP.mask(),
    expects: "an extension such as uxtb or sxtw, or lsl",
};
/// Extends a W register to 32 bits; only Rn may be WSP, because the instruction sets flags.
pub(crate) const EXTEND_W_FLAGS: Extension = Extension { stack_pointers: WN_SP.mask(), ..EXTEND_W };

impl Extension {
    pub(crate) const fn mask(self) -> u32 {
        KIND.mask() | AMOUNT.mask()
    }

    /// Returns whether one of the registers is the stack pointer.
    fn involves_stack_pointer(self, word: u32) -> bool {
        [WD_SP.mask(), WN_SP.mask()].into_iter().any(|field| {
            let field = field & self.stack_pointers;
            field != 0 && word & field == field
        })
    }
}

impl Operand for Extension {
    fn expects(&self) -> &'static str {
        self.expects
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let kind = ExtendKind::ALL[KIND.read(word) as usize];
        let amount = AMOUNT.read(word) as u8;
        if amount > MAX_AMOUNT || !self.kinds.contains(&kind) {
            return None;
        }
        Some(if kind == self.full && self.involves_stack_pointer(word) {
            Arg::Shift(Shift { kind: ShiftKind::Lsl, amount })
        } else {
            Arg::Extend(Extend { kind, amount })
        })
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let Extend { kind, amount } = match arg {
            Arg::Extend(extend) => extend,
            Arg::Shift(Shift { kind: ShiftKind::Lsl, amount }) => Extend { kind: self.full, amount },
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        if !self.kinds.contains(&kind) {
            return Err(self.wrong_kind(&arg.to_string()));
        }
        if amount > MAX_AMOUNT {
            let (value, max) = (i64::from(amount), i64::from(MAX_AMOUNT));
            return Err(OperandError::OutOfRange { what: "shift amount", value, min: 0, max });
        }
        Ok(KIND.write("extension", kind as i64)? | AMOUNT.write("shift amount", i64::from(amount))?)
    }

    fn samples(&self) -> Vec<Arg> {
        let amounts = [0, 1, MAX_AMOUNT];
        self.kinds
            .iter()
            .flat_map(|&kind| amounts.into_iter().map(move |amount| Arg::Extend(Extend { kind, amount })))
            .collect()
    }

    fn default(&self) -> Option<Arg> {
        (self.stack_pointers != 0).then_some(Arg::Shift(Shift::NONE))
    }

    /// Rejects `lsl` without a stack pointer: `add x0, x1, x2` is ADD (shifted register).
    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        let is_lsl = matches!(arg, Arg::Shift(_));
        if is_lsl && !self.involves_stack_pointer(word) { Err(self.wrong_kind(&arg.to_string())) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::Reg;

    #[test]
    fn lsl_requires_a_stack_pointer() {
        let lsl = Arg::Shift(Shift { kind: ShiftKind::Lsl, amount: 2 });
        let word = EXTEND_X_FLAGS.encode(lsl).unwrap();
        let (rd, rn) = (u32::from(Reg::INDEX_31), u32::from(Reg::INDEX_31) << 5);
        assert_eq!(EXTEND_X_FLAGS.decode(word | rn), Some(lsl));
        assert!(EXTEND_X_FLAGS.check(word | rn, lsl).is_ok());
        assert!(matches!(EXTEND_X_FLAGS.decode(word | rd), Some(Arg::Extend(_))));
        assert!(EXTEND_X_FLAGS.check(word | rd, lsl).is_err());
        assert_eq!(EXTEND_X.decode(word | rd), Some(lsl));
    }
}
