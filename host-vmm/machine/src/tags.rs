//! Fetches and stores the MTE tags of guest memory: the wrapper of KVM_ARM_MTE_COPY_TAGS that
//! kvm-ioctls lacks.
//!
//! The ioctl (Documentation/virt/kvm/api.rst, 4.130) returns the bytes of guest memory that it covered,
//! perhaps fewer than asked, and then the reason why it stopped is lost. Callers have been known to
//! treat a short count as success. Here a copy is [`Copied::Complete`] or
//! [`Copied::Stopped`] *at an address, for a reason*: after a short count the copy goes on from there,
//! which either makes progress (the cause was passing) or yields the error number.
//!
//! The kernel ignores the upper four bits of each tag byte; a byte above 15 is therefore refused here.
//! Ranges above the kernel's limit of `INT_MAX` bytes a call are split.

use crate::{CopyResult, CopyTags, Errno, TagBuffer, Vm};

/// Bytes of memory that share one tag.
pub const GRANULE: u64 = 16;

/// The kernel's limit for the length of one call (`INT_MAX`, since Linux 6.4).
const KERNEL_LIMIT: u64 = i32::MAX as u64;

/// Whether all of a range was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a copy may stop early"]
pub enum Copied {
    /// All of it.
    Complete,
    /// Everything below an address was copied.
    Stopped {
        /// The guest-physical address of the first page that was not copied.
        at: u64,
        /// What the kernel said about that page.
        cause: Errno,
    },
}

/// Why a copy was not attempted, or cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The kernel works in whole host pages.
    #[error("{what} {value:#x} is not a multiple of the host's page size {page:#x}; widen the range to whole pages")]
    Unaligned {
        /// Address or length.
        what: &'static str,
        /// What it is.
        value: u64,
        /// Bytes in a host page.
        page: u64,
    },
    /// The kernel would silently mask it.
    #[error("tag {value:#x} of the granule at {ipa:#x} is above 15; a tag has four bits")]
    BadTag {
        /// The granule's guest-physical address.
        ipa: u64,
        /// The byte.
        value: u8,
    },
    /// The range leaves the address space.
    #[error("{length:#x} bytes from {ipa:#x} on leave the 64-bit address space")]
    Overflow {
        /// First byte.
        ipa: u64,
        /// Bytes.
        length: u64,
    },
    /// The kernel's count makes no sense.
    #[error(
        "the kernel says that it covered {covered:#x} bytes of {asked:#x} at {ipa:#x}, which is not a number of whole pages within the range"
    )]
    BadCount {
        /// First byte asked for.
        ipa: u64,
        /// Bytes asked for.
        asked: u64,
        /// Bytes it claims.
        covered: u64,
    },
    /// The copy stopped where it must not.
    #[error("copying tags stopped at {at:#x}: {cause}")]
    Stopped {
        /// First address that was not copied.
        at: u64,
        /// What the kernel said.
        cause: Errno,
    },
}

impl Copied {
    /// Turns an early stop into an error.
    ///
    /// # Errors
    ///
    /// [`TagError::Stopped`].
    pub fn complete(self) -> Result<(), TagError> {
        match self {
            Self::Complete => Ok(()),
            Self::Stopped { at, cause } => Err(TagError::Stopped { at, cause }),
        }
    }
}

