//! What guest memory is made of: one way to map each [`Backing`].
//!
//! Where the host lacks something (a pool of huge pages, a file system on a disk) the error says what.
#![expect(unsafe_code, reason = "mmap of each kind")]

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;

use super::errno;
use machine::need::Need;
use machine::{Backing, Errno, MachineError, RequestError};
use rustix::fs::{FsWord, MemfdFlags, fstatfs, memfd_create};

/// Where regular files are made: on a disk on most hosts. Its file system must not be tmpfs, whose files KVM takes.
const FILES: &str = "/var/tmp";
/// The pool of huge pages (Documentation/admin-guide/mm/hugetlbpage.rst).
const POOL: &str = "/proc/sys/vm/nr_hugepages";

/// What keeps a mapping alive, or is to be undone after it.
#[derive(Debug)]
pub enum MappingCleanup {
    /// Nothing.
    Unmap,
    /// The pool of huge pages was made larger, and had this many before.
    RestoreHugetlbPool(u64),
    /// The file is closed, which others may have mapped, too.
    Close(File),
    /// The memory is not ours to unmap.
    LeaveMapped,
}

impl Drop for MappingCleanup {
    fn drop(&mut self) {
        if let Self::RestoreHugetlbPool(before) = self {
            // A pool that stays larger does no harm but to the host's free memory.
            let _ = fs::write(POOL, before.to_string());
        }
    }
}

fn system(action: &str) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno: errno::last() }
}

fn lacking(need: Need, reason: impl Into<String>) -> MachineError {
    need.unmet(reason).into()
}

/// Maps zeroed memory; `bytes` is a multiple of the page size. Gives its address and what is kept with it.
///
/// # Errors
///
/// `Lacking` when this host has no memory of the kind, with the reason; else what the kernel says.
pub fn map(bytes: usize, backing: Backing, protection: libc::c_int) -> Result<(*mut u8, MappingCleanup), MachineError> {
    const ANONYMOUS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    match backing {
        // Also for base pages: they may become a huge page later.
        Backing::Anonymous if bytes < huge_page() => {
            Ok((mmap(bytes, protection, ANONYMOUS, None)?, MappingCleanup::Unmap))
        }
        Backing::Anonymous | Backing::HugePages => Ok((aligned(bytes, protection, ANONYMOUS)?, MappingCleanup::Unmap)),
        Backing::Shared => {
            let file = memfd(bytes)?;
            Ok((aligned_file(bytes, protection, &file)?, MappingCleanup::Close(file)))
        }
        Backing::PrivateFile => {
            Ok((mmap(bytes, protection, libc::MAP_PRIVATE, Some(&regular_file(bytes)?))?, MappingCleanup::Unmap))
        }
        Backing::Hugetlb => hugetlb(bytes, protection),
        Backing::Device => {
            let (start, found) = vdso_data()?;
            if found < bytes {
                return Err(lacking(Need::VdsoData, format!("the vDSO's data has {found} bytes")));
            }
            Ok((start, MappingCleanup::LeaveMapped))
        }
        Backing::GuestMemfd => Err(RequestError::MadeByVm.into()),
    }
}

/// PROT_MTE (arch/arm64/include/uapi/asm/mman.h).
pub const PROT_MTE: libc::c_int = 0x20;

/// Maps a file, shared.
///
/// # Errors
///
/// What the kernel says.
pub fn map_file(bytes: usize, protection: libc::c_int, file: &File) -> Result<*mut u8, MachineError> {
    mmap(bytes, protection, libc::MAP_SHARED, Some(file))
}

fn mmap(
    bytes: usize,
    protection: libc::c_int,
    flags: libc::c_int,
    file: Option<&File>,
) -> Result<*mut u8, MachineError> {
    let fd = file.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, fd, 0) };
    if start == libc::MAP_FAILED { Err(system("mmap of guest memory")) } else { Ok(start.cast()) }
}

/// Maps memory at a multiple of a huge page's size: else the guest never gets a huge page of it, on kernels before 6.7.
fn aligned(bytes: usize, protection: libc::c_int, flags: libc::c_int) -> Result<*mut u8, MachineError> {
    let huge = huge_page();
    let start = mmap(bytes + huge, libc::PROT_NONE, flags, None)?;
    let skipped = start.align_offset(huge);
    let first = start.wrapping_add(skipped);
    for (end, length) in [(start, skipped), (first.wrapping_add(bytes), huge - skipped)] {
        if length > 0 {
            // SAFETY: an end of a mapping that was just made; nobody uses it.
            unsafe { libc::munmap(end.cast(), length) };
        }
    }
    // SAFETY: what is left of that mapping.
    if unsafe { libc::mprotect(first.cast(), bytes, protection) } != 0 {
        return Err(system("mprotect of guest memory"));
    }
    Ok(first)
}

