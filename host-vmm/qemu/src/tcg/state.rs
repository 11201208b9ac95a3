//! A machine's state as QEMU writes it: a file in which each page has its place
//! (docs/devel/migration/mapped-ram.rst), and how to read and change memory and tags in it.
//!
//! The file begins with what is no memory, then come the blocks of memory, each with a header, a bitmap of the pages that
//! are not zero, and the pages. What QEMU keeps for tags is a block of its own, two tags a byte, the lower address in the lower
//! half (target/arm/tcg/mte_helper.c, `load_tag1`). Numbers are big-endian, as in the rest of the stream.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use abi::map::{GUEST_PAGE, RAM_BASE};

use super::emulator_error::lost;
use crate::memfd::MemFile;
use machine::snapshot::Extent;
use machine::tags::GRANULE;
use machine::{MachineError, RequestError};

/// What the section of memory begins with: its name, and instance 0 of version 4 (migration/savevm.c, `save_section_header`).
const SECTION: &[u8] = b"\x03ram\0\0\0\0\0\0\0\x04";
/// Where the section begins is looked for in this many bytes; what comes before is the machine's name and a few options.
const BEFORE: usize = 4096;
/// RAM, by the name of its backend.
const RAM: &[u8] = b"ram";
/// Memory for tags (hw/arm/virt.c, `create_tag_ram`).
const TAGS: &[u8] = b"mach-virt.tag";
/// Bytes of a block's header: version, page size, where its bitmap is, and where its pages are.
const HEADER: usize = 4 + 8 + 8 + 8;
/// The section that tells whether the guest ran: its name, instance 0 of version 1 (migration/global_state.c).
const RUN_STATE: &[u8] = b"\x0bglobalstate\0\0\0\0\0\0\0\x01";
/// What it begins with where a debugger held the guest: the length of a name, and the name.
const DEBUG: &[u8] = b"\0\0\0\x06debug\0";
/// The same for a guest that was stopped by its host.
const PAUSED: &[u8] = b"\0\0\0\x07paused\0";

/// Bytes of RAM whose tags are one byte.
const PER_BYTE: u64 = 2 * GRANULE;
/// Bytes of tags of a page.
const PAIRS: usize = (GUEST_PAGE / PER_BYTE) as usize;

/// The file.
#[derive(Debug)]
pub struct MigrationFile {
    file: MemFile,
    ram: Block,
    tags: Block,
}

/// A block of memory in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    bytes: u64,
    /// Where the bitmap begins: a bit a page, set for those that are not zero.
    bitmap: u64,
    /// Where the first page is.
    pages: u64,
}

impl MigrationFile {
    /// Reads where things are in a file that QEMU has written.
    ///
    /// # Errors
    ///
    /// When it is not as the format's description says, or cannot be read.
    pub fn open(file: MemFile) -> Result<Self, MachineError> {
        let blocks = blocks(file.file()).map_err(lost)?;
        let named = |name: &[u8]| {
            let block = blocks.iter().find(|(found, _)| found == name).map(|(_, block)| block.clone());
            block
                .ok_or_else(|| lost(unexpected_format(&format!("there is no block {}", String::from_utf8_lossy(name)))))
        };
        let (ram, tags) = (named(RAM)?, named(TAGS)?);
        if ram.bytes > tags.bytes * PER_BYTE {
            return Err(lost(unexpected_format("there is less room for tags than RAM needs")));
        }
        let state = Self { file, ram, tags };
        state
            .clear_debug_state(blocks.iter().map(|(_, block)| block.pages + block.bytes).max().unwrap_or(0))
            .map_err(lost)?;
        Ok(state)
    }

    /// Takes the guest out of the debugger's hands: a QEMU that loads it would go from loading to debugging, and that it
    /// believes impossible and aborts (system/runstate.c, `runstate_transitions_def`, as of 11.1).
    fn clear_debug_state(&self, memory_end: u64) -> io::Result<()> {
        let file = self.file.file();
        let mut rest = vec![0; file.metadata()?.len().saturating_sub(memory_end) as usize];
        file.read_exact_at(&mut rest, memory_end)?;
        let held = [RUN_STATE, DEBUG].concat();
        match rest.windows(held.len()).position(|window| window == held) {
            Some(at) => file.write_all_at(PAUSED, memory_end + (at + RUN_STATE.len()) as u64),
            None => Ok(()),
        }
    }

