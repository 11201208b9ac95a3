//! Chapter: KVM_CAP_ARM_MTE and the registers that it adds, without a guest.

use super::calls::{BASE, fetch, granules, handed, refused, returns, succeeds, vm};
use case::expect::{equal, holds};
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Access, Backing, Errno};

const CAPABILITY: &str = "Documentation/virt/kvm/api.rst 7.28 KVM_CAP_ARM_MTE";

pub const CASES: &[Case] = &[
    case(
        "kvm.capability.after-a-vcpu",
        "the capability cannot be enabled once a vCPU exists: EINVAL, and the VM stays without MTE",
        after_a_vcpu,
    ),
    case("kvm.capability.flags", "the capability takes no flags: EINVAL", capability_flags),
    case("kvm.capability.twice", "enabling the capability twice is fine", capability_twice),
    case(
        "kvm.capability.beside-a-vcpu",
        "a capability that is enabled while another thread makes a vCPU is refused, or is that vCPU's, too",
        beside_a_vcpu,
    )
    .needing(&[Need::Capability(Capability::SetupRaces)]),
    case(
        "kvm.registers.absent-without-mte",
        "without the capability the four registers are not listed and give ENOENT",
        registers_without_mte,
    ),
    case(
        "kvm.registers.listed-with-mte",
        "with the capability the four registers are listed, readable and writable",
        registers_with_mte,
    ),
    case("kvm.registers.id-is-fixed", "ID_AA64PFR1_EL1.MTE cannot be changed by KVM_SET_ONE_REG", id_is_fixed),
    Case::new(
        "kvm.registers.id-after-a-run",
        "once a vCPU ran, another ID_AA64PFR1_EL1.MTE is EBUSY (EINVAL before Linux 6.7), and the same is fine",
        "arch/arm64/kvm/sys_regs.c, set_id_reg()",
        id_after_a_run,
    ),
];

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CAPABILITY, run)
}

fn after_a_vcpu(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    returns("KVM_ENABLE_CAP after a vCPU", Err(Errno::EINVAL), vm.enable_mte(0).map(|()| 0))?;
    let page = vm.page_size();
    succeeds("KVM_SET_USER_MEMORY_REGION", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
    let mut buffer = vec![0; granules(page)];
    returns("a fetch after the refusal", Err(Errno::EINVAL), fetch(&*vm, BASE, page, &mut buffer))
}

fn beside_a_vcpu(cx: &mut CaseContext<'_>) -> CaseResult {
    const RACES: usize = 24;
    for number in 0..RACES {
        let mut vm = cx.bare()?;
        let page = vm.page_size();
        succeeds("KVM_SET_USER_MEMORY_REGION", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
        let seed = cx.random().u64(..);
        let race = handed(Capability::SetupRaces, vm.setup_races())?.enable_mte_beside_vcpu(seed);
        let mte = match succeeds("KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT", race)? {
            Ok(()) => true,
            Err(errno) => {
                let what = format!("KVM_ENABLE_CAP beside a vCPU that is made, race {number}");
                returns(&what, Err(Errno::EINVAL), Err(errno))?;
                false
            }
        };
        let what = |what: &str| format!("{what} where the capability was {}", if mte { "enabled" } else { "refused" });
        let listed = vm.registers(0)?;
        let registers = RegisterId::MTE.iter().filter(|id| listed.get(**id).is_some()).count();
        equal(&what("how many of MTE's four registers are listed"), &(4 * usize::from(mte)), &registers)?;
        let pfr1 = succeeds("KVM_GET_ONE_REG of ID_AA64PFR1_EL1", vm.register(0, RegisterId::ID_AA64PFR1_EL1))?;
        let level = if mte { u64::from(cx.target().mte()) } else { 0 };
        equal(&what("ID_AA64PFR1_EL1.MTE"), &level, &(pfr1 >> 8 & 0xf))?;
        let expected = if mte { Ok(page) } else { Err(Errno::EINVAL) };
        returns(&what("a fetch"), expected, fetch(&*vm, BASE, page, &mut vec![0; granules(page)]))?;
    }
    Ok(())
}

fn capability_flags(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    returns("KVM_ENABLE_CAP with flags 1", Err(Errno::EINVAL), vm.enable_mte(1).map(|()| 0))?;
    returns("KVM_ENABLE_CAP with flags 1 << 31", Err(Errno::EINVAL), vm.enable_mte(1 << 31).map(|()| 0))
}

fn capability_twice(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    holds("KVM_CHECK_EXTENSION of KVM_CAP_ARM_MTE on the VM", "1", "0", vm.has_mte_capability())?;
    succeeds("KVM_ENABLE_CAP", vm.enable_mte(0))?;
    succeeds("KVM_ENABLE_CAP again", vm.enable_mte(0))
}

fn registers_without_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let listed = vm.registers(cpu)?;
    for id in RegisterId::MTE {
        holds(&format!("KVM_GET_REG_LIST and {id}"), "not listed", "listed", listed.get(id).is_none())?;
        returns(&format!("KVM_GET_ONE_REG of {id}"), Err(Errno::ENOENT), vm.register(cpu, id))?;
        returns(&format!("KVM_SET_ONE_REG of {id}"), Err(Errno::ENOENT), vm.set_register(cpu, id, 0).map(|()| 0))?;
    }
    let pfr1 = succeeds("KVM_GET_ONE_REG of ID_AA64PFR1_EL1", vm.register(cpu, RegisterId::ID_AA64PFR1_EL1))?;
    holds("ID_AA64PFR1_EL1.MTE", "0", pfr1 >> 8 & 0xf, pfr1 >> 8 & 0xf == 0)
}

fn registers_with_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let listed = vm.registers(cpu)?;
    for id in RegisterId::MTE {
        holds(&format!("KVM_GET_REG_LIST and {id}"), "listed", "not listed", listed.get(id).is_some())?;
        succeeds(&format!("KVM_SET_ONE_REG of {id}"), vm.set_register(cpu, id, 1))?;
        returns(&format!("KVM_GET_ONE_REG of {id}"), Ok(1), vm.register(cpu, id))?;
    }
    Ok(())
}

fn id_is_fixed(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let id = RegisterId::ID_AA64PFR1_EL1;
    let value = succeeds("KVM_GET_ONE_REG", vm.register(cpu, id))?;
    succeeds("KVM_SET_ONE_REG of the same value", vm.set_register(cpu, id, value))?;
    let without = value & !(0xf << 8);
    returns("KVM_SET_ONE_REG without MTE", Err(Errno::EINVAL), vm.set_register(cpu, id, without).map(|()| 0))?;
    returns("KVM_GET_ONE_REG afterwards", Ok(value), vm.register(cpu, id))
}

fn id_after_a_run(cx: &mut CaseContext<'_>) -> CaseResult {
    let frozen = cx.target().contract().holds(kvm_model::contract::Rule::IdRegistersFrozenByRun);
    let mut guest = cx.guest()?;
    guest.exec("nop", &[])?;
    let id = RegisterId::ID_AA64PFR1_EL1;
    let value = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(0, id))?;
    let errno = if frozen { Errno::EBUSY } else { Errno::EINVAL };
    refused("KVM_SET_ONE_REG without MTE", errno, guest.vm()?.set_register(0, id, value & !(0xf << 8)))?;
    succeeds("KVM_SET_ONE_REG of the same value", guest.vm()?.set_register(0, id, value))?;
    returns("KVM_GET_ONE_REG afterwards", Ok(value), guest.vm()?.register(0, id))
}
