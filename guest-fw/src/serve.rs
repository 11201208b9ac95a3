//! The service loop: requests in, replies out, one vCPU each.

use aarch64_cpu::registers::{
    CLIDR_EL1, ID_AA64DFR0_EL1, ID_AA64ISAR0_EL1, ID_AA64ISAR1_EL1, ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1,
    ID_AA64MMFR2_EL1, ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, MAIR_EL1, MIDR_EL1, MPIDR_EL1, SCTLR_EL1, TCR_EL1,
};
use abi::boot::BootBlock;
use abi::mailbox::{BootReport, Request, SYS_REGS, Status, SysReg};
use abi::{ABI_VERSION, map};
use tock_registers::interfaces::{Readable, Writeable};

use crate::mailbox::Post;
use crate::registers::{
    CTR_EL0, DCZID_EL0, GCR_EL1, GMID_EL1, ID_AA64ISAR2_EL1, ID_AA64PFR2_EL1, REVIDR_EL1, RGSR_EL1, TCO, TFSR_EL1,
    TFSRE0_EL1, rgsr_el1,
};
use crate::{cpu, executor, heap, pages, psci};

/// What IRG starts from after boot. Not 0: the generator never leaves that state.
const FIRST_SEED: u64 = 0x2a5d;

/// Files the boot report and serves requests for ever.
pub fn serve(cpu: usize, entry_el: u32, host: BootBlock) -> ! {
    let post = Post::of(cpu);
    assert!(
        host.version == ABI_VERSION,
        "the host speaks version {} of the mailbox, this firmware version {ABI_VERSION}; use a firmware of the host's build",
        host.version
    );
    assert!(
        host.cpus as usize <= map::MAX_CPUS,
        "the host has {} vCPUs, the map has room for {}",
        host.cpus,
        map::MAX_CPUS
    );
    start_program_registers();
    post.boot(boot_report(entry_el));
    post.answer(0, Status::Done);
    // One starts the next, so the boot reports come one after the other.
    if host.start_others != 0 && cpu + 1 < host.cpus as usize {
        psci::start(entry_el, cpu + 1);
    }
    let mut last = 0;
    loop {
        let (number, kind) = post.wait(last);
        last = number;
        let status = dispatch(&post, kind);
        post.answer(number, status);
    }
}

fn dispatch(post: &Post, kind: u32) -> Status {
    let [a, b, c, d] = post.arguments();
    match Request::from_number(kind) {
        Some(Request::Run) => match executor::run(post) {
            Some(reply) => {
                post.reply(reply);
                Status::Done
            }
            None => Status::BadArgument,
        },
        Some(Request::SetPages) => pages::set(a, b, c, d),
        Some(Request::HeapAlloc) => match heap::allocate(a, b) {
            Ok(pointer) => {
                post.results([pointer, 0, 0, 0]);
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

/// Gives the program's registers defined values: they are UNKNOWN after reset.
pub fn start_program_registers() {
    if cpu::has_mte2() {
        TCO.set(0);
        GCR_EL1.set(0);
        RGSR_EL1.write(rgsr_el1::RGSR_FIELDS::SEED.val(FIRST_SEED));
        TFSR_EL1.set(0);
        TFSRE0_EL1.set(0);
        cpu::barrier();
    }
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
        mmfr0: ID_AA64MMFR0_EL1.get(),
        mmfr1: ID_AA64MMFR1_EL1.get(),
        mmfr2: ID_AA64MMFR2_EL1.get(),
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
