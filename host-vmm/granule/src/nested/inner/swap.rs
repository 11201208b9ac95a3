//! Swap for the inner Linux: a RAM disk of the kernel's own (brd), which is real swap to everything above the block layer.
//!
//! Nothing here fails the run: without swap the cases that need it say so.
#![expect(unsafe_code, reason = "swapon has no wrapper")]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::system::finit_module;

/// Bytes of swap; the disk takes memory only for what is written to it.
const BYTES: u64 = 16 << 20;
/// One disk of that many KiB.
const PARAMETERS: &str = "rd_nr=1 rd_size=16384";
const DISK: &str = "/dev/ram0";
/// MODULE_INIT_COMPRESSED_FILE (include/uapi/linux/module.h).
const COMPRESSED: libc::c_int = 4;

/// Loads the modules in a folder, and swaps to the disk that one of them makes.
///
/// # Errors
///
/// The first thing that did not work.
pub fn start(modules: &Path) -> io::Result<()> {
    for entry in fs::read_dir(modules)?.flatten() {
        load(&entry.path())?;
    }
    let page = rustix::param::page_size() as u64;
    let mut disk = fs::OpenOptions::new().write(true).open(DISK)?;
    disk.write_all(&header(page, BYTES / page))?;
    disk.sync_all()?;
    let path = CString::new(DISK)?;
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
