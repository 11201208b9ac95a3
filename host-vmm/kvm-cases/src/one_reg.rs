//! Chapter: MTE's registers between the guest and KVM_GET_ONE_REG and KVM_SET_ONE_REG, without a restore.

use abi::mailbox::SysReg;

use case::expect::{equal_hex, fail_with};
use case::settings::rgsr;
use case::{Case, CaseContext, CaseResult, Guest};
use machine::Block;
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;

pub const CASES: &[Case] = &[Case::new(
    "restore.registers.mte-by-one-reg",
    "the four MTE registers that the guest set are those that KVM_GET_ONE_REG gives, and the other way round",
    "Documentation/virt/kvm/api.rst 7.28 KVM_CAP_ARM_MTE: migration of registers",
    one_reg,
)
.needing(&[Need::Capability(Capability::Vm)])];

fn set(guest: &mut Guest, id: RegisterId, value: u64) -> CaseResult {
    match guest.vm()?.set_register(0, id, value) {
        Ok(()) => Ok(()),
        Err(errno) => fail_with(format!("KVM_SET_ONE_REG of {id}"), "success", errno, Vec::new()),
    }
}

fn one_reg(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let guest_set = [
        (RegisterId::GCR_EL1, SysReg::Gcr, 0x1_0f0f),
        (RegisterId::RGSR_EL1, SysReg::Rgsr, rgsr(0xabcd, 14)),
        (RegisterId::TFSR_EL1, SysReg::Tfsr, 1),
        (RegisterId::TFSRE0_EL1, SysReg::Tfsre0, 2),
    ];
    let mut block = Block::assemble("nop")?;
    for (_, register, value) in guest_set {
        block = block.sys(register, value);
    }
    guest.run(&block)?;
    for (id, _, value) in guest_set {
        match guest.vm()?.register(0, id) {
            Ok(found) => equal_hex(&format!("KVM_GET_ONE_REG of {id}"), value, found)?,
            Err(errno) => {
                return fail_with(format!("KVM_GET_ONE_REG of {id}"), format!("{value:#x}"), errno, Vec::new());
            }
        }
    }
    for ((id, _, _), value) in guest_set.into_iter().zip([0x0_00f0, rgsr(0x1234, 5), 2, 3]) {
        set(&mut guest, id, value)?;
    }
    let trace = guest.exec("mrs x0, gcr_el1; mrs x1, rgsr_el1; mrs x2, tfsr_el1; mrs x3, tfsre0_el1", &[])?;
    for (n, value) in [0x0_00f0, rgsr(0x1234, 5), 2, 3].into_iter().enumerate() {
        equal_hex(&format!("{} as the guest reads it", guest_set[n].0), value, trace.x[n])?;
    }
    Ok(())
}
