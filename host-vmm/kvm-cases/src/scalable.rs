//! Chapter: vCPUs with SVE. How they are made, their registers by KVM_GET_ONE_REG and KVM_SET_ONE_REG, and what of them survives
//! a restore.

use abi::mailbox::{Scalable, SysReg};
use abi::map::Window;

use super::calls::{handed, refused, succeeds, vm};
use super::restore::{CHECKPOINT, with_checkpoint};
use case::address::{arena, pointer, pointer_at};
use case::expect::{
    Direction, TagCheckFault, equal, equal_hex, fail_with, holds, no_fault, one_exception, tag_check_faults,
};
use case::scalable::{all_true, random_state, same_bytes, same_state};
use case::settings::{Mode, TF, tfsr};
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::capability::{Capability, ScalableVectors};
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::{Block, Config, El, Errno, ScalableState, Vm};

const FINALIZE: &str = "Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT: KVM_ARM_VCPU_SVE, and KVM_ARM_VCPU_FINALIZE";
const LENGTHS: &str = "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG: KVM_REG_ARM64_SVE_VLS";
const REGISTERS: &str = "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG: arm64 SVE registers";

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
    restore(
        "restore.sve.every-length",
        "a restore amid a block keeps z0 to z31, p0 to p15, FFR and the vector length, at every length",
        every_length,
    ),
    restore(
        "restore.sve.checks-go-on",
        "after a restore a load or store of a vector faults where it did before, at every vector length, at EL1 and EL0, \
         synchronously and asynchronously",
        checks_go_on,
    ),
    restore("restore.sve.two-vcpus", "each vCPU gets its own scalable registers and vector length back", two_vcpus),
];

const fn kvm(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::Sve, Need::Capability(Capability::ScalableVectors)])
}

const fn restore(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, REGISTERS, run).needing(&[Need::Sve])
}

fn scalable(vm: &mut dyn Vm) -> Result<&mut (dyn ScalableVectors + 'static), CaseError> {
    handed(Capability::ScalableVectors, vm.scalable_vectors())
}

/// Registers that only a finalized vCPU has.
const DATA: [RegisterId; 4] = [RegisterId::z(0), RegisterId::z(31), RegisterId::p(15), RegisterId::FFR];

/// The vector lengths of a vCPU: bit n for `16 * (n + 1)` bytes.
fn vector_lengths(sve: &dyn ScalableVectors, cpu: usize) -> Result<u64, CaseError> {
    let mut value = [0xff; 64];
    succeeds("KVM_GET_ONE_REG of the vector lengths", sve.read_register(cpu, RegisterId::SVE_VLS, &mut value))?;
    let above = value[8..].iter().filter(|byte| **byte != 0).count();
    equal("bytes of lengths above 1024 bytes that are not 0", &0, &above)?;
    let mut low = [0; 8];
    low.copy_from_slice(&value[..8]);
    Ok(u64::from_le_bytes(low))
}

