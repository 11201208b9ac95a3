//! Arithmetic and logic on registers: what a program under test needs to make addresses and to count.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AddWithCarry`, `ShiftReg`, `ExtendReg`, `DecodeBitMasks`.

use arch::{Arg, Extend, Op, Reg, Shift, ShiftKind};

use super::state::{Core, Executed};

mutants::defects!();

/// The bits of a value of `width` bits, 1 to 64.
#[mutants::rules]
pub(super) fn ones(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// Adds two values of `width` bits and a carry; returns the sum and N, Z, C, V from bit 3 to bit 0 (pseudocode
/// `AddWithCarry`).
#[mutants::rules]
pub(super) fn add_with_carry(x: u64, y: u64, carry: bool, width: u32) -> (u64, u8) {
    let (x, y) = (x & ones(width), y & ones(width));
    let wide = x as u128 + y as u128 + carry as u128;
    let sum = wide as u64 & ones(width);
    let sign = 1 << (width - 1);
    let n = sum & sign != 0;
    let c = wide >> width != 0;
    let v = (x ^ sum) & (y ^ sum) & sign != 0;
    (sum, (n as u8) << 3 | ((sum == 0) as u8) << 2 | (c as u8) << 1 | v as u8)
}

/// Shifts a value of `width` bits (pseudocode `ShiftReg`).
#[mutants::rules]
fn shifted(value: u64, shift: Shift, width: u32) -> u64 {
    let amount = shift.amount as u32 % width;
    let value = value & ones(width);
    let signed = if width == 32 { value as i32 as i64 } else { value as i64 };
    let result = match shift.kind {
        ShiftKind::Lsl => value << amount,
        ShiftKind::Lsr => value >> amount,
        ShiftKind::Asr => (signed >> amount) as u64,
        ShiftKind::Ror => value >> amount | value << ((width - amount) % width),
    };
    result & ones(width)
}

/// Extends a register's low bits and shifts them left (pseudocode `ExtendReg`).
#[mutants::rules]
pub(super) fn extended_register(value: u64, extend: Extend) -> u64 {
    let unused = 64 - extend.kind.bits();
    let value = value << unused;
    let value = if extend.kind.is_signed() { (value as i64 >> unused) as u64 } else { value >> unused };
    value << extend.amount
}

/// Moves a bitfield into `old`: returns the result's bits and which of them come from the field (pseudocode
/// `DecodeBitMasks` and the operations of SBFM, BFM, UBFM).
#[mutants::rules]
fn bitfield(value: u64, rotate: u32, last: u32, width: u32) -> (u64, u64) {
    if last >= rotate {
        let mask = ones(last - rotate + 1);
        (value >> rotate & mask, mask)
    } else {
        let mask = ones(last + 1);
        let to = width - rotate;
        ((value & mask) << to, mask << to)
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Writes a result, of 32 bits as the class of the register says.
    pub(super) fn result(&mut self, rd: Reg, value: u64) {
        self.set(rd, value);
    }

    /// ADD and SUB, with or without flags.
    fn add(&mut self, op: Op, rd: Reg, rn: Reg, right: u64) {
        let (subtract, flags) = match op {
            Op::AddImm | Op::AddReg | Op::AddExt => (false, false),
            Op::AddsImm | Op::AddsReg | Op::AddsExt => (false, true),
            Op::SubImm | Op::SubReg | Op::SubExt => (true, false),
            _ => (true, true),
        };
        let right = if subtract { !right } else { right };
        let (sum, nzcv) = add_with_carry(self.get(rn), right, subtract, rd.class().width());
        if flags {
            self.cpu.nzcv = nzcv;
        }
        self.result(rd, sum);
    }

    /// AND, ORR, EOR and those with the right side inverted; with flags N and Z follow the result, C and V are 0.
    fn logic(&mut self, op: Op, rd: Reg, rn: Reg, right: u64) {
        let left = self.get(rn);
        let width = rd.class().width();
        let value = match op {
            Op::OrrReg | Op::OrrImm => left | right,
            Op::EorReg | Op::EorImm => left ^ right,
            Op::BicReg | Op::BicsReg => left & !right,
            Op::OrnReg => left | !right,
            Op::EonReg => left ^ !right,
            _ => left & right,
        } & ones(width);
        if matches!(op, Op::AndsReg | Op::AndsImm | Op::BicsReg) {
            let n = value >> (width - 1) & 1 == 1;
            self.cpu.nzcv = u8::from(n) << 3 | u8::from(value == 0) << 2;
        }
        self.result(rd, value);
    }

    fn move_wide(&mut self, op: Op, rd: Reg, immediate: i64, shift: Shift) {
        let value = (immediate as u64) << shift.amount;
        let value = match op {
            Op::Movz => value,
            Op::Movn => !value,
            _ => self.get(rd) & !(0xffff << shift.amount) | value,
        };
        self.result(rd, value);
    }

    fn move_bitfield(&mut self, op: Op, rd: Reg, rn: Reg, rotate: u32, last: u32) {
        let width = rd.class().width();
        let (bits, mask) = bitfield(self.get(rn), rotate, last, width);
        let value = match op {
            Op::Bfm => self.get(rd) & !mask | bits,
            // The sign fills what is above the field.
            Op::Sbfm if self.get(rn) >> last & 1 == 1 => bits | !(mask | low(mask)),
            _ => bits,
        };
        self.result(rd, value);
    }

    /// Executes an instruction on registers alone.
    pub(super) fn arithmetic(&mut self, op: Op, args: &[Arg]) -> Executed {
        match (op, args) {
            (Op::Movz | Op::Movn | Op::Movk, &[Arg::Reg(rd), Arg::Imm(value), Arg::Shift(shift)]) => {
                self.move_wide(op, rd, value, shift);
            }
            (
                Op::AddImm | Op::AddsImm | Op::SubImm | Op::SubsImm,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Imm(value), Arg::Shift(shift)],
            ) => self.add(op, rd, rn, (value as u64) << shift.amount),
            (
                Op::AddReg
                | Op::AddsReg
                | Op::SubReg
                | Op::SubsReg
                // With SP an extension by UXTX is written as LSL.
                | Op::AddExt
                | Op::AddsExt
                | Op::SubExt
                | Op::SubsExt,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Shift(shift)],
            ) => self.add(op, rd, rn, shifted(self.get(rm), shift, rd.class().width())),
            (
                Op::AddExt | Op::AddsExt | Op::SubExt | Op::SubsExt,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Extend(extend)],
            ) => self.add(op, rd, rn, extended_register(self.get(rm), extend)),
            (
                Op::AndReg | Op::OrrReg | Op::EorReg | Op::AndsReg | Op::BicReg | Op::OrnReg | Op::EonReg | Op::BicsReg,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Shift(shift)],
            ) => self.logic(op, rd, rn, shifted(self.get(rm), shift, rd.class().width())),
            (Op::AndImm | Op::OrrImm | Op::EorImm | Op::AndsImm, &[Arg::Reg(rd), Arg::Reg(rn), Arg::BitmaskImm(bits)]) => {
                self.logic(op, rd, rn, bits);
            }
            (Op::Sbfm | Op::Bfm | Op::Ubfm, &[Arg::Reg(rd), Arg::Reg(rn), Arg::BitNumber(rotate), Arg::BitNumber(last)]) => {
                self.move_bitfield(op, rd, rn, u32::from(rotate), u32::from(last));
            }
            (Op::Lslv | Op::Lsrv | Op::Asrv | Op::Rorv, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => {
                let kind = match op {
                    Op::Lslv => ShiftKind::Lsl,
                    Op::Lsrv => ShiftKind::Lsr,
                    Op::Asrv => ShiftKind::Asr,
                    _ => ShiftKind::Ror,
                };
                let width = rd.class().width();
                let amount = (self.get(rm) % u64::from(width)) as u8;
                self.result(rd, shifted(self.get(rn), Shift { kind, amount }, width));
            }
            (Op::Madd | Op::Msub, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Reg(ra)]) => {
                let product = self.get(rn).wrapping_mul(self.get(rm));
                let product = if op == Op::Msub { product.wrapping_neg() } else { product };
                self.result(rd, self.get(ra).wrapping_add(product));
            }
            (
                Op::Csel | Op::Csinc | Op::Csinv | Op::Csneg,
                &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm), Arg::Condition(condition)],
            ) => {
                let other = self.get(rm);
                let value = match op {
                    _ if condition.holds(self.cpu.nzcv) => self.get(rn),
                    Op::Csinc => other.wrapping_add(1),
                    Op::Csinv => !other,
                    Op::Csneg => other.wrapping_neg(),
                    _ => other,
                };
                self.result(rd, value);
            }
            (Op::Adr, &[Arg::Reg(rd), Arg::PcOffset(distance)]) => {
                self.set(rd, self.cpu.pc.wrapping_add_signed(distance));
            }
            (Op::Adrp, &[Arg::Reg(rd), Arg::PcOffset(distance)]) => {
                self.set(rd, (self.cpu.pc & !0xfff).wrapping_add_signed(distance));
            }
            _ => return self.integer(op, args),
        }
        Ok(())
    }
}

/// The bits below the lowest one of a mask.
#[mutants::rules]
fn low(mask: u64) -> u64 {
    (mask & mask.wrapping_neg()).wrapping_sub(1)
}
