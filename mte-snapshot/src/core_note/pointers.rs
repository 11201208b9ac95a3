//! NT_ARM_PAC_MASK and NT_ARM_TAGGED_ADDR_CTRL: which bits of a pointer are no address, and how tags are checked.
//!
//! Layouts: `struct user_pac_mask` of arch/arm64/include/uapi/asm/ptrace.h, and the argument of
//! PR_SET_TAGGED_ADDR_CTRL (Documentation/arch/arm64/memory-tagging-extension.rst).

use kvm_mte::register::Register;

use crate::register::{self, Values};

/// TCR_EL1.TBI0, and TBI1 in the next bit.
const TBI: u32 = 37;
/// TCR_EL1.TBID0, and TBID1 in the next bit.
const TBID: u32 = 51;
/// TCR_EL1.EPD0 and EPD1: the half has no translations.
const EPD: [u32; 2] = [7, 23];
/// TCR_EL1.T0SZ and T1SZ.
const TSZ: [u32; 2] = [0, 16];
/// SCTLR_EL1.TCF0, for EL0.
const TCF0: u32 = 38;
/// SCTLR_EL1.TCF, for EL1.
const TCF: u32 = 40;
/// PR_TAGGED_ADDR_ENABLE.
const TAGGED_ADDR_ENABLE: u64 = 1;
/// PR_MTE_TCF_SHIFT: SYNC in this bit, ASYNC in the next.
const PR_MTE_TCF: u32 = 1;
/// PR_MTE_TAG_SHIFT: the tags that IRG may choose.
const PR_MTE_TAG: u32 = 3;

/// Returns the masks of data and instruction pointers; `None` where no code is known to be in pointers.
///
/// The note has no place for a second half of the address space, so a bit is in the mask if it is in neither half an
/// address bit (Arm ARM DDI 0487, `AuthenticatedPtr` and D8, "Pointer authentication").
pub(super) fn pac_masks(values: &Values<'_>) -> Option<Vec<u8>> {
    values.get(register::APIAKEYLO_EL1)?;
    let tcr = values.u64(register::TCR_EL1)?;
    let bit = |at: u32| tcr >> at & 1 == 1;
    let halves: Vec<usize> = (0..2).filter(|half| !bit(EPD[*half])).collect();
    // The narrowest field that leaves an address below bit 55 (Arm ARM, TCR_EL1.T0SZ: FEAT_LVA3 and FEAT_TTST).
    let sizes: Vec<u64> = halves.iter().map(|half| tcr >> TSZ[*half] & 0x3f).collect();
    let narrowest = *sizes.iter().min()?;
    if narrowest <= 64 - 55 {
        return None;
    }
    let code = (1 << 55) - (1 << (64 - narrowest));
    let top_byte = |ignored: bool| if ignored { 0 } else { 0xff << 56 };
    let data = halves.iter().all(|half| bit(TBI + *half as u32));
    let instructions = data && halves.iter().all(|half| !bit(TBID + *half as u32));
    let masks: [u64; 2] = [code | top_byte(data), code | top_byte(instructions)];
    Some(masks.iter().flat_map(|mask| mask.to_le_bytes()).collect())
}

/// Returns the argument of PR_SET_TAGGED_ADDR_CTRL that describes the exception level that the vCPU is at.
pub(super) fn tagged_address_control(values: &Values<'_>) -> u64 {
    let value = |id| values.u64(id).unwrap_or(0);
    let sctlr = value(register::SCTLR_EL1);
    let el0 = value(register::PSTATE) & 0b1100 == 0;
    let checks = sctlr >> if el0 { TCF0 } else { TCF } & 0b11;
    let enabled = if value(register::TCR_EL1) >> TBI & 1 == 1 { TAGGED_ADDR_ENABLE } else { 0 };
    // TCF counts: none, synchronous, asynchronous, and asymmetric, which is both here.
    let included = !value(Register::GcrEl1.id()) & 0xffff;
    enabled | checks << PR_MTE_TCF | included << PR_MTE_TAG
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Vcpu;

    fn values(registers: &[(u64, u64)]) -> Vcpu {
        let registers = registers.iter().map(|(id, value)| (*id, value.to_le_bytes().to_vec())).collect();
        Vcpu { registers, ..Vcpu::default() }
    }

    fn masks(tcr: u64) -> Option<[u64; 2]> {
        let vcpu = values(&[(register::APIAKEYLO_EL1, 0), (register::TCR_EL1, tcr)]);
        let masks = pac_masks(&Values::of(&vcpu))?;
        Some([&masks[..8], &masks[8..]].map(|mask| u64::from_le_bytes(mask.try_into().unwrap())))
    }

    #[test]
    fn the_mask_has_what_is_no_address() {
        let (tbi, tbid) = (0b11 << TBI, 0b11 << TBID);
        // 39 bits of address in either half: bits 54:39.
        let code = 0x007f_ff80_0000_0000;
        assert_eq!(masks(25 | 25 << 16 | tbi), Some([code; 2]));
        assert_eq!(masks(25 | 25 << 16 | tbi | tbid), Some([code, code | 0xff << 56]));
        assert_eq!(masks(25 | 25 << 16), Some([code | 0xff << 56; 2]));
        // 48 bits in the upper half: bits 54:48, unless the upper half is off.
        assert_eq!(masks(25 | 16 << 16 | tbi), Some([0x007f_0000_0000_0000; 2]));
        assert_eq!(masks(25 | 16 << 16 | tbi | 1 << 23), Some([code; 2]));
        assert_eq!(masks(0), None, "TCR_EL1 was not set up");
        assert_eq!(pac_masks(&Values::of(&values(&[(register::TCR_EL1, 25)]))), None, "no pointer authentication");
    }

    #[test]
    fn the_control_is_that_of_the_exception_level() {
        let control = |pstate| {
            let sctlr = 0b01 << TCF0 | 0b11 << TCF;
            let vcpu = values(&[
                (register::PSTATE, pstate),
                (register::SCTLR_EL1, sctlr),
                (register::TCR_EL1, 1 << TBI),
                (Register::GcrEl1.id(), 0x1_0001),
            ]);
            tagged_address_control(&Values::of(&vcpu))
        };
        assert_eq!(control(0b0000), 0xfffe << 3 | 0b01 << 1 | 1, "EL0: synchronous");
        assert_eq!(control(0b0101), 0xfffe << 3 | 0b11 << 1 | 1, "EL1h: asymmetric");
    }
}
