//! Any granules: the kernel copies whole host pages, so the pages at the edges of a range are read, changed and
//! written back. That is not atomic.

use crate::GRANULE;
use crate::copied::Copied;
use crate::error::TagError;
use crate::ioctl::CopyTagsIoctl;
use crate::transport::{check_tags, checked_page_size, fetch, granules, length_of, store};

/// Granules in the largest page that arm64 Linux can have, 64 KiB: what must fit on the stack.
pub(crate) const SCRATCH: usize = 4096;

/// Fetches the tags of any granules from `ipa` on, one a byte, lowest address first.
///
/// Host pages that lie in the range as a whole are fetched straight into the slice. The pages at its edges are fetched
/// to the stack and copied from there, each by a call of its own: the result is no snapshot of one moment while the
/// guest runs.
///
/// # Errors
///
/// When `ipa` is not a multiple of 16, or the range leaves the address space; else as [`fetch`]. A copy that stops early
/// says at which granule of the range.
///
/// ```
/// use kvm_mte::fake::FakeVm;
///
/// let vm = FakeVm::<512>::new(0x4000_0000);
/// vm.set_tag(0x4000_0ff0, 1);
/// vm.set_tag(0x4000_1000, 2);
/// // The last granule of one page and the first of the next.
/// let mut tags = [0; 2];
/// kvm_mte::fetch_granules(&vm, 0x4000_0ff0, &mut tags)?.complete()?;
/// assert_eq!(tags, [1, 2]);
/// # Ok::<(), kvm_mte::TagError>(())
/// ```
pub fn fetch_granules(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<Copied, TagError> {
    for_parts(vm, ipa, tags.len(), |part| {
        let wanted = &mut tags[part.first..][..part.count];
        if part.is_whole() {
            return fetch(vm, part.page, wanted);
        }
        let mut scratch = [0; SCRATCH];
        let page = &mut scratch[..part.of];
        let copied = fetch(vm, part.page, page)?;
        if copied == Copied::Complete {
            wanted.copy_from_slice(&page[part.before..][..part.count]);
        }
        Ok(copied)
    })
}

/// Stores the tags of any granules from `ipa` on, one a byte, lowest address first. The other granules of the host's
/// pages keep theirs.
///
/// **This is not atomic** where the range begins or ends within a host page. The tags of that page are fetched, changed
/// and stored as a whole: what the guest, or the VMM through a mapping with `PROT_MTE`, writes to *other* granules of
/// that page in between is lost. Stop the vCPUs first, as a save or restore does anyway.
///
/// # Errors
///
/// When `ipa` is not a multiple of 16, the range leaves the address space, or a tag is above 15: nothing was stored then.
/// Else as [`store`]. A copy that stops early says at which granule of the range.
///
/// ```
/// use kvm_mte::fake::FakeVm;
///
/// let vm = FakeVm::<256>::new(0);
/// vm.set_tag(0x10, 1);
/// vm.set_tag(0x30, 3);
/// kvm_mte::store_granules(&vm, 0x20, &[2])?.complete()?;
/// assert_eq!([vm.tag(0x10), vm.tag(0x20), vm.tag(0x30)], [1, 2, 3]);
/// # Ok::<(), kvm_mte::TagError>(())
/// ```
pub fn store_granules(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, tags: &[u8]) -> Result<Copied, TagError> {
    check_tags(ipa, tags)?;
    for_parts(vm, ipa, tags.len(), |part| {
        let wanted = &tags[part.first..][..part.count];
        if part.is_whole() {
            return store(vm, part.page, wanted);
        }
        let mut scratch = [0; SCRATCH];
        let page = &mut scratch[..part.of];
        let fetched = fetch(vm, part.page, page)?;
        if fetched != Copied::Complete {
            return Ok(fetched);
        }
        page[part.before..][..part.count].copy_from_slice(wanted);
        store(vm, part.page, page)
    })
}

/// A part of a range: some granules of one host page, or many whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// The guest-physical address of the first page.
    page: u64,
    /// Granules in the page or pages.
    of: usize,
    /// Granules of the page before those of the range.
    before: usize,
    /// The range's granule that comes first.
    first: usize,
    /// Granules of the range.
    count: usize,
}

impl Part {
    const fn is_whole(&self) -> bool {
        self.count == self.of
    }
}

/// Copies a range part by part, up to the first that stops.
fn for_parts(
    vm: &(impl CopyTagsIoctl + ?Sized),
    ipa: u64,
    count: usize,
    mut copy: impl FnMut(Part) -> Result<Copied, TagError>,
) -> Result<Copied, TagError> {
    let page = checked_page_size(vm)?;
    if ipa % GRANULE != 0 {
        return Err(TagError::UnalignedAddress { ipa, unit: GRANULE });
    }
    let end = ipa + length_of(ipa, count)?;
    let mut at = ipa;
    while at < end {
        let part = part(page, ipa, at, end);
        match copy(part)? {
            Copied::Complete => at += part.count as u64 * GRANULE,
            // The first page of a part may begin below the range.
            Copied::Stopped { at: stop, cause } => return Ok(Copied::Stopped { at: stop.max(at), cause }),
        }
    }
    Ok(Copied::Complete)
}

