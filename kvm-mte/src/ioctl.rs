//! KVM_ARM_MTE_COPY_TAGS itself: its number, its argument, the capability behind it, and the trait that makes it.
//!
//! Everything is from arch/arm64/include/uapi/asm/kvm.h and include/uapi/linux/kvm.h, and asserted at compile time.
//! Nothing here calls the kernel.

use core::mem::{align_of, offset_of, size_of};

use crate::GRANULE;
use crate::errno::Errno;

/// The number of KVM_CAP_ARM_MTE (include/uapi/linux/kvm.h), for KVM_CHECK_EXTENSION and KVM_ENABLE_CAP on the VM.
///
/// When to enable it is in [`order`](crate::order#enabling).
pub const KVM_CAP_ARM_MTE: u32 = 205;

/// [`CopyTags::flags`]: store tags.
pub const KVM_ARM_TAGS_TO_GUEST: u64 = 0;
/// [`CopyTags::flags`]: fetch tags.
pub const KVM_ARM_TAGS_FROM_GUEST: u64 = 1;

/// The request number of KVM_ARM_MTE_COPY_TAGS.
///
/// It is `_IOR`, although the kernel reads the argument and writes to what it points to: the ABI keeps that.
pub const KVM_ARM_MTE_COPY_TAGS: u32 = ior(KVMIO, 0xb4, size_of::<CopyTags>());

/// The type of all KVM requests (include/uapi/linux/kvm.h).
const KVMIO: u32 = 0xae;

/// Encodes a request that reads (`_IOR` of include/uapi/asm-generic/ioctl.h).
const fn ior(kind: u32, number: u32, size: usize) -> u32 {
    const READ: u32 = 2;
    READ << 30 | (size as u32) << 16 | kind << 8 | number
}

const _: () = assert!(KVM_ARM_MTE_COPY_TAGS == 0x8030_aeb4);

/// `struct kvm_arm_copy_mte_tags`, the argument of the ioctl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CopyTags {
    /// First guest-physical address: a multiple of the host's page size.
    pub guest_ipa: u64,
    /// Bytes of guest memory: a multiple of the host's page size, at most `INT_MAX`.
    pub length: u64,
    /// The address of a buffer of `length / 16` bytes in this process, one tag a byte, lowest address first.
    pub addr: u64,
    /// [`KVM_ARM_TAGS_TO_GUEST`] or [`KVM_ARM_TAGS_FROM_GUEST`].
    pub flags: u64,
    /// Zeros.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<CopyTags>() == 48 && align_of::<CopyTags>() == 8);
const _: () = assert!(offset_of!(CopyTags, guest_ipa) == 0 && offset_of!(CopyTags, length) == 8);
const _: () = assert!(offset_of!(CopyTags, addr) == 16 && offset_of!(CopyTags, flags) == 24);
const _: () = assert!(offset_of!(CopyTags, reserved) == 32);

/// The tags of one call, one a byte, lowest address first. The slice's length says how many granules the call is for.
#[derive(Debug)]
pub enum Tags<'a> {
    /// Fetch them from the guest. The kernel may write less than all of it.
    FromGuest(&'a mut [u8]),
    /// Store them to the guest. The kernel only reads this slice, whatever the types of its interface suggest.
    ToGuest(&'a [u8]),
}

impl Tags<'_> {
    /// Returns how many granules the tags are for.
    #[must_use]
    pub fn granules(&self) -> usize {
        match self {
            Self::FromGuest(tags) => tags.len(),
            Self::ToGuest(tags) => tags.len(),
        }
    }
}

/// One KVM_ARM_MTE_COPY_TAGS call. Whatever the fields hold, the kernel accesses no memory beyond the slice.
#[derive(Debug)]
pub struct Call<'a> {
    /// First guest-physical address.
    pub ipa: u64,
    /// The tags, and where they go.
    pub tags: Tags<'a>,
}

