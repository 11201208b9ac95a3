//! What to say about operands that no row takes: the error, and what to do where it is certain what was meant.

use alloc::string::ToString;

use crate::error::ParseErrorKind;
use crate::syntax::{ParsedOperand, Value};
use crate::{alias, register};
use arch::{Arg, RegClass, SysReg};
use isa::OperandError;
use isa::suggest::closest;

const CONSTANT: &str = "only `ldr x0, =…` and `ldr w0, =…` have a constant behind `=`";
const BRACKETS: &str = "an address is in brackets";
const READ: &str = "mrs reads a system register, `mrs x0, gcr_el1`; msr writes one";
const WRITE: &str = "msr writes a system register, `msr gcr_el1, x0`; mrs reads one";
const DESTINATION: &str = "A64 names the destination, too: `add x0, x0, #1`";
const EXTENSION: &str = "a W register is extended here: `add x0, x1, w2, uxtw`";
const PSTATE: &str = "of PSTATE, a block changes only TCO and the flags";

/// Instructions of a destination and two sources.
const THREE: [&str; 12] = ["add", "adds", "sub", "subs", "and", "ands", "orr", "eor", "lsl", "lsr", "asr", "mul"];

/// Fields of PSTATE that MSR (immediate) writes (Arm ARM C5.2).
const FIELDS: [&str; 9] = ["daifset", "daifclr", "spsel", "pan", "uao", "dit", "ssbs", "allint", "pm"];

/// What the name of a label is called in errors.
pub(crate) const LABEL: &str = "label";

/// A statement that no row of its mnemonic takes.
pub(crate) struct Refused<'s, 'a> {
    /// The mnemonic as written.
    pub(crate) mnemonic: &'s str,
    /// The number of operands as written.
    pub(crate) count: usize,
    /// How many of `operands` are part of the mnemonic.
    pub(crate) embedded: usize,
    /// The column of the mnemonic.
    pub(crate) column: usize,
    /// The operands of the instruction that the statement stands for.
    pub(crate) operands: &'s [ParsedOperand<'a>],
}

impl Refused<'_, '_> {
    /// Returns the column and the error to report, from the operand that is wrong and the reason.
    pub(crate) fn explain<'l>(
        &self,
        (place, mut error): (usize, OperandError),
        labels: impl Iterator<Item = &'l str>,
    ) -> (usize, ParseErrorKind) {
        let mnemonic = self.mnemonic.to_string();
        if let Some(error) = self.alias_count() {
            return (self.column, ParseErrorKind::Operand { mnemonic, error, hint: None });
        }
        let operand = self.operands.get(place);
        let column = operand.map_or(self.column, |operand| operand.column);
        if let Some(ParsedOperand { value: Value::Name(name), .. }) = operand
            && let Some(kind) = self.name_error(name, &error, labels)
        {
            return (column, kind);
        }
        if let OperandError::Count { min, max, found } = &mut error {
            // To the user, the embedded operand is part of the mnemonic.
            for count in [min, max, found] {
                *count = count.saturating_sub(self.embedded);
            }
        }
        // To the user, an X register has its low bits, too, which the W register encodes.
        if let OperandError::OutOfRange { what: "bit number", min: min @ 32, .. } = &mut error {
            *min = 0;
        }
        let hint = self.hint(place, &error);
        (column, ParseErrorKind::Operand { mnemonic, error, hint })
    }

    /// Returns the error for an alias of general registers that is written with another number of operands than it has.
    fn alias_count(&self) -> Option<OperandError> {
        let found = self.count;
        let (min, max) = alias::operand_count(self.mnemonic).filter(|(min, max)| !(min..=max).contains(&&found))?;
        let is_general = |first: &ParsedOperand<'_>| matches!(first.value, Value::Arg(Arg::Reg(_)));
        self.operands.first().is_none_or(is_general).then_some(OperandError::Count { min, max, found })
    }

    /// Returns a better error for a name that no row took: it is no register, or no label.
    fn name_error<'l>(
        &self,
        name: &str,
        error: &OperandError,
        labels: impl Iterator<Item = &'l str>,
    ) -> Option<ParseErrorKind> {
        let is_label = matches!(error, OperandError::UnknownName { what: LABEL, .. });
        if !is_label && !matches!(error, OperandError::WrongKind { .. }) {
            return None;
        }
        let label = || ParseErrorKind::UndefinedLabel {
            mnemonic: self.mnemonic.to_string(),
            label: name.to_string(),
            suggestion: closest(name, labels).map(ToString::to_string),
        };
        register::missing(name).or_else(|| is_label.then(label))
    }

    /// Returns what to do about an error at operand `place`.
    fn hint(&self, place: usize, error: &OperandError) -> Option<&'static str> {
        let is = |name: &str| self.mnemonic.eq_ignore_ascii_case(name);
        let at = |place: usize| self.operands.get(place).map(|operand| operand.value);
        match (error, at(place)) {
            (OperandError::Count { min: 3, found: 2, .. }, _) if THREE.iter().any(|name| is(name)) => Some(DESTINATION),
            (OperandError::UnknownName { .. }, Some(Value::Name(name))) if is("msr") => {
                FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name)).then_some(PSTATE)
            }
            (OperandError::WrongKind { .. }, Some(Value::Constant(_))) => Some(CONSTANT),
            (OperandError::WrongKind { .. }, Some(Value::Name(name))) if SysReg::by_name(name).is_some() => {
                if is("mrs") { Some(READ) } else { is("msr").then_some(WRITE) }
            }
            (OperandError::WrongKind { expected, .. }, Some(Value::Arg(Arg::Reg(register)))) => {
                let is_wide = matches!(at(0), Some(Value::Arg(Arg::Reg(rd))) if rd.class().width() == 64);
                let extends = is_wide && place == 2 && register.class() == RegClass::W && (is("add") || is("sub"));
                if expected.starts_with("an address") { Some(BRACKETS) } else { extends.then_some(EXTENSION) }
            }
            _ => None,
        }
    }
}
