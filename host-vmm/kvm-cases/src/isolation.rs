//! Chapter: MTE's registers belong to one vCPU: not to another, not to another VM, not to the VMM's own process.
//!
//! arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h switches them; that of the process are in arch/arm64/kernel/mte.c.

use super::calls::succeeds;
use super::restore::{CHECKPOINT, with_checkpoint};
use case::address::tagged;
use case::expect::{equal, equal_hex, fail, no_fault, tags};
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::Config;
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;

const SWITCH: &str = "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h, __sysreg_save_el1_state()";
const PROCESS: &str =
    "Documentation/arch/arm64/memory-tagging-extension.rst, Excluding Tags in the IRG, ADDG and SUBG instructions";
const ONE_REG: &str = "Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG; arch/arm64/kvm/sys_regs.c";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.isolation.vmm-draws-its-own",
        "the VMM's IRG draws what its prctl permits, whatever the guest excludes, and 0 if that permits nothing",
        PROCESS,
        vmm_draws_its_own,
    )
    .needing(&[Need::Capability(Capability::VmmTags)]),
    Case::new(
        "kvm.isolation.guest-draws-its-own",
        "the guest's IRG draws what its GCR_EL1 permits, whatever the VMM's prctl says",
        PROCESS,
        guest_draws_its_own,
    )
    .needing(&[Need::Capability(Capability::VmmTags)]),
    Case::new(
        "kvm.isolation.other-vcpu",
        "what a vCPU writes to MTE's registers does not show in another, in turns",
        SWITCH,
        other_vcpu,
    ),
    Case::new(
        "kvm.isolation.other-vm",
        "what a VM writes to MTE's registers does not show in another VM, in turns",
        SWITCH,
        other_vm,
    ),
    Case::new(
        "kvm.isolation.pending-fault-stays",
        "a pending asynchronous fault of a vCPU does not show in another that runs meanwhile",
        SWITCH,
        pending_fault_stays,
    ),
    Case::new(
        "kvm.isolation.exclusive-monitor",
        "an exit to the VMM between an exclusive load and the store clears the monitor: the store fails",
        "Arm ARM, AArch64.ExceptionReturn(): ClearExclusiveLocal()",
        exclusive_monitor,
    ),
    Case::new(
        "kvm.one-reg.never-run",
        "before a vCPU ran its registers read as they were reset, and take every bit that is set",
        ONE_REG,
        never_run,
    ),
    Case::new(
        "kvm.one-reg.survive-a-run",
        "the bits that MTE's registers have stay as they were set when the vCPU runs; reserved ones may go",
        ONE_REG,
        survive_a_run,
    ),
    Case::new(
        "kvm.one-reg.to-another-vcpu",
        "the four registers of a vCPU, set in another, are what that one's guest finds",
        ONE_REG,
        to_another_vcpu,
    ),
    Case::new(
        "kvm.injection.sets-tco",
        "an exception that KVM injects sets PSTATE.TCO, as one that the CPU takes would",
        "arch/arm64/kvm/hyp/exception.c, enter_exception64()",
        injection_sets_tco,
    )
    .needing(&[Need::Capability(Capability::AbortInjection)]),
    Case::new(
        "kvm.injection.instead-of-the-access",
        "an external abort that KVM injects is taken at the access that the VMM does not complete, with the state before it",
        "Documentation/virt/kvm/api.rst, KVM_SET_VCPU_EVENTS: ext_dabt_pending; arch/arm64/kvm/mmio.c, kvm_handle_mmio_return()",
        injection_syndrome,
    )
    .needing(&[Need::Capability(Capability::AbortInjection)]),
    Case::new(
        "kvm.injection.ends-the-access",
        "an access that the VMM aborts is not completed later: the vCPU stays at its handler when it is entered again",
        "Documentation/virt/kvm/api.rst, the kvm_run structure: immediate_exit, KVM_EXIT_MMIO; arch/arm64/kvm/mmio.c, \
         kvm_handle_mmio_return()",
        injection_ends_the_access,
    )
    .needing(&[Need::Capability(Capability::AbortInjection)]),
];

