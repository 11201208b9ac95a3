//! What the kernel tells of this process's pages: /proc/self/pagemap and /proc/self/smaps.
//!
//! Only root can read frame numbers; others read 0 for every page, which counts as unknown.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use machine::need::Need;
use machine::{Access, Backing, MachineError};

use super::memory::{Mapping, page_size};

/// Bits of an entry (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const FRAME: u64 = (1 << 55) - 1;

/// Where a page of this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageLocation {
    /// Nowhere: it was never touched, or was given back.
    None,
    /// In the page frame of this number; 0 if the kernel does not tell.
    Frame(u64),
    /// In swap.
    Swap,
}

/// Reads where the pages of a range of addresses are. `None` when the kernel does not tell.
#[must_use]
pub fn page_locations(addresses: Range<u64>, page: u64) -> Option<Vec<PageLocation>> {
    let pages = usize::try_from((addresses.end - addresses.start) / page).ok()?;
    let mut entries = vec![0; pages * 8];
    let map = File::open("/proc/self/pagemap").ok()?;
    map.read_exact_at(&mut entries, addresses.start / page * 8).ok()?;
    let place = |entry: &[u8; 8]| match u64::from_le_bytes(*entry) {
        entry if entry & PRESENT != 0 => PageLocation::Frame(entry & FRAME),
        entry if entry & SWAPPED != 0 => PageLocation::Swap,
        _ => PageLocation::None,
    };
    Some(entries.as_chunks().0.iter().map(place).collect())
}

/// Reads whether the kernel's page full of zeros is flagged as tagged (PG_mte_tagged, which is PG_arch_2).
///
/// # Errors
///
/// `Lacking` when the kernel does not tell.
pub fn zero_page_is_tagged() -> Result<bool, MachineError> {
    /// Flags by frame (Documentation/admin-guide/mm/pagemap.rst), and PG_arch_2 in them (include/linux/kernel-page-flags.h).
    const FLAGS: &str = "/proc/kpageflags";
    const ARCH_2: u32 = 41;
    let page = page_size();
    let untouched = Mapping::new(page, Backing::Anonymous, Access::ReadWrite)?;
    let mut byte = [0];
    let read = untouched.read(0, &mut byte);
    debug_assert!(read, "a new mapping can be read");
    // It is the access that counts.
    std::hint::black_box(byte);
    let start = untouched.address();
    let lacking = |reason: &str| MachineError::from(Need::Pagemap.unmet(reason));
    let locations = page_locations(start..start + page, page).unwrap_or_default();
    let Some(PageLocation::Frame(frame @ 1..)) = locations.first() else {
        return Err(lacking("/proc/self/pagemap tells frame numbers to root only"));
    };
    let mut flags = [0; 8];
    let read = File::open(FLAGS).and_then(|file| file.read_exact_at(&mut flags, frame * 8));
    read.map_err(|error| lacking(&format!("{FLAGS} cannot be read: {error}")))?;
    Ok(u64::from_le_bytes(flags) >> ARCH_2 & 1 != 0)
}

/// Reads how many bytes of the mappings within a range are in transparent huge pages, and of how many.
#[must_use]
pub fn huge_bytes(addresses: Range<u64>) -> u64 {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut inside = false;
    let mut bytes = 0;
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some((start, _)) = first.split_once('-').filter(|_| !first.ends_with(':')) {
            inside = u64::from_str_radix(start, 16).is_ok_and(|start| addresses.contains(&start));
        } else if inside && matches!(first, "AnonHugePages:" | "ShmemPmdMapped:") {
            bytes += words.next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10;
        }
    }
    bytes
}
