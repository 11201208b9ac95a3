//! Where everything is in a file. These numbers are the format: docs/snapshot.md.

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use super::{PAGE, sample, tags};
use crate::headers::PT_AARCH64_MEMTAG_MTE;
use crate::snapshot::{Extent, Slot, Snapshot, View};
use crate::{VERSION, seal};

/// Changes with every byte of the format. Raise `VERSION` when it does.
const DIGEST_OF_SAMPLE: &str = "8b86f1c922a60f7156a8bae60ec046886be765892c354efd86d4c2f8a50c5afc";

fn headers(file: &[u8]) -> &[ProgramHeader64<LE>] {
    let header: &FileHeader64<LE> = FileHeader64::parse(file).unwrap();
    header.program_headers(LE, file).unwrap()
}

#[test]
fn the_format_is_version_1() {
    let file = sample().encode().unwrap();
    let (_, digest) = seal::open(&file).unwrap();
    assert_eq!((VERSION, crate::Digest(digest).to_string().as_str()), (1, DIGEST_OF_SAMPLE));
}

#[test]
fn the_parts_are_in_order() {
    let file = sample().encode().unwrap();
    let table: Vec<_> = headers(&file)
        .iter()
        .map(|header| {
            let (offset, size) = header.file_range(LE);
            (header.p_type(LE), offset, size, header.p_vaddr(LE), header.p_paddr(LE), header.p_memsz(LE))
        })
        .collect();
    let [(note, notes, note_bytes, ..), segments @ ..] = &table[..] else { panic!("no notes") };
    assert_eq!((*note, *notes), (elf::PT_NOTE, 64 + 56 * table.len() as u64));
    let data = (notes + note_bytes).next_multiple_of(4096);
    let tags = data + 0x2000;
    let end = tags + 0x100;
    assert_eq!(file.len() as u64, end + 56);
    let mut expected = Vec::new();
    for va in [0x1_4060_0000, 0x3_4060_0000, 0x4060_0000] {
        // Data without tags, data with tags, and tags without data.
        expected.push((elf::PT_LOAD, data, 0x1000, va, 0x4060_0000, 0x1000));
        expected.push((elf::PT_LOAD, data + 0x1000, 0x1000, va + 0x1000, 0x4060_1000, 0x1000));
        expected.push((elf::PT_LOAD, end, 0, va + 0x2000, 0x4060_2000, 0x1000));
    }
    for va in [0x1_4060_0000, 0x4060_0000] {
        expected.push((PT_AARCH64_MEMTAG_MTE, tags, 0x80, va + 0x1000, 0x4060_1000, 0x1000));
        expected.push((PT_AARCH64_MEMTAG_MTE, tags + 0x80, 0x80, va + 0x2000, 0x4060_2000, 0x1000));
    }
    assert_eq!(segments, expected);
    assert_eq!(file[data as usize..][..2 * PAGE], sample().memory[0].data[..2 * PAGE]);
    let packed: Vec<u8> = tags_of_pages().chunks(2).map(|pair| pair[0] | pair[1] << 4).collect();
    assert_eq!(file[tags as usize..end as usize], packed);
    assert_eq!(file[end as usize..][..8], *b"mte-snap");
}

fn tags_of_pages() -> Vec<u8> {
    [tags(2), tags(3)].concat()
}

