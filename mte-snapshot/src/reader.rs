//! Reads records from a note, never beyond its end, and allocates nothing that is not there.

use std::fmt::Display;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::error::DecodeError;

/// What is left of a note.
pub(crate) struct Reader<'a> {
    part: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(part: &'static str, rest: &'a [u8]) -> Self {
        Self { part, rest }
    }

    /// Returns the error that this note is malformed.
    pub(crate) fn malformed(&self, expected: impl Display, found: impl Display) -> DecodeError {
        let (expected, found) = (expected.to_string(), found.to_string());
        DecodeError::Malformed { part: self.part.to_owned(), expected, found }
    }

    /// Takes bytes.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<&'a [u8], DecodeError> {
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let Some((bytes, rest)) = split else {
            return Err(self.malformed(format_args!("{count} more bytes"), self.rest.len()));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes a record.
    pub(crate) fn record<T: FromBytes + Immutable + KnownLayout + Unaligned>(&mut self) -> Result<&'a T, DecodeError> {
        let (record, rest) = T::ref_from_prefix(self.rest)
            .map_err(|_| self.malformed(format_args!("{} more bytes", size_of::<T>()), self.rest.len()))?;
        self.rest = rest;
        Ok(record)
    }

    /// Takes all that is left as records.
    pub(crate) fn table<T: FromBytes + Immutable + Unaligned>(&mut self) -> Result<&'a [T], DecodeError> {
        let table = <[T]>::ref_from_bytes(self.rest)
            .map_err(|_| self.malformed(format_args!("a multiple of {} bytes", size_of::<T>()), self.rest.len()))?;
        self.rest = &[];
        Ok(table)
    }

    /// Takes a string.
    pub(crate) fn string(&mut self, bytes: u32) -> Result<String, DecodeError> {
        let bytes = self.bytes(bytes.into())?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| self.malformed("UTF-8", error))
    }
}
