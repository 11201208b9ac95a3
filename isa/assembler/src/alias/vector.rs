//! Aliases of vector instructions. Some share their name with an alias of an instruction on general-purpose registers.

use crate::syntax::{Statement, Value};
use arch::{Arg, Predicate, PredicateForm};

/// Rewrites an alias whose operands are vectors. Returns whether they are: then the aliases of other instructions are
/// not meant, such as `neg` for SUB, where NEG is an instruction.
pub(super) fn rewrite(statement: &mut Statement<'_>) -> bool {
    if is_matrix_move(statement) {
        statement.mnemonic = "mova";
        return true;
    }
    if scalable(statement) {
        return true;
    }
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

/// Returns whether a statement is `mov` to or from a slice of ZA.
fn is_matrix_move(statement: &Statement<'_>) -> bool {
    let is_slice = |value| matches!(value, Value::Arg(Arg::ZaSlice(_)));
    statement.mnemonic.eq_ignore_ascii_case("mov") && statement.operands.iter().any(|operand| is_slice(operand.value))
}

/// Rewrites `mov` of scalable vectors and predicates. Returns whether there are some.
fn scalable(statement: &mut Statement<'_>) -> bool {
    match statement.operands.first().map(|operand| operand.value) {
        Some(Value::Arg(Arg::Scalable(_) | Arg::Predicate(_))) => {}
        _ => return false,
    }
    if !statement.mnemonic.eq_ignore_ascii_case("mov") {
        return true;
    }
    let operands = &mut statement.operands;
    statement.mnemonic = match (&operands[..], operands.last().map(|operand| operand.value)) {
        (&[_, from], Some(Value::Arg(Arg::Scalable(_)))) => {
            operands.push(from);
            "orr"
        }
        (&[to, _, _], Some(Value::Arg(Arg::Scalable(_)))) => {
            let Value::Arg(Arg::Predicate(governing)) = operands[1].value else { return true };
            // SEL takes the predicate as it is, whose elements that are not active stay.
            if let Some(plain) = Predicate::new(governing.index(), PredicateForm::Plain)
                && governing.form() == PredicateForm::Merging
            {
                operands[1] = operands[1].replaced(Arg::Predicate(plain));
            }
            operands.push(to);
            "sel"
        }
        (&[_, from], Some(Value::Arg(Arg::Predicate(source)))) => {
            let Some(governing) = Predicate::new(source.index(), PredicateForm::Zeroing) else { return true };
            operands.insert(1, from.replaced(Arg::Predicate(governing)));
            operands.push(from);
            "orr"
        }
        (&[_, _, from], Some(Value::Arg(Arg::Predicate(_)))) => {
            operands.push(from);
            "and"
        }
        _ => "dup",
    };
    true
}

/// Rewrites `uxtl v0.8h, v1.8b` to `ushll v0.8h, v1.8b, #0`.
pub(super) fn lengthen(statement: &mut Statement<'_>, mnemonic: &'static str) {
    statement.mnemonic = mnemonic;
    if let [_, from] = statement.operands[..] {
        statement.operands.push(from.replaced(Arg::Imm(0)));
    }
}