/// Tags that the guest excludes, and those that the VMM draws: none is in both.
const GUEST_ONLY: u16 = 0x00f0;
const VMM_ONLY: u16 = 0x0f00;
/// Draws that would show another generator, with all but certainty.
const DRAWS: usize = 32;

fn permitted(what: &str, include: u16, drawn: &[u8]) -> CaseResult {
    match drawn.iter().find(|tag| include >> **tag & 1 == 0) {
        None => Ok(()),
        Some(tag) => fail(what, format!("tags of the set {include:#06x}"), format!("tag {tag:#x}")),
    }
}

fn vmm_draws_its_own(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    succeeds("prctl(PR_SET_TAGGED_ADDR_CTRL)", guest.vmm_tags()?.set_vmm_tag_mask(VMM_ONLY))?;
    let before = guest.vmm_tags()?.irg_in_vmm(DRAWS)?;
    permitted("tags that the VMM drew before", VMM_ONLY, &before)?;
    let trace = guest.exec("msr gcr_el1, x0; irg x1, x2", &[u64::from(!GUEST_ONLY)])?;
    no_fault(&guest, "MSR and IRG", &trace)?;
    let after = guest.vmm_tags()?.irg_in_vmm(DRAWS)?;
    permitted("tags that the VMM drew after the guest ran", VMM_ONLY, &after)?;
    // Where there is no choice it is known what comes, and 0 where nothing is permitted.
    for (include, tag) in [(1 << 0, 0), (1 << 7, 7), (1 << 15, 15), (0, 0)] {
        succeeds("prctl(PR_SET_TAGGED_ADDR_CTRL)", guest.vmm_tags()?.set_vmm_tag_mask(include))?;
        let drawn = guest.vmm_tags()?.irg_in_vmm(DRAWS)?;
        tags(&format!("tags that the VMM drew of the set {include:#06x}"), 0, &[tag; DRAWS], &drawn)?;
    }
    Ok(())
}

fn guest_draws_its_own(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let gcr = u64::from(!GUEST_ONLY);
    let trace = guest.exec("msr gcr_el1, x0", &[gcr])?;
    no_fault(&guest, "MSR", &trace)?;
    succeeds("prctl(PR_SET_TAGGED_ADDR_CTRL)", guest.vmm_tags()?.set_vmm_tag_mask(VMM_ONLY))?;
    guest.vmm_tags()?.irg_in_vmm(DRAWS)?;
    let trace = guest.exec("mrs x0, gcr_el1; irg x1, x5; irg x2, x5; irg x3, x5; irg x4, x5", &[])?;
    succeeds("prctl(PR_SET_TAGGED_ADDR_CTRL)", guest.vmm_tags()?.set_vmm_tag_mask(0))?;
    no_fault(&guest, "IRG", &trace)?;
    equal_hex("GCR_EL1", gcr, trace.x[0])?;
    let drawn: Vec<u8> = trace.x[1..5].iter().map(|pointer| (pointer >> 56 & 0xf) as u8).collect();
    permitted("tags that the guest drew", GUEST_ONLY, &drawn)
}

const WRITE: &str = "msr gcr_el1, x0; msr rgsr_el1, x1; msr tfsr_el1, x2; msr tfsre0_el1, x3";
const READ: &str = "mrs x0, gcr_el1; mrs x1, rgsr_el1; mrs x2, tfsr_el1; mrs x3, tfsre0_el1";
const NAMES: [&str; 4] = ["GCR_EL1", "RGSR_EL1", "TFSR_EL1", "TFSRE0_EL1"];
/// Values of the four registers for the first and the second of two who take turns.
const VALUES: [[u64; 4]; 2] = [[0x0_1234, 0x56_7803, 1, 2], [0x1_fedc, 0x12_3405, 2, 1]];

fn block(text: &str, x: &[u64]) -> Result<machine::Block, CaseError> {
    let mut block = machine::Block::assemble(text)?;
    for (n, value) in x.iter().enumerate() {
        block = block.x(n, *value);
    }
    Ok(block)
}

