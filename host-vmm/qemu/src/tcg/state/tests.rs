use super::*;

/// Bytes of RAM in the files of these tests, and of its tags.
const RAM_BYTES: u64 = 0x4_0000;
const TAG_BYTES: u64 = RAM_BYTES / PER_BYTE;
/// Where the second page of RAM is, and its tags.
const SECOND: u64 = RAM_BASE + GUEST_PAGE;

/// Writes a file as the format's description says: a block at a time, pages aligned to 64 KiB.
fn file(blocks: &[(&[u8], u64)], after: &[u8]) -> MemFile {
    let mut bytes = [b"QEVM\0\0\0\x03\x07\0\0\0\x04virt\x01\0\0\0\x01", SECTION].concat();
    let total: u64 = blocks.iter().map(|(_, bytes)| bytes).sum();
    bytes.extend((total | 4).to_be_bytes());
    for (name, length) in blocks {
        bytes.push(name.len() as u8);
        bytes.extend(*name);
        bytes.extend(length.to_be_bytes());
        let bitmap = (bytes.len() + HEADER) as u64;
        let pages = (bitmap + length / GUEST_PAGE / 8 + 8).next_multiple_of(0x1_0000);
        bytes.extend(1u32.to_be_bytes());
        bytes.extend([GUEST_PAGE, bitmap, pages].map(u64::to_be_bytes).as_flattened());
        // What no bitmap names must not be read.
        bytes.resize(pages as usize, 0);
        bytes.resize((pages + length) as usize, 0xee);
    }
    bytes.extend(after);
    MemFile::new(&bytes).unwrap()
}

fn state(after: &[u8]) -> MigrationFile {
    MigrationFile::open(file(&[(RAM, RAM_BYTES), (b"virt.flash0", 0x1000), (TAGS, TAG_BYTES)], after)).unwrap()
}

fn all(state: &MigrationFile) -> Vec<u8> {
    let mut bytes = vec![0; state.file.file().metadata().unwrap().len() as usize];
    state.file.file().read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn pages_that_no_bitmap_names_are_zero() {
    let state = state(&[]);
    assert_eq!(state.memory().unwrap(), []);
    let mut tags = [7; 3];
    state.tags(SECOND, &mut tags).unwrap();
    assert_eq!(tags, [0; 3]);
}

#[test]
fn writes_read_back_and_neighbours_are_unchanged() {
    let state = state(&[]);
    state.set_tags(SECOND + 3 * GRANULE, &[1, 2, 3, 4]).unwrap();
    state.set_tags(SECOND + 4 * GRANULE, &[9]).unwrap();
    let mut tags = [7; 6];
    state.tags(SECOND + 2 * GRANULE, &mut tags).unwrap();
    assert_eq!(tags, [0, 1, 9, 3, 4, 0]);
    let memory = state.memory().unwrap();
    assert_eq!((memory.len(), memory[0].ipa, memory[0].data.len(), memory[0].tags.len()), (1, SECOND, 4096, 256));
    assert_eq!((&memory[0].tags[2..8], &memory[0].data[..8]), (&[0, 1, 9, 3, 4, 0][..], &[0; 8][..]));

    let mut changed = memory;
    changed[0].data[5] = 6;
    changed[0].tags[255] = 15;
    let last = RAM_BASE + RAM_BYTES - GUEST_PAGE;
    changed.push(Extent { ipa: last, data: vec![3; 4096], tags: vec![8; 256] });
    state.set_memory(&changed).unwrap();
    assert_eq!(state.memory().unwrap(), changed);
}

/// The lower half of a byte has the tag of the lower granule.
#[test]
fn tags_lie_where_qemu_looks_for_them() {
    let state = state(&[]);
    state.set_tags(SECOND, &[0xa, 0xb]).unwrap();
    let bytes = all(&state);
    assert_eq!(bytes[(state.tags.pages + GUEST_PAGE / PER_BYTE) as usize], 0xba);
    assert_eq!(bytes[state.tags.bitmap as usize], 1, "the first page of tags is there");
}

#[test]
fn pages_next_to_each_other_are_one_extent() {
    let state = state(&[]);
    for page in [0, 1, 3] {
        state.set_tags(RAM_BASE + page * GUEST_PAGE, &[1]).unwrap();
    }
    let found: Vec<_> =
        state.memory().unwrap().iter().map(|extent| (extent.ipa - RAM_BASE, extent.data.len())).collect();
    assert_eq!(found, [(0, 0x2000), (0x3000, 0x1000)]);
}

#[test]
fn a_debugged_guest_is_saved_as_paused() {
    let after = |length: u8, name: &[u8]| [&b"\x04\0\0\0\x09"[..], RUN_STATE, &[0, 0, 0, length], name].concat();
    for (length, name, found) in
        [(6, &b"debug\0\0\0\0"[..], PAUSED), (8, &b"running\0\0"[..], &b"\0\0\0\x08running\0"[..])]
    {
        let bytes = all(&state(&after(length, name)));
        assert!(bytes.windows(found.len()).any(|window| window == found));
        assert!(!bytes.windows(DEBUG.len()).any(|window| window == DEBUG));
    }
}

#[test]
fn other_files_are_rejected() {
    let refused = |file: MemFile, why: &str| {
        let error = MigrationFile::open(file).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(MemFile::new(b"QEVM").unwrap(), "no section of memory");
    refused(file(&[(RAM, RAM_BYTES)], &[]), "no block mach-virt.tag");
    refused(file(&[(RAM, RAM_BYTES), (TAGS, TAG_BYTES / 2)], &[]), "less room for tags");
    let cut = file(&[(RAM, RAM_BYTES), (TAGS, TAG_BYTES)], &[]);
    cut.file().set_len(0x100).unwrap();
    assert!(MigrationFile::open(cut).is_err());
    let odd = file(&[(RAM, RAM_BYTES), (TAGS, TAG_BYTES)], &[]);
    let first = all_of(&odd).windows(4).position(|window| window == b"\x03ram".as_slice()).unwrap();
    let block = all_of(&odd)[first + 4..].windows(4).position(|window| window == b"\x03ram".as_slice()).unwrap();
    let page = (first + 4 + block + 4 + 8 + 4) as u64;
    odd.file().write_all_at(&0x1_0000u64.to_be_bytes(), page).unwrap();
    refused(odd, "block ram has an odd header");
}

fn all_of(file: &MemFile) -> Vec<u8> {
    let mut bytes = vec![0; 0x200];
    file.file().read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn addresses_outside_ram_are_rejected() {
    let state = state(&[]);
    let outside = |ipa: u64, tags: usize| {
        assert!(
            matches!(
                state.tags(ipa, &mut vec![0; tags]),
                Err(MachineError::Request(RequestError::OutsideMemory { .. }))
            ),
            "{ipa:#x}"
        );
        assert!(
            matches!(
                state.set_tags(ipa, &vec![0; tags]),
                Err(MachineError::Request(RequestError::OutsideMemory { .. }))
            ),
            "{ipa:#x}"
        );
    };
    outside(RAM_BASE - GRANULE, 1);
    outside(RAM_BASE + RAM_BYTES - GRANULE, 2);
    outside(u64::MAX - 15, 1);
    state.tags(RAM_BASE + RAM_BYTES - GRANULE, &mut [0]).unwrap();
    let short = Extent { ipa: RAM_BASE, data: vec![0; 4096], tags: vec![0; 255] };
    assert!(matches!(state.set_memory(&[short]), Err(MachineError::Request(RequestError::TagCount { .. }))));
}
