//! Two tags a byte: the form for files and streams, half as large as the kernel's.
//!
//! The layout is that of a core file's `PT_AARCH64_MEMTAG_MTE` segment
//! (Documentation/arch/arm64/memory-tagging-extension.rst, "Core dump support"): the lower four bits of a byte are the
//! tag of the granule with the lower address.

use core::fmt;

use crate::copied::Copied;
use crate::error::TagError;
use crate::granules::SCRATCH;
use crate::ioctl::CopyTagsIoctl;
use crate::transport::{check_range, check_tags, fetch, granules, store};
use crate::{GRANULE, MAX_TAG};

/// Bytes of guest memory whose tags are in one byte.
pub const BYTES_PER_PACKED_BYTE: u64 = 2 * GRANULE;

/// Why tags were not packed or unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackError {
    /// The slices' lengths do not belong together: a byte for every two tags, and one for an odd last tag.
    BadLength {
        /// Tags, one a byte.
        tags: usize,
        /// Bytes with two tags each.
        packed: usize,
    },
    /// A tag is above 15.
    BadTag {
        /// Which one.
        index: usize,
        /// The byte.
        value: u8,
    },
}

impl PackError {
    /// Returns what failed, what was expected and what was found.
    pub fn reason(&self) -> impl fmt::Display + '_ {
        Reason(self)
    }

    /// Returns what can be done about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::BadLength { .. } => "give the packed slice half as many bytes as there are tags, rounded up",
            Self::BadTag { .. } => "check the tags where they come from; a tag has four bits",
        }
    }
}

struct Reason<'a>(&'a PackError);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PackError::BadLength { tags, packed } => {
                write!(f, "{tags} tags: expected {} packed bytes, found {packed}", tags.div_ceil(2))
            }
            PackError::BadTag { index, value } => write!(f, "tag number {index}, {value:#x}, is above 15"),
        }
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

impl core::error::Error for PackError {}

/// Packs tags, one a byte, to two a byte. The upper half of the last byte is 0 if their number is odd.
///
/// # Errors
///
/// When the slices' lengths do not belong together, or a tag is above 15; `packed` is not changed then.
///
/// ```
/// let mut packed = [0; 2];
/// kvm_mte::pack(&[0x1, 0x2, 0x3], &mut packed)?;
/// assert_eq!(packed, [0x21, 0x03]);
/// # Ok::<(), kvm_mte::packed::PackError>(())
/// ```
pub fn pack(tags: &[u8], packed: &mut [u8]) -> Result<(), PackError> {
    check_lengths(tags, packed)?;
    if let Some(index) = tags.iter().position(|tag| *tag > MAX_TAG) {
        return Err(PackError::BadTag { index, value: tags[index] });
    }
    join(tags, packed);
    Ok(())
}

/// Unpacks tags, two a byte, to one a byte. If their number is odd, the upper half of the last byte is ignored.
///
/// # Errors
///
/// When the slices' lengths do not belong together; `tags` is not changed then.
///
/// ```
/// let mut tags = [0; 4];
/// kvm_mte::unpack(&[0x21, 0x43], &mut tags)?;
/// assert_eq!(tags, [1, 2, 3, 4]);
/// # Ok::<(), kvm_mte::packed::PackError>(())
/// ```
pub fn unpack(packed: &[u8], tags: &mut [u8]) -> Result<(), PackError> {
    check_lengths(tags, packed)?;
    split(packed, tags);
    Ok(())
}

/// Packs tags that are known to be good; bytes beyond theirs are not changed.
fn join(tags: &[u8], packed: &mut [u8]) {
    for (byte, pair) in packed.iter_mut().zip(tags.chunks(2)) {
        *byte = pair[0] | pair.get(1).map_or(0, |high| high << 4);
    }
}

fn split(packed: &[u8], tags: &mut [u8]) {
    for (pair, byte) in tags.chunks_mut(2).zip(packed) {
        pair[0] = byte & MAX_TAG;
        if let Some(high) = pair.get_mut(1) {
            *high = byte >> 4;
        }
    }
}

fn check_lengths(tags: &[u8], packed: &[u8]) -> Result<(), PackError> {
    match packed.len() == tags.len().div_ceil(2) {
        true => Ok(()),
        false => Err(PackError::BadLength { tags: tags.len(), packed: packed.len() }),
    }
}

