//! Boot: includes `boot.S` with the register values and addresses that it uses.

use aarch64_cpu::registers::{HCR_EL2, SCTLR_EL1, SPSR_EL1, TCR_EL1};
use guest_fw::{layout, tables};

use crate::registers::{hcr_el2, sctlr_el1};

/// SCTLR_EL1 of the firmware without the MTE fields (DDI 0487, SCTLR_EL1).
///
/// Bits that are RES1 if a feature is not implemented (EIS, EOS, TSCXT, LSMAOE, nTLSMD) are set. SPAN is set so that
/// PSTATE.PAN stays 0: a block at EL1 may access pages of EL0.
pub const SCTLR_WITHOUT_MTE: u64 = SCTLR_EL1::M::Enable.value
    | SCTLR_EL1::C::Cacheable.value
    | SCTLR_EL1::I::Cacheable.value
    | SCTLR_EL1::SA::Enable.value
    | SCTLR_EL1::SA0::Enable.value
    | SCTLR_EL1::NTWI::DontTrap.value
    | SCTLR_EL1::NTWE::DontTrap.value
    | SCTLR_EL1::DZE::DontTrap.value
    | SCTLR_EL1::UCT::DontTrap.value
    | SCTLR_EL1::UCI::DontTrap.value
    | sctlr_el1::MSCEN.val(1).value
    | sctlr_el1::EOS.val(1).value
    | sctlr_el1::TSCXT.val(1).value
    | sctlr_el1::EIS.val(1).value
    | sctlr_el1::SPAN.val(1).value
    | sctlr_el1::NTLSMD.val(1).value
    | sctlr_el1::LSMAOE.val(1).value;

/// The initial SCTLR_EL1 of a block, unless the host sets another value: tag access at EL1 and EL0, and synchronous tag
/// check faults.
pub const SCTLR: u64 = SCTLR_WITHOUT_MTE
    | sctlr_el1::ATA.val(1).value
    | sctlr_el1::ATA0.val(1).value
    | sctlr_el1::TCF.val(sctlr_el1::SYNCHRONOUS).value
    | sctlr_el1::TCF0.val(sctlr_el1::SYNCHRONOUS).value;

/// TCR_EL1: 39-bit addresses, 4 KiB pages and top-byte-ignore in both halves; no tag is unchecked (TCMA0, TCMA1 are 0).
pub const TCR: u64 = TCR_EL1::T0SZ.val(64 - abi::map::VA_BITS as u64).value
    | TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::SH0::Inner.value
    | TCR_EL1::TG0::KiB_4.value
    | TCR_EL1::T1SZ.val(64 - abi::map::VA_BITS as u64).value
    | TCR_EL1::IRGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::ORGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::SH1::Inner.value
    | TCR_EL1::TG1::KiB_4.value
    | TCR_EL1::IPS::Bits_36.value
    | TCR_EL1::TBI0::Ignored.value
    | TCR_EL1::TBI1::Ignored.value;

const HCR: u64 = HCR_EL2::RW::EL1IsAarch64.value
    | HCR_EL2::API::DisableTrapPointerAuthInstToEl2.value
    | HCR_EL2::APK::DisableTrapPointerAuthKeyRegsToEl2.value
    | hcr_el2::ATA.val(1).value;
const SPSR_EL1H: u64 = SPSR_EL1::M::EL1h.value
    | SPSR_EL1::D::Masked.value
    | SPSR_EL1::A::Masked.value
    | SPSR_EL1::I::Masked.value
    | SPSR_EL1::F::Masked.value;

core::arch::global_asm!(
    include_str!("boot.S"),
    HCR_EL2 = const HCR,
    SPSR_EL1H = const SPSR_EL1H,
    MAX_CPUS = const abi::map::MAX_CPUS,
    MAIR = const tables::MAIR,
    MAIR_WITHOUT_MTE = const tables::MAIR_WITHOUT_MTE,
    SCTLR = const SCTLR,
    SCTLR_WITHOUT_MTE = const SCTLR_WITHOUT_MTE,
    TCR = const TCR,
    TABLES = const layout::TABLES,
    STACKS = const layout::STACKS,
    STACK_STRIDE = const layout::STACK_STRIDE,
    MAIN_STACK_TOP = const layout::MAIN_STACK_TOP,
);

unsafe extern "C" {
    /// The first instruction, in `boot.S`.
    fn granule_start();
}

/// Returns the physical address at which a vCPU starts with the MMU off. The firmware is identity-mapped.
pub fn entry() -> u64 {
    granule_start as *const () as u64
}
