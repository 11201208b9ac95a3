//! Swap for the inner Linux: a RAM disk of the kernel's own (brd), or a compressed one (zram), which are real swap to everything
//! above the block layer. Either is used as it is built in, of any size, or loaded from a module beside the kernel.
//!
//! Nothing here fails the run: without swap the cases that need it say so.
#![expect(unsafe_code, reason = "swapon has no wrapper")]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::system::finit_module;

/// Bytes of swap on a disk whose size is ours to choose, enough for the image of a hibernation; it takes memory only for what is
/// written to it.
const BYTES: u64 = 192 << 20;
/// One disk of brd's of that many KiB. zram ignores what it does not know.
const PARAMETERS: &str = "rd_nr=1 rd_size=196608";
/// Disks of brd and zram (Documentation/admin-guide/blockdev/).
const DISKS: [&str; 2] = ["ram0", "zram0"];
/// What /sys counts a disk in.
const SECTOR: u64 = 512;
/// MODULE_INIT_COMPRESSED_FILE (include/uapi/linux/module.h).
const COMPRESSED: libc::c_int = 4;

/// Loads the modules in a folder, if there is one, and swaps to the first disk that the kernel has.
///
/// # Errors
///
/// The last thing that did not work.
pub fn start(modules: &Path) -> io::Result<()> {
    // A module may need one that comes later.
    let mut waiting: Vec<PathBuf> =
        fs::read_dir(modules).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    waiting.sort();
    let mut before = usize::MAX;
    while waiting.len() < before {
        before = waiting.len();
        waiting.retain(|module| load(module).is_err());
    }
    let mut result = Err(io::ErrorKind::NotFound.into());
    for disk in DISKS {
        result = swap_to(disk);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Swaps to a disk.
fn swap_to(disk: &str) -> io::Result<()> {
    let size = || -> io::Result<u64> {
        let sectors = fs::read_to_string(format!("/sys/block/{disk}/size"))?;
        Ok(sectors.trim().parse::<u64>().map_err(io::Error::other)? * SECTOR)
    };
    if size()? == 0 {
        fs::write(format!("/sys/block/{disk}/disksize"), BYTES.to_string())?;
    }
    let (page, path) = (rustix::param::page_size() as u64, format!("/dev/{disk}"));
    let mut device = fs::OpenOptions::new().write(true).open(&path)?;
    device.write_all(&header(page, size()? / page))?;
    device.sync_all()?;
    let path = CString::new(path)?;
    // SAFETY: the path is a C string.
    if unsafe { libc::swapon(path.as_ptr(), 0) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn load(module: &Path) -> io::Result<()> {
    let file = File::open(module)?;
    let compressed = module.extension().is_some_and(|extension| extension != "ko");
    let parameters = CString::new(PARAMETERS)?;
    let flags = if compressed { COMPRESSED } else { 0 };
    Ok(finit_module(&file, &parameters, flags)?)
}

/// The first page of a swap area (include/linux/swap.h, union swap_header): version 1, its last page, the signature.
fn header(page: u64, pages: u64) -> Vec<u8> {
    const VERSION: usize = 1024;
    const SIGNATURE: &[u8] = b"SWAPSPACE2";
    let mut header = vec![0; page as usize];
    header[VERSION..][..4].copy_from_slice(&1_u32.to_le_bytes());
    header[VERSION + 4..][..4].copy_from_slice(&((pages - 1) as u32).to_le_bytes());
    let end = header.len();
    header[end - SIGNATURE.len()..].copy_from_slice(SIGNATURE);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As mkswap writes it: the numbers at 1024 and 1028, the signature at the end of the page.
    #[test]
    fn the_swap_header_has_the_kernels_layout() {
        let header = header(4096, 4096);
        assert_eq!(header[1024..1032], [1, 0, 0, 0, 0xff, 0x0f, 0, 0]);
        assert_eq!(&header[4086..], b"SWAPSPACE2");
        assert_eq!(header.len(), 4096);
    }
}
