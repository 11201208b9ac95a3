//! Chapter: vCPUs that begin again: KVM_ARM_VCPU_INIT, PSCI CPU_ON and SYSTEM_RESET. Registers are reset, memory is not.
//!
//! A vCPU is put back to where it was by KVM_SET_ONE_REG, so that the guest can say what it finds.

use super::calls::succeeds;
use super::restore::{CHECKPOINT, with_checkpoint};
use case::address::{arena, tagged};
use case::expect::{equal_hex, fail, holds, no_fault, tags};
use case::tagging::guest_reads;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::{RegisterId, Registers};
use machine::{Block, Config, MachineError};

const INIT: &str = "Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT: resets the vcpu to its initial state; \
                    arch/arm64/kvm/reset.c, kvm_reset_vcpu()";
const ON: &str = "Arm DEN 0022 CPU_ON; arch/arm64/kvm/psci.c, kvm_psci_vcpu_on()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.reset.registers",
        "KVM_ARM_VCPU_INIT resets MTE's four registers of that vCPU as if it had never run, and of no other",
        INIT,
        registers,
    )
    .needing(&[Need::Capability(Capability::VcpuResets)]),
    Case::new(
        "kvm.reset.memory",
        "memory keeps its tags and data when the vCPUs are initialised again",
        INIT,
        memory,
    )
    .needing(&[Need::Capability(Capability::VcpuResets)]),
    Case::new(
        "kvm.reset.pending-abort",
        "an abort that the VMM injected is not taken by a vCPU that was initialised again before it ran",
        INIT,
        pending_abort,
    )
    .needing(&[Need::Capability(Capability::VcpuResets), Need::Capability(Capability::AbortInjection)]),
    Case::new(
        "kvm.reset.pending-store",
        "a store to a device that waits to be completed is not completed in a vCPU that was initialised again",
        INIT,
        pending_store,
    )
    .needing(&[Need::Capability(Capability::VcpuResets)]),
    Case::new(
        "kvm.reset.cpu-on",
        "CPU_ON resets MTE's four registers of the vCPU that it turns on and leaves the caller's, and memory keeps its tags",
        ON,
        cpu_on,
    )
    .needing(&[Need::Capability(Capability::VcpuResets)]),
    Case::new(
        "kvm.reset.system-reset",
        "SYSTEM_RESET leaves the guest; memory has its tags when the vCPUs, initialised again, have run",
        "Documentation/virt/kvm/api.rst, KVM_EXIT_SYSTEM_EVENT; arch/arm64/kvm/psci.c, kvm_prepare_system_event()",
        system_reset,
    )
    .needing(&[Need::Capability(Capability::VcpuResets)]),
];

/// What reset_unknown() fills a register with (arch/arm64/kvm/sys_regs.c).
const NEVER_LOADED: u64 = 0x1de7_ec7e_dbad_c0de;

const WRITE: &str = "msr rgsr_el1, x0; msr gcr_el1, x1; msr tfsr_el1, x2; msr tfsre0_el1, x3";
const READ: &str = "mrs x0, rgsr_el1; mrs x1, gcr_el1; mrs x2, tfsr_el1; mrs x3, tfsre0_el1";
/// Values of the four registers of two vCPUs, in the order of [`RegisterId::MTE`].
const VALUES: [[u64; 4]; 2] = [[0x56_7803, 0x0_1234, 1, 2], [0x12_3405, 0x1_fedc, 2, 1]];

/// Runs a block on a vCPU, without an exception.
fn run(guest: &mut Guest, cpu: usize, text: &str, x: &[u64]) -> Result<[u64; 31], CaseError> {
    let block = x.iter().enumerate().fold(Block::assemble(text)?, |block, (n, value)| block.x(n, *value));
    let trace = guest.run_on(cpu, &block)?;
    no_fault(guest, text, &trace)?;
    Ok(trace.x)
}

/// Expects the four registers of a vCPU.
fn four(guest: &mut Guest, cpu: usize, when: &str, expected: [u64; 4]) -> CaseResult {
    for (id, expected) in RegisterId::MTE.into_iter().zip(expected) {
        let found = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(cpu, id))?;
        equal_hex(&format!("{id} of vCPU {cpu} {when}"), expected, found)?;
    }
    Ok(())
}