fn four(what: &str, expected: &[u64; 4], found: &[u64]) -> CaseResult {
    for ((name, expected), found) in NAMES.into_iter().zip(expected).zip(found) {
        equal_hex(&format!("{name} of {what}"), *expected, *found)?;
    }
    Ok(())
}

fn other_vcpu(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    for (cpu, values) in VALUES.iter().enumerate() {
        let trace = guest.run_on(cpu, &block(WRITE, values)?)?;
        no_fault(&guest, "MSR", &trace)?;
    }
    for cpu in [0, 1, 1, 0] {
        let trace = guest.run_on(cpu, &block(READ, &[])?)?;
        four(&format!("vCPU {cpu}"), &VALUES[cpu], &trace.x[..4])?;
    }
    Ok(())
}

fn other_vm(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guests = [cx.guest()?, cx.guest()?];
    for (guest, values) in guests.iter_mut().zip(&VALUES) {
        let trace = guest.exec(WRITE, values)?;
        no_fault(guest, "MSR", &trace)?;
    }
    for number in [0, 1, 1, 0] {
        let trace = guests[number].exec(READ, &[])?;
        four(&format!("VM {number}"), &VALUES[number], &trace.x[..4])?;
    }
    Ok(())
}

fn pending_fault_stays(cx: &mut CaseContext<'_>) -> CaseResult {
    use case::settings::Mode;
    use machine::El;
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    let wrong = tagged(0, 5);
    let store = block("str x1, [x0]", &[wrong, 1])?.sys(abi::mailbox::SysReg::Sctlr, sctlr);
    let trace = guest.run_on(0, &store)?;
    no_fault(&guest, "a store with a wrong tag in asynchronous mode", &trace)?;
    let trace = guest.run_on(1, &block(READ, &[])?)?;
    equal_hex("TFSR_EL1 of the other vCPU", 0, trace.x[2])?;
    equal_hex("TFSRE0_EL1 of the other vCPU", 0, trace.x[3])?;
    let trace = guest.run_on(0, &block(READ, &[])?)?;
    equal_hex("TFSR_EL1 of the vCPU that stored", 1, trace.x[2])
}

fn exclusive_monitor(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = format!("ldxr x2, [x0]; {CHECKPOINT} stxr w3, x1, [x0]; ldr x4, [x0]");
    guest.run_to_checkpoint(&with_checkpoint(block(&text, &[tagged(0, 0), 7])?))?;
    let trace = guest.resume()?;
    no_fault(&guest, "the block around the checkpoint", &trace)?;
    equal_hex("the status of STXR", 1, trace.x[3])?;
    equal_hex("the data", trace.x[2], trace.x[4])
}

fn never_run(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    for (name, id) in
        [("RGSR_EL1", RegisterId::RGSR_EL1), ("TFSR_EL1", RegisterId::TFSR_EL1), ("TFSRE0_EL1", RegisterId::TFSRE0_EL1)]
    {
        let value = succeeds("KVM_GET_ONE_REG", vm.register(cpu, id))?;
        // reset_unknown() fills such registers with a pattern that no CPU holds: its lower half is 0x?badc0de.
        equal_hex(&format!("{name} of a vCPU that never ran"), 0x1de7_ec7e_dbad_c0de, value)?;
    }
    for id in RegisterId::MTE.into_iter().chain([RegisterId::MAIR_EL1]) {
        for value in [0, !0, 0x0123_4567_89ab_cdef] {
            succeeds("KVM_SET_ONE_REG", vm.set_register(cpu, id, value))?;
            equal_hex(&format!("{id} as it was set"), value, succeeds("KVM_GET_ONE_REG", vm.register(cpu, id))?)?;
        }
    }
    Ok(())
}

/// Bits that every CPU has of the four registers, in the order of [`RegisterId::MTE`]. Of RGSR_EL1.SEED those are 23:8: bits
/// 55:24 are there with GCR_EL1.RRND = 1 alone, and IMPLEMENTATION DEFINED. A RES0 bit may be hardwired or keep what is
/// written to it.
const IMPLEMENTED: [u64; 4] = [0xff_ff0f, 0x1_ffff, 0b11, 0b11];

