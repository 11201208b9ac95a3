//! Aliases: second names that people write and the table does not have, such as `cmp` and `mov`.
//!
//! They are taken when assembling and never printed; what is printed is what the machine sees.

use crate::arg::{Arg, Shift, ShiftKind};
use crate::register::{Reg, RegClass};
use crate::syntax::{Statement, Value, Written};

/// A second name and what becomes of the statement.
struct Alias {
    name: &'static str,
    rewrite: fn(&mut Statement<'_>),
}

/// The aliases of Arm ARM C6.2 that are understood.
static ALIASES: &[Alias] = &[
    Alias { name: "cmp", rewrite: |statement| discard_result(statement, "subs") },
    Alias { name: "cmn", rewrite: |statement| discard_result(statement, "adds") },
    Alias { name: "cmpp", rewrite: |statement| discard_result(statement, "subps") },
    Alias { name: "tst", rewrite: |statement| discard_result(statement, "ands") },
    Alias { name: "mov", rewrite: rewrite_mov },
];

/// Mnemonics that stand for another if their own offset does not fit: `ldr x0, [x1, #-8]` is taken as `ldur`.
const UNSCALED: [(&str, &str); 6] =
    [("ldr", "ldur"), ("str", "stur"), ("ldrb", "ldurb"), ("strb", "sturb"), ("ldrh", "ldurh"), ("strh", "sturh")];

/// Rewrites a statement whose mnemonic is an alias.
pub(crate) fn rewrite(statement: &mut Statement<'_>) {
    if let Some(alias) = ALIASES.iter().find(|alias| alias.name.eq_ignore_ascii_case(statement.mnemonic)) {
        (alias.rewrite)(statement);
    }
}

/// Lists the names, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|alias| alias.name)
}

/// Returns the mnemonic to try when no row of `mnemonic` fits.
pub(crate) fn unscaled(mnemonic: &str) -> Option<&'static str> {
    UNSCALED.iter().find(|(scaled, _)| scaled.eq_ignore_ascii_case(mnemonic)).map(|(_, unscaled)| *unscaled)
}

/// `cmp x0, …` is `subs xzr, x0, …`.
fn discard_result(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    if let Some(first) = statement.operands.first().copied() {
        let width = first.register().map_or(64, |register| register.class().width());
        statement.operands.insert(0, Written { value: Value::Arg(Arg::Reg(zero(width))), ..first });
    }
}

/// `mov` of a register is ORR, or ADD if the stack pointer is involved; of an immediate it is MOVZ or MOVN.
fn rewrite_mov(statement: &mut Statement<'_>) {
    let [to, from] = statement.operands[..] else {
        // MOVZ wants as many, and says so.
        statement.mnemonic = "movz";
        return;
    };
    let written = |arg| Written { value: Value::Arg(arg), ..from };
    match (to.register(), from.value) {
        (Some(rd), Value::Arg(Arg::Reg(rm))) if rd.is_sp() || rm.is_sp() => {
            statement.mnemonic = "add";
            statement.operands.push(written(Arg::Imm(0)));
        }
        (Some(rd), Value::Arg(Arg::Reg(_))) => {
            statement.mnemonic = "orr";
            statement.operands.insert(1, written(Arg::Reg(zero(rd.class().width()))));
        }
        (Some(rd), Value::Arg(Arg::Imm(value))) => {
            let width = rd.class().width();
            let (mnemonic, halfword, amount) = split(value, width).unwrap_or(("movz", value, 0));
            statement.mnemonic = mnemonic;
            statement.operands[1] = written(Arg::Imm(halfword));
            statement.operands.push(written(Arg::Shift(Shift { kind: ShiftKind::Lsl, amount })));
        }
        _ => statement.mnemonic = "movz",
    }
}

/// Finds the instruction, its halfword and its shift that make `value` in a register of `width` bits.
fn split(value: i64, width: u32) -> Option<(&'static str, i64, u8)> {
    let ones = u64::MAX >> (64 - width);
    if width == 32 && !(i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&value) {
        return None;
    }
    let bits = value as u64 & ones;
    [("movz", bits), ("movn", !bits & ones)].into_iter().find_map(|(mnemonic, bits)| {
        let amount = (0..width).step_by(16).find(|amount| bits & !(0xffff << amount) == 0)?;
        Some((mnemonic, (bits >> amount) as i64, amount as u8))
    })
}

const fn zero(width: u32) -> Reg {
    if width == RegClass::W.width() { Reg::WZR } else { Reg::XZR }
}

impl Written<'_> {
    const fn register(&self) -> Option<Reg> {
        match self.value {
            Value::Arg(Arg::Reg(register)) => Some(register),
            _ => None,
        }
    }
}