/// Fetches the tags of guest memory from `ipa` on, two a byte. The slice's length says how many: 32 bytes of guest memory
/// for each byte.
///
/// The kernel is called once for every 64 KiB of guest memory, with a buffer on the stack. Bytes for what lies beyond an
/// early stop are not changed.
///
/// # Errors
///
/// As [`fetch`].
///
/// ```
/// use kvm_mte::fake::FakeVm;
///
/// let (old, new) = (FakeVm::<512>::new(0), FakeVm::<512>::new(0));
/// old.set_tag(0x1010, 0xa);
///
/// let mut packed = [0; 256];
/// kvm_mte::fetch_packed(&old, 0, &mut packed)?.complete()?;
/// assert_eq!(packed[128], 0xa0);
///
/// kvm_mte::store_packed(&new, 0, &packed)?.complete()?;
/// assert_eq!(new.tag(0x1010), 0xa);
/// # Ok::<(), kvm_mte::TagError>(())
/// ```
pub fn fetch_packed(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, packed: &mut [u8]) -> Result<Copied, TagError> {
    check_range(vm, ipa, packed.len().saturating_mul(2))?;
    let mut scratch = [0; SCRATCH];
    let mut at = ipa;
    for chunk in packed.chunks_mut(SCRATCH / 2) {
        let tags = &mut scratch[..2 * chunk.len()];
        let copied = fetch(vm, at, tags)?;
        let fetched = match copied {
            Copied::Complete => tags.len(),
            Copied::Stopped { at: stop, .. } => granules(at, stop),
        };
        check_tags(at, &tags[..fetched])?;
        join(&tags[..fetched], chunk);
        if copied != Copied::Complete {
            return Ok(copied);
        }
        at += tags.len() as u64 * GRANULE;
    }
    Ok(Copied::Complete)
}

/// Stores tags, two a byte, to guest memory from `ipa` on: 32 bytes of guest memory for each byte.
///
/// The kernel is called once for every 64 KiB of guest memory, with a buffer on the stack.
///
/// # Errors
///
/// As [`store`]; a tag that is too large cannot occur.
pub fn store_packed(vm: &(impl CopyTagsIoctl + ?Sized), ipa: u64, packed: &[u8]) -> Result<Copied, TagError> {
    check_range(vm, ipa, packed.len().saturating_mul(2))?;
    let mut scratch = [0; SCRATCH];
    let mut at = ipa;
    for chunk in packed.chunks(SCRATCH / 2) {
        let tags = &mut scratch[..2 * chunk.len()];
        split(chunk, tags);
        match store(vm, at, tags)? {
            Copied::Complete => at += tags.len() as u64 * GRANULE,
            stopped @ Copied::Stopped { .. } => return Ok(stopped),
        }
    }
    Ok(Copied::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;
    use crate::fake::FakeVm;

    #[test]
    fn lengths_that_do_not_belong_together_are_refused() {
        for (tags, packed) in [(2, 0), (2, 2), (3, 1), (1, 0), (0, 1)] {
            let refused = Err(PackError::BadLength { tags, packed });
            assert_eq!(pack(&[0; 4][..tags], &mut [0; 4][..packed]), refused);
            assert_eq!(unpack(&[0; 4][..packed], &mut [0; 4][..tags]), refused);
        }
    }

    #[test]
    fn a_tag_that_would_reach_into_its_neighbour_is_refused() {
        let mut packed = [0xee; 2];
        assert_eq!(pack(&[1, 2, 0x10], &mut packed), Err(PackError::BadTag { index: 2, value: 0x10 }));
        assert_eq!(packed, [0xee; 2]);
    }

    #[test]
    fn an_odd_last_tag_has_a_byte_of_its_own() {
        let mut tags = [0; 3];
        assert_eq!(unpack(&[0x21, 0xf3], &mut tags), Ok(()));
        assert_eq!(tags, [1, 2, 3]);
    }

    #[test]
    fn a_range_goes_in_chunks_of_64_kib_and_a_stop_keeps_what_comes_after() {
        let vm = FakeVm::<10240>::new(0);
        for granule in 0..10240 {
            vm.set_tag(granule * 16, (granule % 15) as u8);
        }
        let mut packed = [0xee; 5120];
        assert_eq!(fetch_packed(&vm, 0, &mut packed), Ok(Copied::Complete));
        assert_eq!(vm.calls(), 3);
        vm.unmap(0x1_1000);
        let mut less = [0xee; 5120];
        let stopped = Ok(Copied::Stopped { at: 0x1_1000, cause: Errno::EFAULT });
        assert_eq!(fetch_packed(&vm, 0, &mut less), stopped);
        assert_eq!(less[..0x880], packed[..0x880]);
        assert_eq!(less[0x880..], [0xee; 5120 - 0x880]);
        assert_eq!(store_packed(&vm, 0, &[0; 5120]), stopped);
        assert_eq!((vm.tag(0x1_0ff0), vm.tag(0x1_2000)), (0, (0x1200 % 15) as u8));
    }

    #[test]
    fn a_range_is_checked_as_a_whole_before_the_first_call() {
        let vm = FakeVm::<10240>::new(0);
        let refused = Err(TagError::UnalignedLength { length: 5119 * 32, page: 4096 });
        assert_eq!(fetch_packed(&vm, 0, &mut [0; 5119]), refused);
        assert_eq!(store_packed(&vm, 0, &[0; 5119]), refused);
        assert_eq!(store_packed(&vm, 16, &[0; 128]), Err(TagError::UnalignedAddress { ipa: 16, unit: 4096 }));
        assert_eq!(vm.calls(), 0);
    }
}
