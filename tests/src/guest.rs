//! Firmware that is not ours: ELF files made of a few instructions and, if need be, a mailbox full of lies.

use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

use abi::doorbell::Doorbell;
use abi::mailbox::Mailbox;
use abi::{ABI_VERSION, map};
use zerocopy::{FromZeros, IntoBytes};

/// Bytes in an ELF file header of 64 bits.
pub const EHDR: usize = 64;
/// Bytes in an ELF program header of 64 bits.
pub const PHDR: usize = 56;

/// A segment to be loaded: its address and its bytes.
pub type Segment = (u64, Vec<u8>);

/// Makes an executable for arm64 out of its segments; it is entered at the first.
///
/// # Panics
///
/// When there are more than 65,535.
#[must_use]
pub fn elf(segments: &[Segment]) -> Vec<u8> {
    let count = u16::try_from(segments.len()).expect("a few segments");
    let entry = segments.first().map_or(0, |(address, _)| *address);
    let mut file = Vec::new();
    // e_ident: magic, ELFCLASS64, ELFDATA2LSB, EV_CURRENT.
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // e_type ET_EXEC, e_machine EM_AARCH64, e_version.
    file.extend([2u16, 183, 1, 0].map(u16::to_le_bytes).concat());
    // e_entry, e_phoff, e_shoff.
    file.extend([entry, EHDR as u64, 0].map(u64::to_le_bytes).concat());
    // e_flags (two halves), e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx.
    file.extend([0, 0, EHDR as u16, PHDR as u16, count, 0, 0, 0].map(u16::to_le_bytes).concat());
    let mut offset = (EHDR + PHDR * segments.len()) as u64;
    for (address, bytes) in segments {
        let size = bytes.len() as u64;
        // p_type PT_LOAD, p_flags.
        file.extend([1u32, 7].map(u32::to_le_bytes).concat());
        // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align.
        file.extend([offset, *address, *address, size, size, 1].map(u64::to_le_bytes).concat());
        offset += size;
    }
    segments.iter().for_each(|(_, bytes)| file.extend(bytes));
    file
}

/// Loads x0 with the doorbell's address, [`map::UART_DR`].
pub const DOORBELL: &str = "movz x0, #0x900, lsl #16;";

/// Makes firmware that does nothing but this, from its first instruction on, with the MMU off.
///
/// # Panics
///
/// When the text does not assemble.
#[must_use]
pub fn program(text: &str) -> Segment {
    let program = assembler::assemble(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    (map::FIRMWARE_BASE, program.iter().flat_map(|word| word.encode().to_le_bytes()).collect())
}

/// Makes a mailbox of the first vCPU that the firmware has filled in before it begins.
#[must_use]
pub fn mailbox(fill: impl FnOnce(&mut Mailbox)) -> Segment {
    let mut mailbox = Mailbox::new_zeroed();
    fill(&mut mailbox);
    (map::mailbox_ipa(0), mailbox.as_bytes().to_vec())
}

/// Makes firmware that reports that it has booted, as it should, and never answers a request.
#[must_use]
pub fn hanging_after_boot() -> Vec<u8> {
    let booted = |mailbox: &mut Mailbox| {
        mailbox.boot.version = ABI_VERSION;
        mailbox.boot.entry_el = 1;
        // ID_AA64PFR1_EL1.MTE, bits 11:8.
        mailbox.boot.pfr1 = 3 << 8;
    };
    let ring = format!("{DOORBELL} movz w1, #{}; strb w1, [x0]; b .", Doorbell::Reply.byte(0));
    elf(&[program(&ring), mailbox(booted)])
}

/// What firmware answers to each block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer {
    /// The syndromes of the exceptions that it claims, all at the first instruction.
    pub esrs: &'static [u64],
    /// What it claims to be in every general register.
    pub x: u64,
    /// The reason that it gives for the end.
    pub end: u64,
}

/// Makes firmware that boots as it should, does nothing, and gives the same answer to every request.
#[must_use]
pub fn answering(answer: Answer) -> Vec<u8> {
    let filled = |mailbox: &mut Mailbox| {
        mailbox.boot.version = ABI_VERSION;
        mailbox.boot.entry_el = 1;
        // ID_AA64PFR1_EL1.MTE, ID_AA64ISAR0_EL1.Atomic, and DC ZVA of 64 bytes (DCZID_EL0.BS).
        mailbox.boot.pfr1 = 3 << 8;
        mailbox.boot.isar0 = 2 << 20;
        mailbox.boot.dczid = 4;
        mailbox.reply.x = [answer.x; 31];
        mailbox.reply.traps = answer.esrs.len() as u64;
        mailbox.reply.end = answer.end;
        for (trap, esr) in mailbox.traps.iter_mut().zip(answer.esrs) {
            (trap.pc, trap.esr) = (map::code_va(0), *esr);
        }
    };
    let (request, reply) = (offset_of!(Mailbox, control.request), offset_of!(Mailbox, control.reply));
    let mailbox_upper = map::mailbox_ipa(0) >> 16;
    let serve = format!(
        "{DOORBELL} movz w1, #{}; movz x2, #{mailbox_upper:#x}, lsl #16; movz w3, #0
         ring: str w3, [x2, #{reply}]; dsb sy; strb w1, [x0]
         wait: ldr w4, [x2, #{request}]; subs w5, w4, w3; b.eq wait; orr w3, wzr, w4; b ring",
        Doorbell::Reply.byte(0)
    );
    elf(&[program(&serve), mailbox(filled)])
}

/// Makes firmware that reports that it has booted, as it should, and then makes a call of PSCI (DEN 0022, 5.1).
#[must_use]
pub fn calling_psci_after_boot(function: u32) -> Vec<u8> {
    let booted = |mailbox: &mut Mailbox| {
        mailbox.boot.version = ABI_VERSION;
        mailbox.boot.entry_el = 1;
        // ID_AA64PFR1_EL1.MTE, bits 11:8.
        mailbox.boot.pfr1 = 3 << 8;
        // DCZID_EL0.DZP.
        mailbox.boot.dczid = 1 << 4;
    };
    let (high, low) = (function >> 16, function & 0xffff);
    let call = format!("movz x0, #{high}, lsl #16; movk x0, #{low}; hvc #0; b .");
    let ring = format!("{DOORBELL} movz w1, #{}; strb w1, [x0]; {call}", Doorbell::Reply.byte(0));
    elf(&[program(&ring), mailbox(booted)])
}

/// Writes an ELF file into a directory.
///
/// # Panics
///
/// When it cannot be written.
#[must_use]
pub fn write_elf(directory: &Path, file: &[u8]) -> PathBuf {
    let path = directory.join("firmware.elf");
    fs::write(&path, file).expect("the scratch directory is writable");
    path
}
