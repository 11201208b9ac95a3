//! Names that look like registers and are none: `x32`, `v0.16c`, `r0`.

use alloc::string::ToString;

use crate::error::ParseErrorKind;

const GENERAL_64: &str = "expected x0 to x30, xzr or sp";
const GENERAL_32: &str = "expected w0 to w30, wzr or wsp";

/// The letters that registers begin with, the number of registers, and what to say.
const FAMILIES: [(char, u32, &str); 10] = [
    ('x', 31, GENERAL_64),
    ('w', 31, GENERAL_32),
    ('r', 0, GENERAL_64),
    ('b', 32, "expected b0 to b31"),
    ('h', 32, "expected h0 to h31"),
    ('s', 32, "expected s0 to s31"),
    ('d', 32, "expected d0 to d31"),
    ('q', 32, "expected q0 to q31"),
    ('z', 32, "expected z0 to z31"),
    ('p', 16, "expected p0 to p15"),
];
const VECTOR: &str = "expected v0 to v31 with an arrangement such as v0.16b, or with an element such as v0.d[1]";

/// Returns the error for a name that begins as a register and is none; `None` if it may be something else.
pub(crate) fn missing(name: &str) -> Option<ParseErrorKind> {
    let none = |instead| Some(ParseErrorKind::NoRegister { name: name.to_string(), instead });
    if name.eq_ignore_ascii_case("pc") {
        return none("`adr x0, .` has the address of the instruction");
    }
    let mut rest = name.chars();
    let letter = rest.next()?.to_ascii_lowercase();
    let digits = rest.as_str();
    let (number, suffix) = digits.split_once('.').unwrap_or((digits, ""));
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if letter == 'v' {
        return none(VECTOR);
    }
    let (_, count, instead) = FAMILIES.iter().find(|(known, ..)| *known == letter)?;
    let exists = number.parse().is_ok_and(|number: u32| number < *count) && (number == "0" || !number.starts_with('0'));
    // The name of a register that there is, where another operand belongs: the row says which.
    if exists && suffix.is_empty() { None } else { none(instead) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_registers_that_are_missing_are_reported() {
        for name in ["x31", "X32", "w31", "x05", "r0", "r15", "pc", "q32", "v32.16b", "v0", "z32.b", "p16"] {
            assert!(missing(name).is_some(), "{name}");
        }
        for name in ["x0", "w30", "q31", "loop", "x", "x1y", "gcr_el1", "p15", "s3_0"] {
            assert_eq!(missing(name), None, "{name}");
        }
    }
}
