//! The host's swap: areas that are emptied, and pages that stay in memory, compressed.
#![expect(unsafe_code, reason = "swapoff and swapon have no wrappers")]

use std::ffi::CString;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use machine::MachineError;
use machine::need::Need;

use super::errno;
use super::vm::kernel;

/// Swap areas, one a line after the heading.
const AREAS: &str = "/proc/swaps";
/// zswap's switch (Documentation/admin-guide/mm/zswap.rst), and where the kernel counts what went there.
const ZSWAP: &str = "/sys/module/zswap/parameters/enabled";
const COUNTERS: &str = "/proc/vmstat";
const COUNTER: &str = "zswpout ";

/// Pages that had gone to zswap when it was switched on.
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// Lists the files and devices that are swapped to.
pub fn areas() -> Vec<String> {
    let text = fs::read_to_string(AREAS).unwrap_or_default();
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Takes all that is in swap back to memory, and swaps again.
///
/// # Errors
///
/// `Lacking` without swap; what the kernel says.
pub fn empty() -> Result<(), MachineError> {
    let areas = areas();
    if areas.is_empty() {
        return Err(Need::Swap.unmet("this host has no swap: add some with swapon").into());
    }
    for area in areas {
        let path = CString::new(area.clone()).map_err(|_| kernel("swapoff", machine::Errno::EINVAL))?;
        // SAFETY: the path is a C string.
        if unsafe { libc::swapoff(path.as_ptr()) } != 0 {
            return Err(kernel(&format!("swapoff of {area}"), errno::last()));
        }
        // SAFETY: as above.
        if unsafe { libc::swapon(path.as_ptr(), 0) } != 0 {
            return Err(kernel(&format!("swapon of {area}"), errno::last()));
        }
    }
    Ok(())
}

/// Lets pages that go to swap stay in memory, compressed, or not any more.
///
/// # Errors
///
/// `Lacking` when the kernel has no zswap, or no compressor for it, or nothing went there while it was on.
pub fn compress(on: bool) -> Result<(), MachineError> {
    let lacking = |reason: String| MachineError::from(Need::CompressedSwap.unmet(reason));
    let write = |value: &str| fs::write(ZSWAP, value);
    write(if on { "Y" } else { "N" }).map_err(|error| lacking(format!("{ZSWAP} cannot be written: {error}")))?;
    let now = fs::read_to_string(ZSWAP).unwrap_or_default();
    if (now.trim() == "Y") != on {
        return Err(lacking("zswap has no compressor here".to_owned()));
    }
    let pages = compressed_pages();
    if on {
        BEFORE.store(pages, Ordering::Relaxed);
    } else if pages == BEFORE.load(Ordering::Relaxed) {
        return Err(lacking("the kernel compresses no page that goes to swap".to_owned()));
    }
    Ok(())
}

/// Returns how many pages went to zswap so far; 0 where the kernel does not count them.
fn compressed_pages() -> u64 {
    let counters = fs::read_to_string(COUNTERS).unwrap_or_default();
    let counter = counters.lines().find_map(|line| line.strip_prefix(COUNTER));
    counter.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
