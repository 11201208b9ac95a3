//! Chapter: vCPUs with SVE. How they are made, and their registers by KVM_GET_ONE_REG and KVM_SET_ONE_REG.

use abi::mailbox::Scalable;

use super::calls::{handed, refused, succeeds, vm};
use super::restore::{CHECKPOINT, with_checkpoint};
use case::expect::{equal, equal_hex, holds, no_fault, one_exception};
use case::scalable::{all_true, random_state, same_bytes, same_state};
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::capability::{Capability, ScalableVectors};
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::{Block, Config, Errno, ScalableState, Vm};

const FINALIZE: &str = "Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT: KVM_ARM_VCPU_SVE, and KVM_ARM_VCPU_FINALIZE";
const LENGTHS: &str = "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG: KVM_REG_ARM64_SVE_VLS";
pub(super) const REGISTERS: &str = "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG: arm64 SVE registers";

/// What cases need that ask the kernel's VM alone.
const OF_VM: &[Need] = &[Need::Sve, Need::Capability(Capability::Vm)];

pub const CASES: &[Case] = &[
    kvm(
        "kvm.sve.before-finalize",
        "before KVM_ARM_VCPU_FINALIZE a vCPU with SVE cannot run, has no list of registers and none of SVE's: EPERM",
        FINALIZE,
        before_finalize,
    ),
    kvm(
        "kvm.sve.after-finalize",
        "after KVM_ARM_VCPU_FINALIZE neither it nor a write of the vector lengths is permitted: EPERM",
        FINALIZE,
        after_finalize,
    ),
    kvm(
        "kvm.sve.without",
        "a vCPU without KVM_ARM_VCPU_SVE has none of it: no register, EINVAL for KVM_ARM_VCPU_FINALIZE, instructions that EL1 itself traps",
        FINALIZE,
        without,
    ),
    kvm(
        "kvm.sve.register-list",
        "a vCPU with SVE lists its vector lengths, z0 to z31, p0 to p15, FFR and ZCR_EL1, and not v0 to v31, which are EINVAL",
        REGISTERS,
        list,
    ),
    kvm(
        "kvm.sve.lengths-of-guest",
        "the vector lengths that KVM_GET_ONE_REG gives are those that the guest can select",
        LENGTHS,
        lengths,
    ),
    kvm(
        "kvm.sve.lengths-refused",
        "vector lengths are refused with EINVAL if there are none, or not those of the host up to some length",
        LENGTHS,
        lengths_refused,
    ),
    kvm(
        "kvm.sve.fewer-lengths",
        "a vCPU that was given a shorter longest vector has that and the shorter ones, also after a restore",
        LENGTHS,
        fewer_lengths,
    ),
    kvm(
        "kvm.sve.data-by-one-reg",
        "z0 to z31, p0 to p15 and FFR that the guest holds are what KVM_GET_ONE_REG gives, and what the VMM sets is what the \
         guest goes on with",
        REGISTERS,
        by_one_reg,
    )
    .needing(OF_VM),
    kvm(
        "kvm.sve.identification",
        "ID_AA64PFR0_EL1.SVE and ID_AA64ZFR0_EL1 by KVM_GET_ONE_REG are those that the guest reads",
        "Documentation/virt/kvm/arm/vcpu-features.rst, The ID Registers",
        identification,
    )
    .needing(OF_VM),
];

const fn kvm(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve, Need::Capability(Capability::ScalableVectors)])
}

pub(super) fn scalable(vm: &mut dyn Vm) -> Result<&mut (dyn ScalableVectors + 'static), CaseError> {
    handed(Capability::ScalableVectors, vm.scalable_vectors())
}

/// Registers that only a finalized vCPU has.
const DATA: [RegisterId; 4] = [RegisterId::z(0), RegisterId::z(31), RegisterId::p(15), RegisterId::FFR];

/// The vector lengths of a vCPU: bit n for `16 * (n + 1)` bytes.
pub(super) fn vector_lengths(sve: &dyn ScalableVectors, cpu: usize) -> Result<u64, CaseError> {
    let mut value = [0xff; 64];
    succeeds("KVM_GET_ONE_REG of the vector lengths", sve.read_register(cpu, RegisterId::SVE_VLS, &mut value))?;
    let above = value[8..].iter().filter(|byte| **byte != 0).count();
    equal("bytes of lengths above 1024 bytes that are not 0", &0, &above)?;
    let mut low = [0; 8];
    low.copy_from_slice(&value[..8]);
    Ok(u64::from_le_bytes(low))
}

/// The value of the register for some vector lengths.
pub(super) fn value_of(lengths: u64) -> [u8; 64] {
    let mut value = [0; 64];
    value[..8].copy_from_slice(&lengths.to_le_bytes());
    value
}

