//! Aliases of SBFM, BFM and UBFM: shifts by a constant, bitfields, extensions.
//!
//! Numbers that are out of range stay as written, so that the row reports them.

use crate::syntax::Statement;
use arch::{Arg, Reg};

/// Returns the mnemonic, `immr` and `imms` of a shift by `amount` in a register of `width` bits.
pub(super) type Constant = fn(amount: i64, width: i64) -> (&'static str, i64, i64);

pub(super) const LSL: Constant = |amount, width| ("ubfm", (width - amount) % width, width - 1 - amount);
pub(super) const LSR: Constant = |amount, width| ("ubfm", amount, width - 1);
pub(super) const ASR: Constant = |amount, width| ("sbfm", amount, width - 1);

/// Rewrites a shift: `lsl x0, x1, x2` to LSLV, `lsl x0, x1, #3` to UBFM.
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

/// Rewrites `ror x0, x1, x2` to RORV, `ror x0, x1, #3` to EXTR of the register and itself.
pub(super) fn rotate(statement: &mut Statement<'_>) {
    let constant = statement.number(2).is_some() && statement.operands.len() == 3;
    statement.mnemonic = if constant { "extr" } else { "rorv" };
    if constant {
        let from = statement.operands[1];
        statement.operands.insert(1, from);
    }
}

/// Rewrites `bfc x0, #lsb, #width`, which clears `width` bits from bit `lsb` up.
pub(super) fn clear(statement: &mut Statement<'_>) {
    if let (Some(width), Some(to), 3) = (statement.width(), statement.operands.first(), statement.operands.len()) {
        let zero = to.replaced(Arg::Reg(super::zero(width as u32)));
        statement.operands.insert(1, zero);
    }
    insert(statement, "bfm");
}

/// Rewrites `ubfx x0, x1, #lsb, #width`, which extracts `width` bits from bit `lsb` up.
pub(super) fn extract(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    if let (Some(lsb), Some(bits)) = (statement.number(2), statement.number(3)) {
        statement.set_number(3, lsb.saturating_add(bits).saturating_sub(1));
    }
}

/// Rewrites `ubfiz x0, x1, #lsb, #width`, which inserts the low `width` bits at bit `lsb`.
pub(super) fn insert(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    let (Some(lsb), Some(bits), Some(width)) = (statement.number(2), statement.number(3), statement.width()) else {
        return;
    };
    if (0..width).contains(&lsb) && (1..=width - lsb).contains(&bits) {
        statement.set_number(2, (width - lsb) % width);
        statement.set_number(3, bits - 1);
    } else {
        // The highest bit of the field is past the register, so the row rejects it.
        statement.set_number(3, lsb.saturating_add(bits).max(width));
    }
}

/// Rewrites `sxtb x0, w1`, which extends the low `bits` bits.
pub(super) fn extend(statement: &mut Statement<'_>, mnemonic: &'static str, bits: i64) {
    statement.mnemonic = mnemonic;
    let [to, from] = statement.operands[..] else { return };
    // The source is a W register in assembly and as wide as the destination in the encoding.
    let widened = from.register().filter(|_| statement.width() == Some(64)).and_then(Reg::widened);
    if let Some(widened) = widened {
        statement.operands[1] = from.replaced(Arg::Reg(widened));
    }
    statement.operands.extend([to.replaced(Arg::Imm(0)), to.replaced(Arg::Imm(bits - 1))]);
}
