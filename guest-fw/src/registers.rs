//! System registers and fields that aarch64-cpu does not know, in its style: one register a file.
//!
//! Field numbers: Arm ARM (DDI 0487), the register descriptions of chapter D24.

pub mod ctr_el0;
pub mod dczid_el0;
pub mod gcr_el1;
pub mod gmid_el1;
pub mod hcr_el2;
pub mod id_aa64isar2_el1;
pub mod id_aa64pfr1_el1;
pub mod id_aa64pfr2_el1;
pub mod revidr_el1;
pub mod rgsr_el1;
pub mod sctlr_el1;
pub mod tco;
pub mod tfsr_el1;
pub mod tfsre0_el1;

pub use ctr_el0::CTR_EL0;
pub use dczid_el0::DCZID_EL0;
pub use gcr_el1::GCR_EL1;
pub use gmid_el1::GMID_EL1;
pub use id_aa64isar2_el1::ID_AA64ISAR2_EL1;
pub use id_aa64pfr2_el1::ID_AA64PFR2_EL1;
pub use revidr_el1::REVIDR_EL1;
pub use rgsr_el1::RGSR_EL1;
pub use tco::TCO;
pub use tfsr_el1::TFSR_EL1;
pub use tfsre0_el1::TFSRE0_EL1;

/// Implements reading and, with `rw`, writing of a register by its encoding.
///
/// The encoded name (`s3_0_c1_c0_6`) is used because the assembler refuses the real one unless the
/// target has the feature, while the firmware asks the CPU at run time.
macro_rules! system_register {
    (ro $register:ident, $encoding:literal, $fields:ty) => {
        impl tock_registers::interfaces::Readable for $register {
            type T = u64;
            type R = $fields;

            #[inline]
            fn get(&self) -> u64 {
                let value;
                // SAFETY: reading this register has no side effect and touches no memory.
                #[expect(unsafe_code, reason = "reads a system register")]
                unsafe {
                    core::arch::asm!(concat!("mrs {}, ", $encoding), out(reg) value, options(nomem, nostack, preserves_flags));
                }
                value
            }
        }
    };
    (rw $register:ident, $encoding:literal, $fields:ty) => {
        $crate::registers::system_register!(ro $register, $encoding, $fields);

        impl tock_registers::interfaces::Writeable for $register {
            type T = u64;
            type R = $fields;

            #[inline]
            fn set(&self, value: u64) {
                // SAFETY: the register only steers tag accesses, which the firmware itself never makes.
                #[expect(unsafe_code, reason = "writes a system register")]
                unsafe {
                    core::arch::asm!(concat!("msr ", $encoding, ", {}"), in(reg) value, options(nostack, preserves_flags));
                }
            }
        }
    };
}
pub(crate) use system_register;
