//! ELF files that are no firmware: each is refused, and the message names the field that is wrong.
//!
//! The table asks the parser itself, since a run of each would boot a kernel; two files go all the way.

use std::fs;

use abi::map;
use granule_tests::environment::{self, FIRMWARE};
use granule_tests::guest::{EHDR, PHDR, elf, program, write_elf};
use granule_tests::run::Run;
use machine::firmware::Firmware;

const RAM: std::ops::Range<u64> = map::RAM_BASE..map::RAM_BASE + (64 << 20);

// Where fields are in an ELF file of 64 bits (ELF-64 Object File Format 1.5, 3 and 8), the first program header's
// counted from the file's start.
const EI_CLASS: usize = 4;
const EI_DATA: usize = 5;
const E_TYPE: usize = 16;
const E_MACHINE: usize = 18;
const E_ENTRY: usize = 24;
const E_PHOFF: usize = 32;
const E_PHENTSIZE: usize = 54;
const E_PHNUM: usize = 56;
const P_TYPE: usize = EHDR;
const P_OFFSET: usize = EHDR + 8;
const P_PADDR: usize = EHDR + 24;
const P_FILESZ: usize = EHDR + 32;
const P_MEMSZ: usize = EHDR + 40;

/// Firmware with nothing wrong about its form.
fn sound() -> Vec<u8> {
    elf(&[program("b ."), (map::ARENA_BASE, vec![1; 100])])
}

/// Returns what the parser says about a file.
fn refusal(file: &[u8]) -> String {
    match Firmware::parse(file, RAM) {
        Ok(firmware) => panic!("accepted: {firmware:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn sound_firmware_is_accepted() {
    let file = sound();
    let firmware = Firmware::parse(&file, RAM).unwrap();
    assert_eq!((firmware.entry, firmware.segments.len()), (map::FIRMWARE_BASE, 2));
    assert_eq!((firmware.segments[1].ipa, firmware.segments[1].data), (map::ARENA_BASE, &[1; 100][..]));
}

#[test]
fn a_wrong_field_is_named() {
    let bytes = u64::to_le_bytes;
    let beyond = (sound().len() as u64) + 1;
    let table: [(&str, usize, &[u8]); 25] = [
        ("e_ident[EI_MAG0..3]", 0, b"\x7fELG"),
        ("e_ident[EI_MAG0..3]", 0, b"#!/b"),
        ("e_ident[EI_CLASS]", EI_CLASS, &[1]),
        ("e_ident[EI_DATA]", EI_DATA, &[2]),
        ("e_type", E_TYPE, &[3, 0]),
        ("e_type", E_TYPE, &[1, 0]),
        ("e_machine", E_MACHINE, &[62, 0]),
        ("e_entry", E_ENTRY, &bytes(0)),
        ("e_entry", E_ENTRY, &bytes(map::FIRMWARE_BASE + 4)),
        ("e_entry", E_ENTRY, &bytes(u64::MAX)),
        ("e_phoff", E_PHOFF, &bytes(beyond)),
        ("e_phoff", E_PHOFF, &bytes(u64::MAX)),
        ("e_phentsize", E_PHENTSIZE, &[32, 0]),
        ("e_phnum", E_PHNUM, &[0, 0]),
        ("e_phnum", E_PHNUM, &[0xfe, 0xff]),
        ("e_phnum", E_PHNUM, &[0xff, 0xff]),
        ("p_offset", P_OFFSET, &bytes(beyond)),
        ("p_offset", P_OFFSET, &bytes(u64::MAX)),
        ("p_paddr", P_PADDR, &bytes(map::RAM_BASE - 4)),
        ("p_paddr", P_PADDR, &bytes(RAM.end)),
        ("p_paddr", P_PADDR, &bytes(u64::MAX)),
        ("p_filesz", P_FILESZ, &bytes(5)),
        ("p_filesz", P_FILESZ, &bytes(u64::MAX)),
        ("p_memsz", P_MEMSZ, &bytes(RAM.end - map::FIRMWARE_BASE + 1)),
        ("p_memsz", P_MEMSZ, &bytes(u64::MAX)),
    ];
    for (field, at, value) in table {
        let mut file = sound();
        file[at..at + value.len()].copy_from_slice(value);
        let message = refusal(&file);
        assert!(message.contains(field), "{field} = {value:02x?}: {message}");
    }
}

#[test]
fn without_a_segment_to_load_it_is_refused() {
    let mut file = sound();
    for header in 0..2 {
        file[P_TYPE + PHDR * header] = 6;
    }
    assert!(refusal(&file).contains("PT_LOAD"));
    assert!(refusal(&elf(&[])).contains("PT_LOAD"));
}

/// A file cut anywhere is refused; by the part of it that is cut.
#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let file = sound();
    for length in 0..file.len() {
        let message = refusal(&file[..length]);
        let field = match length {
            ..16 => "e_ident",
            16..EHDR => "e_ehsize",
            _ if length < EHDR + 2 * PHDR => "e_phnum",
            _ => "p_filesz",
        };
        assert!(message.contains(field), "{length} bytes: {message}");
    }
}

#[test]
fn no_header_byte_makes_the_parser_panic_or_leave_ram() {
    let sound = sound();
    for at in 0..EHDR + 2 * PHDR {
        for value in 0..=u8::MAX {
            let mut file = sound.clone();
            file[at] = value;
            let Ok(firmware) = Firmware::parse(&file, RAM) else { continue };
            for segment in firmware.segments {
                let end = segment.ipa + segment.data.len() as u64;
                assert!(RAM.start <= segment.ipa && end <= RAM.end, "byte {at} = {value:#x}: {segment:?}");
            }
        }
    }
}

/// Runs firmware that must be refused; returns the reason.
fn refused_by_granule(file: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    Run::new().option("--firmware", write_elf(scratch.path(), file)).arg("boot").report().broken()
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn truncated_firmware_is_reported_to_the_user() {
    let file = fs::read(environment::file(FIRMWARE)).unwrap();
    let first_segment = u64::from_le_bytes(file[P_OFFSET..P_OFFSET + 8].try_into().unwrap());
    let reason = refused_by_granule(&file[..first_segment as usize + 1]);
    assert!(reason.contains("p_filesz"), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn firmware_of_another_architecture_is_reported_to_the_user() {
    let mut file = fs::read(environment::file(FIRMWARE)).unwrap();
    file[E_MACHINE] = 62;
    let reason = refused_by_granule(&file);
    assert!(reason.contains("e_machine"), "{reason}");
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn missing_firmware_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("none.elf");
    let reason = Run::new().option("--firmware", &path).report().broken();
    assert!(reason.contains(path.to_str().unwrap()), "{reason}");
}
