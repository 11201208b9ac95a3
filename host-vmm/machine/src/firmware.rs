//! The firmware's ELF file: where it comes from, and what of it goes where in guest memory.
//!
//! The file may be anything that a user names with `--firmware`. Each field that is read is checked,
//! and an error names it as the ELF specification does.

use std::borrow::Cow;
use std::ops::Range;

use object::Endianness;
use object::elf::{EM_AARCH64, ET_EXEC, FileHeader64, PT_LOAD, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::explain::Explain;

/// Why an image cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FirmwareError {
    /// Not an ELF file of the right kind.
    #[error("firmware: {field} is {found}, expected {expected}")]
    Field {
        /// As the ELF specification names it.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it must say.
        expected: String,
    },
    /// Ends before its headers say.
    #[error("firmware: the file ends before {field} says it does: it is truncated")]
    Truncated {
        /// As the ELF specification names it.
        field: &'static str,
    },
    /// Does not fit.
    #[error(
        "firmware: segment {index} takes {start:#x}..{end:#x} (p_paddr, p_memsz), outside the guest's RAM {ram_start:#x}..{ram_end:#x}"
    )]
    OutsideRam {
        /// The program header's number.
        index: usize,
        /// First byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
        /// First byte of RAM.
        ram_start: u64,
        /// Behind the last byte of RAM.
        ram_end: u64,
    },
}

impl Explain for FirmwareError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Field { .. } => "give an aarch64 bare-metal ELF, such as guest-fw".into(),
            Self::Truncated { .. } => "copy it again".into(),
            Self::OutsideRam { .. } => "link it into RAM, or give the guest more".into(),
        })
    }
}

/// A part of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Guest-physical address of the first byte.
    pub ipa: u64,
    /// What is in the file; the rest of the segment is zero.
    pub data: &'a [u8],
}

/// A checked image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware<'a> {
    /// Where a vCPU starts.
    pub entry: u64,
    /// What is loaded, in file order.
    pub segments: Vec<Segment<'a>>,
}

fn field(field: &'static str, found: impl ToString, expected: &str) -> FirmwareError {
    FirmwareError::Field { field, found: found.to_string(), expected: expected.to_owned() }
}

impl<'a> Firmware<'a> {
    /// Checks an ELF file against the RAM it is to be loaded into.
    ///
    /// # Errors
    ///
    /// The first field that is not right.
    pub fn parse(file: &'a [u8], ram: Range<u64>) -> Result<Self, FirmwareError> {
        let Some(ident) = file.get(..16) else {
            return Err(FirmwareError::Truncated { field: "e_ident" });
        };
        if ident[..4] != *b"\x7fELF" {
            return Err(field("e_ident[EI_MAG0..3]", format!("{:02x?}", &ident[..4]), "7f 45 4c 46"));
        }
        if ident[4] != 2 {
            return Err(field("e_ident[EI_CLASS]", ident[4], "2 (64-bit)"));
        }
        if ident[5] != 1 {
            return Err(field("e_ident[EI_DATA]", ident[5], "1 (little-endian)"));
        }
        let header =
            FileHeader64::<Endianness>::parse(file).map_err(|_| FirmwareError::Truncated { field: "e_ehsize" })?;
        let endian = Endianness::Little;
        let machine = header.e_machine(endian);
        if machine != EM_AARCH64 {
            return Err(field("e_machine", format!("{:?}", machine), "183 (EM_AARCH64)"));
        }
        let kind = header.e_type(endian);
        if kind != ET_EXEC {
            return Err(field("e_type", format!("{:?}", kind), "2 (ET_EXEC): the firmware is not relocated"));
        }
        let entry_size = header.e_phentsize(endian);
        if header.e_phnum(endian) != 0 && usize::from(entry_size) != size_of::<ProgramHeader64<Endianness>>() {
            return Err(field("e_phentsize", entry_size, "56"));
        }
        let program_headers = header
            .program_headers(endian, file)
            .map_err(|_| FirmwareError::Truncated { field: "e_phoff + e_phnum" })?;
        let mut segments = Vec::new();
        let entry = header.e_entry(endian);
        let mut entry_found = false;
        for (index, program_header) in program_headers.iter().enumerate() {
            if program_header.p_type(endian) != PT_LOAD {
                continue;
            }
            let (ipa, size) = (program_header.p_paddr(endian), program_header.p_memsz(endian));
            let in_file = program_header.p_filesz(endian);
            if in_file > size {
                return Err(field("p_filesz", format!("{in_file:#x}"), &format!("at most p_memsz ({size:#x})")));
            }
            let end = ipa.saturating_add(size);
            if ipa < ram.start || end > ram.end {
                return Err(FirmwareError::OutsideRam {
                    index,
                    start: ipa,
                    end,
                    ram_start: ram.start,
                    ram_end: ram.end,
                });
            }
            let data = program_header
                .data(endian, file)
                .map_err(|()| FirmwareError::Truncated { field: "p_offset + p_filesz" })?;
            entry_found |= (ipa..end).contains(&entry);
            segments.push(Segment { ipa, data });
        }
        if segments.is_empty() {
            return Err(field("e_phnum", program_headers.len(), "at least one PT_LOAD segment"));
        }
        if !entry_found {
            return Err(field("e_entry", format!("{entry:#x}"), "an address in a PT_LOAD segment"));
        }
        Ok(Self { entry, segments })
    }
}
