//! The ELF header and the program headers: where in the file each part is, and which addresses it has.

use kvm_mte::packed::BYTES_PER_PACKED_BYTE as PACKED;
use object::write::elf::{Encoder, FileHeader, FileHeaderLayout, ProgramHeader};
use object::{Endianness, elf};

use crate::check::SMALLEST_PAGE;
use crate::note;
use crate::pages::Run;
use crate::seal::TRAILER;
use crate::snapshot::{Slot, Snapshot, View};

/// PT_AARCH64_MEMTAG_MTE (Documentation/arch/arm64/memory-tagging-extension.rst, "Core dump support").
pub(crate) const PT_AARCH64_MEMTAG_MTE: elf::ProgramType = elf::ProgramType(0x7000_0002);

/// The places of all parts of a file.
#[derive(Debug)]
pub(crate) struct Layout {
    segments: Vec<ProgramHeader>,
    /// Where page data begins, a multiple of 4096. Packed tags follow it.
    pub(crate) data: u64,
    /// Where the tags end, and the trailer begins.
    pub(crate) end: u64,
}

impl Layout {
    /// Returns the places for a valid snapshot with notes of `notes` bytes; `None` if there are `limit` segments or more
    /// beside that of the notes.
    pub(crate) fn new(snapshot: &Snapshot, runs: &[Run<'_>], notes: u64, limit: u32) -> Option<Self> {
        let runs = placed(runs);
        let count = loads(snapshot, &runs).chain(tags(snapshot, &runs)).take(limit as usize).count();
        if count == limit as usize {
            return None;
        }
        let notes_at = headers(count + 1);
        let data = (notes_at + notes).next_multiple_of(SMALLEST_PAGE);
        let (data_bytes, tag_bytes) = runs.last().map_or((0, 0), |run| (run.data.end(), run.tags.end()));
        let tags_at = data + data_bytes;
        let end = tags_at + tag_bytes;
        let read_only = read_only(snapshot);
        let mut segments = vec![note_segment(notes_at, notes)];
        // What has no bytes must not point at an ELF header, not even at this one: GNU BFD reads its notes again
        // (`_bfd_elf_core_find_build_id`), and gdb has each thread twice.
        segments.extend(loads(snapshot, &runs).map(|part| ProgramHeader {
            p_type: elf::PT_LOAD,
            p_flags: if is_in(&read_only, part.ipa) { elf::PF_R } else { elf::PF_R | elf::PF_W },
            p_offset: part.data.map_or(end, |offset| data + offset),
            p_vaddr: part.va,
            p_paddr: part.ipa,
            p_filesz: part.data.map_or(0, |_| part.bytes),
            p_memsz: part.bytes,
            p_align: SMALLEST_PAGE,
        }));
        segments.extend(tags(snapshot, &runs).map(|part| ProgramHeader {
            p_type: PT_AARCH64_MEMTAG_MTE,
            p_flags: elf::ProgramFlags(0),
            p_offset: tags_at + part.tags.unwrap_or(0),
            p_vaddr: part.va,
            p_paddr: part.ipa,
            p_filesz: part.bytes / PACKED,
            p_memsz: part.bytes,
            p_align: 0,
        }));
        Some(Self { segments, data, end })
    }

    /// Returns the size of the file.
    pub(crate) fn length(&self) -> u64 {
        self.end + TRAILER as u64
    }

    /// Appends the headers to an empty file.
    ///
    /// # Errors
    ///
    /// Those of `object`; there are none for fewer than 2³² segments.
    pub(crate) fn write(&self, file: &mut Vec<u8>) -> Result<(), object::write::Error> {
        let encoder = encoder();
        let sections = section_headers(self.segments.len());
        let table = encoder.file_header_size() + self.segments.len() as u64 * encoder.program_header_size();
        let layout = FileHeaderLayout {
            e_phoff: encoder.file_header_size(),
            segment_num: self.segments.len() as u32,
            e_shoff: if sections == 0 { 0 } else { table },
            section_num: sections,
            shstrtab_index: 0,
        };
        let header = FileHeader { e_type: elf::ET_CORE, e_machine: elf::EM_AARCH64, ..FileHeader::default() };
        encoder.file_header(file, &header, &layout)?;
        for segment in &self.segments {
            encoder.program_header(file, segment);
        }
        if sections != 0 {
            encoder.null_section_header(file, &layout);
        }
        Ok(())
    }
}

fn encoder() -> Encoder<Endianness> {
    Encoder::new(Endianness::Little, true, elf::EM_AARCH64)
}

/// Returns how many section headers there are: one if the number of segments does not fit into e_phnum (PN_XNUM), else none.
fn section_headers(segments: usize) -> u32 {
    u32::from(segments >= usize::from(elf::PN_XNUM))
}

/// Returns the size of all headers.
fn headers(segments: usize) -> u64 {
    let encoder = encoder();
    encoder.file_header_size()
        + segments as u64 * encoder.program_header_size()
        + u64::from(section_headers(segments)) * encoder.section_header_size()
}

fn note_segment(offset: u64, bytes: u64) -> ProgramHeader {
    ProgramHeader {
        p_type: elf::PT_NOTE,
        p_flags: elf::ProgramFlags(0),
        p_offset: offset,
        p_vaddr: 0,
        p_paddr: 0,
        p_filesz: bytes,
        p_memsz: 0,
        p_align: note::ALIGN as u64,
    }
}

/// Returns the read-only slots in ascending order.
fn read_only(snapshot: &Snapshot) -> Vec<Slot> {
    let mut slots: Vec<Slot> = snapshot.slots.iter().filter(|slot| slot.read_only).copied().collect();
    slots.sort_unstable_by_key(|slot| slot.ipa);
    slots
}

fn is_in(slots: &[Slot], ipa: u64) -> bool {
    let next = slots.partition_point(|slot| slot.ipa <= ipa);
    slots[..next].last().is_some_and(|slot| ipa - slot.ipa < slot.bytes)
}

/// Bytes in an area of the file.
#[derive(Clone, Copy)]
struct Place {
    /// Counted from the begin of the area.
    offset: u64,
    bytes: u64,
}

impl Place {
    fn end(self) -> u64 {
        self.offset + self.bytes
    }
}

/// A run with its places.
struct Placed {
    ipa: u64,
    bytes: u64,
    data: Place,
    tags: Place,
}

/// Returns where the runs are: data and tags of each after those of the one before.
fn placed(runs: &[Run<'_>]) -> Vec<Placed> {
    let (mut data, mut tags) = (0, 0);
    let place = |run: &Run<'_>| {
        let stored = |has, bytes| if has { bytes } else { 0 };
        let placed = Placed {
            ipa: run.ipa,
            bytes: run.bytes,
            data: Place { offset: data, bytes: stored(run.has_data(), run.bytes) },
            tags: Place { offset: tags, bytes: stored(run.has_tags(), run.bytes / PACKED) },
        };
        (data, tags) = (placed.data.end(), placed.tags.end());
        placed
    };
    runs.iter().map(place).collect()
}

/// Part of a run, at one address.
struct Part {
    va: u64,
    ipa: u64,
    bytes: u64,
    /// The offset of its data in the area of data, if it has any.
    data: Option<u64>,
    /// The offset of its tags in the area of tags, if it has any.
    tags: Option<u64>,
}

impl Part {
    /// Returns the bytes of a run from `skip` on, shown at `va`.
    fn of(run: &Placed, skip: u64, bytes: u64, va: u64) -> Self {
        let at = |place: Place, skip| (place.bytes != 0).then_some(place.offset + skip);
        Self { va, ipa: run.ipa + skip, bytes, data: at(run.data, skip), tags: at(run.tags, skip / PACKED) }
    }
}

/// Returns the segments of memory: through views, then in guest-physical memory.
fn loads<'a>(snapshot: &'a Snapshot, runs: &'a [Placed]) -> impl Iterator<Item = Part> + 'a {
    snapshot.views.iter().flat_map(|view| seen_through(view, runs)).chain(physical(runs))
}

/// Returns the segments of tags, likewise.
fn tags<'a>(snapshot: &'a Snapshot, runs: &'a [Placed]) -> impl Iterator<Item = Part> + 'a {
    let tagged = snapshot.views.iter().filter(|view| view.tagged);
    tagged.flat_map(|view| seen_through(view, runs)).chain(physical(runs)).filter(|part| part.tags.is_some())
}

/// Returns the parts of the runs that a view shows; none for a view at the guest-physical addresses, which are shown anyway.
fn seen_through<'a>(view: &'a View, runs: &'a [Placed]) -> impl Iterator<Item = Part> + 'a {
    let last = view.ipa + (view.bytes - 1);
    let first = runs.partition_point(|run| run.ipa + (run.bytes - 1) < view.ipa);
    let seen = runs[first..].iter().take_while(move |run| run.ipa <= last && view.va != view.ipa);
    seen.map(move |run| {
        let start = run.ipa.max(view.ipa);
        let end = (run.ipa + (run.bytes - 1)).min(last);
        Part::of(run, start - run.ipa, end - start + 1, view.va + (start - view.ipa))
    })
}

fn physical(runs: &[Placed]) -> impl Iterator<Item = Part> + '_ {
    runs.iter().map(|run| Part::of(run, 0, run.bytes, run.ipa))
}
