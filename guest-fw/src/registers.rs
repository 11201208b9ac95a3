//! System registers and fields that aarch64-cpu lacks, in its style: one file per register.
//!
//! The fields are those of the register descriptions in the Arm ARM (DDI 0487), chapter D24.

/// Implements reading and, with `rw`, writing of a register by its encoding.
///
/// The assembler accepts the name of a register of an optional feature only if the target has that feature. The firmware
/// checks for the feature at run time, so it names such a register by its encoding (`s3_0_c1_c0_6`).
macro_rules! system_register {
    (ro $register:ident, $encoding:literal, $fields:ty) => {
        impl tock_registers::interfaces::Readable for $register {
            type T = u64;
            type R = $fields;

            #[inline]
            fn get(&self) -> u64 {
                let value;
                // SAFETY: reading this register has no side effect and accesses no memory.
                #[expect(unsafe_code, reason = "MRS is an instruction")]
                unsafe {
                    core::arch::asm!(concat!("mrs {}, ", $encoding), out(reg) value, options(nomem, nostack, preserves_flags));
                }
                value
            }
        }
    };
    (rw $register:ident, $encoding:literal, $fields:ty) => {
        system_register!(ro $register, $encoding, $fields);

        impl tock_registers::interfaces::Writeable for $register {
            type T = u64;
            type R = $fields;

            #[inline]
            fn set(&self, value: u64) {
                // SAFETY: the register controls tagged accesses, and the memory of the firmware is untagged; or the length of
                // vectors and streaming mode, or keys of pointer authentication, none of which the firmware uses.
                #[expect(unsafe_code, reason = "MSR is an instruction")]
                unsafe {
                    core::arch::asm!(concat!("msr ", $encoding, ", {}"), in(reg) value, options(nostack, preserves_flags));
                }
            }
        }
    };
}

pub mod ctr_el0;
pub mod dczid_el0;
pub mod gcr_el1;
pub mod gmid_el1;
pub mod hcr_el2;
pub mod id_aa64isar2_el1;
pub mod id_aa64isar3_el1;
pub mod id_aa64pfr1_el1;
pub mod id_aa64pfr2_el1;
pub mod id_aa64smfr0_el1;
pub mod id_aa64zfr0_el1;
pub mod keys;
pub mod revidr_el1;
pub mod rgsr_el1;
pub mod sctlr_el1;
pub mod smcr_el1;
pub mod svcr;
pub mod tco;
pub mod tfsr_el1;
pub mod tfsre0_el1;
pub mod zcr_el1;

pub use ctr_el0::CTR_EL0;
pub use dczid_el0::DCZID_EL0;
pub use gcr_el1::GCR_EL1;
pub use gmid_el1::GMID_EL1;
pub use id_aa64isar2_el1::ID_AA64ISAR2_EL1;
pub use id_aa64isar3_el1::ID_AA64ISAR3_EL1;
pub use id_aa64pfr2_el1::ID_AA64PFR2_EL1;
pub use id_aa64smfr0_el1::ID_AA64SMFR0_EL1;
pub use id_aa64zfr0_el1::ID_AA64ZFR0_EL1;
pub use revidr_el1::REVIDR_EL1;
pub use rgsr_el1::RGSR_EL1;
pub use smcr_el1::SMCR_EL1;
pub use svcr::SVCR;
pub use tco::TCO;
pub use tfsr_el1::TFSR_EL1;
pub use tfsre0_el1::TFSRE0_EL1;
pub use zcr_el1::ZCR_EL1;
