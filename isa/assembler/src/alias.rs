//! Aliases: mnemonics such as `cmp` and `mov` that stand for an instruction of the table.
//!
//! The assembler accepts them. They are never printed, so that a listing shows the instruction that executes.

use crate::syntax::{ParsedOperand, Statement, Value};
use arch::{Arg, Reg, RegClass, Shift, ShiftKind};
use isa::is_bitmask;

mod atomic;
mod bitfield;
mod hint;
mod select;
mod vector;

/// An alias and the function that rewrites a statement into the instruction it stands for.
struct Alias {
    name: &'static str,
    /// The least and the greatest number of operands.
    operands: (usize, usize),
    rewrite: fn(&mut Statement<'_>),
}

/// The supported aliases of Arm ARM C6.2. A rewrite leaves invalid operands unchanged; the row then reports the error.
static ALIASES: &[Alias] = &[
    Alias { name: "cmp", operands: (2, 3), rewrite: |statement| insert_zero(statement, "subs", 0) },
    Alias { name: "cmn", operands: (2, 3), rewrite: |statement| insert_zero(statement, "adds", 0) },
    Alias { name: "cmpp", operands: (2, 2), rewrite: |statement| insert_zero(statement, "subps", 0) },
    Alias { name: "tst", operands: (2, 3), rewrite: |statement| insert_zero(statement, "ands", 0) },
    Alias { name: "neg", operands: (2, 3), rewrite: |statement| insert_zero(statement, "sub", 1) },
    Alias { name: "negs", operands: (2, 3), rewrite: |statement| insert_zero(statement, "subs", 1) },
    Alias { name: "mvn", operands: (2, 3), rewrite: |statement| insert_zero(statement, "orn", 1) },
    Alias { name: "ngc", operands: (2, 2), rewrite: |statement| insert_zero(statement, "sbc", 1) },
    Alias { name: "ngcs", operands: (2, 2), rewrite: |statement| insert_zero(statement, "sbcs", 1) },
    Alias { name: "smull", operands: (3, 3), rewrite: |statement| insert_zero(statement, "smaddl", 3) },
    Alias { name: "smnegl", operands: (3, 3), rewrite: |statement| insert_zero(statement, "smsubl", 3) },
    Alias { name: "umull", operands: (3, 3), rewrite: |statement| insert_zero(statement, "umaddl", 3) },
    Alias { name: "umnegl", operands: (3, 3), rewrite: |statement| insert_zero(statement, "umsubl", 3) },
    Alias { name: "rev64", operands: (2, 2), rewrite: |statement| statement.mnemonic = "rev" },
    Alias { name: "mul", operands: (3, 3), rewrite: |statement| insert_zero(statement, "madd", 3) },
    Alias { name: "mneg", operands: (3, 3), rewrite: |statement| insert_zero(statement, "msub", 3) },
    Alias { name: "mov", operands: (2, 3), rewrite: rewrite_mov },
    Alias { name: "lsl", operands: (3, 3), rewrite: |statement| bitfield::shift(statement, "lslv", bitfield::LSL) },
    Alias { name: "lsr", operands: (3, 3), rewrite: |statement| bitfield::shift(statement, "lsrv", bitfield::LSR) },
    Alias { name: "asr", operands: (3, 3), rewrite: |statement| bitfield::shift(statement, "asrv", bitfield::ASR) },
    Alias { name: "ror", operands: (3, 3), rewrite: bitfield::rotate },
    Alias { name: "ubfx", operands: (4, 4), rewrite: |statement| bitfield::extract(statement, "ubfm") },
    Alias { name: "sbfx", operands: (4, 4), rewrite: |statement| bitfield::extract(statement, "sbfm") },
    Alias { name: "bfxil", operands: (4, 4), rewrite: |statement| bitfield::extract(statement, "bfm") },
    Alias { name: "ubfiz", operands: (4, 4), rewrite: |statement| bitfield::insert(statement, "ubfm") },
    Alias { name: "sbfiz", operands: (4, 4), rewrite: |statement| bitfield::insert(statement, "sbfm") },
    Alias { name: "bfi", operands: (4, 4), rewrite: |statement| bitfield::insert(statement, "bfm") },
    Alias { name: "bfc", operands: (3, 3), rewrite: bitfield::clear },
    Alias { name: "uxtl", operands: (2, 2), rewrite: |statement| vector::lengthen(statement, "ushll") },
    Alias { name: "uxtl2", operands: (2, 2), rewrite: |statement| vector::lengthen(statement, "ushll2") },
    Alias { name: "uxtb", operands: (2, 2), rewrite: |statement| bitfield::extend(statement, "ubfm", 8) },
    Alias { name: "uxth", operands: (2, 2), rewrite: |statement| bitfield::extend(statement, "ubfm", 16) },
    Alias { name: "sxtb", operands: (2, 2), rewrite: |statement| bitfield::extend(statement, "sbfm", 8) },
    Alias { name: "sxth", operands: (2, 2), rewrite: |statement| bitfield::extend(statement, "sbfm", 16) },
    Alias { name: "sxtw", operands: (2, 2), rewrite: |statement| bitfield::extend(statement, "sbfm", 32) },
    Alias { name: "cset", operands: (2, 2), rewrite: |statement| select::constant(statement, "csinc") },
    Alias { name: "csetm", operands: (2, 2), rewrite: |statement| select::constant(statement, "csinv") },
    Alias { name: "cinc", operands: (3, 3), rewrite: |statement| select::change(statement, "csinc") },
    Alias { name: "cinv", operands: (3, 3), rewrite: |statement| select::change(statement, "csinv") },
    Alias { name: "cneg", operands: (3, 3), rewrite: |statement| select::change(statement, "csneg") },
    Alias { name: "tbz", operands: (3, 3), rewrite: narrow_low_bit },
    Alias { name: "tbnz", operands: (3, 3), rewrite: narrow_low_bit },
];

/// Mnemonics that assemble as another one if their own offset does not fit: `ldr x0, [x1, #-8]` becomes `ldur`.
const UNSCALED: [(&str, &str); 10] = [
    ("ldr", "ldur"),
    ("str", "stur"),
    ("ldrb", "ldurb"),
    ("strb", "sturb"),
    ("ldrh", "ldurh"),
    ("strh", "sturh"),
    ("ldrsb", "ldursb"),
    ("ldrsh", "ldursh"),
    ("ldrsw", "ldursw"),
    ("prfm", "prfum"),
];

/// Branches whose condition is written without the dot, as GNU as takes them, too.
const BRANCHES: [(&str, &str); 16] = [
    ("beq", "b.eq"),
    ("bne", "b.ne"),
    ("bcs", "b.cs"),
    ("bhs", "b.hs"),
    ("bcc", "b.cc"),
    ("blo", "b.lo"),
    ("bmi", "b.mi"),
    ("bpl", "b.pl"),
    ("bvs", "b.vs"),
    ("bvc", "b.vc"),
    ("bhi", "b.hi"),
    ("bls", "b.ls"),
    ("bge", "b.ge"),
    ("blt", "b.lt"),
    ("bgt", "b.gt"),
    ("ble", "b.le"),
];

/// Rewrites a statement whose mnemonic is an alias.
pub(crate) fn rewrite(statement: &mut Statement<'_>) {
    if let Some((_, branch)) = BRANCHES.iter().find(|(glued, _)| glued.eq_ignore_ascii_case(statement.mnemonic)) {
        statement.mnemonic = branch;
        return;
    }
    if let Some(alias) = ALIASES.iter().find(|alias| alias.name.eq_ignore_ascii_case(statement.mnemonic)) {
        if !vector::rewrite(statement) {
            (alias.rewrite)(statement);
        }
    } else {
        atomic::rewrite(statement);
        hint::rewrite(statement);
    }
}

/// Returns the least and the greatest number of operands that an alias is written with, where its instruction has more.
pub(crate) fn operand_count(mnemonic: &str) -> Option<(usize, usize)> {
    ALIASES.iter().find(|alias| alias.name.eq_ignore_ascii_case(mnemonic)).map(|alias| alias.operands)
}

/// Returns whether a mnemonic is an alias.
pub(crate) fn is_name(mnemonic: &str) -> bool {
    let glued = BRANCHES.iter().map(|(glued, _)| *glued);
    names().chain(glued).any(|name| name.eq_ignore_ascii_case(mnemonic))
}

/// Returns the names of all aliases, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|alias| alias.name).chain(atomic::names()).chain(hint::names())
}

