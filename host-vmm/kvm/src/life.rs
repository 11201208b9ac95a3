//! Makes things happen to the pages behind guest memory, and waits until they have.
//!
//! What the host cannot do is `Lacking` with the reason, never a silent success: an event counts only when
//! /proc/self/pagemap or the call itself says that it happened.
#![expect(unsafe_code, reason = "madvise, mprotect and munmap of memory that a guest shares")]

use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::backing::{self, PROT_MTE};
use super::errno;
use super::memory::{Mapping, page_size};
use super::pagemap::{self, PageLocation};
use super::swap;
use super::userfault::UserfaultServer;
use super::vm::kernel;
use machine::need::Need;
use machine::{Backing, Errno, MachineError, PageEvent, Protection, RequestError};

/// How long the host may take for what it does in its own time.
const PAGE_EVENT_TIMEOUT: Duration = Duration::from_secs(5);
/// MADV_COLLAPSE (include/uapi/asm-generic/mman-common.h).
const MADV_COLLAPSE: libc::c_int = 25;
/// Where KSM is controlled (Documentation/admin-guide/mm/ksm.rst).
const KSM: &str = "/sys/kernel/mm/ksm";
/// Splits transparent huge pages of a process (Documentation/admin-guide/mm/transhuge.rst).
const SPLIT: &str = "/sys/kernel/debug/split_huge_pages";
/// Whether underused huge pages are split (Documentation/admin-guide/mm/transhuge.rst), which those are that have more parts full
/// of zeros than khugepaged would add, and what makes the kernel shrink (Documentation/admin-guide/sysctl/vm.rst, drop_caches).
const SHRINK_UNDERUSED: &str = "/sys/kernel/mm/transparent_hugepage/shrink_underused";
const MAX_PTES_NONE: &str = "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none";
const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";
const SHRINKS: usize = 3;
/// NUMA nodes that have memory, as ranges.
const NODES: &str = "/sys/devices/system/node/has_memory";

fn lacking(need: Need, reason: impl Into<String>) -> MachineError {
    need.unmet(reason).into()
}

fn cannot_write(need: Need, path: &str) -> impl Fn(std::io::Error) -> MachineError {
    move |error| lacking(need, format!("{path} cannot be written: {error}"))
}

/// Waits for something that the host does in its own time, and of which it sends no event.
fn wait(
    mut done: impl FnMut() -> Result<bool, MachineError>,
    late: impl Fn() -> MachineError,
) -> Result<(), MachineError> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > PAGE_EVENT_TIMEOUT {
            return Err(late());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// Lists the NUMA nodes that have memory.
fn memory_nodes() -> Vec<i32> {
    let text = fs::read_to_string(NODES).unwrap_or_default();
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse().unwrap_or(0)..=last.parse().unwrap_or(-1)
    };
    text.trim().split(',').flat_map(range).collect()
}

/// Asks on which nodes pages are, or moves them to one; returns where each is then, or the negative error number of it.
fn nodes(addresses: &[u64], target: Option<i32>) -> Result<Vec<i32>, MachineError> {
    let targets = target.map(|node| vec![node; addresses.len()]);
    let mut found = vec![0_i32; addresses.len()];
    let wanted = targets.as_ref().map_or(std::ptr::null(), |targets| targets.as_ptr());
    // SAFETY: arrays of as many entries as the count says; the kernel writes the last one only.
    let result = unsafe {
        libc::syscall(libc::SYS_move_pages, 0, addresses.len(), addresses.as_ptr(), wanted, found.as_mut_ptr(), 0)
    };
    match result {
        0.. => Ok(found),
        _ if errno::last() == Errno(libc::ENOSYS) => Err(lacking(Need::Numa, "this kernel has no NUMA")),
        _ => Err(kernel("move_pages", errno::last())),
    }
}

