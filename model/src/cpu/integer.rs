//! Multiplication and division, bits of registers, arithmetic with carry, and conditional comparison.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AddWithCarry`, `CountLeadingZeroBits`, `CountLeadingSignBits`,
//! `BitReverse`, `Reverse`.

use arch::{Arg, Condition, Op, Reg};

use super::arithmetic::{add_with_carry, ones};
use super::state::{Core, Executed, Stop};

mutants::defects!();

/// C of PSTATE.{N, Z, C, V}.
const CARRY: u8 = 0b0010;

/// The value of `width` bits as a signed number.
#[mutants::rules]
fn signed(value: u64, width: u32) -> i64 {
    if width == 32 { value as i32 as i64 } else { value as i64 }
}

/// Reverses the bytes within each part of `bytes` bytes (pseudocode `Reverse`).
#[mutants::rules]
pub(super) fn reversed(value: u64, bytes: u32) -> u64 {
    match bytes {
        2 => (value & 0x00ff_00ff_00ff_00ff) << 8 | value >> 8 & 0x00ff_00ff_00ff_00ff,
        4 => value.swap_bytes().rotate_left(32),
        _ => value.swap_bytes(),
    }
}

/// Divides, rounding towards zero; by zero the quotient is 0 (Arm ARM C6.2, SDIV, UDIV: no exception).
#[mutants::rules]
fn quotient(left: u64, right: u64, is_signed: bool, width: u32) -> u64 {
    if right == 0 {
        return 0;
    }
    // The lowest number divided by -1 does not fit and is what it was.
    if is_signed { signed(left, width).wrapping_div(signed(right, width)) as u64 } else { left / right }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// CCMP and CCMN: compares if the condition holds, else the flags are the immediate.
    fn compare_if(&mut self, negated: bool, rn: Reg, right: u64, otherwise: i64, condition: Condition) {
        let right = if negated { right } else { !right };
        self.cpu.nzcv = if condition.holds(self.cpu.nzcv) {
            add_with_carry(self.get(rn), right, !negated, rn.class().width()).1
        } else {
            otherwise as u8
        };
    }

    /// ADC and SBC, with or without flags: SBC subtracts one more if C is clear.
    fn add_carry(&mut self, op: Op, rd: Reg, rn: Reg, right: u64) {
        let carry = self.cpu.nzcv & CARRY != 0;
        let right = if matches!(op, Op::Sbc | Op::Sbcs) { !right } else { right };
        let (sum, nzcv) = add_with_carry(self.get(rn), right, carry, rd.class().width());
        if matches!(op, Op::Adcs | Op::Sbcs) {
            self.cpu.nzcv = nzcv;
        }
        self.result(rd, sum);
    }

    /// RBIT, REV*, CLZ and CLS.
    fn rearrange(&mut self, op: Op, rd: Reg, rn: Reg) {
        let width = rd.class().width();
        let value = self.get(rn);
        // The bits of the register at the top of 64.
        let top = value << (64 - width);
        let result = match op {
            Op::Rbit => top.reverse_bits(),
            Op::Rev16 => reversed(value, 2),
            Op::Rev32 => reversed(value, 4),
            Op::Rev => reversed(top, 8),
            Op::Clz => u64::from(top.leading_zeros().min(width)),
            // How many bits after the sign are as it is: where the value and itself moved by one do not differ.
            _ => u64::from((top ^ (top as i64 >> 1) as u64).leading_zeros().min(width)) - 1,
        };
        self.result(rd, result);
    }

    /// SMADDL, SMSUBL, UMADDL, UMSUBL: the product of two words has 64 bits.
    fn multiply_words(&mut self, op: Op, rd: Reg, rn: Reg, rm: Reg, ra: Reg) {
        let (left, right) = (self.get(rn), self.get(rm));
        let product = match op {
            Op::Smaddl | Op::Smsubl => (signed(left, 32) * signed(right, 32)) as u64,
            _ => left * right,
        };
        let product = if matches!(op, Op::Smsubl | Op::Umsubl) { product.wrapping_neg() } else { product };
        self.result(rd, self.get(ra).wrapping_add(product));
    }

    /// SMULH, UMULH: bits 127:64 of the product.
    fn multiply_high(&mut self, op: Op, rd: Reg, rn: Reg, rm: Reg) {
        let (left, right) = (self.get(rn), self.get(rm));
        let product = match op {
            Op::Smulh => (left as i64 as i128 * right as i64 as i128) as u128,
            _ => left as u128 * right as u128,
        };
        self.result(rd, (product >> 64) as u64);
    }

    /// EXTR: as many bits as a register has, from bit `low` up of Rn above Rm.
    fn extract(&mut self, rd: Reg, rn: Reg, rm: Reg, low: u32) {
        let width = rd.class().width();
        let pair = (self.get(rn) as u128) << width | self.get(rm) as u128;
        self.result(rd, (pair >> low) as u64 & ones(width));
    }

    /// Executes an instruction on registers alone.
    pub(super) fn integer(&mut self, op: Op, args: &[Arg]) -> Executed {
        match (op, args) {
            (
                Op::CcmpReg | Op::CcmnReg,
                &[Arg::Reg(rn), Arg::Reg(rm), Arg::Imm(otherwise), Arg::Condition(condition)],
            ) => self.compare_if(op == Op::CcmnReg, rn, self.get(rm), otherwise, condition),
            (
                Op::CcmpImm | Op::CcmnImm,
                &[Arg::Reg(rn), Arg::Imm(value), Arg::Imm(otherwise), Arg::Condition(condition)],
            ) => self.compare_if(op == Op::CcmnImm, rn, value as u64, otherwise, condition),
            (Op::Adc | Op::Adcs | Op::Sbc | Op::Sbcs, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => {
                self.add_carry(op, rd, rn, self.get(rm));
            }
            (Op::Rbit | Op::Rev16 | Op::Rev32 | Op::Rev | Op::Clz | Op::Cls, &[Arg::Reg(rd), Arg::Reg(rn)]) => {
                self.rearrange(op, rd, rn);
            }
            (Op::Udiv | Op::Sdiv, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => {
                self.result(rd, quotient(self.get(rn), self.get(rm), op == Op::Sdiv, rd.class().width()));
            }
            (
                Op::Smaddl | Op::Smsubl | Op::Umaddl | Op::Umsubl,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Reg(ra)],
            ) => self.multiply_words(op, rd, rn, rm, ra),
            (Op::Smulh | Op::Umulh, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => self.multiply_high(op, rd, rn, rm),
            (Op::Extr, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::BitNumber(low)]) => {
                self.extract(rd, rn, rm, u32::from(low));
            }
            _ => return Err(Stop::Unmodelled("an instruction that the model does not know")),
        }
        Ok(())
    }
}