/// Fetches the tags of guest memory from `ipa` on, one a byte, lowest address first; the buffer's
/// length says how many. Pages that the guest never tagged read as zeros.
///
/// # Errors
///
/// When `ipa` or the range is not in whole host pages, or the kernel's count is absurd.
pub fn fetch(vm: &(impl Vm + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<Copied, TagError> {
    let length = tags.len() as u64 * GRANULE;
    copy(vm.page_size(), ipa, length, |at, chunk| {
        let first = ((at - ipa) / GRANULE) as usize;
        let part = &mut tags[first..first + (chunk / GRANULE) as usize];
        call(vm, at, chunk, part, CopyTags::FROM_GUEST)
    })
}

/// Stores tags, one a byte, to guest memory from `ipa` on, lowest address first.
///
/// # Errors
///
/// When a byte is above 15, `ipa` or the range is not in whole host pages, or the kernel's count is
/// absurd. Nothing is stored then, except in the last case.
pub fn store(vm: &(impl Vm + ?Sized), ipa: u64, tags: &[u8]) -> Result<Copied, TagError> {
    if let Some(index) = tags.iter().position(|tag| *tag > 15) {
        return Err(TagError::BadTag { ipa: ipa.saturating_add(index as u64 * GRANULE), value: tags[index] });
    }
    // The kernel only reads this buffer, but its interface does not say so.
    let mut tags = tags.to_vec();
    let length = tags.len() as u64 * GRANULE;
    copy(vm.page_size(), ipa, length, |at, chunk| {
        let first = ((at - ipa) / GRANULE) as usize;
        let part = &mut tags[first..first + (chunk / GRANULE) as usize];
        call(vm, at, chunk, part, CopyTags::TO_GUEST)
    })
}

/// Fetches the tags of any granules: the range is widened to whole host pages and cut back.
///
/// # Errors
///
/// As [`fetch`], and when the copy stops early.
pub fn fetch_granules(vm: &(impl Vm + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<(), TagError> {
    let (start, before, whole) = widen(vm.page_size(), ipa, tags.len());
    let mut all = vec![0xff; whole];
    fetch(vm, start, &mut all)?.complete()?;
    tags.copy_from_slice(&all[before..before + tags.len()]);
    Ok(())
}

/// Stores the tags of any granules; those of other granules in the host's pages are kept.
///
/// # Errors
///
/// As [`store`], and when a copy stops early.
pub fn store_granules(vm: &(impl Vm + ?Sized), ipa: u64, tags: &[u8]) -> Result<(), TagError> {
    let (start, before, whole) = widen(vm.page_size(), ipa, tags.len());
    let mut all = vec![0; whole];
    if whole != tags.len() {
        fetch(vm, start, &mut all)?.complete()?;
    }
    all[before..before + tags.len()].copy_from_slice(tags);
    store(vm, start, &all)?.complete()
}

/// Finds the host pages around granules: first byte, granules before, granules in all.
fn widen(page: u64, ipa: u64, granules: usize) -> (u64, usize, usize) {
    let start = ipa & !(page - 1);
    let end = (ipa + granules as u64 * GRANULE).next_multiple_of(page);
    (start, ((ipa - start) / GRANULE) as usize, ((end - start) / GRANULE) as usize)
}

fn call(vm: &(impl Vm + ?Sized), ipa: u64, length: u64, part: &mut [u8], flags: u64) -> CopyResult {
    vm.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::Bytes(part), flags, reserved: [0; 2] })
}

/// Walks a range in calls that the kernel accepts, and finds out why one stopped short.
fn copy(page: u64, ipa: u64, length: u64, mut call: impl FnMut(u64, u64) -> CopyResult) -> Result<Copied, TagError> {
    for (what, value) in [("address", ipa), ("length", length)] {
        if value % page != 0 {
            return Err(TagError::Unaligned { what, value, page });
        }
    }
    let end = ipa.checked_add(length).ok_or(TagError::Overflow { ipa, length })?;
    let limit = KERNEL_LIMIT - KERNEL_LIMIT % page;
    let mut at = ipa;
    while at < end {
        let asked = (end - at).min(limit);
        match call(at, asked) {
            Err(cause) => return Ok(Copied::Stopped { at, cause }),
            // A short count: the next turn asks from there on and learns why.
            Ok(covered) if covered > 0 && covered <= asked && covered % page == 0 => at += covered,
            Ok(covered) => return Err(TagError::BadCount { ipa: at, asked, covered }),
        }
    }
    Ok(Copied::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    /// A kernel that covers what `answers` say, call by call, and logs what it was asked.
    fn run(ipa: u64, length: u64, answers: &[CopyResult]) -> (Result<Copied, TagError>, Vec<(u64, u64)>) {
        let mut asked = Vec::new();
        let mut answers = answers.iter();
        let result = copy(PAGE, ipa, length, |at, chunk| {
            asked.push((at, chunk));
            *answers.next().expect("no further call")
        });
        assert!(answers.next().is_none(), "fewer calls than expected");
        (result, asked)
    }

    #[test]
    fn a_full_count_is_complete_after_one_call() {
        let (result, asked) = run(0x1000, 2 * PAGE, &[Ok(2 * PAGE)]);
        assert_eq!(result, Ok(Copied::Complete));
        assert_eq!(asked, [(0x1000, 2 * PAGE)]);
    }

    #[test]
    fn a_short_count_is_retried_from_where_it_stopped_and_its_cause_reported() {
        let (result, asked) = run(0, 4 * PAGE, &[Ok(3 * PAGE), Err(Errno::EFAULT)]);
        assert_eq!(result, Ok(Copied::Stopped { at: 3 * PAGE, cause: Errno::EFAULT }));
        assert_eq!(asked, [(0, 4 * PAGE), (3 * PAGE, PAGE)]);
    }

    #[test]
    fn a_passing_cause_does_not_end_the_copy() {
        let (result, _) = run(0, 4 * PAGE, &[Ok(PAGE), Ok(3 * PAGE)]);
        assert_eq!(result, Ok(Copied::Complete));
    }

    #[test]
    fn an_error_on_the_first_page_says_so() {
        let (result, _) = run(PAGE, PAGE, &[Err(Errno::EBUSY)]);
        assert_eq!(result, Ok(Copied::Stopped { at: PAGE, cause: Errno::EBUSY }));
    }

    #[test]
    fn ranges_above_the_kernels_limit_are_split_at_a_page() {
        let limit = 0x7fff_f000;
        let (result, asked) = run(0, limit + PAGE, &[Ok(limit), Ok(PAGE)]);
        assert_eq!(result, Ok(Copied::Complete));
        assert_eq!(asked, [(0, limit), (limit, PAGE)]);
    }

    #[test]
    fn absurd_counts_are_errors_and_do_not_loop() {
        for covered in [0, 1, PAGE + 1, 3 * PAGE] {
            let (result, _) = run(0, 2 * PAGE, &[Ok(covered)]);
            assert_eq!(result, Err(TagError::BadCount { ipa: 0, asked: 2 * PAGE, covered }));
        }
    }

    #[test]
    fn any_granules_lie_in_whole_pages() {
        assert_eq!(widen(PAGE, 0x1000, 256), (0x1000, 0, 256));
        assert_eq!(widen(PAGE, 0x1ff0, 1), (0x1000, 255, 256));
        assert_eq!(widen(PAGE, 0x1ff0, 2), (0x1000, 255, 512));
        assert_eq!(widen(4 * PAGE, 0x5010, 1), (0x4000, 257, 1024));
    }

    #[test]
    fn unaligned_and_overflowing_ranges_never_reach_the_kernel() {
        assert!(matches!(run(8, PAGE, &[]).0, Err(TagError::Unaligned { what: "address", .. })));
        assert!(matches!(run(0, 16, &[]).0, Err(TagError::Unaligned { what: "length", .. })));
        assert!(matches!(run(!0 << 12, 2 * PAGE, &[]).0, Err(TagError::Overflow { .. })));
        assert_eq!(run(0, 0, &[]).0, Ok(Copied::Complete));
    }
}