impl Mapping {
    /// Lets something happen to the pages at a range of offsets, in whole pages. [`PageEvent::Fork`] and
    /// [`PageEvent::Remap`] concern more than a mapping, and are the VM's.
    ///
    /// # Errors
    ///
    /// `Lacking` when this host cannot; else what the kernel says.
    pub fn apply_page_event(&self, range: Range<u64>, event: PageEvent) -> Result<(), MachineError> {
        match event {
            PageEvent::Discard => {
                self.forget(range).map_err(|errno| kernel("madvise(MADV_DONTNEED) of guest memory", errno))
            }
            PageEvent::PageOut => self.page_out(&range),
            PageEvent::Migrate => self.migrate(&range),
            PageEvent::Collapse => self.collapse(&range),
            PageEvent::Split => self.split(&range),
            PageEvent::ShrinkUnderused => self.shrink_underused(),
            PageEvent::Merge => self.merge(&range),
            PageEvent::Protect(protection) => self.protect(&range, protection),
            PageEvent::Unmap => self.unmap(&range),
            PageEvent::Punch => self.madvise(&range, libc::MADV_REMOVE, "MADV_REMOVE"),
            PageEvent::ReplaceByFile { shared } => self.replace_by_file(&range, shared),
            PageEvent::Serve(byte) => self.serve(range, byte),
            PageEvent::Fork | PageEvent::Remap => Err(RequestError::NotForRange { event }.into()),
        }
    }

    fn madvise(&self, range: &Range<u64>, advice: libc::c_int, name: &str) -> Result<(), MachineError> {
        let start = self.start.wrapping_add(range.start as usize);
        // SAFETY: the caller keeps to our own range, and none of the advices used changes what pages hold, but for those
        // whose callers say so.
        let result = unsafe { libc::madvise(start.cast(), (range.end - range.start) as usize, advice) };
        if result == 0 { Ok(()) } else { Err(kernel(&format!("madvise({name}) of guest memory"), errno::last())) }
    }

    fn page_locations(&self, range: &Range<u64>) -> Result<Vec<PageLocation>, MachineError> {
        pagemap::page_locations(self.addresses(range), page_size())
            .ok_or_else(|| lacking(Need::Pagemap, "/proc/self/pagemap cannot be read"))
    }

    /// The places of pages that have a frame, which must be told.
    fn frames(&self, range: &Range<u64>) -> Result<Vec<PageLocation>, MachineError> {
        let page_locations = self.page_locations(range)?;
        if page_locations.contains(&PageLocation::Frame(0)) {
            return Err(lacking(Need::Pagemap, "/proc/self/pagemap tells frame numbers to root only"));
        }
        Ok(page_locations)
    }

    fn page_out(&self, range: &Range<u64>) -> Result<(), MachineError> {
        if swap::areas().is_empty() {
            return Err(lacking(Need::Swap, "this host has no swap: add some with swapon"));
        }
        wait(
            || {
                self.madvise(range, libc::MADV_PAGEOUT, "MADV_PAGEOUT")?;
                let left = self.present(range)?;
                // A page that another CPU touched may wait there for its place in the LRU lists, and madvise does not look;
                // moving a page to where it is drains all CPUs' (mm/migrate.c, lru_cache_disable()). Kernels without NUMA
                // cannot, and then the next attempt decides.
                if let Some(first) = left.first()
                    && let Ok(found) = nodes(&[*first], None)
                    && let Some(node) = found.into_iter().find(|node| *node >= 0)
                {
                    let _ = nodes(&[*first], Some(node));
                }
                Ok(left.is_empty())
            },
            || lacking(Need::Swap, "the host does not write these pages to swap"),
        )
    }

    /// The addresses of the pages that have a frame.
    fn present(&self, range: &Range<u64>) -> Result<Vec<u64>, MachineError> {
        let page = page_size();
        let present = |(_, place): &(u64, PageLocation)| matches!(place, PageLocation::Frame(_));
        let page_locations = (0..).zip(self.page_locations(range)?).filter(present);
        Ok(page_locations.map(|(number, _)| self.address() + range.start + number * page).collect())
    }

    /// Moves pages to another NUMA node, and so to other frames (move_pages()).
    fn migrate(&self, range: &Range<u64>) -> Result<(), MachineError> {
        let addresses = self.present(range)?;
        let old = nodes(&addresses, None)?;
        let other = memory_nodes().into_iter().find(|node| !old.contains(node));
        let other = other
            .ok_or_else(|| lacking(Need::Numa, "this host has no other NUMA node with memory to move pages to"))?;
        let now = nodes(&addresses, Some(other))?;
        if now.iter().any(|node| *node != other) {
            return Err(lacking(Need::Numa, format!("the kernel does not move these pages to node {other}")));
        }
        Ok(())
    }

