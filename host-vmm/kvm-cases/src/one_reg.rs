//! Chapter: MTE's registers between the guest and KVM_GET_ONE_REG and KVM_SET_ONE_REG, without a restore.

use abi::mailbox::SysReg;

use super::restore::{CHECKPOINT, with_checkpoint};
use case::address::tagged;
use case::expect::{equal_hex, fail_with, no_fault};
use case::settings::rgsr;
use case::{Case, CaseContext, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::{Block, Config};

pub const CASES: &[Case] = &[
    Case::new(
        "restore.registers.mte-by-one-reg",
        "the four MTE registers that the guest set are those that KVM_GET_ONE_REG gives, and the other way round",
        "Documentation/virt/kvm/api.rst 7.28 KVM_CAP_ARM_MTE: migration of registers",
        one_reg,
    )
    .needing(&[Need::Capability(Capability::Vm)]),
    Case::new(
        "restore.registers.data-by-one-reg",
        "x and v registers that the VMM sets while the vCPU is stopped are what the guest goes on with, whatever they held",
        "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG",
        data_registers,
    )
    .needing(&[Need::Capability(Capability::Vm)]),
    Case::new(
        "restore.registers.data-by-one-reg-without-sve",
        "in a VM without SVE v registers are read and set by ids of their own, and are what the guest goes on with",
        "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG",
        data_registers_without_sve,
    )
    .needing(&[Need::Capability(Capability::Vm)]),
];

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

fn data_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    set_data_registers(cx.guest()?)
}

fn data_registers_without_sve(cx: &mut CaseContext<'_>) -> CaseResult {
    set_data_registers(cx.guest_like(Config { vector_limit: Some(0), ..Config::default() })?)
}

fn set_data_registers(mut guest: Guest) -> CaseResult {
    const X: u64 = 0x0123_4567_89ab_cdef;
    const V: [u64; 2] = [0x8899_aabb_ccdd_eeff, 0x1122_3344_5566_7788];
    // What a register of the UART holds is nobody's promise: x5 holds it, and so does v6.
    let text = format!(
        "ldr w5, [x29]; str x5, [x0]; ldr q6, [x0]; {CHECKPOINT} adds x1, x5, #1; str q6, [x0]; ldp x2, x3, [x0]; adds x2, x2, #0"
    );
    guest.run_to_checkpoint(&with_checkpoint(Block::assemble(&text)?.x(0, tagged(0, 0))))?;
    // With SVE there is no v6, which is the first bytes of z6.
    let scalable = guest.vm()?.registers(0)?.bytes(RegisterId::z(6)).is_some();
    let vector = if scalable { RegisterId::z(6) } else { RegisterId::v(6) };
    let values = Registers::collect(&[RegisterId::x(5).0, vector.0], |id, value| {
        let whole = if id == RegisterId::x(5) { [X, 0] } else { V };
        for (to, half) in value.chunks_exact_mut(8).zip(whole) {
            to.copy_from_slice(&half.to_le_bytes());
        }
        Ok(())
    })?;
    guest.vm()?.set_registers(0, &values)?;
    let kept = guest.vm()?.registers(0)?;
    for (id, whole) in [(RegisterId::x(5), &X.to_le_bytes()[..]), (vector, V.map(u64::to_le_bytes).as_flattened())] {
        let found = kept.bytes(id).map(|bytes| &bytes[..whole.len().min(bytes.len())]);
        if found != Some(whole) {
            return fail_with(
                format!("{id} as it is read back"),
                format!("{whole:02x?}"),
                format!("{found:02x?}"),
                Vec::new(),
            );
        }
    }
    let trace = guest.resume()?;
    no_fault(&guest, "the block around the checkpoint", &trace)?;
    equal_hex("x5 + 1", X + 1, trace.x[1])?;
    equal_hex("v6, bits 63:0", V[0], trace.x[2])?;
    equal_hex("v6, bits 127:64", V[1], trace.x[3])
}
