//! Guest memory as the VMM maps it.
//!
//! The guest writes this memory while Rust code looks at it, so no reference to it is ever made: all
//! access is by copying bytes through raw pointers. What happens to its pages later is [`super::life`]'s.
#![expect(unsafe_code, reason = "memory that a guest shares")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::backing::{self, MappingCleanup};
use super::errno;
use super::pagemap::{self, PageLocation};
use super::userfault::UserfaultServer;
use machine::{Access, Backing, Errno, MachineError, Protection};

/// Memory of the VMM that a guest may share, unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    pub(super) start: *mut u8,
    bytes: usize,
    page: u64,
    backing: Backing,
    /// What the mapping permits where that was changed, by page; `None` where nothing is mapped any more.
    changed: Mutex<BTreeMap<u64, Option<Protection>>>,
    /// What the mapping permits elsewhere.
    made: Protection,
    /// Who serves faults in it, if anybody does.
    pub(super) server: Mutex<Option<UserfaultServer>>,
    kept: MappingCleanup,
}

// SAFETY: the address is the kernel's to keep valid until `drop`; all access copies bytes, and what is shared beside it is
// behind a mutex.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps zeroed memory; `bytes` is a multiple of the page size.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host has no memory of the kind; else what the kernel says.
    pub fn new(bytes: u64, backing: Backing, access: Access) -> Result<Self, MachineError> {
        let length =
            usize::try_from(bytes).map_err(|_| super::vm::kernel("mapping guest memory", Errno(libc::ENOMEM)))?;
        let (protection, made) = match (access, backing) {
            (Access::NoMapping, _) => (libc::PROT_NONE, Protection::None),
            // Device memory is not touched.
            (_, Backing::Device) => (libc::PROT_READ, Protection::None),
            _ => (libc::PROT_READ | libc::PROT_WRITE, Protection::ReadWrite),
        };
        let (start, kept) = backing::map(length, backing, protection)?;
        let (changed, server) = (Mutex::default(), Mutex::default());
        let mapping = Self { start, bytes: length, page: page_size(), backing, changed, made, server, kept };
        match backing {
            // Many kernels use huge pages unasked, and then one touched byte costs 2 MiB.
            Backing::Anonymous => mapping.advise(libc::MADV_NOHUGEPAGE),
            Backing::HugePages => mapping.advise(libc::MADV_HUGEPAGE),
            _ => {}
        }
        Ok(mapping)
    }

    /// Maps the same memory once more; `None` if it is of no file.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn again(&self, protection: libc::c_int) -> Result<Option<Self>, MachineError> {
        let MappingCleanup::Close(file) = &self.kept else { return Ok(None) };
        let start = backing::map_file(self.bytes, protection, file)?;
        let (changed, server) = (Mutex::default(), Mutex::default());
        let (bytes, page, backing, made) = (self.bytes, self.page, self.backing, self.made);
        Ok(Some(Self { start, bytes, page, backing, changed, made, server, kept: MappingCleanup::Unmap }))
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

    /// What the memory is.
    pub fn backing(&self) -> Backing {
        self.backing
    }

    pub(super) fn changed(&self) -> MutexGuard<'_, BTreeMap<u64, Option<Protection>>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the mapping permits at the page of this number.
    fn protection(&self, page: u64) -> Option<Protection> {
        self.changed().get(&page).copied().unwrap_or(Some(self.made))
    }

    /// Returns the start of a range, if all of it is mapped and permits the access.
    pub(super) fn at(&self, offset: u64, length: usize, write: bool) -> Option<*mut u8> {
        let end = offset.checked_add(length as u64)?;
        let permits = |page| match self.protection(page) {
            Some(Protection::ReadWrite | Protection::Tagged) => true,
            Some(Protection::Read) => !write,
            Some(Protection::None) | None => false,
        };
        let pages = offset / self.page..end.div_ceil(self.page);
        // Most mappings are as they were made, and then one page stands for all.
        let whole = if self.changed().is_empty() { permits(0) } else { pages.into_iter().all(permits) };
        let start = usize::try_from(offset).ok()?;
        (whole && end <= self.bytes as u64).then(|| self.start.wrapping_add(start))
    }

    /// Copies bytes out. `false` if the range is not all there.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let Some(from) = self.at(offset, buffer.len(), false) else {
            return false;
        };
        // SAFETY: `at` checked the range; a guest may write it meanwhile, which tears bytes and no more.
        unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
        true
    }

    /// Copies bytes in. `false` if the range is not all there.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.at(offset, bytes.len(), true) else {
            return false;
        };
        // SAFETY: `at` checked the range, and Rust holds no reference into it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// The addresses of a range of offsets.
    pub(super) fn addresses(&self, range: &Range<u64>) -> Range<u64> {
        self.address() + range.start..self.address() + range.end
    }

    /// Returns the pages of a range back: they read as zeros and have no tags, like new ones.
    pub fn forget(&self, range: Range<u64>) -> Result<(), Errno> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| Errno::EINVAL)?;
        let start = self.at(range.start, length, false).ok_or(Errno::EFAULT)?;
        // SAFETY: `at` checked the range, and Rust holds no reference into it.
        let result = unsafe { libc::madvise(start.cast(), length, libc::MADV_DONTNEED) };
        if result == 0 { Ok(()) } else { Err(errno::last()) }
    }

    /// Lists the pages that were ever touched, as ranges of offsets. Untouched ones read as zeros and
    /// have no tags. Where /proc does not tell, all pages count as touched; so do those of shared memory, which this
    /// process may have out of its page table although they hold something.
    pub fn touched(&self) -> Vec<Range<u64>> {
        let all = 0..self.bytes();
        let page_locations = match self.backing {
            Backing::Shared => None,
            _ => pagemap::page_locations(self.addresses(&all), self.page),
        };
        let Some(page_locations) = page_locations else { return vec![all] };
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (index, place) in (0u64..).zip(&page_locations) {
            if *place == PageLocation::None {
                continue;
            }
            let start = index * self.page;
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end += self.page,
                _ => ranges.push(start..start + self.page),
            }
        }
        ranges
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if matches!(self.kept, MappingCleanup::LeaveMapped) {
            return;
        }
        // Where something was unmapped there may be another mapping by now.
        let changed = std::mem::take(&mut *self.changed());
        let mut start = 0;
        let holes = changed.iter().filter(|(_, state)| state.is_none()).map(|(page, _)| page * self.page);
        for (hole, after) in holes.map(|hole| (hole, hole + self.page)).chain([(self.bytes(), self.bytes())]) {
            if hole > start {
                // SAFETY: the range is this mapping's own, and no pointer into it outlives it.
                unsafe { libc::munmap(self.start.wrapping_add(start as usize).cast(), (hole - start) as usize) };
            }
            start = after;
        }
    }
}

/// A buffer that ends at the end of a page, with nothing mapped behind it.
#[derive(Debug)]
pub struct EndingBuffer {
    mapping: Mapping,
    /// Where in the mapping it begins.
    start: u64,
}

impl EndingBuffer {
    /// Maps a buffer with these bytes.
    pub fn new(bytes: &[u8], page: u64) -> Result<Self, MachineError> {
        let end = (bytes.len() as u64).next_multiple_of(page).max(page);
        let mapping = Mapping::new(end + page, Backing::Anonymous, Access::ReadWrite)?;
        let start = end - bytes.len() as u64;
        let written = mapping.write(start, bytes);
        debug_assert!(written, "a new mapping can be written");
        mapping.apply_page_event(end..end + page, machine::PageEvent::Protect(Protection::None))?;
        Ok(Self { mapping, start })
    }

    /// The address of the first byte.
    pub fn address(&self) -> u64 {
        self.mapping.address() + self.start
    }
}

/// Bytes in a page of the host.
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}
