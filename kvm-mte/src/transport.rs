//! Whole host pages: ranges are checked, split into calls that the kernel accepts, and a short count is followed up.

use crate::copied::Copied;
use crate::errno::Errno;
use crate::error::TagError;
use crate::ioctl::{Call, CopyTagsIoctl, Tags};
use crate::{GRANULE, MAX_TAG};

/// The kernel's limit for the length of one call: `INT_MAX`, enforced since Linux 6.4. Older kernels take longer ones
/// and return a truncated count.
const KERNEL_LIMIT: u64 = i32::MAX as u64;

/// Fetches the tags of guest memory from `ipa` on, one a byte, lowest address first. The slice's length says how many:
/// 16 bytes of guest memory for each. Memory that the guest never tagged reads as zeros.
///
/// What lies beyond an early stop is left as it was in the slice, except that the kernel may have written to the part
/// for the page at which it stopped.
///
/// # Errors
///
/// When `ipa` or the range is not in whole host pages, or the kernel's count makes no sense. A copy that stops early is
/// no error but [`Copied::Stopped`]; [`Copied::complete`] makes it one.
///
/// ```
/// use kvm_mte::{TagError, fake::FakeVm};
///
/// let vm = FakeVm::<512>::new(0x8000_0000);
/// vm.set_tag(0x8000_1000, 9);
/// let mut tags = [0xff; 512];
/// kvm_mte::fetch(&vm, 0x8000_0000, &mut tags)?.complete()?;
/// assert_eq!(tags[255..258], [0, 9, 0]);
///
/// // Less than a page is refused before the kernel sees it.
/// let refused = kvm_mte::fetch(&vm, 0x8000_0000, &mut tags[..16]);
/// assert_eq!(refused, Err(TagError::UnalignedLength { length: 256, page: 4096 }));
/// # Ok::<(), TagError>(())
/// ```
pub fn fetch(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<Copied, TagError> {
    let (page, length) = check_range(vm, ipa, tags.len())?;
    walk(page, ipa, length, |at, chunk| {
        let tags = Tags::FromGuest(&mut tags[granules(ipa, at)..][..granules(0, chunk)]);
        vm.copy_tags(Call { ipa: at, tags })
    })
}

/// Stores tags, one a byte, to guest memory from `ipa` on, lowest address first: 16 bytes of guest memory for each.
///
/// # Errors
///
/// When a tag is above 15 or `ipa` or the range is not in whole host pages: nothing was stored then. When the kernel's
/// count makes no sense. A copy that stops early is no error but [`Copied::Stopped`]; [`Copied::complete`] makes it one.
///
/// ```
/// use kvm_mte::{Copied, Errno, TagError, fake::FakeVm};
///
/// let vm = FakeVm::<256>::new(0);
/// kvm_mte::store(&vm, 0, &[4; 256])?.complete()?;
/// assert_eq!(vm.tag(0xff0), 4);
///
/// // The kernel would store 0x1f as 0xf.
/// let refused = kvm_mte::store(&vm, 0, &[0x1f; 256]);
/// assert_eq!(refused, Err(TagError::BadTag { ipa: 0, value: 0x1f }));
///
/// // A slot logs dirty pages.
/// vm.set_dirty_logging(true);
/// assert_eq!(kvm_mte::store(&vm, 0, &[5; 256])?, Copied::Stopped { at: 0, cause: Errno::EBUSY });
/// # Ok::<(), TagError>(())
/// ```
pub fn store(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, tags: &[u8]) -> Result<Copied, TagError> {
    let (page, length) = check_range(vm, ipa, tags.len())?;
    check_tags(ipa, tags)?;
    walk(page, ipa, length, |at, chunk| {
        let tags = Tags::ToGuest(&tags[granules(ipa, at)..][..granules(0, chunk)]);
        vm.copy_tags(Call { ipa: at, tags })
    })
}

/// Checks that granules fill whole host pages. Returns the page size and the bytes of guest memory that they take.
pub(crate) fn check_range(
    vm: &(impl CopyTagsIoctl + ?Sized),
    ipa: u64,
    granules: usize,
) -> Result<(u64, u64), TagError> {
    let page = checked_page_size(vm)?;
    let length = length_of(ipa, granules)?;
    if ipa % page != 0 {
        return Err(TagError::UnalignedAddress { ipa, unit: page });
    }
    if length % page != 0 {
        return Err(TagError::UnalignedLength { length, page });
    }
    Ok((page, length))
}

/// Returns the host's page size, one of those that arm64 Linux can be built with.
pub(crate) fn checked_page_size(vm: &(impl CopyTagsIoctl + ?Sized)) -> Result<u64, TagError> {
    match vm.page_size() {
        page @ (0x1000 | 0x4000 | 0x1_0000) => Ok(page),
        page => Err(TagError::BadPageSize { page }),
    }
}

/// Returns the bytes of guest memory that this many granules from `ipa` on take.
pub(crate) fn length_of(ipa: u64, granules: usize) -> Result<u64, TagError> {
    let length = (granules as u64).saturating_mul(GRANULE);
    match ipa.checked_add(length) {
        Some(_) => Ok(length),
        None => Err(TagError::Overflow { ipa, length }),
    }
}

/// Rejects tags that the kernel would mask.
pub(crate) fn check_tags(ipa: u64, tags: &[u8]) -> Result<(), TagError> {
    // All at once, which is several tags an instruction; one by one only to name the first that is wrong.
    if tags.iter().fold(0, |all, tag| all | tag) <= MAX_TAG {
        return Ok(());
    }
    match tags.iter().position(|tag| *tag > MAX_TAG) {
        Some(index) => Err(TagError::BadTag { ipa: ipa.saturating_add(index as u64 * GRANULE), value: tags[index] }),
        None => Ok(()),
    }
}

/// Returns the number of granules between two addresses; they are in one slice, so it is a `usize`.
pub(crate) fn granules(start: u64, end: u64) -> usize {
    ((end - start) / GRANULE) as usize
}

/// Walks a range in calls that the kernel accepts, and finds out why one stopped short.
fn walk(
    page: u64,
    ipa: u64,
    length: u64,
    mut call: impl FnMut(u64, u64) -> Result<u64, Errno>,
) -> Result<Copied, TagError> {
    let end = ipa + length;
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
mod tests;