fn before_finalize(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let sve = scalable(&mut *vm)?;
    holds("KVM_CAP_ARM_SVE", "reported", "not reported", sve.has_scalable_vectors())?;
    let cpu = succeeds("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_SVE", sve.initialise_vcpu(true))?;
    refused("KVM_RUN", Errno::EPERM, sve.try_run(cpu))?;
    refused("KVM_GET_REG_LIST", Errno::EPERM, sve.list_registers(cpu))?;
    for id in DATA {
        let mut value = vec![0; id.size()];
        refused(&format!("KVM_GET_ONE_REG of {id}"), Errno::EPERM, sve.read_register(cpu, id, &mut value))?;
        refused(&format!("KVM_SET_ONE_REG of {id}"), Errno::EPERM, sve.write_register(cpu, id, &value))?;
    }
    let host = vector_lengths(sve, cpu)?;
    succeeds("KVM_SET_ONE_REG of the vector lengths", sve.write_register(cpu, RegisterId::SVE_VLS, &value_of(host)))?;
    succeeds("KVM_ARM_VCPU_FINALIZE", sve.finalize_vcpu(cpu))?;
    succeeds("KVM_GET_REG_LIST of a vCPU that is finalized", sve.list_registers(cpu))?;
    let mut value = [0xff; 256];
    succeeds("KVM_GET_ONE_REG of z0", sve.read_register(cpu, RegisterId::z(0), &mut value))?;
    equal("bytes of z0 that are not 0 in a vCPU that never ran", &0, &value.iter().filter(|byte| **byte != 0).count())
}

fn after_finalize(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let sve = scalable(&mut *vm)?;
    let cpu = succeeds("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_SVE", sve.initialise_vcpu(true))?;
    succeeds("KVM_ARM_VCPU_FINALIZE", sve.finalize_vcpu(cpu))?;
    refused("KVM_ARM_VCPU_FINALIZE again", Errno::EPERM, sve.finalize_vcpu(cpu))?;
    let same = value_of(vector_lengths(sve, cpu)?);
    refused("KVM_SET_ONE_REG of the vector lengths", Errno::EPERM, sve.write_register(cpu, RegisterId::SVE_VLS, &same))
}

fn without(cx: &mut CaseContext<'_>) -> CaseResult {
    /// ESR_EL1 of what CPACR_EL1.ZEN traps, which the firmware leaves 0 where ID_AA64PFR0_EL1 has no SVE: EC 0x19, IL 1.
    const TRAPPED: u64 = 0x19 << 26 | 1 << 25;
    let mut guest = cx.guest_like(Config { vector_limit: Some(0), ..Config::default() })?;
    equal_hex("ID_AA64PFR0_EL1.SVE", 0, guest.boot().pfr0 >> 32 & 0xf)?;
    let trace = guest.exec("rdvl x0, #1", &[])?;
    one_exception(&guest, "RDVL", TRAPPED, &trace)?;
    let mut vm = guest.vm()?;
    let sve = scalable(&mut *vm)?;
    refused("KVM_ARM_VCPU_FINALIZE", Errno::EINVAL, sve.finalize_vcpu(0))?;
    let listed = succeeds("KVM_GET_REG_LIST", sve.list_registers(0))?;
    for id in DATA.into_iter().chain([RegisterId::SVE_VLS, RegisterId::ZCR_EL1]) {
        holds("KVM_GET_REG_LIST", format!("without {id}"), format!("{id}"), !listed.contains(&id))?;
        let read = sve.read_register(0, id, &mut vec![0; id.size()]);
        refused(&format!("KVM_GET_ONE_REG of {id}"), Errno::ENOENT, read)?;
    }
    holds("KVM_GET_REG_LIST", "v0", "without v0", listed.contains(&RegisterId::v(0)))?;
    succeeds("KVM_GET_ONE_REG of v0", sve.read_register(0, RegisterId::v(0), &mut [0; 16]))
}

fn list(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut vm = guest.vm()?;
    let sve = scalable(&mut *vm)?;
    let listed = succeeds("KVM_GET_REG_LIST", sve.list_registers(0))?;
    let data = (0..32).map(RegisterId::z).chain((0..16).map(RegisterId::p)).chain([RegisterId::FFR]);
    for id in data.chain([RegisterId::SVE_VLS, RegisterId::ZCR_EL1]) {
        let found = listed.iter().filter(|listed| **listed == id).count();
        equal(&format!("how often KVM_GET_REG_LIST has {id}"), &1, &found)?;
    }
    for n in 0..32 {
        let id = RegisterId::v(n);
        holds("KVM_GET_REG_LIST", format!("without v{n}"), format!("v{n}"), !listed.contains(&id))?;
        let mut value = [0; 16];
        refused(&format!("KVM_GET_ONE_REG of v{n}"), Errno::EINVAL, sve.read_register(0, id, &mut value))?;
        refused(&format!("KVM_SET_ONE_REG of v{n}"), Errno::EINVAL, sve.write_register(0, id, &value))?;
    }
    Ok(())
}

fn lengths(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let of_guest = guest.boot().vector_lengths;
    holds("the vector lengths of the guest", "one or more", "none", of_guest != 0)?;
    let mut vm = guest.vm()?;
    let given = vector_lengths(scalable(&mut *vm)?, 0)?;
    equal_hex("the vector lengths, bit n for 16 * (n + 1) bytes", given, of_guest)
}

