//! Addresses and ranges as a person gives them: `0x40201000`, `main`, `pool+0x20`, `pool..pool_end`.

use std::ops::Range;

use arch::GRANULE_BYTES;

use crate::symbols::{Symbol, Symbols};

/// Bytes that share a tag.
const GRANULE: u64 = GRANULE_BYTES as u64;
/// No range is longer: its tags would fill the screen many times.
const LONGEST: u64 = 1 << 20;

/// Why a text names no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No such symbol.
    #[error("the image has no symbol `{name}`{}", hint.as_ref().map(|hint| format!("; did you mean `{hint}`?")).unwrap_or_default())]
    NoSymbol {
        /// What was given.
        name: String,
        /// A name like it.
        hint: Option<String>,
    },
    /// No names at all.
    #[error("`{0}` is not a number, and the image has no symbols: give an address, or the ELF file with --symbols")]
    NoSymbols(String),
    /// An offset that is none.
    #[error("`{0}` is not a number; numbers are decimal, or hexadecimal with 0x")]
    Number(String),
    /// The range ends before it begins, or is longer than makes sense.
    #[error("`{text}` is {start:#x}..{end:#x}; a range has 1 byte to 1 MiB")]
    Range {
        /// What was given.
        text: String,
        /// First byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
    },
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(&digits.replace('_', ""), 16).ok(),
        None => text.parse().ok(),
    }
}

/// Splits `SYMBOL+OFFSET` at the last `+` behind which a number stands.
fn split(text: &str) -> Result<(&str, u64), PlaceError> {
    match text.rsplit_once('+') {
        None => Ok((text.trim(), 0)),
        Some((place, offset)) => {
            let offset = number(offset).ok_or_else(|| PlaceError::Number(offset.trim().to_owned()))?;
            Ok((place.trim(), offset))
        }
    }
}

fn symbol<'s>(name: &str, symbols: &'s Symbols) -> Result<&'s Symbol, PlaceError> {
    if symbols.is_empty() {
        return Err(PlaceError::NoSymbols(name.to_owned()));
    }
    symbols.find(name).ok_or_else(|| PlaceError::NoSymbol {
        name: name.to_owned(),
        hint: isa::suggest::closest(name, symbols.names()).map(str::to_owned),
    })
}

/// Reads an address: a number or a symbol, with `+NUMBER` behind it.
///
/// # Errors
///
/// When it is neither.
pub fn address(text: &str, symbols: &Symbols) -> Result<u64, PlaceError> {
    let (place, offset) = split(text)?;
    let base = match number(place) {
        Some(base) => base,
        None => symbol(place, symbols)?.address,
    };
    Ok(base.wrapping_add(offset))
}

/// Reads a range: `FROM..TO`, `FROM+BYTES`, or a symbol, which says how long it is. A single address is its granule.
///
/// # Errors
///
/// When an address is none, or the range is empty or too long.
pub fn range(text: &str, symbols: &Symbols) -> Result<Range<u64>, PlaceError> {
    let (start, end) = if let Some((from, to)) = text.split_once("..") {
        (address(from, symbols)?, address(to, symbols)?)
    } else {
        let (place, length) = split(text)?;
        let (start, size) = match number(place) {
            Some(start) => (start, 0),
            None => symbol(place, symbols).map(|symbol| (symbol.address, symbol.size))?,
        };
        let length = if text.contains('+') { length } else { size.max(1) };
        (start, start.wrapping_add(length))
    };
    if end <= start || end - start > LONGEST || end > u64::MAX - GRANULE {
        return Err(PlaceError::Range { text: text.to_owned(), start, end });
    }
    Ok(start & !(GRANULE - 1)..end.next_multiple_of(GRANULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> Symbols {
        Symbols::of(&[("main", 0x4010_0000, 8), ("pool", 0x4020_0008, 0x28), ("pool_end", 0x4020_0030, 0)])
    }

    #[test]
    fn addresses_are_numbers_or_symbols_with_an_offset() {
        let address = |text| super::address(text, &symbols());
        assert_eq!(address("0x4010_0000"), Ok(0x4010_0000));
        assert_eq!(address("16"), Ok(16));
        assert_eq!(address("main+0x4"), Ok(0x4010_0004));
        let hint = Some("main".to_owned());
        assert_eq!(address("mian"), Err(PlaceError::NoSymbol { name: "mian".to_owned(), hint }));
        assert_eq!(address("main+x"), Err(PlaceError::Number("x".to_owned())));
        assert_eq!(super::address("main", &Symbols::default()), Err(PlaceError::NoSymbols("main".to_owned())));
    }

    #[test]
    fn ranges_are_whole_granules() {
        let range = |text| super::range(text, &symbols());
        assert_eq!(range("pool"), Ok(0x4020_0000..0x4020_0030));
        assert_eq!(range("pool+1"), Ok(0x4020_0000..0x4020_0010));
        assert_eq!(range("pool..pool_end+1"), Ok(0x4020_0000..0x4020_0040));
        assert_eq!(range("0x4020001f"), Ok(0x4020_0010..0x4020_0020));
        for wrong in ["pool_end..pool", "pool+0", "0..0x100001", "0xfffffffffffffff8+1", "0xffffffffffffffff+1"] {
            assert!(matches!(range(wrong), Err(PlaceError::Range { .. })), "{wrong}");
        }
    }
}
