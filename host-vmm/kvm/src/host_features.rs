//! What this host shows of its CPUs to its processes: ID registers by MRS, and the auxiliary vector.
#![expect(unsafe_code, reason = "MRS of ID registers, and getauxval")]

use kvm_bindings::{KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_CAP_ARM_SVE};
use machine::registers::RegisterId;
use machine::{Errno, MachineError, VcpuOption};

use super::vm::kernel;

/// AT_HWCAP3 (include/uapi/linux/auxvec.h).
const AT_HWCAP3: libc::c_ulong = 29;
/// AT_HWCAP: MRS of ID registers is emulated.
const HWCAP_CPUID: u64 = 1 << 11;

/// Reads an ID register from `$crm` and `$op2` of those whose op0 is 3, op1 0 and CRn 0.
macro_rules! read {
    ($crm:expr, $op2:expr, $([$m:literal: $($o:literal)*])*) => {
        match ($crm, $op2) {
            $($(($m, $o) => {
                let value: u64;
                // SAFETY: the kernel emulates reads of these registers, and says so by HWCAP_CPUID.
                unsafe {
                    std::arch::asm!(
                        concat!("mrs {0}, s3_0_c0_c", $m, "_", $o), out(reg) value, options(nomem, nostack)
                    )
                };
                Some(value)
            })*)*
            _ => None,
        }
    };
}

/// Reads an ID register of features as MRS reads it in this process.
///
/// # Errors
///
/// ENOENT when the kernel does not emulate the read.
pub fn id_register(id: RegisterId) -> Result<u64, MachineError> {
    let encoding = id.0 & 0xffff;
    let (op0_op1_crn, crm, op2) = (encoding >> 7, encoding >> 3 & 0xf, encoding & 7);
    let emulated = hwcaps()[0] & HWCAP_CPUID != 0 && op0_op1_crn == 3 << 7;
    let value = emulated.then(|| {
        read!(crm, op2,
            [4: 0 1 2 3 4 5 6 7] [5: 0 1 2 3 4 5 6 7] [6: 0 1 2 3 4 5 6 7] [7: 0 1 2 3 4 5 6 7])
    });
    value.flatten().ok_or_else(|| kernel(&format!("MRS of {id} in a process"), Errno::ENOENT))
}

/// Returns AT_HWCAP, AT_HWCAP2 and AT_HWCAP3, 0 for what the kernel does not have.
pub fn hwcaps() -> [u64; 3] {
    // SAFETY: looks an entry up, and returns 0 for one that is not there.
    [libc::AT_HWCAP, libc::AT_HWCAP2, AT_HWCAP3].map(|entry| unsafe { libc::getauxval(entry) })
}

/// Returns the capability that reports an option of vCPUs.
pub fn extension(option: VcpuOption) -> std::ffi::c_ulong {
    let number = match option {
        VcpuOption::Sve => KVM_CAP_ARM_SVE,
        VcpuOption::AddressAuthentication => KVM_CAP_ARM_PTRAUTH_ADDRESS,
        VcpuOption::GenericAuthentication => KVM_CAP_ARM_PTRAUTH_GENERIC,
    };
    number.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only where the kernel emulates it is it asked.
    #[test]
    fn no_other_register_is_read() {
        assert!(id_register(RegisterId::SCTLR_EL1).is_err());
        assert!(id_register(RegisterId::CTR_EL0).is_err());
        assert!(id_register(RegisterId::PC).is_err());
    }
}
