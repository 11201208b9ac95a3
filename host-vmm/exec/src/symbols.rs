//! What an image calls its addresses.

use std::fmt;

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSymbol, SymbolKind};

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as people write it: of Rust without its hash.
    pub name: String,
    /// The name in the file.
    mangled: String,
    /// Where it is.
    pub address: u64,
    /// How many bytes it says it takes; 0 where it does not say.
    pub size: u64,
}

/// The symbols of an image, by address.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    list: Vec<Symbol>,
}

/// An address by its symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name.
    pub symbol: String,
    /// Bytes behind its begin.
    pub offset: u64,
}

impl fmt::Display for Location {
    /// Writes `main`, or `main+0x10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            0 => f.write_str(&self.symbol),
            offset => write!(f, "{}+{offset:#x}", self.symbol),
        }
    }
}

/// A symbol without a size names what is up to so many bytes behind it.
const REACH: u64 = 1 << 20;

impl Symbols {
    /// Reads the symbols of an ELF file, all moved by this much; none where it has no table.
    #[must_use]
    pub fn of_elf(file: &[u8], bias: u64) -> Self {
        let Ok(elf) = ElfFile64::<Endianness>::parse(file) else { return Self::default() };
        let named = elf.symbols().filter(|symbol| {
            let is_kind =
                matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data | SymbolKind::Label | SymbolKind::Unknown);
            // `$x` and `$d` say where code and data are (AAELF64, mapping symbols).
            let is_name = |name: &str| !name.is_empty() && !name.starts_with('$') && !name.contains(char::is_control);
            is_kind && symbol.is_definition() && symbol.name().is_ok_and(is_name)
        });
        let symbol = |symbol: object::read::elf::ElfSymbol64<'_, '_, Endianness>| {
            let mangled = symbol.name().unwrap_or_default().to_owned();
            let name = format!("{:#}", rustc_demangle::demangle(&mangled));
            Symbol { name, mangled, address: symbol.address().wrapping_add(bias), size: symbol.size() }
        };
        let mut list: Vec<_> = named.map(symbol).collect();
        // Of several at an address the one with a size comes last, and is taken.
        list.sort_by_key(|symbol| (symbol.address, symbol.size));
        Self { list }
    }

    /// Makes a list of names, addresses and sizes.
    #[cfg(test)]
    pub fn of(list: &[(&str, u64, u64)]) -> Self {
        let symbol = |(name, address, size): &(&str, u64, u64)| {
            let name = (*name).to_owned();
            Symbol { mangled: name.clone(), name, address: *address, size: *size }
        };
        Self { list: list.iter().map(symbol).collect() }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the symbol of this name, as in the file or as people write it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let exact = self.list.iter().find(|symbol| symbol.mangled == name || symbol.name == name);
        // The last part of a path, if only one symbol has it.
        exact.or_else(|| {
            let suffix = format!("::{name}");
            let mut ending = self.list.iter().filter(|symbol| symbol.name.ends_with(&suffix));
            let first = ending.next()?;
            ending.all(|other| other.address == first.address).then_some(first)
        })
    }

    /// Returns the names, for a suggestion.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|symbol| symbol.name.as_str())
    }

    /// Returns what an address is called.
    #[must_use]
    pub fn locate(&self, address: u64) -> Option<Location> {
        let behind = self.list.partition_point(|symbol| symbol.address <= address);
        let symbol = self.list[..behind].iter().rev().take(8).find(|symbol| {
            let offset = address - symbol.address;
            if symbol.size == 0 { offset < REACH } else { offset < symbol.size }
        })?;
        Some(Location { symbol: symbol.name.clone(), offset: address - symbol.address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_name_of_the_symbol_that_covers_it() {
        let symbols = Symbols::of(&[("start", 0x1000, 0), ("app::main", 0x1100, 0x20), ("app::pool", 0x2000, 64)]);
        let name = |address| symbols.locate(address).map(|location| location.to_string());
        assert_eq!(name(0xfff), None);
        assert_eq!(name(0x1000).as_deref(), Some("start"));
        assert_eq!(name(0x111f).as_deref(), Some("app::main+0x1f"));
        assert_eq!(
            name(0x1120).as_deref(),
            Some("start+0x120"),
            "behind a symbol with a size the one without reaches on"
        );
        assert_eq!(name(0x2040).as_deref(), Some("start+0x1040"));
        assert_eq!(symbols.find("pool").map(|symbol| symbol.address), Some(0x2000));
    }

    #[test]
    fn the_last_part_of_a_path_must_be_of_one_symbol_alone() {
        let symbols = Symbols::of(&[("a::new", 1, 1), ("b::new", 2, 1)]);
        assert_eq!(symbols.find("new"), None);
        assert_eq!(symbols.find("b::new").map(|symbol| symbol.address), Some(2));
    }
}
