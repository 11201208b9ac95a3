//! Chapter: pointer authentication in VMs. A pointer with a tag that was signed before an exit, a switch to another vCPU or a
//! restore is authentic after it, and each vCPU has keys of its own.

use abi::mailbox::SysReg;

use super::restore::{CHECKPOINT, with_checkpoint};
use case::address::{arena, pointer_at, tagged};
use case::expect::{equal_hex, fail_with, holds, no_fault};
use case::signing::{CODE, KEYS, PLACES, VALUES, signing_guest, signs};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Config, El};

const FEATURES: &str = "Documentation/virt/kvm/api.rst 4.82 KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_GENERIC";
const REGISTERS: &str = "Documentation/virt/kvm/api.rst 4.68 KVM_SET_ONE_REG; arch/arm64/kvm/sys_regs.c, PTRAUTH_KEY";

pub const CASES: &[Case] = &[
    Case::new(
        "restore.mid-block.signed-pointer",
        "a pointer that was signed before a restore is authentic after it, and its tag is checked",
        REGISTERS,
        restored,
    )
    .needing(&[Need::PointerAuthentication]),
    Case::new(
        "restore.mid-block.signed-pointer-of-another-tag",
        "a pointer that was signed before a restore and whose tag was changed is not authentic after it",
        REGISTERS,
        restored_with_another_tag,
    )
    .needing(&[Need::PointerAuthentication]),
    Case::new(
        "kvm.pauth.keys-by-one-reg",
        "the keys that the guest set are those that KVM_GET_ONE_REG returns, and the other way round",
        REGISTERS,
        keys_by_one_reg,
    )
    .needing(&[Need::Capability(Capability::Vm), Need::PointerAuthentication]),
    Case::new(
        "kvm.pauth.vcpus-apart",
        "each vCPU has keys of its own: what one signs is not what another signs, and stays authentic",
        FEATURES,
        vcpus_apart,
    )
    .needing(&[Need::Capability(Capability::Vm), Need::PointerAuthentication]),
    Case::new("kvm.pauth.vms-apart", "each VM has keys of its own, also where they take turns", FEATURES, vms_apart)
        .needing(&[Need::Capability(Capability::Vm), Need::PointerAuthentication]),
];

const MODIFIER: u64 = 0x0123_4567_89ab_cdef;
/// Other keys than [`VALUES`].
const OTHERS: [u64; 10] = {
    let mut others = VALUES;
    let mut half = 0;
    while half < others.len() {
        others[half] = !others[half];
        half += 1;
    }
    others
};

fn restored(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    guest.store_tags(arena(0x40), &[5])?;
    for (n, key) in KEYS.iter().enumerate() {
        let (el, upper) = PLACES[n];
        let text = format!("pac{key} x0, x1; {CHECKPOINT} mov x2, x0; aut{key} x2, x1; str x2, [x2]; ldr x3, [x2]");
        let pointer = pointer_at(el, upper, 0x40, 5);
        let block = guest.signing(&text, &VALUES)?.at(el).x(0, pointer).x(1, MODIFIER);
        guest.run_to_checkpoint(&with_checkpoint(block))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        no_fault(&guest, "the block around the restore", &trace)?;
        equal_hex("the signed pointer, without its code", pointer & !CODE, trace.x[0] & !CODE)?;
        equal_hex("the authenticated pointer", pointer, trace.x[2])?;
        equal_hex("what it points to", pointer, trace.x[3])?;
        for (half, value) in SysReg::KEYS.into_iter().zip(VALUES) {
            equal_hex(half.name(), value, trace.sys(half))?;
        }
    }
    Ok(())
}

fn restored_with_another_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    for (n, key) in KEYS.iter().enumerate() {
        let text = format!("pac{key} x0, x1; eor x0, x0, #0x0100000000000000; {CHECKPOINT} aut{key} x0, x1");
        let block = guest.signing(&text, &VALUES)?.x(0, tagged(0x40, 5)).x(1, MODIFIER);
        guest.run_to_checkpoint(&with_checkpoint(block))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        guest.fails_to_authenticate(&text, (n, 3), (tagged(0x40, 4), trace.x[0]), &trace)?;
    }
    Ok(())
}

