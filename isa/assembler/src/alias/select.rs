//! Aliases of CSINC, CSINV and CSNEG: their condition is the inverse of the instruction's.

use crate::syntax::{ParsedOperand, Statement, Value};
use arch::{Arg, Condition};

/// Rewrites `cset x0, eq` to `csinc x0, xzr, xzr, ne`.
pub(super) fn constant(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    let ([to, _], Some(width)) = (&statement.operands[..], statement.width()) else { return };
    let zero = to.replaced(Arg::Reg(super::zero(width as u32)));
    invert_last(statement);
    statement.operands.splice(1..1, [zero, zero]);
}

/// Rewrites `cinc x0, x1, eq` to `csinc x0, x1, x1, ne`.
pub(super) fn change(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    let [_, from, _] = statement.operands[..] else { return };
    invert_last(statement);
    statement.operands.insert(1, from);
}

/// Inverts the condition in the last operand. AL and NV have no inverse and become an invalid name.
fn invert_last(statement: &mut Statement<'_>) {
    if let Some(ParsedOperand { value, .. }) = statement.operands.last_mut()
        && let Value::Name(name) = *value
        && let Some(condition) = Condition::by_name(name)
    {
        *value = match condition {
            Condition::Al | Condition::Nv => Value::Name("al, which has no inverse"),
            other => Value::Arg(Arg::Condition(Condition::ALL[usize::from(other.encoding() ^ 1)])),
        };
    }
}
