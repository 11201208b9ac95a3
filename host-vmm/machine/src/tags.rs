//! Tags of guest memory through any [`Vm`]: kvm-mte's transport on the trait that all machines have.
//!
//! What the ioctl's count means, the retry after a short one, and what happens at the edges of host pages is all there.
//! The VM on /dev/kvm makes such calls by kvm-mte's own ioctl; the model's answers for itself.

use kvm_mte::{Call, CopyTagsIoctl, Tags};

use kvm_model::kernel::{CopyTags, Errno, TagBuffer};

use crate::vm::Vm;

pub use kvm_mte::{Copied, GRANULE, TagError};

/// A VM whose ioctl is [`Vm::copy_tags`].
struct ThroughVm<'a, V: ?Sized>(&'a V);

impl<V: Vm + ?Sized> CopyTagsIoctl for ThroughVm<'_, V> {
    fn copy_tags(&self, call: Call<'_>) -> Result<u64, Errno> {
        let (ipa, length) = (call.ipa, call.length());
        let make = |buffer, flags| {
            self.0.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::Bytes(buffer), flags, reserved: [0; 2] })
        };
        match call.tags {
            Tags::FromGuest(tags) => make(tags, CopyTags::FROM_GUEST),
            // `TagBuffer` does not say that a store only reads.
            Tags::ToGuest(tags) => make(&mut tags.to_vec(), CopyTags::TO_GUEST),
        }
    }

    fn page_size(&self) -> u64 {
        self.0.page_size()
    }
}

/// Fetches the tags of whole host pages: [`kvm_mte::fetch`].
///
/// # Errors
///
/// As there.
pub fn fetch(vm: &(impl Vm + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<Copied, TagError> {
    kvm_mte::fetch(&ThroughVm(vm), ipa, tags)
}

/// Stores the tags of whole host pages: [`kvm_mte::store`].
///
/// # Errors
///
/// As there.
pub fn store(vm: &(impl Vm + ?Sized), ipa: u64, tags: &[u8]) -> Result<Copied, TagError> {
    kvm_mte::store(&ThroughVm(vm), ipa, tags)
}

/// Fetches the tags of any granules: [`kvm_mte::fetch_granules`].
///
/// # Errors
///
/// As there, and when the copy stops early.
pub fn fetch_granules(vm: &(impl Vm + ?Sized), ipa: u64, tags: &mut [u8]) -> Result<(), TagError> {
    kvm_mte::fetch_granules(&ThroughVm(vm), ipa, tags)?.complete()
}

/// Stores the tags of any granules; those of other granules in the host's pages are kept: [`kvm_mte::store_granules`].
///
/// # Errors
///
/// As there, and when a copy stops early.
pub fn store_granules(vm: &(impl Vm + ?Sized), ipa: u64, tags: &[u8]) -> Result<(), TagError> {
    kvm_mte::store_granules(&ThroughVm(vm), ipa, tags)?.complete()
}