/// The value of the register for some vector lengths.
fn value_of(lengths: u64) -> [u8; 64] {
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

fn every_length(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (bytes, el) in cx.target().vector_lengths().zip([El::El1, El::El0].into_iter().cycle()) {
        let state = random_state(cx, bytes);
        let block = Block::assemble(&format!("{CHECKPOINT} rdvl x1, #1"))?.at(el).scalable(state.clone());
        guest.run_to_checkpoint(&with_checkpoint(block))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        let what = format!("after a restore at {el}, of {bytes} bytes");
        no_fault(&guest, &what, &trace)?;
        equal_hex(&format!("RDVL {what}"), bytes.into(), trace.x[1])?;
        same_state(&guest, &what, &state, &trace)?;
    }
    Ok(())
}

/// Loads and stores of all bytes of a vector at the address in x0.
const ACCESSES: [(&str, Direction); 3] = [
    ("ld1b {z1.b}, p0/z, [x0]", Direction::Load),
    ("st1b {z2.b}, p0, [x0]", Direction::Store),
    ("ldr z3, [x0]", Direction::Load),
];

fn checks_go_on(cx: &mut CaseContext<'_>) -> CaseResult {
    const TAGS: [u8; 2] = [3, 12];
    let mut guest = cx.guest()?;
    let text = ACCESSES.map(|(text, _)| text).join("; ");
    let faults = |el, firsts: &[usize]| -> Vec<TagCheckFault> {
        let pointer = pointer_at(el, false, 0, TAGS[1]);
        let fault = |(index, (_, direction))| TagCheckFault { el, direction, index, pointer };
        firsts.iter().flat_map(|first| (*first..).zip(ACCESSES).map(fault)).collect()
    };
    // A vector and the granule behind it, which has another tag.
    for bytes in cx.target().vector_lengths() {
        let mut tags = [TAGS[0]; 17];
        tags[usize::from(bytes) / 16] = TAGS[1];
        guest.store_tags(arena(0), &tags)?;
        let block = Block::assemble(&format!("{text}; {CHECKPOINT} {text}"))?.scalable(all_true(bytes));
        guest.run_to_checkpoint(&with_checkpoint(block.x(0, pointer_at(El::El1, false, 0, TAGS[1]))))?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        let what = format!("vectors of {bytes} bytes before and after a restore");
        tag_check_faults(&guest, &what, &faults(El::El1, &[0, 4]), &trace)?;
        // What follows brings no registers: those that were restored are what it loads, stores and selects by.
        let block = Block::assemble(&text)?.at(El::El0).x(0, pointer_at(El::El0, false, 0, TAGS[1]));
        let trace = guest.run(&block)?;
        let after = format!("vectors of {bytes} bytes after a restore at EL0");
        tag_check_faults(&guest, &after, &faults(El::El0, &[0]), &trace)?;
        for el in [El::El1, El::El0] {
            for (tag, expected) in [(TAGS[0], 0), (TAGS[1], TF[0])] {
                let block = Block::assemble(&text)?
                    .at(el)
                    .x(0, pointer_at(el, false, 0, tag))
                    .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Asynchronous))
                    .sys(SysReg::Tfsr, 0)
                    .sys(SysReg::Tfsre0, 0);
                let trace = guest.run(&block)?;
                no_fault(&guest, &what, &trace)?;
                let register = tfsr(el);
                equal_hex(&format!("{register:?} with {bytes} bytes by tag {tag}"), expected, trace.sys(register))?;
            }
        }
    }
    Ok(())
}

fn two_vcpus(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let all: Vec<u16> = cx.target().vector_lengths().collect();
    let states = [all[0], all[all.len() - 1]].map(|bytes| random_state(cx, bytes));
    for (cpu, state) in states.iter().enumerate() {
        let trace = guest.run_on(cpu, &Block::assemble("nop")?.scalable(state.clone()))?;
        same_state(&guest, &format!("of vCPU {cpu}"), state, &trace)?;
    }
    guest.save_and_restore()?;
    for (cpu, state) in states.iter().enumerate() {
        let text = "rdvl x1, #1; str z31, [x0]; str p15, [x2]; rdffr p15.b; str p15, [x2, #1, mul vl]";
        let places = [0, 0x400].map(|offset| pointer(Window::Untagged, offset, 0));
        let trace = guest.run_on(cpu, &Block::assemble(text)?.x(0, places[0]).x(2, places[1]))?;
        let what = format!("of vCPU {cpu} after a restore");
        if let Some(fault) = trace.faults.first() {
            return fail_with(what, "no exception", fault, Vec::new());
        }
        equal_hex(&format!("RDVL {what}"), state.vector_bytes().into(), trace.x[1])?;
        let found = guest.read(arena(0), state.z(31).len())?;
        same_bytes("z31", &what, state.z(31), &found)?;
        let expected = [state.p(15), state.ffr()].concat();
        let found = guest.read(arena(0x400), expected.len())?;
        same_bytes("p15 and FFR", &what, &expected, &found)?;
    }
    Ok(())
}
