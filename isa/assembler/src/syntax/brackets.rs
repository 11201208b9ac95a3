//! Parses operands in brackets: addresses in `[]`, including a post-index, and lists of vector registers in `{}`.

use crate::error::ParseError;
use crate::register;
use crate::syntax::Reader;
use arch::{
    Address, Addressing, Arg, Arrangement, ExtendKind, Indexed, LaneList, PostIndexed, Reg, RegClass, Scalable,
    ScalableAddress, ScalableList, SimdWidth, VectorElement, VectorList,
};

/// The offset inside the brackets.
enum Offset {
    None,
    Immediate(i64),
    Register { index: Reg, extend: ExtendKind, amount: Option<u8> },
    Scalable(ScalableAddress),
}

/// What stands behind the dot of a vector register.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VectorForm {
    Whole(Arrangement),
    Lane(SimdWidth),
    Scalable(SimdWidth),
}

impl Reader<'_> {
    /// Parses the rest of an address after `[`.
    pub(super) fn address(&mut self) -> Result<Arg, ParseError> {
        const BASE: &str = "a base register x0 to x30 or sp";
        let start = self.skip_blanks().position;
        let name = self.name();
        if let Some(bases) = name.and_then(Scalable::parse) {
            return self.vector_base(bases);
        }
        let base = name.and_then(Reg::parse).and_then(|register| register.read_as(RegClass::XSp));
        let Some(base) = base else {
            return Err(self.no_register(start, name, BASE));
        };
        let offset = if self.take(',') { self.offset(base)? } else { Offset::None };
        if !self.take(']') {
            return Err(self.expected(if matches!(offset, Offset::None) { "`,` or `]`" } else { "`]`" }));
        }
        match offset {
            Offset::Register { index, extend, amount } => Ok(Arg::Indexed(Indexed { base, index, extend, amount })),
            Offset::Scalable(address) => Ok(Arg::ScalableAddress(address)),
            Offset::Immediate(offset) => {
                let addressing = if self.take('!') { Addressing::PreIndex } else { Addressing::Offset };
                Ok(Arg::Address(Address { base, offset, addressing }))
            }
            Offset::None if self.take('!') => Ok(Arg::UpdatedAddress(base)),
            Offset::None => self.post_index(base),
        }
    }

    /// Parses the offset after `[x1,`.
    fn offset(&mut self, base: Reg) -> Result<Offset, ParseError> {
        if self.at_number() {
            let number = self.number()?;
            if !self.take(',') {
                return Ok(Offset::Immediate(number));
            }
            self.mul_vl()?;
            return Ok(Offset::Scalable(ScalableAddress::Multiple { base, factor: number }));
        }
        let start = self.skip_blanks().position;
        let name = self.name();
        if let Some(offsets) = name.and_then(Scalable::parse) {
            return self.vector_offset(base, offsets).map(Offset::Scalable);
        }
        let Some(index) = name.and_then(Reg::parse) else {
            return Err(self.no_register(start, name, "an offset or an index register"));
        };
        if !self.take(',') {
            return Ok(Offset::Register { index, extend: ExtendKind::Uxtx, amount: None });
        }
        let start = self.skip_blanks().position;
        let extend = match self.name() {
            Some(name) if name.eq_ignore_ascii_case("lsl") && self.at_number() => Some(ExtendKind::Uxtx),
            Some(name) => ExtendKind::by_name(name),
            None => None,
        };
        let Some(extend) = extend else {
            self.position = start;
            return Err(self.expected("an extension such as uxtw, or lsl with an amount"));
        };
        Ok(Offset::Register { index, extend, amount: self.amount(start)? })
    }

    /// Parses the optional post-index after `[x1]`: an immediate or a register.
    fn post_index(&mut self, base: Reg) -> Result<Arg, ParseError> {
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

    /// Parses the rest of a list of vector registers after `{`: with commas, or with a hyphen between first and last; behind
    /// the list perhaps the number of a lane.
    pub(super) fn vectors(&mut self) -> Result<Arg, ParseError> {
        const NEXT: &str = "the next consecutive register with the same arrangement";
        const APART: &str = "two registers of eight apart or four of four apart";
        const LAST: &str = "a register with the same arrangement, at most three after the first";
        const FIRST: &str = "a vector register such as v0.16b or z0.b, or v0.b for a lane";
        let (first, form) = self.vector(FIRST, |_| true)?;
        let (mut count, mut stride) = (1, 1);
        if self.take('-') {
            let fits = |last: u8| last > first && last - first < VectorList::MAX_COUNT;
            let (last, _) = self.vector(LAST, |(last, of)| of == form && fits(last))?;
            count = last - first + 1;
        } else {
            while count < VectorList::MAX_COUNT && self.take(',') {
                let apart = matches!(form, VectorForm::Scalable(_)) && count == 1;
                let is = |next: u8, stride: u8| next == (first + count * stride) % 32;
                let fits = |next: u8| is(next, stride) || apart && (is(next, 4) || is(next, 8));
                let (next, _) = self.vector(NEXT, |(next, of)| of == form && fits(next))?;
                if count == 1 && !is(next, 1) {
                    stride = next.wrapping_sub(first) % 32;
                }
                count += 1;
            }
        }
        if !self.take('}') {
            return Err(self.expected("`}` after at most four registers"));
        }
        match form {
            VectorForm::Whole(arrangement) => {
                VectorList::new(first, count, arrangement).map(Arg::VectorList).ok_or_else(|| self.expected(FIRST))
            }
            VectorForm::Lane(width) => self.lane(first, count, width),
            VectorForm::Scalable(element) => {
                let list = match stride {
                    1 => ScalableList::new(first, count, element),
                    _ => ScalableList::strided(first, stride, element).filter(|list| list.count() == count),
                };
                list.map(Arg::ScalableList).ok_or_else(|| self.expected(APART))
            }
        }
    }

    /// Parses the number of a lane after `{v0.s}`.
    fn lane(&mut self, first: u8, count: u8, width: SimdWidth) -> Result<Arg, ParseError> {
        const LANE: &str = "the number of a lane that the registers have, such as [0]";
        if !self.take('[') {
            return Err(self.expected("`[` and the number of a lane"));
        }
        let start = self.skip_blanks().position;
        let number = if self.at_number() { self.number()? } else { -1 };
        let lanes = u8::try_from(number).ok().and_then(|lane| LaneList::new(first, count, width, lane));
        let Some(lanes) = lanes else {
            self.position = start;
            return Err(self.expected(LANE));
        };
        if self.take(']') { Ok(Arg::LaneList(lanes)) } else { Err(self.expected("`]`")) }
    }

    /// Parses the number of an element after `v0.s`.
    pub(super) fn element(&mut self, register: u8, width: SimdWidth) -> Result<VectorElement, ParseError> {
        if !self.take('[') {
            return Err(self.expected("`[` and the number of an element"));
        }
        let start = self.skip_blanks().position;
        let number = self.number()?;
        let element = u8::try_from(number).ok().and_then(|number| VectorElement::new(register, width, number));
        if element.is_none() {
            self.position = start;
        }
        match element {
            Some(element) if self.take(']') => Ok(element),
            Some(_) => Err(self.expected("`]`")),
            None => Err(self.expected("the number of an element of 16 bytes")),
        }
    }

    fn vector(
        &mut self,
        expected: &'static str,
        fits: impl Fn((u8, VectorForm)) -> bool,
    ) -> Result<(u8, VectorForm), ParseError> {
        let start = self.skip_blanks().position;
        let form = |name: &str| {
            let whole = VectorList::parse_one(name).map(|(index, of)| (index, VectorForm::Whole(of)));
            let lane = || LaneList::parse_one(name).map(|(index, of)| (index, VectorForm::Lane(of)));
            let scalable = || Scalable::parse(name).and_then(|z| Some((z.index(), VectorForm::Scalable(z.element()?))));
            whole.or_else(lane).or_else(scalable)
        };
        let name = self.name();
        match name.and_then(form) {
            Some(vector) if fits(vector) => Ok(vector),
            Some(_) => {
                self.position = start;
                Err(self.expected(expected))
            }
            None => Err(self.no_register(start, name, expected)),
        }
    }

    /// Creates the error for a name at `start` where a register belongs.
    fn no_register(&mut self, start: usize, name: Option<&str>, expected: &'static str) -> ParseError {
        self.position = start;
        match name.and_then(register::missing) {
            Some(kind) => self.error(start, kind),
            None => self.expected(expected),
        }
    }
}
