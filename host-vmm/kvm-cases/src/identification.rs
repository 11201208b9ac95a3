//! Chapter: the registers that say what a CPU is, as the guest and the VMM see them.
//!
//! Their values are IMPLEMENTATION DEFINED, and a hypervisor may show less than there is; so only what must agree with
//! each other is asked for.

use isa::SysReg;

use super::calls::succeeds;
use case::expect::{equal_hex, no_fault};
use case::{Case, CaseContext, CaseResult};
use machine::Config;
use machine::need::Need;
use machine::registers::RegisterId;

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.registers.identification",
        "what a guest reads of an ID register is what KVM_GET_ONE_REG gives, with and without MTE",
        "arch/arm64/kvm/sys_regs.c, access_id_reg() and kvm_arm_sys_reg_get_reg()",
        identification,
    ),
    Case::new(
        "kvm.registers.tag-line",
        "the line of tags that a guest reads of CTR_EL0 is what KVM_GET_ONE_REG gives",
        "Arm ARM CTR_EL0.TminLine; arch/arm64/kvm/sys_regs.c, access_ctr()",
        tag_line,
    )
    .needing(&[Need::TagLine]),
];

/// Registers of whose values nothing is asked, but that KVM gives them as the guest reads them.
const IDENTIFICATION: [SysReg; 13] = [
    SysReg::MidrEl1,
    SysReg::MpidrEl1,
    SysReg::RevidrEl1,
    SysReg::CtrEl0,
    SysReg::ClidrEl1,
    SysReg::IdAa64pfr0El1,
    SysReg::IdAa64dfr0El1,
    SysReg::IdAa64isar0El1,
    SysReg::IdAa64isar1El1,
    SysReg::IdAa64isar2El1,
    SysReg::IdAa64mmfr0El1,
    SysReg::IdAa64mmfr1El1,
    SysReg::IdAa64mmfr2El1,
];

/// CTR_EL0.TminLine, the least line of a cache that holds tags. It has a case of its own.
const TMINLINE: u64 = 0x3f << 32;

fn identification(cx: &mut CaseContext<'_>) -> CaseResult {
    for mte in [true, false] {
        let mut guest = cx.guest_like(Config { mte, ..Config::default() })?;
        let text: Vec<_> = IDENTIFICATION.iter().enumerate().map(|(n, name)| format!("mrs x{n}, {name}")).collect();
        let trace = guest.exec(&text.join("; "), &[])?;
        no_fault(&guest, "MRS", &trace)?;
        for (register, seen) in IDENTIFICATION.into_iter().zip(trace.x) {
            let id = RegisterId::of(register);
            let given = succeeds(&format!("KVM_GET_ONE_REG of {register}"), guest.vm()?.register(0, id))?;
            let compared = if register == SysReg::CtrEl0 { !TMINLINE } else { !0 };
            equal_hex(&format!("{register} of a VM with MTE {mte}"), given & compared, seen & compared)?;
        }
    }
    Ok(())
}

fn tag_line(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let trace = guest.exec("mrs x0, ctr_el0", &[])?;
    no_fault(&guest, "MRS", &trace)?;
    let given = succeeds("KVM_GET_ONE_REG of CTR_EL0", guest.vm()?.register(0, RegisterId::of(SysReg::CtrEl0)))?;
    equal_hex("CTR_EL0.TminLine of the guest", given & TMINLINE, trace.x[0] & TMINLINE)?;
    if given & TMINLINE == 0 {
        return Err(Need::TagLine.unmet("CTR_EL0 tells of no line of tags here").into());
    }
    Ok(())
}