/// Returns the part of the range from `ipa` to `end` that comes at `at`.
fn part(page: u64, ipa: u64, at: u64, end: u64) -> Part {
    let start = at - at % page;
    let whole = (end - start) - (end - start) % page;
    let (of, stop) = if start == at && whole != 0 {
        (whole, start + whole)
    } else {
        // `end` may be in the last page of the address space.
        (page, at + (page - at % page).min(end - at))
    };
    Part {
        page: start,
        of: granules(0, of),
        before: granules(start, at),
        first: granules(ipa, at),
        count: granules(at, stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;
    use crate::fake::FakeVm;

    const PAGE: u64 = 4096;

    #[test]
    fn whole_pages_are_copied_in_one_call_and_edges_in_one_each() {
        let vm = FakeVm::<1280>::new(0);
        // From the middle of the first page to the middle of the last.
        let mut tags = [0; 1024];
        assert_eq!(fetch_granules(&vm, 0x800, &mut tags), Ok(Copied::Complete));
        assert_eq!(vm.calls(), 3);
        assert_eq!(fetch_granules(&vm, PAGE, &mut tags), Ok(Copied::Complete));
        assert_eq!(vm.calls(), 4);
        // An edge is fetched and stored.
        assert_eq!(store_granules(&vm, 0x800, &tags), Ok(Copied::Complete));
        assert_eq!(vm.calls(), 4 + 5);
    }

    #[test]
    fn a_part_of_one_page_knows_its_place() {
        let part_of = |page, at, end| part(page, at, at, end);
        assert_eq!(part_of(PAGE, 0x1ff0, 0x2000), Part { page: 0x1000, of: 256, before: 255, first: 0, count: 1 });
        assert_eq!(part_of(4 * PAGE, 0x5010, 0x5020), Part { page: 0x4000, of: 1024, before: 257, first: 0, count: 1 });
        assert_eq!(part(PAGE, 0x0ff0, 0x1000, 0x3010), Part { page: 0x1000, of: 512, before: 0, first: 1, count: 512 });
    }

    #[test]
    fn a_stop_is_reported_at_a_granule_of_the_range() {
        let vm = FakeVm::<768>::new(0);
        vm.unmap(0);
        let stopped = Ok(Copied::Stopped { at: 0x20, cause: Errno::EFAULT });
        assert_eq!(fetch_granules(&vm, 0x20, &mut [0; 4]), stopped);
        assert_eq!(store_granules(&vm, 0x20, &[0; 4]), stopped);
        let vm = FakeVm::<768>::new(0);
        vm.unmap(0x2000);
        let stopped = Ok(Copied::Stopped { at: 0x2000, cause: Errno::EFAULT });
        assert_eq!(fetch_granules(&vm, 0xff0, &mut [0; 300]), stopped);
        assert_eq!(store_granules(&vm, 0xff0, &[1; 300]), stopped);
        assert_eq!([vm.tag(0xfe0), vm.tag(0xff0), vm.tag(0x1000), vm.tag(0x1ff0)], [0, 1, 1, 1]);
    }

    #[test]
    fn what_is_wrong_never_reaches_the_kernel() {
        let vm = FakeVm::<256>::new(0);
        assert_eq!(fetch_granules(&vm, 8, &mut [0]), Err(TagError::UnalignedAddress { ipa: 8, unit: 16 }));
        assert_eq!(store_granules(&vm, 0x10, &[0, 16]), Err(TagError::BadTag { ipa: 0x20, value: 16 }));
        let last = !0 << 4;
        assert!(matches!(fetch_granules(&vm, last, &mut [0; 2]), Err(TagError::Overflow { .. })));
        assert_eq!(fetch_granules(&vm, 0x10, &mut []), Ok(Copied::Complete));
        let odd = FakeVm::<256>::with_page_size(0, 8192);
        assert_eq!(fetch_granules(&odd, 0, &mut [0]), Err(TagError::BadPageSize { page: 8192 }));
        assert_eq!((vm.calls(), odd.calls()), (0, 0));
    }

    #[test]
    fn the_largest_page_fits_into_the_scratch_buffer() {
        let vm = FakeVm::<8192>::with_page_size(0, 0x1_0000);
        assert_eq!(store_granules(&vm, 0xfff0, &[9, 10]), Ok(Copied::Complete));
        let mut tags = [0; 4];
        assert_eq!(fetch_granules(&vm, 0xffe0, &mut tags), Ok(Copied::Complete));
        assert_eq!(tags, [0, 9, 10, 0]);
    }
}