fn lengths_refused(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let sve = scalable(&mut *vm)?;
    let cpu = succeeds("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_SVE", sve.initialise_vcpu(true))?;
    let host = vector_lengths(sve, cpu)?;
    // None; one that the host does not have, above or between; and without one that it has, below the longest.
    let missing = (0..32).map(|n| host | 1 << n).filter(|other| *other != host);
    let longest = host.checked_ilog2().unwrap_or(0);
    let holes = (0..longest).map(|n| host & !(1 << n)).filter(|other| *other != host);
    for wrong in [0, 1 << 63].into_iter().chain(missing).chain(holes) {
        let what = format!("KVM_SET_ONE_REG of vector lengths {wrong:#x} on a host with {host:#x}");
        refused(&what, Errno::EINVAL, sve.write_register(cpu, RegisterId::SVE_VLS, &value_of(wrong)))?;
    }
    equal_hex("the vector lengths after what was refused", host, vector_lengths(sve, cpu)?)
}

fn fewer_lengths(cx: &mut CaseContext<'_>) -> CaseResult {
    let all: Vec<u16> = cx.target().vector_lengths().collect();
    // The shortest, one in the middle, and the longest but one.
    let mut limits = vec![all[0], all[all.len() / 2], all[all.len().saturating_sub(2)]];
    limits.dedup();
    for limit in limits {
        let expected = all.iter().filter(|bytes| **bytes <= limit).fold(0, |mask, bytes| mask | 1 << (bytes / 16 - 1));
        let mut guest = cx.guest_like(Config { vector_limit: Some(limit), ..Config::default() })?;
        equal_hex(
            &format!("the guest's vector lengths with a limit of {limit}"),
            expected,
            guest.boot().vector_lengths,
        )?;
        let state = random_state(cx, limit);
        let trace = guest.run(&Block::assemble("nop")?.scalable(state.clone()))?;
        same_state(&guest, "before the restore", &state, &trace)?;
        guest.save_and_restore()?;
        {
            let mut vm = guest.vm()?;
            equal_hex("the vector lengths after a restore", expected, vector_lengths(scalable(&mut *vm)?, 0)?)?;
        }
        // A length above the limit is still not there, and those up to it are.
        if let Some(above) = all.iter().find(|bytes| **bytes > limit) {
            let block = Block::assemble("nop")?.scalable(all_true(*above));
            let what = format!("a block with vectors of {above} bytes where {limit} are the longest");
            case::expect::rejected_by_firmware(&what, guest.machine().start(0, &block))?;
        }
        let trace = guest.run(&Block::assemble("nop")?.scalable(state.clone()))?;
        same_state(&guest, "after the restore", &state, &trace)?;
    }
    Ok(())
}

/// The value that a register of a vCPU has for these scalable registers.
fn value_in<'a>(state: &'a ScalableState, id: RegisterId) -> Option<&'a [u8]> {
    let registers: &'a Scalable = state.registers();
    let vector = (0..32).find(|n| RegisterId::z(*n) == id).map(|n| &registers.z[n as usize][..]);
    let predicate = (0..16).find(|n| RegisterId::p(*n) == id).map(|n| &registers.p[n as usize][..]);
    vector.or(predicate).or((id == RegisterId::FFR).then_some(&registers.ffr[..]))
}

fn by_one_reg(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let all: Vec<u16> = cx.target().vector_lengths().collect();
    for bytes in [all[0], all[all.len() - 1]] {
        let (held, set) = (random_state(cx, bytes), random_state(cx, bytes));
        guest.run_to_checkpoint(&with_checkpoint(Block::assemble(CHECKPOINT)?.scalable(held.clone())))?;
        let registers = guest.vm()?.registers(0)?;
        let mut ids = Vec::new();
        for (id, found) in registers.iter() {
            let Some(expected) = value_in(&held, id) else { continue };
            ids.push(id.0);
            same_bytes(&format!("KVM_GET_ONE_REG of {id}"), &format!("at {bytes} bytes"), expected, found)?;
        }
        equal("registers of SVE that were compared", &49, &ids.len())?;
        let values = Registers::collect(&ids, |id, value| {
            value.copy_from_slice(value_in(&set, id).unwrap_or_default());
            Ok(())
        })?;
        guest.vm()?.set_registers(0, &values)?;
        let trace = guest.resume()?;
        no_fault(&guest, "the block around the checkpoint", &trace)?;
        same_state(&guest, &format!("that the VMM set, at {bytes} bytes"), &set, &trace)?;
    }
    Ok(())
}

fn identification(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let boot = guest.boot();
    let vm = guest.vm()?;
    for (name, crm, op2, seen) in [("ID_AA64PFR0_EL1", 4, 0, boot.pfr0), ("ID_AA64ZFR0_EL1", 4, 4, boot.zfr0)] {
        let given = succeeds("KVM_GET_ONE_REG", vm.register(0, RegisterId::system(3, 0, 0, crm, op2)))?;
        equal_hex(name, given, seen)?;
    }
    Ok(())
}
