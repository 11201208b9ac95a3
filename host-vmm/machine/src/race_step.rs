//! The steps of a race that call the tag ioctl as it is.

use kvm_model::kernel::{CopyResult, CopyTags, TagBuffer};

use crate::race::StepResult;
use crate::tags::GRANULE;
use crate::vm::Vm;

impl StepResult {
    /// Fetches tags by the ioctl, into a buffer that holds no tag before.
    pub fn fetch(vm: &(impl Vm + ?Sized), ipa: u64, length: u64) -> Self {
        let mut tags = vec![0xff; (length / GRANULE) as usize];
        let result = copy(vm, ipa, &mut tags, CopyTags::FROM_GUEST);
        Self::Copied(result, tags)
    }

    /// Stores tags by the ioctl.
    pub fn store(vm: &(impl Vm + ?Sized), ipa: u64, tags: &[u8]) -> Self {
        let mut tags = tags.to_vec();
        let result = copy(vm, ipa, &mut tags, CopyTags::TO_GUEST);
        Self::Copied(result, tags)
    }
}

fn copy(vm: &(impl Vm + ?Sized), ipa: u64, tags: &mut [u8], flags: u64) -> CopyResult {
    let length = tags.len() as u64 * GRANULE;
    vm.copy_tags(CopyTags { ipa, length, buffer: TagBuffer::Bytes(tags), flags, reserved: [0; 2] })
}