/// Expects the four registers of a vCPU as its guest finds them.
fn four_in_guest(guest: &mut Guest, cpu: usize, when: &str, expected: [u64; 4]) -> CaseResult {
    let x = run(guest, cpu, READ, &[])?;
    for ((id, expected), found) in RegisterId::MTE.into_iter().zip(expected).zip(x) {
        equal_hex(&format!("{id} as vCPU {cpu} finds it {when}"), expected, found)?;
    }
    Ok(())
}

/// Reads all registers of a vCPU that waits for a request: saving completes what its last exit began.
fn at_rest(guest: &mut Guest, cpu: usize) -> Result<Registers, CaseError> {
    let snapshot = guest.machine().save()?;
    Ok(snapshot.registers(cpu)?.clone())
}

fn initialise(guest: &mut Guest, cpu: usize) -> CaseResult {
    succeeds("KVM_ARM_VCPU_INIT", guest.vcpu_resets()?.initialise_again(cpu))
}

fn put_back(guest: &mut Guest, cpu: usize, registers: &Registers) -> CaseResult {
    succeeds("KVM_SET_ONE_REG of all registers", guest.vm()?.set_registers(cpu, registers))
}

fn registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    for (cpu, values) in VALUES.iter().enumerate() {
        run(&mut guest, cpu, WRITE, values)?;
    }
    let before = at_rest(&mut guest, 0)?;
    initialise(&mut guest, 0)?;
    four(&mut guest, 0, "that was initialised again", [NEVER_LOADED; 4])?;
    four(&mut guest, 1, "beside one that was", VALUES[1])?;
    four_in_guest(&mut guest, 1, "beside one that was initialised again", VALUES[1])?;
    // What is set afterwards is what counts.
    put_back(&mut guest, 0, &before)?;
    four_in_guest(&mut guest, 0, "after it was put back", VALUES[0])
}

/// Granules that a case about memory tags.
const TAGGED: usize = 64;

