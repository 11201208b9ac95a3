//! Aliases of SBFM, BFM and UBFM: shifts by a constant, bitfields, extensions.
//!
//! Numbers out of range are left as they are written, so that the row says what is wrong with them.

use crate::arg::Arg;
use crate::register::Reg;
use crate::syntax::Statement;

/// The two numbers of a bitfield move, and its mnemonic, for a shift by `amount` in a register of `width` bits.
pub(super) type Constant = fn(amount: i64, width: i64) -> (&'static str, i64, i64);

pub(super) const LSL: Constant = |amount, width| ("ubfm", (width - amount) % width, width - 1 - amount);
pub(super) const LSR: Constant = |amount, width| ("ubfm", amount, width - 1);
pub(super) const ASR: Constant = |amount, width| ("sbfm", amount, width - 1);

/// `lsl x0, x1, x2` is LSLV; `lsl x0, x1, #3` is UBFM.
pub(super) fn shift(statement: &mut Statement<'_>, by_register: &'static str, by_constant: Constant) {
    let (Some(width), Some(amount), 3) = (statement.width(), statement.number(2), statement.operands.len()) else {
        statement.mnemonic = by_register;
        return;
    };
    let in_range = (0..width).contains(&amount);
    let (mnemonic, immr, imms) = if in_range { by_constant(amount, width) } else { ("ubfm", amount, 0) };
    statement.mnemonic = mnemonic;
    let written = statement.operands[2];
    statement.operands.push(written);
    statement.set_number(2, immr);
    statement.set_number(3, imms);
}

/// `ubfx x0, x1, #lsb, #width` takes `width` bits from `lsb` up.
pub(super) fn extract(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    if let (Some(lsb), Some(bits)) = (statement.number(2), statement.number(3)) {
        statement.set_number(3, lsb.saturating_add(bits).saturating_sub(1));
    }
}

/// `ubfiz x0, x1, #lsb, #width` puts `width` bits at `lsb`.
pub(super) fn insert(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    let (Some(lsb), Some(bits), Some(width)) = (statement.number(2), statement.number(3), statement.width()) else {
        return;
    };
    if (0..width).contains(&lsb) && (1..=width - lsb).contains(&bits) {
        statement.set_number(2, (width - lsb) % width);
        statement.set_number(3, bits - 1);
    } else {
        // No register has such a bit.
        statement.set_number(3, lsb.saturating_add(bits).max(width));
    }
}

/// `sxtb x0, w1` takes the low `bits` bits.
pub(super) fn extend(statement: &mut Statement<'_>, mnemonic: &'static str, bits: i64) {
    statement.mnemonic = mnemonic;
    let [to, from] = statement.operands[..] else { return };
    // In assembly the source is a W register, in the encoding it is as wide as the result.
    let widened = from.register().filter(|_| statement.width() == Some(64)).and_then(Reg::widened);
    if let Some(widened) = widened {
        statement.operands[1] = from.replaced(Arg::Reg(widened));
    }
    statement.operands.extend([to.replaced(Arg::Imm(0)), to.replaced(Arg::Imm(bits - 1))]);
}