/// Returns the mnemonic to try if no row of `mnemonic` accepts the operands.
pub(crate) fn unscaled(mnemonic: &str) -> Option<&'static str> {
    UNSCALED.iter().find(|(scaled, _)| scaled.eq_ignore_ascii_case(mnemonic)).map(|(_, unscaled)| *unscaled)
}

/// Inserts the zero register at `place`: `cmp x0, …` is `subs xzr, x0, …`; `mul x0, x1, x2` is `madd x0, x1, x2, xzr`.
fn insert_zero(statement: &mut Statement<'_>, mnemonic: &'static str, place: usize) {
    statement.mnemonic = mnemonic;
    if let Some(first) = statement.operands.first().copied().filter(|_| place <= statement.operands.len()) {
        let width = first.register().map_or(64, |register| register.class().width());
        statement.operands.insert(place, first.replaced(Arg::Reg(zero(width))));
    }
}

/// Rewrites `mov`: of a register to ORR, or to ADD if one is the stack pointer; of an immediate to MOVZ, MOVN or ORR.
fn rewrite_mov(statement: &mut Statement<'_>) {
    let [to, from] = statement.operands[..] else {
        // MOVZ takes the same number of operands, so it reports the right number.
        statement.mnemonic = "movz";
        return;
    };
    match (to.register(), from.value) {
        (Some(rd), Value::Arg(Arg::Reg(rm))) if rd.is_sp() || rm.is_sp() => {
            statement.mnemonic = "add";
            statement.operands.push(from.replaced(Arg::Imm(0)));
        }
        (Some(rd), Value::Arg(Arg::Reg(_))) => {
            statement.mnemonic = "orr";
            statement.operands.insert(1, from.replaced(Arg::Reg(zero(rd.class().width()))));
        }
        (Some(rd), Value::Arg(Arg::Imm(value))) => {
            let width = rd.class().width();
            let halfword = split(value, width);
            if rd.is_sp() || halfword.is_none() && is_bitmask(value, width) {
                statement.mnemonic = "orr";
                statement.operands.insert(1, from.replaced(Arg::Reg(zero(width))));
                return;
            }
            let (mnemonic, halfword, amount) = halfword.unwrap_or(("movz", value, 0));
            statement.mnemonic = mnemonic;
            statement.operands[1] = from.replaced(Arg::Imm(halfword));
            statement.operands.push(from.replaced(Arg::Shift(Shift { kind: ShiftKind::Lsl, amount })));
        }
        _ => statement.mnemonic = "movz",
    }
}