fn memory(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let wanted = cx.random_tags(TAGGED);
    guest.store_tags(arena(0), &wanted)?;
    guest.write(arena(0), &0x1234_u64.to_le_bytes())?;
    let before = [at_rest(&mut guest, 0)?, at_rest(&mut guest, 1)?];
    for cpu in 0..2 {
        initialise(&mut guest, cpu)?;
    }
    tags("the tags as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), TAGGED)?)?;
    for (cpu, registers) in before.iter().enumerate() {
        put_back(&mut guest, cpu, registers)?;
    }
    tags("the tags as the guest sees them", arena(0), &wanted, &guest_reads(&mut guest, 0, TAGGED)?)?;
    let x = run(&mut guest, 1, "ldg x1, [x0]; ldr x2, [x0]", &[tagged(0, wanted[0])])?;
    equal_hex("the tag that vCPU 1 loads", wanted[0].into(), x[1] >> 56 & 0xf)?;
    equal_hex("the data that vCPU 1 loads", 0x1234, x[2])
}

/// Stops a vCPU at a store to a device, initialises it again, and puts it right behind that store, with PSTATE.TCO 0; `pending`
/// comes before.
fn behind_a_store(
    cx: &mut CaseContext<'_>,
    pending: impl FnOnce(&mut Guest) -> CaseResult,
) -> Result<Guest, CaseError> {
    let mut guest = cx.guest()?;
    let text = format!("msr tco, #0; {CHECKPOINT} add x1, x1, #1; add x1, x1, #1; add x1, x1, #1");
    guest.run_to_checkpoint(&with_checkpoint(Block::assemble(&text)?))?;
    let at_the_store = guest.vm()?.registers(0)?;
    pending(&mut guest)?;
    initialise(&mut guest, 0)?;
    put_back(&mut guest, 0, &at_the_store)?;
    let pc = at_the_store.get(RegisterId::PC).unwrap_or(0);
    succeeds("KVM_SET_ONE_REG of PC", guest.vm()?.set_register(0, RegisterId::PC, pc + 4))?;
    Ok(guest)
}

/// Lets the vCPU of [`behind_a_store`] run what is behind the store.
fn run_on(mut guest: Guest) -> CaseResult {
    let trace = guest.resume()?;
    no_fault(&guest, "what is behind the store", &trace)?;
    equal_hex("x1 after three instructions that add 1, before which the vCPU was put", 3, trace.x[1])
}

fn pending_abort(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = behind_a_store(cx, |guest| {
        succeeds("KVM_SET_VCPU_EVENTS with ext_dabt_pending", guest.abort_injection()?.inject_data_abort(0))
    })?;
    // Saving enters the vCPU with `immediate_exit`: what is pending is taken.
    let entered = at_rest(&mut guest, 0)?.get(RegisterId::PSTATE).unwrap_or(0);
    equal_hex("PSTATE.TCO once the vCPU was entered, which an exception sets", 0, entered >> 25 & 1)?;
    run_on(guest)
}

fn pending_store(cx: &mut CaseContext<'_>) -> CaseResult {
    run_on(behind_a_store(cx, |_| Ok(()))?)
}

fn cpu_on(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPU_ON: u64 = 0xc400_0003;
    const AFFINITY_INFO: u64 = 0xc400_0004;
    const OFF: u64 = 1;
    const ALREADY_ON: u64 = -4_i64 as u64;
    let (entry, context) = (arena(0x1000), 0x0123_4567_89ab_cdef);
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    for (cpu, values) in VALUES.iter().enumerate() {
        run(&mut guest, cpu, WRITE, values)?;
    }
    guest.store_tags(arena(0), &[5])?;
    let before = at_rest(&mut guest, 1)?;
    let call = |guest: &mut Guest| run(guest, 0, "hvc #0", &[CPU_ON, 1, entry, context]);
    equal_hex("CPU_ON of a vCPU that is on", ALREADY_ON, call(&mut guest)?[0])?;
    four(&mut guest, 1, "that was on", VALUES[1])?;
    succeeds("KVM_SET_MP_STATE with KVM_MP_STATE_STOPPED", guest.vcpu_resets()?.stop_vcpu(1))?;
    equal_hex("AFFINITY_INFO of a vCPU that is off", OFF, run(&mut guest, 0, "hvc #0", &[AFFINITY_INFO, 1, 0])?[0])?;
    equal_hex("CPU_ON of a vCPU that is off", 0, call(&mut guest)?[0])?;
    four(&mut guest, 1, "that was turned on", [NEVER_LOADED; 4])?;
    for (id, expected) in [(RegisterId::PC, entry), (RegisterId::x(0), context)] {
        let found = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(1, id))?;
        equal_hex(&format!("{id} of the vCPU that was turned on"), expected, found)?;
    }
    four_in_guest(&mut guest, 0, "after it turned on another", VALUES[0])?;
    put_back(&mut guest, 1, &before)?;
    let x = run(&mut guest, 1, "ldg x1, [x0]", &[tagged(0, 0)])?;
    equal_hex("the tag that the vCPU which was turned on loads", 5, x[1] >> 56 & 0xf)?;
    equal_hex("CPU_ON of a vCPU that is on again", ALREADY_ON, call(&mut guest)?[0])
}

fn system_reset(cx: &mut CaseContext<'_>) -> CaseResult {
    const SYSTEM_RESET: u64 = 0x8400_0009;
    let mut guest = cx.guest()?;
    let wanted = cx.random_tags(TAGGED);
    guest.store_tags(arena(0), &wanted)?;
    run(&mut guest, 0, WRITE, &VALUES[0])?;
    let before = at_rest(&mut guest, 0)?;
    let left = guest.machine().start(0, &Block::assemble("hvc #0")?.x(0, SYSTEM_RESET));
    match left {
        Err(MachineError::Misbehaved { what, .. }) => {
            holds("why the guest left", "it asked to be reset", &what, what == "asked to be reset")?;
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return fail("SYSTEM_RESET", "an exit to the VMM", "none"),
    }
    initialise(&mut guest, 0)?;
    four(&mut guest, 0, "that was initialised again", [NEVER_LOADED; 4])?;
    tags("the tags as fetched", arena(0), &wanted, &guest.fetch_tags(arena(0), TAGGED)?)?;
    put_back(&mut guest, 0, &before)?;
    four_in_guest(&mut guest, 0, "after it was put back", VALUES[0])?;
    tags("the tags as the guest sees them", arena(0), &wanted, &guest_reads(&mut guest, 0, TAGGED)?)
}
