//! Names of hints: `csdb` is `hint #20`.

use crate::syntax::{ParsedOperand, Statement, Value};
use arch::Arg;

/// The hints that have names and no effect that a program could see, with their numbers (Arm ARM C6.2, HINT).
const HINTS: [(&str, i64); 6] = [("sev", 4), ("sevl", 5), ("dgh", 6), ("esb", 16), ("csdb", 20), ("clrbhb", 22)];

/// The targets of BTI and their numbers (Arm ARM C6.2, BTI).
const TARGETS: [(&str, i64); 3] = [("c", 34), ("j", 36), ("jc", 38)];
const BTI: i64 = 32;

/// Returns the names of the hints, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    HINTS.iter().map(|(name, _)| *name).chain(["bti"])
}

/// Rewrites a hint that is written by its name.
pub(super) fn rewrite(statement: &mut Statement<'_>) {
    if let Some(number) = number(statement) {
        statement.mnemonic = "hint";
        statement.operands = [ParsedOperand { column: statement.column, value: Value::Arg(Arg::Imm(number)) }].into();
    }
}

/// Returns the number of a hint that is written by its name.
fn number(statement: &Statement<'_>) -> Option<i64> {
    let find = |names: &[(&str, i64)], name: &str| {
        names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    };
    match statement.operands[..] {
        [] if statement.mnemonic.eq_ignore_ascii_case("bti") => Some(BTI),
        [] => find(&HINTS, statement.mnemonic),
        [ParsedOperand { value: Value::Name(target), .. }] if statement.mnemonic.eq_ignore_ascii_case("bti") => {
            find(&TARGETS, target)
        }
        _ => None,
    }
}