fn by_one_reg(guest: &mut Guest, half: usize) -> Result<u64, case::CaseError> {
    let id = RegisterId::key(half as u64);
    match guest.vm()?.register(0, id) {
        Ok(value) => Ok(value),
        Err(errno) => fail_with(format!("KVM_GET_ONE_REG of {id}"), "success", errno, Vec::new()),
    }
}

fn keys_by_one_reg(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    let text = format!("pacda x0, x1; {CHECKPOINT} autda x0, x1");
    let block = guest.signing(&text, &VALUES)?.x(0, tagged(0x40, 5)).x(1, MODIFIER);
    guest.run_to_checkpoint(&with_checkpoint(block.clone()))?;
    for (half, value) in VALUES.into_iter().enumerate() {
        equal_hex(&format!("{} by KVM_GET_ONE_REG", SysReg::KEYS[half].name()), value, by_one_reg(&mut guest, half)?)?;
    }
    // The other way round: what the VMM sets is what the guest goes on with.
    for (half, value) in OTHERS.into_iter().enumerate() {
        let id = RegisterId::key(half as u64);
        if let Err(errno) = guest.vm()?.set_register(0, id, value) {
            return fail_with(format!("KVM_SET_ONE_REG of {id}"), "success", errno, Vec::new());
        }
    }
    let trace = guest.resume()?;
    guest.fails_to_authenticate("AUTDA by the keys that the VMM set", (2, 2), (tagged(0x40, 5), trace.x[0]), &trace)?;
    for (half, value) in SysReg::KEYS.into_iter().zip(OTHERS) {
        equal_hex(&format!("{} as the VMM set it", half.name()), value, trace.sys(half))?;
    }
    Ok(())
}

fn vcpus_apart(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    signs(&mut guest)?;
    let pointer = tagged(0x40, 5);
    let text = format!("pacda x0, x1; {CHECKPOINT} mov x2, x0; autda x2, x1");
    let block = guest.signing(&text, &VALUES)?.x(0, pointer).x(1, MODIFIER);
    guest.run_to_checkpoint(&with_checkpoint(block))?;
    let other = guest.signing("pacda x0, x1; mov x2, x0; autda x2, x1", &OTHERS)?.x(0, pointer).x(1, MODIFIER);
    let signed_there = guest.run_on(1, &other)?;
    no_fault(&guest, "the other vCPU", &signed_there)?;
    equal_hex("the other vCPU's authenticated pointer", pointer, signed_there.x[2])?;
    let trace = guest.resume()?;
    no_fault(&guest, "the block around the switch", &trace)?;
    equal_hex("the authenticated pointer", pointer, trace.x[2])?;
    apart(trace.x[0], signed_there.x[0])
}

fn vms_apart(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guests = [signing_guest(cx)?, signing_guest(cx)?];
    let pointer = pointer_at(El::El1, false, 0x40, 5);
    let text = format!("pacda x0, x1; {CHECKPOINT} mov x2, x0; autda x2, x1");
    for (guest, keys) in guests.iter_mut().zip([&VALUES, &OTHERS]) {
        let block = guest.signing(&text, keys)?.x(0, pointer).x(1, MODIFIER);
        guest.run_to_checkpoint(&with_checkpoint(block))?;
    }
    let mut signed = Vec::new();
    for guest in &mut guests {
        let trace = guest.resume()?;
        no_fault(guest, "the block around the other VM's", &trace)?;
        equal_hex("the authenticated pointer", pointer, trace.x[2])?;
        signed.push(trace.x[0]);
    }
    apart(signed[0], signed[1])
}

/// Expects that two keys make two codes.
fn apart(one: u64, other: u64) -> CaseResult {
    holds("pointers that were signed by different keys", "different codes", format!("{one:#x} twice"), one != other)
}