/// Returns the instruction, its 16-bit immediate and its shift that move `value` into a register of `width` bits.
pub(crate) fn split(value: i64, width: u32) -> Option<(&'static str, i64, u8)> {
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

/// Rewrites `tbz x0, #3` to `tbz w0, #3`, the only encoding for the low 32 bits.
fn narrow_low_bit(statement: &mut Statement<'_>) {
    let (Some(first), Some(bit)) = (statement.operands.first().copied(), statement.number(1)) else { return };
    if let Some(narrow) = first.register().filter(|_| (0..32).contains(&bit)).and_then(Reg::narrowed) {
        statement.operands[0] = first.replaced(Arg::Reg(narrow));
    }
}

const fn zero(width: u32) -> Reg {
    if width == RegClass::W.width() { Reg::WZR } else { Reg::XZR }
}

impl Statement<'_> {
    /// Returns the width in bits of the first operand if it is a register.
    fn width(&self) -> Option<i64> {
        Some(i64::from(self.operands.first()?.register()?.class().width()))
    }

    /// Returns operand `place` if it is an immediate.
    fn number(&self, place: usize) -> Option<i64> {
        match self.operands.get(place)?.value {
            Value::Arg(Arg::Imm(value)) => Some(value),
            _ => None,
        }
    }

    /// Replaces operand `place` with an immediate, if there is such an operand.
    fn set_number(&mut self, place: usize, number: i64) {
        if let Some(written) = self.operands.get_mut(place) {
            *written = written.replaced(Arg::Imm(number));
        }
    }
}

impl ParsedOperand<'_> {
    const fn register(&self) -> Option<Reg> {
        match self.value {
            Value::Arg(Arg::Reg(register)) => Some(register),
            _ => None,
        }
    }

    /// Returns `arg` in the position of this operand.
    const fn replaced(&self, arg: Arg) -> Self {
        Self { column: self.column, value: Value::Arg(arg) }
    }
}
