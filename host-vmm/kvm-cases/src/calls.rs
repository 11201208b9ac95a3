//! Calls of the kernel's interface, and what they must return: shared by the chapters without a guest.

use case::expect::fail_with;
use case::{CaseContext, CaseError, CaseResult};
use machine::capability::Capability;
use machine::tags::GRANULE;
use machine::{Access, Backing, CopyResult, CopyTags, Errno, MachineError, TagBuffer, Vm};

/// Where the VMs of these chapters have their memory.
pub const BASE: u64 = 0x4000_0000;

/// A VM with MTE and some pages of memory at [`BASE`].
pub fn vm(cx: &mut CaseContext<'_>, pages: u64) -> Result<Box<dyn Vm>, CaseError> {
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let bytes = pages * vm.page_size();
    succeeds("KVM_SET_USER_MEMORY_REGION", vm.add_memory(BASE, bytes, Backing::Anonymous, Access::ReadWrite))?;
    Ok(vm)
}

/// Expects a VM to hand out a capability.
pub fn handed<T: ?Sized>(capability: Capability, object: Option<&mut T>) -> Result<&mut T, CaseError> {
    object.ok_or_else(|| CaseError::not_handed_out(capability))
}

/// Expects a call to succeed. What this host cannot do at all skips the case.
pub fn succeeds<T, E: Into<MachineError>>(what: &str, result: Result<T, E>) -> Result<T, CaseError> {
    match result.map_err(Into::into) {
        Ok(value) => Ok(value),
        Err(MachineError::Kernel { errno, .. }) => fail_with(what, "success", errno, Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Expects a call to fail with this error. What this host cannot do at all skips the case.
pub fn refused<T, E: Into<MachineError>>(what: &str, expected: Errno, result: Result<T, E>) -> CaseResult {
    match result.map_err(Into::into) {
        Ok(_) => fail_with(what, expected, "success", Vec::new()),
        Err(MachineError::Kernel { errno, .. }) if errno == expected => Ok(()),
        Err(MachineError::Kernel { errno, .. }) => fail_with(what, expected, errno, Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Shows a result as a report does.
pub fn show(result: &CopyResult) -> String {
    match result {
        Ok(bytes) => format!("{bytes:#x} bytes covered"),
        Err(errno) => errno.to_string(),
    }
}

/// Expects a result of the ioctl.
pub fn returns(what: &str, expected: CopyResult, found: CopyResult) -> CaseResult {
    if expected == found { Ok(()) } else { fail_with(what, show(&expected), show(&found), Vec::new()) }
}

/// How many granules bytes are.
pub fn granules(bytes: u64) -> usize {
    (bytes / GRANULE) as usize
}

/// Calls the ioctl to fetch tags.
pub fn fetch(vm: &dyn Vm, ipa: u64, length: u64, buffer: &mut [u8]) -> CopyResult {
    vm.copy_tags(CopyTags {
        ipa,
        length,
        buffer: TagBuffer::Bytes(buffer),
        flags: CopyTags::FROM_GUEST,
        reserved: [0; 2],
    })
}

/// Calls the ioctl to store tags.
pub fn store(vm: &dyn Vm, ipa: u64, length: u64, buffer: &mut [u8]) -> CopyResult {
    vm.copy_tags(CopyTags {
        ipa,
        length,
        buffer: TagBuffer::Bytes(buffer),
        flags: CopyTags::TO_GUEST,
        reserved: [0; 2],
    })
}

/// Fetches tags that must be there.
pub fn peek(vm: &dyn Vm, ipa: u64, pages: u64) -> Result<Vec<u8>, CaseError> {
    let length = pages * vm.page_size();
    let mut found = vec![0xff; granules(length)];
    returns("a fetch to look", Ok(length), fetch(vm, ipa, length, &mut found))?;
    Ok(found)
}
