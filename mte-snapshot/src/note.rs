//! ELF notes: an owner, a type, and bytes.

use object::elf::FileHeader64;
use object::read::elf::NoteIterator;
use object::{LittleEndian, elf};
use zerocopy::IntoBytes;
use zerocopy::little_endian::U32;

use crate::error::DecodeError;

/// Names and descriptors are padded to this, as in Linux's core files.
pub(crate) const ALIGN: usize = 4;

/// A note to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Its name, without the NUL.
    pub(crate) owner: &'static str,
    /// Its type.
    pub(crate) kind: u32,
    /// Its descriptor, below 4 GiB.
    pub(crate) bytes: Vec<u8>,
}

impl Note {
    /// Returns the bytes that the note takes.
    pub(crate) fn size(&self) -> usize {
        12 + padded(self.owner.len() + 1) + padded(self.bytes.len())
    }

    /// Appends the note.
    pub(crate) fn write(&self, file: &mut Vec<u8>) {
        let start = file.len();
        let sizes = [self.owner.len() as u32 + 1, self.bytes.len() as u32, self.kind];
        file.extend_from_slice(sizes.map(U32::new).as_bytes());
        file.extend_from_slice(self.owner.as_bytes());
        file.resize(start + 12 + padded(self.owner.len() + 1), 0);
        file.extend_from_slice(&self.bytes);
        file.resize(start + self.size(), 0);
    }
}

fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGN)
}

/// Returns the types and descriptors of an owner's notes.
pub(crate) fn notes_of<'a>(owner: &str, notes: &'a [u8]) -> Result<Vec<(u32, &'a [u8])>, DecodeError> {
    let malformed = |error: object::Error| DecodeError::Malformed {
        part: "notes".to_owned(),
        expected: "whole notes".to_owned(),
        found: error.to_string(),
    };
    let mut found = Vec::new();
    let notes =
        NoteIterator::<FileHeader64<LittleEndian>>::new(LittleEndian, ALIGN as u64, notes).map_err(malformed)?;
    for note in notes {
        let note = note.map_err(malformed)?;
        if note.name() == owner.as_bytes() {
            let elf::NoteType(kind) = note.n_type(LittleEndian);
            found.push((kind, note.desc()));
        }
    }
    Ok(found)
}
