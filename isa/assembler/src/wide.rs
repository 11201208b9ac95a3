//! Constants of any width: `ldr x0, =0x1234_5678_9abc` and `mov x0, #0x1234_5678_9abc` become up to four instructions.

use crate::alias::split;
use crate::error::{ParseError, ParseErrorKind};
use crate::syntax::{ParsedOperand, Statement, Value};
use arch::{Arg, Reg, Shift, ShiftKind};
use isa::{OperandError, is_bitmask};

/// The width of the immediate of MOVZ, MOVN and MOVK, in bits.
const HALFWORD: u32 = 16;
const ONES: u64 = 0xffff;

/// Passes on the statements that `statement` stands for: itself, or a MOVZ or MOVN and the MOVKs behind it.
///
/// # Errors
/// Returns an error if the constant does not fit in the register.
pub(crate) fn expand<'a>(mut statement: Statement<'a>, to: &mut dyn FnMut(Statement<'a>)) -> Result<(), ParseError> {
    let Some((rd, value, column)) = constant(&statement) else {
        to(statement);
        return Ok(());
    };
    let width = rd.class().width();
    let (min, max) = (i64::from(i32::MIN), i64::from(u32::MAX));
    if width == 32 && !(min..=max).contains(&value) {
        let error = OperandError::OutOfRange { what: "constant", value, min, max };
        let kind = ParseErrorKind::Operand { mnemonic: statement.mnemonic.into(), error, hint: None };
        return Err(ParseError { line: statement.line, column, kind });
    }
    if rd.is_sp() || split(value, width).is_some() || is_bitmask(value, width) {
        statement.mnemonic = "mov";
        statement.operands[1] = ParsedOperand { column, value: Value::Arg(Arg::Imm(value)) };
        to(statement);
        return Ok(());
    }
    let halfwords =
        || (0..width).step_by(HALFWORD as usize).map(|amount| (value as u64 >> amount & ONES, amount as u8));
    let count = |of: u64| halfwords().filter(|(halfword, _)| *halfword == of).count();
    // MOVN leaves ones where MOVZ leaves zeros.
    let (first, background) = if count(ONES) > count(0) { ("movn", ONES) } else { ("movz", 0) };
    for (place, (halfword, amount)) in halfwords().filter(|(halfword, _)| *halfword != background).enumerate() {
        let (mnemonic, halfword) = if place == 0 { (first, halfword ^ background) } else { ("movk", halfword) };
        let shift = Shift { kind: ShiftKind::Lsl, amount };
        let args = [Arg::Imm(halfword as i64), Arg::Shift(shift)];
        let constants = args.map(|arg| ParsedOperand { column, value: Value::Arg(arg) });
        let operands = [statement.operands[0]].into_iter().chain(constants).collect();
        to(Statement { line: statement.line, column: statement.column, mnemonic, operands });
    }
    Ok(())
}

/// Returns the register, the constant and its column, if a statement moves a constant into a general register.
fn constant(statement: &Statement<'_>) -> Option<(Reg, i64, usize)> {
    let [to, from] = statement.operands[..] else { return None };
    let Value::Arg(Arg::Reg(rd)) = to.value else { return None };
    match from.value {
        Value::Constant(value) if statement.mnemonic.eq_ignore_ascii_case("ldr") => Some((rd, value, from.column)),
        Value::Arg(Arg::Imm(value)) if statement.mnemonic.eq_ignore_ascii_case("mov") => Some((rd, value, from.column)),
        _ => None,
    }
}