    fn collapse(&self, range: &Range<u64>) -> Result<(), MachineError> {
        self.madvise(range, libc::MADV_HUGEPAGE, "MADV_HUGEPAGE")
            .map_err(|_| lacking(Need::HugePages, "this kernel has no transparent huge pages"))?;
        match self.madvise(range, MADV_COLLAPSE, "MADV_COLLAPSE") {
            Ok(()) => {}
            Err(MachineError::Kernel { errno, .. }) => {
                return Err(lacking(Need::HugePageCollapse, format!("madvise(MADV_COLLAPSE) fails here: {errno}")));
            }
            Err(error) => return Err(error),
        }
        if pagemap::huge_bytes(self.addresses(&(0..self.bytes()))) == 0 {
            return Err(lacking(Need::HugePageCollapse, "the kernel says that it made a huge page, and shows none"));
        }
        Ok(())
    }

    fn split(&self, range: &Range<u64>) -> Result<(), MachineError> {
        let all = self.addresses(&(0..self.bytes()));
        let before = pagemap::huge_bytes(all.clone());
        if before == 0 {
            return Err(lacking(Need::HugePages, "there is no huge page to split: the host had none to give"));
        }
        let addresses = self.addresses(range);
        let command = format!("{},{:#x},{:#x}", std::process::id(), addresses.start, addresses.end);
        fs::write(SPLIT, command).map_err(cannot_write(Need::HugePageSplit, SPLIT))?;
        if pagemap::huge_bytes(all) >= before {
            return Err(lacking(Need::HugePageSplit, "the kernel does not split these huge pages"));
        }
        Ok(())
    }

    /// Lets the kernel shrink its caches, and with them the list of huge pages that are mostly zeros.
    fn shrink_underused(&self) -> Result<(), MachineError> {
        if std::process::id() != 1 {
            return Err(lacking(Need::OwnHost, "it drops the host's caches: only in a nested run"));
        }
        let all = self.addresses(&(0..self.bytes()));
        let before = pagemap::huge_bytes(all.clone());
        if before == 0 {
            return Err(lacking(Need::HugePages, "there is no huge page to split: the host had none to give"));
        }
        fs::write(SHRINK_UNDERUSED, "1").map_err(cannot_write(Need::UnderusedShrinker, SHRINK_UNDERUSED))?;
        let limit = fs::read_to_string(MAX_PTES_NONE).unwrap_or_default();
        fs::write(MAX_PTES_NONE, "8").map_err(cannot_write(Need::UnderusedShrinker, MAX_PTES_NONE))?;
        // It shrinks before the write returns, from time to time only a part of what it could.
        let shrunk = (0..SHRINKS).find_map(|_| match fs::write(DROP_CACHES, "2") {
            Err(error) => Some(Err(cannot_write(Need::UnderusedShrinker, DROP_CACHES)(error))),
            Ok(()) => (pagemap::huge_bytes(all.clone()) < before).then_some(Ok(())),
        });
        // A host that takes this value takes the old one, too.
        let _ = fs::write(MAX_PTES_NONE, limit.trim());
        shrunk.unwrap_or_else(|| {
            let reason = match pagemap::zero_page_is_tagged() {
                Ok(true) => "the kernel does not split underused huge pages: its zero page is flagged as tagged, and no page is like it",
                _ => "the kernel does not split underused huge pages",
            };
            Err(lacking(Need::UnderusedShrinker, reason))
        })
    }