    /// The path under which QEMU finds it while this process lives.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.file)
    }

    /// Returns the RAM that has something in it, or tags: whole pages, in ascending order.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn memory(&self) -> Result<Vec<Extent>, MachineError> {
        self.touched().map_err(lost)
    }

    fn touched(&self) -> io::Result<Vec<Extent>> {
        let file = self.file.file();
        let (present, tagged) = (self.ram.bitmap(file)?, self.tags.bitmap(file)?);
        let mut memory: Vec<Extent> = Vec::new();
        for page in 0..self.ram.bytes / GUEST_PAGE {
            let offset = page * GUEST_PAGE;
            let mut pairs = [0; PAIRS];
            if tagged.has(offset / PER_BYTE / GUEST_PAGE) {
                self.tags.read(file, offset / PER_BYTE, &mut pairs)?;
            }
            if !present.has(page) && pairs == [0; PAIRS] {
                continue;
            }
            let mut data = vec![0; GUEST_PAGE as usize];
            self.ram.read(file, offset, &mut data)?;
            let tags = pairs.into_iter().flat_map(|pair| [pair & 0xf, pair >> 4]);
            match memory.last_mut() {
                Some(last) if last.ipa + last.data.len() as u64 == RAM_BASE + offset => {
                    last.data.extend(data);
                    last.tags.extend(tags);
                }
                _ => memory.push(Extent { ipa: RAM_BASE + offset, data, tags: tags.collect() }),
            }
        }
        Ok(memory)
    }

    /// Puts memory and tags into the file.
    ///
    /// # Errors
    ///
    /// When an extent is not RAM, or has not a tag for each granule.
    pub fn set_memory(&self, memory: &[Extent]) -> Result<(), MachineError> {
        for extent in memory {
            let offset = self.offset(extent.ipa, extent.data.len() as u64)?;
            if extent.tags.len() as u64 * GRANULE != extent.data.len() as u64 {
                let (bytes, tags) = (extent.data.len() as u64, extent.tags.len() as u64);
                return Err(RequestError::TagCount { ipa: extent.ipa, bytes, tags }.into());
            }
            self.ram.write(self.file.file(), offset, &extent.data).map_err(lost)?;
            self.set_tags(extent.ipa, &extent.tags)?;
        }
        Ok(())
    }

    /// Returns tags, one a byte, from a guest-physical address on, a multiple of a granule.
    ///
    /// # Errors
    ///
    /// When not all of it is RAM.
    pub fn tags(&self, ipa: u64, tags: &mut [u8]) -> Result<(), MachineError> {
        let first = self.offset(ipa, tags.len() as u64 * GRANULE)? / GRANULE;
        let pairs = self.pairs(first, tags.len() as u64).map_err(lost)?;
        for (granule, tag) in (first..).zip(tags) {
            *tag = pairs[(granule / 2 - first / 2) as usize] >> (granule % 2 * 4) & 0xf;
        }
        Ok(())
    }

    /// Changes tags, one a byte and each below 16, from a guest-physical address on, a multiple of a granule.
    ///
    /// # Errors
    ///
    /// When not all of it is RAM.
    pub fn set_tags(&self, ipa: u64, tags: &[u8]) -> Result<(), MachineError> {
        let first = self.offset(ipa, tags.len() as u64 * GRANULE)? / GRANULE;
        let mut pairs = self.pairs(first, tags.len() as u64).map_err(lost)?;
        for (granule, tag) in (first..).zip(tags) {
            let pair = &mut pairs[(granule / 2 - first / 2) as usize];
            let place = granule % 2 * 4;
            *pair = *pair & !(0xf << place) | (tag & 0xf) << place;
        }
        self.tags.write(self.file.file(), first / 2, &pairs).map_err(lost)
    }

    /// Reads the bytes in which the tags of some granules are.
    fn pairs(&self, first: u64, granules: u64) -> io::Result<Vec<u8>> {
        let mut pairs = vec![0; ((first + granules).div_ceil(2) - first / 2) as usize];
        self.tags.read(self.file.file(), first / 2, &mut pairs)?;
        Ok(pairs)
    }

    fn offset(&self, ipa: u64, bytes: u64) -> Result<u64, MachineError> {
        let offset = ipa.checked_sub(RAM_BASE);
        let inside = offset.filter(|offset| offset.checked_add(bytes).is_some_and(|end| end <= self.ram.bytes));
        inside.ok_or_else(|| RequestError::OutsideMemory { ipa, length: bytes }.into())
    }
}

