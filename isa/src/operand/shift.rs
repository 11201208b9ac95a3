//! Shifts of the preceding operand, by default `lsl #0`.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, Shift, ShiftKind};

const WHAT: &str = "shift amount";

/// A left shift of an immediate by a multiple of 12 (ADD) or 16 (MOVZ).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LslStep {
    amount: Field,
    expects: &'static str,
}

/// `lsl #0` or `lsl #12`, of ADD and SUB (immediate).
pub(crate) const LSL12: LslStep = LslStep { amount: Field::unsigned(22, 1, 12), expects: "lsl #0 or lsl #12" };
/// `lsl` by 0, 16, 32 or 48, of MOVZ, MOVK and MOVN on X registers.
pub(crate) const LSL16_X: LslStep = LslStep { amount: Field::unsigned(21, 2, 16), expects: "lsl by 0, 16, 32 or 48" };
/// `lsl` by 0 or 16, of MOVZ, MOVK and MOVN on W registers.
pub(crate) const LSL16_W: LslStep = LslStep { amount: Field::unsigned(21, 1, 16), expects: "lsl by 0 or 16" };

/// `lsl` by 0 or 8, of MOVI and others on halfwords.
pub(crate) const LSL8_H: LslStep = LslStep { amount: Field::unsigned(13, 1, 8), expects: "lsl #0 or lsl #8" };
/// `lsl` by 0, 8, 16 or 24, of MOVI and others on words.
pub(crate) const LSL8_S: LslStep = LslStep { amount: Field::unsigned(13, 2, 8), expects: "lsl by 0, 8, 16 or 24" };

impl LslStep {
    pub(crate) const fn mask(self) -> u32 {
        self.amount.mask()
    }
}

impl Operand for LslStep {
    fn expects(&self) -> &'static str {
        self.expects
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(shift(ShiftKind::Lsl, self.amount.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Shift(Shift { kind: ShiftKind::Lsl, amount }) => self.amount.write(WHAT, i64::from(amount)),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        self.amount.edges().into_iter().map(|amount| shift(ShiftKind::Lsl, amount)).collect()
    }

    fn default(&self) -> Option<Arg> {
        Some(Arg::Shift(Shift::NONE))
    }
}

/// A shift of a register: the kind is in bits 23:22, the amount in bits 15:10.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegShift {
    amount: Field,
    kinds: &'static [ShiftKind],
    expects: &'static str,
}

const fn reg_shift(width: u32, kinds: usize, expects: &'static str) -> RegShift {
    RegShift { amount: Field::unsigned(10, width.ilog2(), 1), kinds: ShiftKind::ALL.split_at(kinds).0, expects }
}

const ARITHMETIC: &str = "a shift lsl, lsr or asr";
const LOGICAL: &str = "a shift lsl, lsr, asr or ror";

/// The shift of ADD and SUB (shifted register) on X registers.
pub(crate) const SHIFT_X: RegShift = reg_shift(64, 3, ARITHMETIC);
/// The shift of ADD and SUB (shifted register) on W registers.
pub(crate) const SHIFT_W: RegShift = reg_shift(32, 3, ARITHMETIC);
/// The shift of AND, ORR and EOR (shifted register) on X registers.
pub(crate) const SHIFT_ROR_X: RegShift = reg_shift(64, 4, LOGICAL);
/// The shift of AND, ORR and EOR (shifted register) on W registers.
pub(crate) const SHIFT_ROR_W: RegShift = reg_shift(32, 4, LOGICAL);

impl RegShift {
    const KIND: Field = Field::unsigned(22, 2, 1);

    pub(crate) const fn mask(self) -> u32 {
        self.amount.mask() | Self::KIND.mask()
    }
}

impl Operand for RegShift {
    fn expects(&self) -> &'static str {
        self.expects
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let kind = self.kinds.get(Self::KIND.read(word) as usize)?;
        Some(shift(*kind, self.amount.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Shift(shift) if self.kinds.contains(&shift.kind) => {
                Ok(Self::KIND.write(WHAT, shift.kind as i64)? | self.amount.write(WHAT, i64::from(shift.amount))?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let amounts = self.amount.edges();
        self.kinds.iter().flat_map(|kind| amounts.iter().map(|amount| shift(*kind, *amount))).collect()
    }

    fn default(&self) -> Option<Arg> {
        Some(Arg::Shift(Shift::NONE))
    }
}

/// Creates the operand; `amount` comes from a field of at most six bits.
fn shift(kind: ShiftKind, amount: i64) -> Arg {
    Arg::Shift(Shift { kind, amount: amount as u8 })
}