/// As [`aligned`], of a file: shared memory becomes huge pages only where address and place in the file agree.
fn aligned_file(bytes: usize, protection: libc::c_int, file: &File) -> Result<*mut u8, MachineError> {
    let first = aligned(bytes, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE)?;
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: over a mapping that was just made and that nobody uses.
    let start = unsafe { libc::mmap(first.cast(), bytes, protection, flags, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED { Err(system("mmap of guest memory")) } else { Ok(start.cast()) }
}

/// Bytes in a transparent huge page; a page's bytes where there are none.
#[must_use]
pub fn huge_page() -> usize {
    let size = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").unwrap_or_default();
    size.trim().parse().unwrap_or(4096)
}

fn hugetlb(bytes: usize, protection: libc::c_int) -> Result<(*mut u8, MappingCleanup), MachineError> {
    const FLAGS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    let size = hugetlb_page().ok_or_else(|| lacking(Need::Hugetlb, "this kernel has no huge page pool (hugetlb)"))?;
    if !bytes.is_multiple_of(size) {
        return Err(lacking(Need::Hugetlb, format!("memory of the huge page pool comes in {} KiB", size >> 10)));
    }
    if let Ok(start) = mmap(bytes, protection, FLAGS, None) {
        return Ok((start, MappingCleanup::Unmap));
    }
    let before: u64 = fs::read_to_string(POOL).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let wanted = before + (bytes / size) as u64;
    fs::write(POOL, wanted.to_string()).map_err(|error| {
        lacking(Need::Hugetlb, format!("the pool of huge pages is empty, and {POOL} cannot be written: {error}"))
    })?;
    let kept = MappingCleanup::RestoreHugetlbPool(before);
    match mmap(bytes, protection, FLAGS, None) {
        Ok(start) => Ok((start, kept)),
        Err(_) => {
            Err(lacking(Need::Hugetlb, format!("the host has no {wanted} huge pages of {} KiB to give", size >> 10)))
        }
    }
}

/// Bytes in a page of the huge page pool.
#[must_use]
pub fn hugetlb_page() -> Option<usize> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("Hugepagesize:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kib| kib << 10)
}

/// Makes a memfd of this size.
///
/// # Errors
///
/// What the kernel says.
pub fn memfd(bytes: usize) -> Result<File, MachineError> {
    let file = memfd_create(c"granule-ram", MemfdFlags::CLOEXEC);
    let file = File::from(file.map_err(|error| file_error("memfd_create", &error.into()))?);
    file.set_len(bytes as u64).map_err(|error| file_error("ftruncate", &error))?;
    Ok(file)
}

fn file_error(action: &str, error: &std::io::Error) -> MachineError {
    MachineError::Kernel { action: action.to_owned(), errno: Errno(error.raw_os_error().unwrap_or(libc::EIO)) }
}

/// What fstatfs says of a tmpfs (include/uapi/linux/magic.h).
const TMPFS_MAGIC: FsWord = 0x0102_1994;

/// Makes a regular file of this size that has no name.
///
/// # Errors
///
/// `Lacking` when there is no directory on a disk.
pub fn regular_file(bytes: usize) -> Result<File, MachineError> {
    let mut file = OpenOptions::new();
    let path = format!("{FILES}/granule-{}", std::process::id());
    file.read(true).write(true).create_new(true).mode(0o600);
    let file = file
        .open(&path)
        .map_err(|error| lacking(Need::DiskFile, format!("no file can be made in {FILES}: {error}")))?;
    // Its name is not needed any more; that it cannot be removed is no reason to fail.
    let _ = fs::remove_file(&path);
    let kind = fstatfs(&file).map_err(|error| file_error("fstatfs", &error.into()))?;
    if kind.f_type == TMPFS_MAGIC {
        return Err(lacking(
            Need::DiskFile,
            format!("{FILES} is a tmpfs, whose files are memory that a VM with MTE may have"),
        ));
    }
    file.set_len(bytes as u64).map_err(|error| file_error("ftruncate", &error))?;
    Ok(file)
}

/// Finds page frames in this process that are not its own memory: the data pages of the vDSO, which the kernel maps as
/// frames (VM_PFNMAP, or VM_MIXEDMAP in newer ones). Returns where they begin, and how many bytes they are.
///
/// # Errors
///
/// `Lacking` when there are none.
pub fn vdso_data() -> Result<(*mut u8, usize), MachineError> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let line = maps.lines().find(|line| line.ends_with("[vvar]"));
    let range = line.and_then(|line| line.split_whitespace().next()).and_then(|range| range.split_once('-'));
    let parse = |text: &str| usize::from_str_radix(text, 16).ok();
    let (start, end) = range
        .and_then(|(start, end)| Some((parse(start)?, parse(end)?)))
        .ok_or_else(|| lacking(Need::VdsoData, "this kernel maps no vDSO data into its processes"))?;
    Ok((ptr::with_exposed_provenance_mut(start), end - start))
}