/// Returns the path under which another process finds a file while this one lives.
#[must_use]
pub fn path(file: &MemFile) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.descriptor())
}

impl Block {
    fn bitmap(&self, file: &File) -> io::Result<Bitmap> {
        let mut bits = vec![0; (self.bytes / GUEST_PAGE).div_ceil(8) as usize];
        file.read_exact_at(&mut bits, self.bitmap)?;
        Ok(Bitmap(bits))
    }

    /// Reads bytes; those of pages that the bitmap has not are zero.
    fn read(&self, file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let bitmap = self.bitmap(file)?;
        let mut rest = bytes;
        let mut at = offset;
        while !rest.is_empty() {
            let to_page = (GUEST_PAGE - at % GUEST_PAGE) as usize;
            let (part, more) = rest.split_at_mut(to_page.min(rest.len()));
            if bitmap.has(at / GUEST_PAGE) {
                file.read_exact_at(part, self.pages + at)?;
            } else {
                part.fill(0);
            }
            at += part.len() as u64;
            rest = more;
        }
        Ok(())
    }

    /// Writes bytes, and notes that their pages are there.
    fn write(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut bitmap = self.bitmap(file)?;
        for page in offset / GUEST_PAGE..(offset + bytes.len() as u64).div_ceil(GUEST_PAGE) {
            if !bitmap.has(page) {
                bitmap.0[(page / 8) as usize] |= 1 << (page % 8);
                // What lies there is of no page, or of an older one.
                file.write_all_at(&[0; GUEST_PAGE as usize], self.pages + page * GUEST_PAGE)?;
            }
        }
        file.write_all_at(&bitmap.0, self.bitmap)?;
        file.write_all_at(bytes, self.pages + offset)
    }
}

/// Which pages are there.
#[derive(Debug)]
struct Bitmap(Vec<u8>);

impl Bitmap {
    fn has(&self, page: u64) -> bool {
        self.0.get((page / 8) as usize).is_some_and(|byte| byte >> (page % 8) & 1 == 1)
    }
}

/// Lists the blocks of memory with their names.
fn blocks(file: &File) -> io::Result<Vec<(Vec<u8>, Block)>> {
    let mut start = vec![0; BEFORE];
    let read = file.read_at(&mut start, 0)?;
    start.truncate(read);
    let section = start.windows(SECTION.len()).position(|window| window == SECTION);
    let section = section.ok_or_else(|| unexpected_format("it has no section of memory"))?;
    let mut at = (section + SECTION.len()) as u64;
    // The sum of all blocks; its low bits say that it is one.
    let mut left = number(file, &mut at)? & !(GUEST_PAGE - 1);
    let mut blocks = Vec::new();
    while left > 0 {
        let mut length = [0];
        file.read_exact_at(&mut length, at)?;
        let mut name = vec![0; length[0].into()];
        file.read_exact_at(&mut name, at + 1)?;
        at += 1 + u64::from(length[0]);
        let bytes = number(file, &mut at)?;
        let end = at + HEADER as u64;
        at += 4;
        let (page, bitmap, pages) = (number(file, &mut at)?, number(file, &mut at)?, number(file, &mut at)?);
        if page != GUEST_PAGE || bytes == 0 || bytes > left || bitmap < end || pages < bitmap {
            return Err(unexpected_format(&format!("block {} has an odd header", String::from_utf8_lossy(&name))));
        }
        left -= bytes;
        at = pages.checked_add(bytes).ok_or_else(|| unexpected_format("a block has no end"))?;
        blocks.push((name, Block { bytes, bitmap, pages }));
    }
    Ok(blocks)
}

/// Reads a number and goes behind it.
fn number(file: &File, at: &mut u64) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, *at)?;
    *at += 8;
    Ok(u64::from_be_bytes(bytes))
}

fn unexpected_format(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is not as expected: {what}"))
}

#[cfg(test)]
mod tests;
