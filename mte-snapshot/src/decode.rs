//! Bytes as a snapshot.

use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, ReadRef};

use crate::check;
use crate::encode::Front;
use crate::error::DecodeError;
use crate::headers::PT_AARCH64_MEMTAG_MTE;
use crate::memory::{Segment, assemble};
use crate::snapshot::Snapshot;
use crate::{note, record, seal};

impl Snapshot {
    /// Decodes a file.
    ///
    /// Nothing is parsed before the digest is verified. The headers and notes of what was decoded are then encoded again and
    /// must be those of the file: a snapshot has one encoding.
    ///
    /// # Errors
    ///
    /// When it is not a whole and unaltered snapshot of a supported version, or is invalid in itself.
    pub fn decode(file: &[u8]) -> Result<Self, DecodeError> {
        let (body, _) = seal::open(file)?;
        let headers = program_headers(body).map_err(|error| DecodeError::Malformed {
            part: "ELF header".to_owned(),
            expected: "a core file of 64 bits, little-endian".to_owned(),
            found: error.to_string(),
        })?;
        let mut notes = Vec::new();
        for header in of_type(headers, elf::PT_NOTE) {
            notes.extend(note::notes_of(record::OWNER, contents("note segment", header, body)?)?);
        }
        let mut snapshot = record::decode(&notes)?;
        check::metadata(&snapshot)?;
        let data = physical(headers, elf::PT_LOAD, body)?;
        let tags = physical(headers, PT_AARCH64_MEMTAG_MTE, body)?;
        snapshot.memory = assemble(&data, &tags, &snapshot.slots, snapshot.identity.page_size)?;
        check::memory(&snapshot)?;
        compare(&snapshot, headers.len(), body)?;
        Ok(snapshot)
    }
}

fn program_headers(file: &[u8]) -> object::Result<&[ProgramHeader64<LittleEndian>]> {
    let header: &FileHeader64<LittleEndian> = FileHeader64::parse(file)?;
    header.program_headers(LittleEndian, file)
}

fn of_type(
    headers: &[ProgramHeader64<LittleEndian>],
    kind: elf::ProgramType,
) -> impl Iterator<Item = &ProgramHeader64<LittleEndian>> {
    headers.iter().filter(move |header| header.p_type(LittleEndian) == kind)
}

/// Returns the bytes of a segment.
fn contents<'a>(part: &str, header: &ProgramHeader64<LittleEndian>, file: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let (offset, size) = header.file_range(LittleEndian);
    file.read_bytes_at(offset, size).map_err(|()| DecodeError::Malformed {
        part: format!("{part} at {:#x}", header.p_vaddr(LittleEndian)),
        expected: format!("bytes within {:#x}", file.len()),
        found: format!("{size:#x} bytes at {offset:#x}"),
    })
}

/// Returns the segments of guest-physical memory: those whose two addresses are equal, others are views of the same bytes.
/// Segments without bytes are left out, since what is not stored is zero.
///
/// # Errors
///
/// When a segment's bytes are not in the file, or are before the end of the segment before: no byte is used twice.
fn physical<'a>(
    headers: &[ProgramHeader64<LittleEndian>],
    kind: elf::ProgramType,
    file: &'a [u8],
) -> Result<Vec<Segment<'a>>, DecodeError> {
    let part = if kind == elf::PT_LOAD { "memory segment" } else { "tag segment" };
    let mut segments = Vec::new();
    let mut end = 0;
    for header in of_type(headers, kind) {
        let ipa = header.p_paddr(LittleEndian);
        let (offset, size) = header.file_range(LittleEndian);
        if header.p_vaddr(LittleEndian) != ipa || size == 0 {
            continue;
        }
        let bytes = contents(part, header, file)?;
        if offset < end {
            return Err(DecodeError::Malformed {
                part: format!("{part} at {ipa:#x}"),
                expected: format!("an offset from {end:#x} on"),
                found: format!("{offset:#x}"),
            });
        }
        end = offset + size;
        segments.push(Segment { part, ipa, bytes });
    }
    Ok(segments)
}

/// Compares the file with what encoding the snapshot yields. Page data and tags need no comparison: they are what was decoded.
fn compare(snapshot: &Snapshot, segments: usize, body: &[u8]) -> Result<(), DecodeError> {
    let not_canonical = |offset: usize| Err(DecodeError::NotCanonical { offset: offset as u64 });
    let Some(front) = Front::of(snapshot, segments as u32) else {
        return not_canonical(0);
    };
    if !body.starts_with(&front.bytes) {
        let same = front.bytes.iter().zip(body).take_while(|(ours, theirs)| ours == theirs).count();
        return not_canonical(same);
    }
    if front.layout.end != body.len() as u64 {
        return not_canonical(body.len().min(front.layout.end as usize));
    }
    Ok(())
}
