use super::*;

/// Makes an ELF file of one segment: type, p_vaddr, p_paddr and flags; its words are its data.
fn elf_of(kind: u16, entry: u64, (va, pa): (u64, u64), flags: u32, words: &[u32]) -> Vec<u8> {
    let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([kind, 183, 1, 0].map(u16::to_le_bytes).concat());
    file.extend([entry, 64, 0].map(u64::to_le_bytes).concat());
    file.extend([0, 0, 64, 56, 1, 0, 0, 0].map(u16::to_le_bytes).concat());
    file.extend([1, flags].map(u32::to_le_bytes).concat());
    let size = data.len() as u64;
    file.extend([120, va, pa, size, size + 16, 8].map(u64::to_le_bytes).concat());
    file.extend(data);
    file
}

const MIB_64: u64 = 64 << 20;
const NOP: u32 = 0xd503_201f;

#[test]
fn an_elf_file_goes_to_its_physical_addresses() {
    let va = 0xffff_8000_0000_1000;
    let file = elf_of(2, va + 4, (va, 0x4010_0000), 5, &[NOP, 0xd518_c001]);
    let image = Image::parse(&file, MIB_64).unwrap();
    assert_eq!((image.format, image.entry), (Format::Elf, 0x4010_0004));
    assert_eq!((image.segments[0].pa, image.segments[0].va, image.segments[0].size), (0x4010_0000, va, 24));
    assert_eq!(
        crate::vectors::writers(&image),
        [0x4010_0004, va + 4],
        "as it may be reached before translation, and behind"
    );
}

#[test]
fn one_that_can_be_anywhere_goes_where_a_flat_binary_does() {
    let image = Image::parse(&elf_of(3, 4, (0, 0), 5, &[NOP, NOP]), MIB_64).unwrap();
    assert_eq!((image.format, image.entry), (Format::PositionIndependent, 0x4008_0004));
    assert_eq!(image.flattened(), (0x4008_0000, [NOP, NOP].map(u32::to_le_bytes).concat()));
}

#[test]
fn words_are_looked_for_in_code_alone() {
    let file = elf_of(2, 0x4010_0000, (0x4010_0000, 0x4010_0000), 6, &[0xd518_c000]);
    assert!(crate::vectors::writers(&Image::parse(&file, MIB_64).unwrap()).is_empty());
}

#[test]
fn binaries_go_where_their_header_says() {
    let flat = Image::parse(&[0x1f, 0x20, 3, 0xd5], MIB_64).unwrap();
    assert_eq!((flat.format, flat.entry), (Format::Flat, 0x4008_0000));
    let mut linux = vec![0; 64];
    linux[MAGIC].copy_from_slice(b"ARM\x64");
    linux[IMAGE_SIZE] = 1;
    // text_offset 0 leaves no room for QEMU's boot code.
    let image = Image::parse(&linux, MIB_64).unwrap();
    assert_eq!((image.format, image.entry), (Format::Linux, 0x4020_0000));
    linux[TEXT_OFFSET + 2] = 8;
    assert_eq!(Image::parse(&linux, MIB_64).unwrap().entry, 0x4008_0000);
}

#[test]
fn what_is_wrong_has_a_name() {
    let at = (0x4010_0000, 0x4010_0000);
    let good = elf_of(2, 0x4010_0000, at, 5, &[NOP]);
    let with = |place: usize, byte: u8| {
        let mut file = good.clone();
        file[place] = byte;
        Image::parse(&file, MIB_64).unwrap_err().to_string()
    };
    assert!(with(4, 1).starts_with("e_ident[EI_CLASS..EI_DATA] is [1, 1]"));
    assert!(with(18, 62).contains("expected 183 (EM_AARCH64)"));
    assert!(with(16, 1).starts_with("e_type is"));
    assert_eq!(with(64, 2), "there is nothing in it to run");
    assert_eq!(with(64 + 39, 1), "the file ends before p_offset + p_filesz says it does: it is truncated");
    // A segment below RAM.
    assert!(with(64 + 27, 0x10).contains("outside RAM, which is 0x40000000..0x44000000"));
    for length in 4..good.len() - 1 {
        assert!(Image::parse(&good[..length], MIB_64).is_err(), "{length} bytes");
    }
    let large = elf_of(2, 0, (0, u64::MAX - 3), 5, &[NOP, NOP]);
    assert!(matches!(Image::parse(&large, MIB_64), Err(ImageError::OutsideRam { .. })));
    assert_eq!(Image::parse(b"abc", MIB_64).unwrap_err(), ImageError::Empty);
}
