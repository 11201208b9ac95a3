//! Parses what SME adds: slices, vectors and tiles of ZA, ZT0, and counters.

use arch::{Arg, PredicateCounter, Reg, SliceIndex, ZaSlice, ZaTiles};

use crate::error::ParseError;
use crate::syntax::Reader;

impl Reader<'_> {
    /// Parses the rest of an operand that begins with `name`, if it is one of SME's.
    pub(super) fn matrix(&mut self, name: &str) -> Result<Option<Arg>, ParseError> {
        if let Some(counter) = PredicateCounter::parse(name) {
            return self.counter(counter).map(|counter| Some(Arg::PredicateCounter(counter)));
        }
        if name.eq_ignore_ascii_case("za") && self.peek() == Some('[') {
            return self.slice_index().map(|index| Some(Arg::ZaVector(index)));
        }
        Ok(self.slice(name)?.map(Arg::ZaSlice))
    }

    /// Parses what follows `{`, if it is of ZA or ZT0.
    pub(super) fn matrix_list(&mut self) -> Result<Option<Arg>, ParseError> {
        let start = self.skip_blanks().position;
        if self.take('}') {
            return Ok(Some(Arg::ZaTiles(ZaTiles::new(0))));
        }
        let name = self.name().unwrap_or_default();
        let arg = if let Some(slice) = self.slice(name)? {
            Arg::ZaSliceList(slice)
        } else if name.eq_ignore_ascii_case("zt0") {
            Arg::Zt0List
        } else if let Some(first) = ZaTiles::parse_one(name) {
            self.tiles(first).map(Arg::ZaTiles)?
        } else {
            self.position = start;
            return Ok(None);
        };
        if self.take('}') { Ok(Some(arg)) } else { Err(self.expected("`}`")) }
    }

    fn tiles(&mut self, first: ZaTiles) -> Result<ZaTiles, ParseError> {
        let mut tiles = first;
        while self.take(',') {
            let start = self.skip_blanks().position;
            let Some(next) = self.name().and_then(ZaTiles::parse_one) else {
                self.position = start;
                return Err(self.expected("a tile such as za0.d"));
            };
            tiles = tiles.with(next);
        }
        Ok(tiles)
    }

    /// Parses the rest of `za0h.b[w12, 0]`.
    fn slice(&mut self, name: &str) -> Result<Option<ZaSlice>, ParseError> {
        let Some((tile, element, vertical)) = ZaSlice::parse_tile(name) else { return Ok(None) };
        let index = self.slice_index()?;
        match ZaSlice::new(tile, element, vertical, index) {
            Some(slice) => Ok(Some(slice)),
            None => Err(self.expected("a tile that ZA has")),
        }
    }

    /// Parses `[w12, 3]`.
    fn slice_index(&mut self) -> Result<SliceIndex, ParseError> {
        if !self.take('[') {
            return Err(self.expected("`[`, w12 to w15 and an offset"));
        }
        let start = self.skip_blanks().position;
        let register = self.name().and_then(Reg::parse);
        let offset = if self.take(',') { self.number()? } else { -1 };
        let offset = u8::try_from(offset).ok();
        let index = register.zip(offset).and_then(|(register, offset)| SliceIndex::new(register, offset));
        let Some(index) = index else {
            self.position = start;
            return Err(self.expected("w12 to w15 and an offset of 0 to 15"));
        };
        if self.take(']') { Ok(index) } else { Err(self.expected("`]`")) }
    }

    /// Parses what may follow `pn8`.
    fn counter(&mut self, counter: PredicateCounter) -> Result<PredicateCounter, ParseError> {
        if !self.take('/') {
            return Ok(counter);
        }
        let start = self.skip_blanks().position;
        match self.name().and_then(|letter| counter.qualified(letter)) {
            Some(counter) => Ok(counter),
            None => {
                self.position = start;
                Err(self.expected("z"))
            }
        }
    }
}
