//! Chapter: the registers that say what a CPU is, as the guest and the VMM see them.
//!
//! Their values are IMPLEMENTATION DEFINED, and a hypervisor may show less than there is; so only what must agree with
//! each other is asked for.

use arch::SysReg;

use super::calls::{handed, refused, returns, succeeds, vm};
use case::address::tagged;
use case::expect::{equal_hex, no_fault};
use case::{Case, CaseContext, CaseResult};
use kvm_model::contract::Rule;
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Config, Errno};

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
    Case::new(
        "kvm.registers.level-is-fixed",
        "before the first run no other level of ID_AA64PFR1_EL1.MTE is taken, nor another MTE_frac or MTEX: EINVAL",
        SET,
        level_is_fixed,
    ),
    Case::new(
        "kvm.registers.writable-masks",
        "KVM_ARM_GET_REG_WRITABLE_MASKS has MTEFAR and MTESTOREONLY from Linux 6.17 on, and no other field of tags",
        "Documentation/virt/kvm/api.rst, KVM_ARM_GET_REG_WRITABLE_MASKS; arch/arm64/kvm/sys_regs.c, sys_reg_descs",
        writable_masks,
    )
    .needing(&[Need::Capability(Capability::IdRegisterMasks), Need::WritableMasks]),
    Case::new(
        "kvm.registers.features-are-not-raised",
        "features of tags that ID_AA64PFR2_EL1 does not have cannot be added to it: EINVAL",
        SET,
        features_are_not_raised,
    ),
    Case::new(
        "kvm.registers.fewer-features",
        "what a VMM takes of MTEFAR and MTESTOREONLY before the first run is not shown to the guest; afterwards nothing changes: EBUSY",
        SET,
        fewer_features,
    )
    .needing(&[Need::StoreOnly]),
];

const SET: &str =
    "Documentation/virt/kvm/arm/vcpu-features.rst, The ID Registers; arch/arm64/kvm/sys_regs.c, set_id_reg()";

/// Registers of whose values nothing is asked, but that KVM gives them as the guest reads them.
const IDENTIFICATION: [SysReg; 14] = [
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
    SysReg::IdAa64isar3El1,
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

/// Fields of ID_AA64PFR1_EL1 by where they begin: MTE, MTE_frac, MTEX.
const OF_PFR1: [(&str, u32); 3] = [("MTE", 8), ("MTE_frac", 40), ("MTEX", 52)];
/// Fields of ID_AA64PFR2_EL1, likewise.
const OF_PFR2: [(&str, u32); 3] = [("MTEPERM", 0), ("MTESTOREONLY", 4), ("MTEFAR", 8)];

fn level_is_fixed(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let id = RegisterId::ID_AA64PFR1_EL1;
    let value = succeeds("KVM_GET_ONE_REG", vm.register(cpu, id))?;
    for (name, shift) in OF_PFR1 {
        let own = value >> shift & 0xf;
        // MTE_frac of a CPU with MTE2 may be set to 0 even where it is 0xf, and stays 0xf (set_id_aa64pfr1_el1()).
        let tried = (0..5).chain([0xf]).filter(|other| *other != own && !(name == "MTE_frac" && *other == 0));
        for other in tried {
            let changed = value & !(0xf << shift) | other << shift;
            let what = format!("KVM_SET_ONE_REG of {id} with {name} {other:#x} and not {own:#x}");
            refused(&what, Errno::EINVAL, vm.set_register(cpu, id, changed))?;
        }
    }
    returns("KVM_GET_ONE_REG afterwards", Ok(value), vm.register(cpu, id))
}

fn writable_masks(cx: &mut CaseContext<'_>) -> CaseResult {
    let lowered = cx.target().contract().holds(Rule::TagFarVisible);
    for mte in [true, false] {
        let mut bare = if mte { vm(cx, 1)? } else { cx.bare()? };
        let masks = handed(Capability::IdRegisterMasks, bare.id_register_masks())?;
        let pfr1 = succeeds("KVM_ARM_GET_REG_WRITABLE_MASKS", masks.writable_mask(RegisterId::ID_AA64PFR1_EL1))?;
        for (name, shift) in OF_PFR1 {
            equal_hex(&format!("ID_AA64PFR1_EL1.{name} of the mask with MTE {mte}"), 0, pfr1 >> shift & 0xf)?;
        }
        let pfr2 = succeeds("KVM_ARM_GET_REG_WRITABLE_MASKS", masks.writable_mask(RegisterId::ID_AA64PFR2_EL1))?;
        for (name, shift) in OF_PFR2 {
            let expected = if lowered && name != "MTEPERM" { 0xf } else { 0 };
            equal_hex(&format!("ID_AA64PFR2_EL1.{name} of the mask with MTE {mte}"), expected, pfr2 >> shift & 0xf)?;
        }
    }
    Ok(())
}

fn features_are_not_raised(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let id = RegisterId::ID_AA64PFR2_EL1;
    let value = succeeds("KVM_GET_ONE_REG", vm.register(cpu, id))?;
    for (name, shift) in OF_PFR2 {
        let more = value + (1 << shift);
        refused(&format!("KVM_SET_ONE_REG of {id} with more {name}"), Errno::EINVAL, vm.set_register(cpu, id, more))?;
    }
    returns("KVM_GET_ONE_REG afterwards", Ok(value), vm.register(cpu, id))
}

fn fewer_features(cx: &mut CaseContext<'_>) -> CaseResult {
    let id = RegisterId::ID_AA64PFR2_EL1;
    let mut whole = cx.guest()?;
    let all = succeeds("KVM_GET_ONE_REG", whole.vm()?.register(0, id))?;
    let without = all & !RegisterId::TAG_FEATURES_OF_PFR2;
    refused("KVM_SET_ONE_REG with fewer after a run", Errno::EBUSY, whole.vm()?.set_register(0, id, without))?;
    drop(whole);
    let mut fewer = cx.guest_like(Config { fewer_features: true, ..Config::default() })?;
    equal_hex(&format!("{id} that the guest found when it booted"), without, fewer.boot().pfr2)?;
    returns("KVM_GET_ONE_REG of a VM with fewer", Ok(without), fewer.vm()?.register(0, id))?;
    refused("KVM_SET_ONE_REG with all after a run", Errno::EBUSY, fewer.vm()?.set_register(0, id, all))?;
    succeeds("KVM_SET_ONE_REG of the same", fewer.vm()?.set_register(0, id, without))?;
    // The rest of MTE is there as ever.
    let trace = fewer.exec("stg x0, [x0]; ldg x1, [x0]; ldr x2, [x0]", &[tagged(0, 5)])?;
    no_fault(&fewer, "a tag, and an access by it", &trace)?;
    equal_hex("the tag", 5, trace.x[1] >> 56)
}