fn survive_a_run(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for value in [!0, 0, !0] {
        for id in RegisterId::MTE {
            succeeds("KVM_SET_ONE_REG", guest.vm()?.set_register(0, id, value))?;
        }
        let trace = guest.exec(READ, &[])?;
        no_fault(&guest, "MRS", &trace)?;
        for (id, bits) in RegisterId::MTE.into_iter().zip(IMPLEMENTED) {
            let found = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(0, id))?;
            equal_hex(&format!("the bits of {id} that are there, after a run"), value & bits, found & bits)?;
        }
    }
    Ok(())
}

fn to_another_vcpu(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let trace = guest.run_on(0, &block(WRITE, &VALUES[0])?)?;
    no_fault(&guest, "MSR", &trace)?;
    for id in RegisterId::MTE {
        let value = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(0, id))?;
        succeeds("KVM_SET_ONE_REG", guest.vm()?.set_register(1, id, value))?;
    }
    let trace = guest.run_on(1, &block(READ, &[])?)?;
    four("the vCPU that they were set in", &VALUES[0], &trace.x[..4])
}

fn injection_syndrome(cx: &mut CaseContext<'_>) -> CaseResult {
    /// EC 0x25: a data abort from the same level; IL; DFSC 0x10: a synchronous external abort.
    const EXTERNAL_ABORT: u64 = 0x9600_0010;
    const ESR_EL1: RegisterId = RegisterId::system(3, 0, 5, 2, 0);
    // ELR_EL1 and SPSR_EL1 are among the core registers (struct kvm_regs).
    const ELR_EL1: RegisterId = RegisterId::core(0x46);
    const SPSR_EL1: RegisterId = RegisterId::core(0x48);
    let mut guest = cx.guest()?;
    guest.run_to_checkpoint(&with_checkpoint(block(&format!("msr tco, #0; {CHECKPOINT}"), &[])?))?;
    let pc = succeeds("KVM_GET_ONE_REG of PC", guest.vm()?.register(0, RegisterId::PC))?;
    let pstate = succeeds("KVM_GET_ONE_REG of PSTATE", guest.vm()?.register(0, RegisterId::PSTATE))?;
    succeeds("KVM_SET_VCPU_EVENTS with ext_dabt_pending", guest.abort_injection()?.inject_data_abort(0))?;
    let snapshot = guest.machine().save()?;
    let registers = snapshot.registers(0)?;
    for (name, id, expected) in
        [("ELR_EL1", ELR_EL1, pc), ("SPSR_EL1", SPSR_EL1, pstate), ("ESR_EL1", ESR_EL1, EXTERNAL_ABORT)]
    {
        equal_hex(&format!("{name} of the injected exception"), expected, registers.get(id).unwrap_or(0))?;
    }
    Ok(())
}

fn injection_ends_the_access(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.run_to_checkpoint(&with_checkpoint(block(CHECKPOINT, &[])?))?;
    succeeds("KVM_SET_VCPU_EVENTS with ext_dabt_pending", guest.abort_injection()?.inject_data_abort(0))?;
    // Saving enters the vCPU with `immediate_exit`, each time.
    let mut pc = || -> Result<u64, CaseError> {
        let snapshot = guest.machine().save()?;
        Ok(snapshot.registers(0)?.get(RegisterId::PC).unwrap_or(0))
    };
    let handler = pc()?;
    equal_hex("PC when the vCPU is entered once more", handler, pc()?)
}

fn injection_sets_tco(cx: &mut CaseContext<'_>) -> CaseResult {
    const TCO: u64 = 1 << 25;
    let mut guest = cx.guest()?;
    guest.run_to_checkpoint(&with_checkpoint(block(&format!("msr tco, #0; {CHECKPOINT}"), &[])?))?;
    succeeds("KVM_SET_VCPU_EVENTS with ext_dabt_pending", guest.abort_injection()?.inject_data_abort(0))?;
    // Saving completes what is pending, the exception too.
    let snapshot = guest.machine().save()?;
    let value = snapshot.registers(0)?.get(RegisterId::PSTATE).unwrap_or(0);
    equal("PSTATE.TCO in the handler of the injected exception", &true, &(value & TCO != 0))
}
