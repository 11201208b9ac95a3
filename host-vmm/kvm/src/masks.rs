//! KVM_ARM_GET_REG_WRITABLE_MASKS: which bits of ID registers a VMM may change (Documentation/virt/kvm/api.rst).
#![expect(unsafe_code, reason = "an ioctl that fills a buffer")]

use kvm_bindings::KVMIO;
use kvm_ioctls::VmFd;
use machine::MachineError;
use machine::need::Need;
use machine::registers::RegisterId;
use vmm_sys_util::ioctl::ioctl_with_ref;
use vmm_sys_util::ioctl_ior_nr;

use super::errno;
use super::vm::kernel;

/// KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES (include/uapi/linux/kvm.h).
const KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES: std::ffi::c_ulong = 230;
/// KVM_ARM_FEATURE_ID_RANGE_SIZE: op1 is 0, 1 or 3, CRm and op2 are 0 to 7 (arch/arm64/include/uapi/asm/kvm.h).
const REGISTERS: usize = 3 * 8 * 8;

/// struct reg_mask_range.
#[repr(C)]
struct RegMaskRange {
    addr: u64,
    range: u32,
    reserved: [u32; 13],
}

ioctl_ior_nr!(KVM_ARM_GET_REG_WRITABLE_MASKS, KVMIO, 0xb6, RegMaskRange);

/// Returns where in the range a register is: op0 is 3, CRn 0.
fn index(id: RegisterId) -> Option<usize> {
    let encoding = (id.0 & 0xffff) as usize;
    let [op0, op1, crn, crm, op2] =
        [(14, 3), (11, 7), (7, 0xf), (3, 0xf), (0, 7)].map(|(shift, mask)| encoding >> shift & mask);
    let row = [0, 1, 3].iter().position(|known| *known == op1)?;
    (op0 == 3 && crn == 0 && crm < 8).then_some(row << 6 | crm << 3 | op2)
}

/// Asks for the mask of one register; 0 for one that is none of an ID.
///
/// # Errors
///
/// `Lacking` when the kernel has no such call; else what it says.
pub fn writable_mask(vm: &VmFd, id: RegisterId) -> Result<u64, MachineError> {
    if vm.check_extension_raw(KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES) <= 0 {
        let reason = "this kernel does not report what can be changed of ID registers";
        return Err(Need::WritableMasks.unmet(reason).into());
    }
    let mut masks = [0_u64; REGISTERS];
    let range = RegMaskRange { addr: masks.as_mut_ptr().expose_provenance() as u64, range: 0, reserved: [0; 13] };
    // SAFETY: the file descriptor is a VM's, and the buffer is as long as the range that is asked for.
    let result = unsafe { ioctl_with_ref(vm, KVM_ARM_GET_REG_WRITABLE_MASKS(), &range) };
    if result != 0 {
        return Err(kernel("KVM_ARM_GET_REG_WRITABLE_MASKS", errno::last()));
    }
    Ok(index(id).map_or(0, |index| masks[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_found_where_the_kernel_has_them() {
        assert_eq!(index(RegisterId::ID_AA64PFR1_EL1), Some(4 << 3 | 1));
        assert_eq!(index(RegisterId::CLIDR_EL1), Some(1 << 6 | 1));
        assert_eq!(index(RegisterId::CTR_EL0), Some(2 << 6 | 1));
        assert_eq!(index(RegisterId::SCTLR_EL1), None);
    }
}
