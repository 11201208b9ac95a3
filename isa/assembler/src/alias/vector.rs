//! Aliases of vector instructions. Some share their name with an alias of an instruction on general-purpose registers.

use crate::syntax::{Statement, Value};
use arch::Arg;

/// Rewrites an alias whose operands are vectors. Returns whether they are: then the aliases of other instructions are
/// not meant, such as `neg` for SUB, where NEG is an instruction.
pub(super) fn rewrite(statement: &mut Statement<'_>) -> bool {
    let is_vector = |value| matches!(value, Value::Arg(Arg::Vector(_) | Arg::VectorElement(_)));
    if !statement.operands.iter().any(|operand| is_vector(operand.value)) {
        return false;
    }
    let is = |name: &str| statement.mnemonic.eq_ignore_ascii_case(name);
    if is("mvn") {
        statement.mnemonic = "not";
    } else if is("mov")
        && let [to, from] = statement.operands[..]
    {
        statement.mnemonic = match (to.value, from.value) {
            (Value::Arg(Arg::VectorElement(_)), _) => "ins",
            (Value::Arg(Arg::Reg(_)), _) => "umov",
            (Value::Arg(Arg::Vector(_)), Value::Arg(Arg::Vector(_))) => {
                statement.operands.push(from);
                "orr"
            }
            _ => "dup",
        };
    } else {
        return !(is("uxtl") || is("uxtl2"));
    }
    true
}

/// Rewrites `uxtl v0.8h, v1.8b` to `ushll v0.8h, v1.8b, #0`.
pub(super) fn lengthen(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    if let [_, from] = statement.operands[..] {
        statement.operands.push(from.replaced(Arg::Imm(0)));
    }
}
