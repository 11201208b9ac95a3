//! Parses what SVE adds: scalable vectors, predicates, factors, and addresses made of them.

use arch::{Arg, ExtendKind, Predicate, Reg, Scalable, ScalableAddress};

use crate::error::{ParseError, ParseErrorKind};
use crate::syntax::Reader;

impl Reader<'_> {
    /// Parses the rest of an operand that begins with `name`, if it is one of SVE's.
    pub(super) fn scalable(&mut self, name: &str) -> Result<Option<Arg>, ParseError> {
        if let Some(vector) = Scalable::parse(name) {
            return Ok(Some(Arg::Scalable(vector)));
        }
        if name.eq_ignore_ascii_case("mul") && self.at_number() {
            let start = self.position;
            let number = self.number()?;
            let factor = u8::try_from(number).map(Arg::Factor);
            return factor.map(Some).map_err(|_| self.error(start, ParseErrorKind::BadShift { amount: number }));
        }
        let Some(predicate) = Predicate::parse(name) else { return Ok(None) };
        if !self.take('/') {
            return Ok(Some(Arg::Predicate(predicate)));
        }
        let start = self.skip_blanks().position;
        match self.name().and_then(|letter| predicate.qualified(letter)) {
            Some(predicate) => Ok(Some(Arg::Predicate(predicate))),
            None => {
                self.position = start;
                Err(self.expected("z or m"))
            }
        }
    }

    /// Parses the rest of `[z1.d`, `[z1.d, #8]` or `[z1.d, x2]`.
    pub(super) fn vector_base(&mut self, bases: Scalable) -> Result<Arg, ParseError> {
        let mut address = ScalableAddress::Bases { bases, offset: 0 };
        if self.take(',') {
            let start = self.skip_blanks().position;
            if self.at_number() {
                address = ScalableAddress::Bases { bases, offset: self.number()? };
            } else if let Some(offset) = self.name().and_then(Reg::parse) {
                address = ScalableAddress::BasesPlus { bases, offset };
            } else {
                self.position = start;
                return Err(self.expected("an offset or a register"));
            }
        }
        if self.take(']') { Ok(Arg::ScalableAddress(address)) } else { Err(self.expected("`]`")) }
    }

    /// Parses the rest of `[x0, z1.d`, `[x0, z1.d, lsl #3` or `[x0, z1.d, uxtw #2`.
    pub(super) fn vector_offset(&mut self, base: Reg, offsets: Scalable) -> Result<ScalableAddress, ParseError> {
        let (mut extend, mut amount) = (ExtendKind::Uxtx, 0);
        if self.take(',') {
            let start = self.skip_blanks().position;
            let kind = match self.name() {
                Some(name) if name.eq_ignore_ascii_case("lsl") && self.at_number() => Some(ExtendKind::Uxtx),
                Some(name) => ExtendKind::by_name(name).filter(|kind| *kind != ExtendKind::Uxtx),
                None => None,
            };
            let Some(kind) = kind else {
                self.position = start;
                return Err(self.expected("uxtw, sxtw, or lsl with an amount"));
            };
            (extend, amount) = (kind, self.amount(start)?.unwrap_or(0));
        }
        Ok(ScalableAddress::Offsets { base, offsets, extend, amount })
    }

    /// Parses `mul vl` after `[x0, #1,`.
    pub(super) fn mul_vl(&mut self) -> Result<(), ParseError> {
        let start = self.skip_blanks().position;
        let is = |found: Option<&str>, name: &str| found.is_some_and(|found| found.eq_ignore_ascii_case(name));
        let (mul, vl) = (self.name(), self.name());
        if is(mul, "mul") && is(vl, "vl") {
            return Ok(());
        }
        self.position = start;
        Err(self.expected("`mul vl`"))
    }
}
