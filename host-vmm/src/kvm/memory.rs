//! Guest memory as the VMM maps it.
//!
//! The guest writes this memory while Rust code looks at it, so no reference to it is ever made: all
//! access is by copying bytes through raw pointers, and only while no vCPU runs.
#![expect(unsafe_code, reason = "mmap, and memory that a guest shares")]

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::ptr;

use crate::machine::{Access, Backing, Errno};

/// Bits of a /proc/self/pagemap entry: the page is present, or swapped out
/// (Documentation/admin-guide/mm/pagemap.rst).
const PAGEMAP_TOUCHED: u64 = 1 << 63 | 1 << 62;

/// Memory of the VMM that a guest may share, unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: *mut u8,
    bytes: usize,
    readable: bool,
}

impl Mapping {
    /// Maps zeroed memory.
    pub fn new(bytes: u64, backing: Backing, access: Access) -> Result<Self, Errno> {
        let bytes = usize::try_from(bytes).map_err(|_| Errno(libc::ENOMEM))?;
        let readable = access != Access::NoMapping;
        let protection = if readable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
        let (flags, file) = match backing {
            Backing::Anonymous | Backing::HugePages => {
                (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, None)
            }
            Backing::Shared => (libc::MAP_SHARED, Some(memfd(bytes)?)),
            Backing::PrivateFile | Backing::Hugetlb | Backing::Device | Backing::GuestMemfd => {
                return Err(Errno(libc::EOPNOTSUPP));
            }
        };
        let fd = file.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let mapping = Self { start: start.cast(), bytes, readable };
        match backing {
            // Many kernels use huge pages unasked, and then one touched byte costs 2 MiB.
            Backing::Anonymous => mapping.advise(libc::MADV_NOHUGEPAGE),
            Backing::HugePages => mapping.advise(libc::MADV_HUGEPAGE),
            _ => {}
        }
        Ok(mapping)
    }

    /// Asks for huge pages or against them. Kernels without them refuse, and nothing is lost.
    fn advise(&self, advice: libc::c_int) {
        // SAFETY: our own range; the advice changes how memory is backed, not what it holds.
        let _ = unsafe { libc::madvise(self.start.cast(), self.bytes, advice) };
    }

    /// The address of the first byte, for the kernel.
    pub fn address(&self) -> u64 {
        self.start as u64
    }

    /// Bytes in the mapping.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Gives the start of a range, if all of it is mapped and accessible.
    fn at(&self, offset: u64, length: usize) -> Option<*mut u8> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(length)?;
        (self.readable && end <= self.bytes).then(|| self.start.wrapping_add(offset))
    }

    /// Copies bytes out. `false` if the range is not all there.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let Some(from) = self.at(offset, buffer.len()) else {
            return false;
        };
        // SAFETY: `at` checked the range; no vCPU runs, so the bytes do not change meanwhile.
        unsafe { ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
        true
    }

    /// Copies bytes in. `false` if the range is not all there.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.at(offset, bytes.len()) else {
            return false;
        };
        // SAFETY: `at` checked the range; no vCPU runs, and Rust holds no reference into it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// Gives the pages of a range back: they read as zeros and have no tags, like new ones.
    pub fn forget(&self, range: std::ops::Range<u64>) -> Result<(), Errno> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| Errno::EINVAL)?;
        let start = self.at(range.start, length).ok_or(Errno::EFAULT)?;
        // SAFETY: `at` checked the range; no vCPU runs, and Rust holds no reference into it.
        let result = unsafe { libc::madvise(start.cast(), length, libc::MADV_DONTNEED) };
        if result == 0 { Ok(()) } else { Err(Errno::last()) }
    }

    /// Lists the pages that were ever touched, as ranges of offsets. Untouched ones read as zeros and
    /// have no tags. Where /proc does not tell, all pages count as touched.
    pub fn touched(&self, page: u64) -> Vec<std::ops::Range<u64>> {
        let pages = self.bytes() / page;
        let mut entries = vec![0; pages as usize * 8];
        let told = File::open("/proc/self/pagemap")
            .and_then(|map| map.read_exact_at(&mut entries, self.address() / page * 8))
            .is_ok();
        let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
        let (entries, _) = entries.as_chunks();
        for (index, entry) in entries.iter().enumerate() {
            let entry = u64::from_le_bytes(*entry);
            if told && entry & PAGEMAP_TOUCHED == 0 {
                continue;
            }
            let start = index as u64 * page;
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end += page,
                _ => ranges.push(start..start + page),
            }
        }
        ranges
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping's own, and no pointer into it outlives it.
        let result = unsafe { libc::munmap(self.start.cast(), self.bytes) };
        debug_assert_eq!(result, 0, "unmapping our own range cannot fail");
    }
}

/// Makes a memfd of this size.
fn memfd(bytes: usize) -> Result<File, Errno> {
    // SAFETY: the name is a C string; the call creates a new file.
    let fd = unsafe { libc::memfd_create(c"granule-ram".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(Errno::last());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(bytes as u64).map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
    Ok(file)
}

/// A buffer that ends at the end of a page, with nothing mapped behind it.
#[derive(Debug)]
pub struct EndingBuffer {
    mapping: Mapping,
    page: u64,
    length: usize,
}

impl EndingBuffer {
    /// Maps a buffer of `length` bytes, at most a page.
    pub fn new(length: usize, page: u64) -> Result<Self, Errno> {
        let mapping = Mapping::new(2 * page, Backing::Anonymous, Access::ReadWrite)?;
        let length = length.min(page as usize);
        // SAFETY: the second page of our own mapping; `Mapping::drop` unmaps the whole range, which
        // may have holes.
        let result =
            unsafe { libc::mprotect(mapping.start.wrapping_add(page as usize).cast(), page as usize, libc::PROT_NONE) };
        if result != 0 {
            return Err(Errno::last());
        }
        Ok(Self { mapping, page, length })
    }

    /// The address of the first byte.
    pub fn address(&self) -> u64 {
        self.mapping.address() + self.page - self.length as u64
    }
}

/// Bytes in a page of the host.
pub fn page_size() -> u64 {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}