    /// Merges pages with equal contents, and proves with two pages of its own that the host does so at all.
    fn merge(&self, range: &Range<u64>) -> Result<(), MachineError> {
        let page = page_size();
        let control = Mapping::new(2 * page, Backing::Anonymous, machine::Access::ReadWrite)?;
        let pattern: Vec<u8> = (0..page).map(|byte| (byte % 251) as u8).collect();
        let written = [0, page].map(|offset| control.write(offset, &pattern));
        debug_assert_eq!(written, [true; 2], "a new mapping can be written");
        let both = 0..2 * page;
        for (mapping, range) in [(self, range), (&control, &both)] {
            mapping
                .madvise(range, libc::MADV_MERGEABLE, "MADV_MERGEABLE")
                .map_err(|_| lacking(Need::Ksm, "this kernel has no KSM"))?;
        }
        let set = |name: &str, value: &str| {
            let path = format!("{KSM}/{name}");
            let old = fs::read_to_string(&path).unwrap_or_default();
            fs::write(&path, value).map_err(cannot_write(Need::Ksm, &path)).map(|()| (path, old))
        };
        let settings = [set("pages_to_scan", "10000")?, set("sleep_millisecs", "1")?, set("run", "1")?];
        let merged = wait(
            || Ok(matches!(control.frames(&both)?[..], [PageLocation::Frame(a), PageLocation::Frame(b)] if a == b)),
            || lacking(Need::Ksm, "KSM does not merge equal pages here"),
        );
        // Twice through all pages: a page is only a candidate the first time.
        let scans =
            || fs::read_to_string(format!("{KSM}/full_scans")).ok().and_then(|text| text.trim().parse::<u64>().ok());
        let begun = scans();
        let scanned = merged.and_then(|()| {
            wait(|| Ok(scans() >= begun.map(|scans| scans + 2)), || lacking(Need::Ksm, "KSM does not come to an end"))
        });
        for (path, old) in settings.iter().rev() {
            // A host that takes these values takes the old ones, too.
            let _ = fs::write(path, old.trim());
        }
        scanned
    }

    fn protect(&self, range: &Range<u64>, protection: Protection) -> Result<(), MachineError> {
        let bits = match protection {
            Protection::None => libc::PROT_NONE,
            Protection::Read => libc::PROT_READ,
            Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Protection::Tagged => libc::PROT_READ | libc::PROT_WRITE | PROT_MTE,
        };
        let start = self.start.wrapping_add(range.start as usize);
        // SAFETY: our own range; accesses of ours ask `changed` first.
        if unsafe { libc::mprotect(start.cast(), (range.end - range.start) as usize, bits) } != 0 {
            return Err(kernel("mprotect of guest memory", errno::last()));
        }
        self.note(range, Some(protection));
        Ok(())
    }

    fn unmap(&self, range: &Range<u64>) -> Result<(), MachineError> {
        // Before the mapping goes, so that nobody follows a pointer into it.
        self.note(range, None);
        let start = self.start.wrapping_add(range.start as usize);
        // SAFETY: our own range, and `drop` leaves it out from now on.
        if unsafe { libc::munmap(start.cast(), (range.end - range.start) as usize) } != 0 {
            return Err(kernel("munmap of guest memory", errno::last()));
        }
        Ok(())
    }

    fn replace_by_file(&self, range: &Range<u64>, shared: bool) -> Result<(), MachineError> {
        let length = (range.end - range.start) as usize;
        let file = backing::regular_file(length)?;
        let flags = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
        let start = self.start.wrapping_add(range.start as usize);
        // SAFETY: over a part of our own mapping, to which Rust holds no reference; `drop` unmaps it like the rest.
        let mapped = unsafe {
            libc::mmap(
                start.cast(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                flags | libc::MAP_FIXED,
                std::os::fd::AsRawFd::as_raw_fd(&file),
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return Err(kernel("mmap of a file over guest memory", errno::last()));
        }
        Ok(())
    }

    fn note(&self, range: &Range<u64>, state: Option<Protection>) {
        let page = page_size();
        self.changed().extend((range.start / page..range.end / page).map(|page| (page, state)));
    }

    fn serve(&self, range: Range<u64>, byte: u8) -> Result<(), MachineError> {
        let server = UserfaultServer::new(self.addresses(&range), page_size(), byte)?;
        self.forget(range).map_err(|errno| kernel("madvise(MADV_DONTNEED) of guest memory", errno))?;
        *self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(server);
        Ok(())
    }

    /// Moves the mapping to another address of this process.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn remap(&mut self) -> Result<(), MachineError> {
        let length = self.bytes() as usize;
        let (target, _) = backing::map(length, Backing::Anonymous, libc::PROT_NONE)?;
        // SAFETY: moves our own mapping over another one of ours, which was just made and is nobody's.
        let moved = unsafe {
            libc::mremap(
                self.start.cast(),
                length,
                length,
                libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
                target.cast::<libc::c_void>(),
            )
        };
        if moved == libc::MAP_FAILED {
            return Err(kernel("mremap of guest memory", errno::last()));
        }
        self.start = moved.cast();
        Ok(())
    }
}
