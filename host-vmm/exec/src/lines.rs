//! Which line of which source file an instruction comes from, by the image's DWARF.

use std::fmt;
use std::rc::Rc;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian, SectionId};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};
use serde::Serialize;

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line, from 1 on.
    pub line: u32,
}

impl fmt::Display for SourceLine {
    /// Writes `main.c:62`, without directories.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        write!(f, "{}:{}", name.escape_debug(), self.line)
    }
}

/// The lines of an image; none where it has no DWARF, or compressed one. The file is read anew for each address: few are asked for.
#[derive(Clone, Default)]
pub struct Lines {
    file: Rc<[u8]>,
    bias: u64,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("bytes", &self.file.len()).field("bias", &self.bias).finish()
    }
}

impl Lines {
    /// Takes an ELF file, all of whose addresses are moved by this much.
    #[must_use]
    pub fn of_elf(file: &[u8], bias: u64) -> Self {
        Self { file: file.into(), bias }
    }

    /// Returns the line of an instruction.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<SourceLine> {
        let elf = ElfFile64::<Endianness>::parse(&*self.file).ok()?;
        let section = |id: SectionId| {
            let data = elf.section_by_name(id.name()).and_then(|section| section.data().ok());
            Ok::<_, Error>(EndianSlice::new(data.unwrap_or_default(), LittleEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(section).ok()?).ok()?;
        let location = context.find_location(address.wrapping_sub(self.bias)).ok()??;
        Some(SourceLine { file: location.file?.to_owned(), line: location.line.filter(|line| *line > 0)? })
    }
}