#[test]
fn the_notes_are_in_order() {
    let mut snapshot = sample();
    snapshot.vcpus.push(super::vcpu(2));
    let file = snapshot.encode().unwrap();
    let mut notes = headers(&file)[0].notes(LE, &file[..]).unwrap().unwrap();
    let mut found = Vec::new();
    while let Some(note) = notes.next().unwrap() {
        let elf::NoteType(kind) = note.n_type(LE);
        found.push((String::from_utf8(note.name().to_vec()).unwrap(), kind, note.desc().len()));
    }
    let vcpu = [("CORE", 1, 392), ("CORE", 2, 528), ("LINUX", 0x406, 16), ("LINUX", 0x409, 8)];
    // 46 registers of 8 bytes or padded to 8, and one of 16.
    let state = 16 + 64 + 46 * 16 + 24;
    let own = [(1, 72 + 7 + 12 + 3), (2, 2 * 24), (3, 2 * 32), (4, state), (4, state), (5, 16 + 6 + 3)];
    let mut expected = [&vcpu[..2], &[("CORE", 6, 64)], &vcpu[2..], &vcpu].concat();
    expected.extend(own.map(|(kind, size)| ("granule", 0x6d74_6500 + kind, size)));
    let expected: Vec<_> = expected.into_iter().map(|(owner, kind, size)| (owner.to_owned(), kind, size)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_read_only_slot_is_shown_as_such() {
    let mut snapshot = sample();
    snapshot.memory[0].ipa = 0x1000_0000;
    snapshot.slots[1].bytes = 0x3000;
    snapshot.slots.push(Slot { ipa: 0x1000_3000, bytes: 0x1000, read_only: false });
    // As the page before it: tags alone.
    snapshot.memory.push(Extent { ipa: 0x1000_3000, data: vec![0; PAGE], tags: vec![1; PAGE / 16] });
    let file = snapshot.encode().unwrap();
    let loads = headers(&file).iter().filter(|header| header.p_type(LE) == elf::PT_LOAD);
    let flags: Vec<_> = loads.map(|header| (header.p_vaddr(LE), header.p_flags(LE))).collect();
    let (r, rw) = (elf::PF_R, elf::PF_R | elf::PF_W);
    assert_eq!(flags, [(0x1000_0000, r), (0x1000_1000, r), (0x1000_2000, r), (0x1000_3000, rw)]);
}

#[test]
fn a_view_shows_what_it_overlaps_and_no_more() {
    let mut snapshot = sample();
    snapshot.memory = vec![Extent { ipa: 0x4060_0000, data: vec![1; 4 * PAGE], tags: vec![1; PAGE / 4] }];
    // The second page of four; and an identity view, which adds nothing.
    snapshot.views = vec![
        View { va: 0xffff_0000_0000_0000, ipa: 0x4060_1000, bytes: 0x1000, tagged: true },
        View { va: 0x4000_0000, ipa: 0x4000_0000, bytes: 64 << 20, tagged: true },
        View { va: 0x9_0000_0000, ipa: 0x4070_0000, bytes: 0x1000, tagged: true },
    ];
    let file = snapshot.encode().unwrap();
    let seen: Vec<_> = headers(&file)
        .iter()
        .filter(|header| header.p_vaddr(LE) != header.p_paddr(LE))
        .map(|header| {
            (header.p_type(LE), header.p_offset(LE), header.p_vaddr(LE), header.p_paddr(LE), header.p_memsz(LE))
        })
        .collect();
    let tags = (file.len() - 56 - 4 * 0x80) as u64;
    let part = |kind, offset| (kind, offset, 0xffff_0000_0000_0000, 0x4060_1000, 0x1000);
    let (data, tags) = (tags - 4 * PAGE as u64 + 0x1000, tags + 0x80);
    assert_eq!(seen, [part(elf::PT_LOAD, data), part(PT_AARCH64_MEMTAG_MTE, tags)]);
    assert_eq!(Snapshot::decode(&file), Ok(snapshot));
}

#[test]
fn more_segments_than_e_phnum_can_say_are_in_section_0() {
    let mut snapshot = sample();
    // The three segments of the sample's memory and two of its tags, and that of the notes.
    for (views, phnum, shnum) in [(0xffff - 7, 0xfffe, 0), (0xffff - 6, 0xffff, 1), (0xffff, 0xffff, 1)] {
        let view = |n: u64| View { va: 0x1_0000_0000 + (n << 12), ipa: 0x4060_0000, bytes: 0x1000, tagged: true };
        snapshot.views = (0..views).map(view).collect();
        let file = snapshot.encode().unwrap();
        let header: &FileHeader64<LE> = FileHeader64::parse(&file[..]).unwrap();
        assert_eq!((header.e_phnum(LE), header.e_shnum(LE)), (phnum, shnum), "{views} views");
        assert_eq!(headers(&file).len() as u64, views + 6);
        if shnum == 1 {
            let sections = header.section_headers(LE, &file[..]).unwrap();
            assert_eq!(u64::from(sections[0].sh_info(LE)), views + 6);
        }
        assert!(Snapshot::decode(&file).as_ref() == Ok(&snapshot), "{views} views");
    }
}
