//! The image that is run: an ELF file, a Linux `Image` or a flat binary, and where it goes.
//!
//! The file may be anything that a user names. A flat binary goes where QEMU's `-kernel` puts it (hw/arm/boot.c,
//! `load_aarch64_image`), an ELF file to its physical addresses.

use std::ops::Range;

use object::Endianness;
use object::elf::{EM_AARCH64, ET_DYN, ET_EXEC, FileHeader64, PF_X, PT_LOAD, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::lines::Lines;
use crate::symbols::Symbols;

/// Where RAM begins, as on QEMU's `virt` board.
pub const RAM_BASE: u64 = 0x4000_0000;
/// Where a binary without a header goes, from the begin of RAM (QEMU's `KERNEL64_LOAD_ADDR`).
const FLAT_OFFSET: u64 = 0x8_0000;
/// Nearer to the begin of RAM QEMU's own boot code is in the way, so it adds 2 MiB (`BOOTLOADER_MAX_SIZE`).
const BOOTLOADER: u64 = 4 << 10;
const MIB_2: u64 = 2 << 20;
/// The header of a Linux `Image` (Documentation/arch/arm64/booting.rst): `text_offset`, `image_size` and the magic `ARM\x64`.
const TEXT_OFFSET: usize = 8;
const IMAGE_SIZE: usize = 16;
const MAGIC: Range<usize> = 56..60;

/// Why a file cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// A field of an ELF file.
    #[error("{field} is {found}, expected {expected}")]
    Field {
        /// As the ELF specification names it.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it must say.
        expected: &'static str,
    },
    /// An ELF file that ends too early.
    #[error("the file ends before {0} says it does: it is truncated")]
    Truncated(&'static str),
    /// An image that does not fit into RAM.
    #[error(
        "{what} takes {start:#x}..{end:#x}, outside RAM, which is {:#x}..{ram_end:#x}; link it there, or give more with --mem",
        RAM_BASE
    )]
    OutsideRam {
        /// Which part.
        what: String,
        /// First byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
        /// Behind the last byte of RAM.
        ram_end: u64,
    },
    /// Nothing in it.
    #[error("there is nothing in it to run")]
    Empty,
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An executable at fixed addresses (ET_EXEC).
    Elf,
    /// A position independent one (ET_DYN): its segments are put where a flat binary goes, and it relocates itself.
    PositionIndependent,
    /// A Linux `Image`, or another with that header.
    Linux,
    /// A binary without a header.
    Flat,
}

impl Format {
    /// Returns what it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::PositionIndependent => "position independent ELF",
            Self::Linux => "Linux Image",
            Self::Flat => "flat binary",
        }
    }
}

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is loaded.
    pub pa: u64,
    /// Where the image sees it, once it has turned on translation.
    pub va: u64,
    /// The bytes in the file.
    pub data: Vec<u8>,
    /// Bytes in memory; those behind `data` are 0.
    pub size: u64,
    /// Whether it has code.
    pub executable: bool,
}

/// An image, checked.
#[derive(Clone, Debug)]
pub struct Image {
    /// What kind of file it was.
    pub format: Format,
    /// Where vCPU 0 begins, as a physical address.
    pub entry: u64,
    /// Its parts, in the order of the file.
    pub segments: Vec<Segment>,
    /// What it calls its addresses.
    pub symbols: Symbols,
    /// Where its code comes from.
    pub lines: Lines,
}

impl Image {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is an ELF file that is not for this machine, or does not fit into this many bytes of RAM.
    pub fn parse(file: &[u8], ram_bytes: u64) -> Result<Self, ImageError> {
        let image = if file.starts_with(b"\x7fELF") { elf(file)? } else { flat(file)? };
        let ram_end = RAM_BASE + ram_bytes;
        for (index, segment) in image.segments.iter().enumerate() {
            let (start, end) = (segment.pa, segment.pa.saturating_add(segment.size));
            if start < RAM_BASE || end > ram_end {
                let what = format!("segment {index} (p_paddr, p_memsz)");
                return Err(ImageError::OutsideRam { what, start, end, ram_end });
            }
        }
        Ok(image)
    }

    /// Takes the names of addresses from another file: the ELF file that a flat binary was made of.
    ///
    /// # Errors
    ///
    /// When it is no ELF file for this machine.
    pub fn take_symbols(&mut self, file: &[u8]) -> Result<(), ImageError> {
        let other = elf(file)?;
        // A position independent one is placed as the flat binary is; any other says where it is linked to.
        (self.symbols, self.lines) = (other.symbols, other.lines);
        Ok(())
    }

    /// Returns the whole as one binary from its lowest address on, gaps as zeros.
    #[must_use]
    pub fn flattened(&self) -> (u64, Vec<u8>) {
        let base = self.segments.iter().map(|segment| segment.pa).min().unwrap_or(RAM_BASE);
        let mut bytes = Vec::new();
        for segment in &self.segments {
            let start = (segment.pa - base) as usize;
            let end = start + segment.data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(&segment.data);
        }
        (base, bytes)
    }