impl Call<'_> {
    /// Returns the bytes of guest memory that the call is for: 16 for each tag.
    #[must_use]
    pub fn length(&self) -> u64 {
        (self.tags.granules() as u64).saturating_mul(GRANULE)
    }

    /// Returns the argument of the ioctl. It holds the slice's address, so it must not outlive the call.
    ///
    /// ```
    /// use kvm_mte::ioctl::{Call, KVM_ARM_TAGS_TO_GUEST, Tags};
    ///
    /// let tags = [3; 256];
    /// let argument = Call { ipa: 0x4000_0000, tags: Tags::ToGuest(&tags) }.argument();
    /// assert_eq!((argument.guest_ipa, argument.length, argument.flags), (0x4000_0000, 4096, KVM_ARM_TAGS_TO_GUEST));
    /// ```
    #[must_use]
    pub fn argument(&mut self) -> CopyTags {
        let (addr, flags) = match &mut self.tags {
            Tags::FromGuest(tags) => (tags.as_mut_ptr().expose_provenance(), KVM_ARM_TAGS_FROM_GUEST),
            Tags::ToGuest(tags) => (tags.as_ptr().expose_provenance(), KVM_ARM_TAGS_TO_GUEST),
        };
        CopyTags { guest_ipa: self.ipa, length: self.length(), addr: addr as u64, flags, reserved: [0; 2] }
    }
}

/// A VM whose tags can be copied: the only thing in this crate that has to talk to the kernel.
///
/// The feature `kvm-ioctls` implements it for `kvm_ioctls::VmFd`. An implementation of one's own makes the ioctl
/// [`KVM_ARM_MTE_COPY_TAGS`] with [`Call::argument`] and returns its result, good or bad: retrying, splitting and
/// checking are done above it.
///
/// The slice in [`Call::tags`] must not lie in the guest's own memory. No safe code has such a slice; one made by
/// unsafe code can hang the kernel for good, because the page's tags are locked while the kernel accesses the buffer
/// (seen on Linux 6.12 to 7.3-rc).
///
/// ```
/// use kvm_mte::{Call, CopyTagsIoctl, Errno, Tags};
///
/// /// A VM with a page of memory at 0 in which every granule has tag 5.
/// struct AllFives;
///
/// impl CopyTagsIoctl for AllFives {
///     fn copy_tags(&self, call: Call<'_>) -> Result<u64, Errno> {
///         match call.tags {
///             Tags::FromGuest(tags) if call.ipa == 0 => {
///                 let page = tags.len().min(256);
///                 tags[..page].fill(5);
///                 Ok(page as u64 * kvm_mte::GRANULE)
///             }
///             _ => Err(Errno::EFAULT),
///         }
///     }
///
///     fn page_size(&self) -> u64 {
///         4096
///     }
/// }
///
/// let mut tags = [0; 3];
/// kvm_mte::fetch_granules(&AllFives, 0x20, &mut tags)?.complete()?;
/// assert_eq!(tags, [5; 3]);
/// # Ok::<(), kvm_mte::TagError>(())
/// ```
pub trait CopyTagsIoctl {
    /// Makes the ioctl once. Returns the bytes of guest memory that were covered.
    ///
    /// # Errors
    ///
    /// The error number, when the kernel returned one.
    fn copy_tags(&self, call: Call<'_>) -> Result<u64, Errno>;

    /// Returns the host's page size in bytes: 4, 16 or 64 KiB. The guest's own page size does not matter.
    fn page_size(&self) -> u64;
}

impl<T: CopyTagsIoctl + ?Sized> CopyTagsIoctl for &T {
    fn copy_tags(&self, call: Call<'_>) -> Result<u64, Errno> {
        (**self).copy_tags(call)
    }

    fn page_size(&self) -> u64 {
        (**self).page_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_describes_the_slice() {
        let mut tags = [0; 512];
        let address = tags.as_ptr().addr() as u64;
        let argument = Call { ipa: 0x8000, tags: Tags::FromGuest(&mut tags) }.argument();
        let expected = CopyTags { guest_ipa: 0x8000, length: 8192, addr: address, flags: 1, reserved: [0; 2] };
        assert_eq!(argument, expected);
        let argument = Call { ipa: 0, tags: Tags::ToGuest(&tags[256..]) }.argument();
        let expected = CopyTags { guest_ipa: 0, length: 4096, addr: address + 256, flags: 0, reserved: [0; 2] };
        assert_eq!(argument, expected);
    }
}
