//! Reads what stands in brackets: addresses in `[]` with what follows them, and lists of vectors in `{}`.

use crate::arg::{Address, Addressing, Arg};
use crate::error::ParseError;
use crate::extend::ExtendKind;
use crate::indexed::{Indexed, PostIndexed};
use crate::register::{Reg, RegClass};
use crate::simd::{Arrangement, Vectors};
use crate::syntax::Reader;

/// What may follow the base inside the brackets.
enum Inside {
    Nothing,
    Offset(i64),
    Index { index: Reg, extend: ExtendKind, amount: Option<u8> },
}

impl Reader<'_> {
    /// Reads an address after its `[`.
    pub(super) fn address(&mut self) -> Result<Arg, ParseError> {
        const BASE: &str = "a base register x0 to x30 or sp";
        let start = self.skip_blanks().position;
        let base = self.name().and_then(Reg::parse).and_then(|register| register.read_as(RegClass::XSp));
        let Some(base) = base else {
            self.position = start;
            return Err(self.expected(BASE));
        };
        let inside = if self.take(',') { self.inside()? } else { Inside::Nothing };
        if !self.take(']') {
            return Err(self.expected(if matches!(inside, Inside::Nothing) { "`,` or `]`" } else { "`]`" }));
        }
        match inside {
            Inside::Index { index, extend, amount } => Ok(Arg::Indexed(Indexed { base, index, extend, amount })),
            Inside::Offset(offset) => {
                let addressing = if self.take('!') { Addressing::PreIndex } else { Addressing::Offset };
                Ok(Arg::Address(Address { base, offset, addressing }))
            }
            Inside::Nothing if self.take('!') => Ok(Arg::Pointer(base)),
            Inside::Nothing => self.after(base),
        }
    }

    /// Reads what follows `[x1,`.
    fn inside(&mut self) -> Result<Inside, ParseError> {
        if self.at_number() {
            return self.number().map(Inside::Offset);
        }
        let start = self.skip_blanks().position;
        let Some(index) = self.name().and_then(Reg::parse) else {
            self.position = start;
            return Err(self.expected("an offset or an index register"));
        };
        if !self.take(',') {
            return Ok(Inside::Index { index, extend: ExtendKind::Uxtx, amount: None });
        }
        let start = self.skip_blanks().position;
        let extend = match self.name() {
            Some(name) if name.eq_ignore_ascii_case("lsl") && self.at_number() => Some(ExtendKind::Uxtx),
            Some(name) => ExtendKind::by_name(name),
            None => None,
        };
        let Some(extend) = extend else {
            self.position = start;
            return Err(self.expected("lsl with a number, or an extension such as uxtw"));
        };
        Ok(Inside::Index { index, extend, amount: self.amount(start)? })
    }

    /// Reads what follows `[x1]`: the offset or register that is added to the base.
    fn after(&mut self, base: Reg) -> Result<Arg, ParseError> {
        let bracket = self.position;
        if self.take(',') {
            if self.at_number() {
                let offset = self.number()?;
                return Ok(Arg::Address(Address { base, offset, addressing: Addressing::PostIndex }));
            }
            if let Some(index) = self.name().and_then(Reg::parse) {
                return Ok(Arg::PostIndexed(PostIndexed { base, index }));
            }
        }
        self.position = bracket;
        Ok(Arg::Address(Address { base, offset: 0, addressing: Addressing::Offset }))
    }

    /// Reads a list of vectors after its `{`: with commas, or with a hyphen between the first and the last.
    pub(super) fn vectors(&mut self) -> Result<Vectors, ParseError> {
        const MORE: &str = "the next vector of the list, the same kind as the first";
        let (first, arrangement) = self.vector("a vector such as v0.16b", |_| true)?;
        let mut count = 1;
        if self.take('-') {
            let (last, _) = self.vector(MORE, |(last, of)| of == arrangement && last > first)?;
            count = last - first + 1;
        } else {
            while count < Vectors::MOST && self.take(',') {
                self.vector(MORE, |next| next == ((first + count) % 32, arrangement))?;
                count += 1;
            }
        }
        let list = Vectors::new(first, count, arrangement).filter(|_| self.peek() == Some('}'));
        let list = list.ok_or_else(|| self.expected("`}` after one to four vectors"))?;
        self.take('}');
        Ok(list)
    }

    fn vector(
        &mut self,
        expected: &'static str,
        fits: impl Fn((u8, Arrangement)) -> bool,
    ) -> Result<(u8, Arrangement), ParseError> {
        let start = self.skip_blanks().position;
        match self.name().and_then(Vectors::parse_one) {
            Some(vector) if fits(vector) => Ok(vector),
            _ => {
                self.position = start;
                Err(self.expected(expected))
            }
        }
    }
}