    /// Returns the addresses at which an executable segment has a word for which `wanted` holds: both the physical and the virtual one
    /// where these differ.
    #[must_use]
    pub fn addresses_of_words(&self, wanted: impl Fn(u32) -> bool) -> Vec<u64> {
        let mut found = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.executable) {
            let words =
                segment.data.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            for offset in words.enumerate().filter(|(_, word)| wanted(*word)).map(|(index, _)| 4 * index as u64) {
                found.push(segment.pa + offset);
                if segment.va != segment.pa {
                    found.push(segment.va.wrapping_add(offset));
                }
            }
        }
        found
    }
}

fn flat(file: &[u8]) -> Result<Image, ImageError> {
    if file.len() < 4 {
        return Err(ImageError::Empty);
    }
    let word =
        |offset: usize| file.get(offset..offset + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let has_header = file.get(MAGIC) == Some(b"ARM\x64") && word(IMAGE_SIZE).is_some_and(|size| size != 0);
    let (format, mut offset, size) = match has_header {
        true => (Format::Linux, word(TEXT_OFFSET).unwrap_or_default(), word(IMAGE_SIZE).unwrap_or_default()),
        false => (Format::Flat, FLAT_OFFSET, 0),
    };
    if offset < BOOTLOADER {
        offset += MIB_2;
    }
    let pa = RAM_BASE.saturating_add(offset);
    let size = size.max(file.len() as u64);
    let segments = vec![Segment { pa, va: pa, data: file.to_vec(), size, executable: true }];
    Ok(Image { format, entry: pa, segments, symbols: Symbols::default(), lines: Lines::default() })
}

fn field(field: &'static str, found: impl std::fmt::Debug, expected: &'static str) -> ImageError {
    ImageError::Field { field, found: format!("{found:?}"), expected }
}

fn elf(file: &[u8]) -> Result<Image, ImageError> {
    match file.get(4..6) {
        None => return Err(ImageError::Truncated("e_ident")),
        Some([2, 1]) => {}
        Some(other) => return Err(field("e_ident[EI_CLASS..EI_DATA]", other, "[2, 1]: 64-bit, little-endian")),
    }
    let header = FileHeader64::<Endianness>::parse(file).map_err(|_| ImageError::Truncated("e_ehsize"))?;
    let endian = Endianness::Little;
    let machine = header.e_machine(endian);
    if machine != EM_AARCH64 {
        return Err(field("e_machine", machine, "183 (EM_AARCH64)"));
    }
    let format = match header.e_type(endian) {
        ET_EXEC => Format::Elf,
        ET_DYN => Format::PositionIndependent,
        other => return Err(field("e_type", other, "2 (ET_EXEC) or 3 (ET_DYN)")),
    };
    let headers = header.program_headers(endian, file).map_err(|_| ImageError::Truncated("e_phoff + e_phnum"))?;
    let loaded: Vec<_> = headers.iter().filter(|header| header.p_type(endian) == PT_LOAD).collect();
    let lowest = loaded.iter().map(|header| header.p_paddr(endian)).min().ok_or(ImageError::Empty)?;
    // An image that can be anywhere is put where a flat binary goes.
    let bias = match format {
        Format::PositionIndependent if lowest < RAM_BASE => RAM_BASE + FLAT_OFFSET - (lowest & !0xffff),
        _ => 0,
    };
    let segments = loaded.iter().map(|header| segment(header, bias, file)).collect::<Result<Vec<_>, _>>()?;
    let entry = header.e_entry(endian).wrapping_add(bias);
    let (symbols, lines) = (Symbols::of_elf(file, bias), Lines::of_elf(file, bias));
    Ok(Image { format, entry: physical(&segments, entry), segments, symbols, lines })
}

fn segment(header: &ProgramHeader64<Endianness>, bias: u64, file: &[u8]) -> Result<Segment, ImageError> {
    let endian = Endianness::Little;
    let data = header.data(endian, file).map_err(|()| ImageError::Truncated("p_offset + p_filesz"))?;
    let size = header.p_memsz(endian);
    if data.len() as u64 > size {
        return Err(field("p_filesz", data.len(), "at most p_memsz"));
    }
    Ok(Segment {
        pa: header.p_paddr(endian).wrapping_add(bias),
        va: header.p_vaddr(endian).wrapping_add(bias),
        data: data.to_vec(),
        size,
        executable: header.p_flags(endian) & PF_X == PF_X,
    })
}

/// Returns the physical address of a virtual one, as the program headers say; itself where they say nothing.
fn physical(segments: &[Segment], va: u64) -> u64 {
    let segment =
        segments.iter().find(|segment| va.checked_sub(segment.va).is_some_and(|offset| offset < segment.size));
    segment.map_or(va, |segment| va - segment.va + segment.pa)
}

#[cfg(test)]
mod tests;
