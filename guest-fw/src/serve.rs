//! The request loop of a vCPU.

use aarch64_cpu::registers::{
    CLIDR_EL1, ID_AA64DFR0_EL1, ID_AA64ISAR0_EL1, ID_AA64ISAR1_EL1, ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1,
    ID_AA64MMFR2_EL1, ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, MAIR_EL1, MIDR_EL1, MPIDR_EL1, SCTLR_EL1, TCR_EL1,
};
use abi::boot::BootBlock;
use abi::mailbox::{BootReport, Request, SYS_REGS, Status, SysReg};
use abi::{ABI_VERSION, map};
use tock_registers::interfaces::{Readable, Writeable};

use crate::mailbox::CpuMailbox;
use crate::registers::{
    CTR_EL0, DCZID_EL0, GCR_EL1, GMID_EL1, ID_AA64ISAR2_EL1, ID_AA64ISAR3_EL1, ID_AA64PFR2_EL1, ID_AA64SMFR0_EL1,
    ID_AA64ZFR0_EL1, REVIDR_EL1, RGSR_EL1, TCO, TFSR_EL1, TFSRE0_EL1, keys, rgsr_el1,
};
use crate::{cpu, executor, heap, matrix, pages, psci, scalable};

/// The initial RGSR_EL1.SEED. It is not 0, because the generator never leaves that state.
const INITIAL_SEED: u64 = 0x2a5d;

/// Writes the boot report and executes requests forever.
pub fn serve(cpu: usize, entry_el: u32, host: BootBlock) -> ! {
    let mailbox = CpuMailbox::of(cpu);
    assert!(
        host.version == ABI_VERSION,
        "expected mailbox version {ABI_VERSION}, the host has version {}; use the firmware that was built with the host",
        host.version
    );
    assert!(
        host.cpus as usize <= map::MAX_CPUS,
        "the host has {} vCPUs, the firmware supports at most {}",
        host.cpus,
        map::MAX_CPUS
    );
    initialize_program_registers(cpu);
    mailbox.set_boot_report(boot_report(entry_el));
    mailbox.complete(0, Status::Done);
    // Each vCPU starts the next one, so the boot reports arrive one at a time.
    if host.start_others != 0 && cpu + 1 < host.cpus as usize {
        psci::start(entry_el, cpu + 1);
    }
    let mut last = 0;
    loop {
        let (number, kind) = mailbox.wait(last);
        last = number;
        let status = dispatch(&mailbox, kind);
        mailbox.complete(number, status);
    }
}

fn dispatch(mailbox: &CpuMailbox, kind: u32) -> Status {
    let [a, b, c, d] = mailbox.arguments();
    match Request::from_number(kind) {
        Some(Request::Run) => match executor::run(mailbox) {
            Some(reply) => {
                mailbox.set_reply(reply);
                Status::Done
            }
            None => Status::BadArgument,
        },
        Some(Request::SetPages) => pages::set(a, b, c, d),
        Some(Request::HeapAlloc) => match heap::allocate(a, b) {
            Ok(pointer) => {
                mailbox.set_results([pointer, 0, 0, 0]);
                Status::Done
            }
            Err(status) => status,
        },
        Some(Request::HeapFree) => heap::free(a, b, c),
        Some(Request::HeapReset) => {
            heap::reset();
            Status::Done
        }
        None => Status::UnknownRequest,
    }
}

/// Initializes the system registers of the program, which are UNKNOWN after reset.
pub fn initialize_program_registers(cpu: usize) {
    if cpu::has_mte2() {
        TCO.set(0);
        GCR_EL1.set(0);
        RGSR_EL1.write(rgsr_el1::RGSR_FIELDS::SEED.val(INITIAL_SEED));
        TFSR_EL1.set(0);
        TFSRE0_EL1.set(0);
    }
    keys::initialize(|word| executor::executes(cpu, word));
    cpu::barrier();
}

fn boot_report(entry_el: u32) -> BootReport {
    let mut sys = [0; SYS_REGS];
    sys[SysReg::Sctlr as usize] = SCTLR_EL1.get();
    sys[SysReg::Tcr as usize] = TCR_EL1.get();
    if cpu::has_mte2() {
        sys[SysReg::Gcr as usize] = GCR_EL1.get();
        sys[SysReg::Rgsr as usize] = RGSR_EL1.get();
        sys[SysReg::Tfsr as usize] = TFSR_EL1.get();
        sys[SysReg::Tfsre0 as usize] = TFSRE0_EL1.get();
    }
    BootReport {
        version: ABI_VERSION,
        entry_el,
        pfr0: ID_AA64PFR0_EL1.get(),
        pfr1: ID_AA64PFR1_EL1.get(),
        pfr2: ID_AA64PFR2_EL1.get(),
        dfr0: ID_AA64DFR0_EL1.get(),
        isar0: ID_AA64ISAR0_EL1.get(),
        isar1: ID_AA64ISAR1_EL1.get(),
        isar2: ID_AA64ISAR2_EL1.get(),
        isar3: ID_AA64ISAR3_EL1.get(),
        mmfr0: ID_AA64MMFR0_EL1.get(),
        mmfr1: ID_AA64MMFR1_EL1.get(),
        mmfr2: ID_AA64MMFR2_EL1.get(),
        zfr0: if scalable::is_implemented() { ID_AA64ZFR0_EL1.get() } else { 0 },
        smfr0: if cpu::has_sme() { ID_AA64SMFR0_EL1.get() } else { 0 },
        vector_lengths: scalable::probe(),
        streaming_lengths: matrix::probe(),
        mpidr: MPIDR_EL1.get(),
        midr: MIDR_EL1.get(),
        revidr: REVIDR_EL1.get(),
        clidr: CLIDR_EL1.get(),
        ctr: CTR_EL0.get(),
        dczid: DCZID_EL0.get(),
        gmid: if cpu::has_mte2() { GMID_EL1.get() } else { 0 },
        mair: MAIR_EL1.get(),
        sys,
    }
}
