//! Chapter: vCPUs beside each other: each has MTE's registers for itself, and granules have the tag of one of them.

use abi::mailbox::SysReg;
use abi::map::{self, Window};

use super::calls::granules;
use super::races::{each, race, sweep, tag_of};
use case::address::{arena, pointer, tagged};
use case::expect::equal_hex;
use case::settings::Mode;
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Block, Config, El, HostStep, Race, RaceReport, Trace};

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.race.same-granules",
        "vCPUs that tag the same granules leave each with the tag of one of them",
        "DDI 0487, Allocation tags: a tag is accessed with single-copy atomicity",
        same_granules,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.faults-of-their-own",
        "of vCPUs that run at the same time each has the asynchronous faults of its own accesses only",
        "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h, __sysreg_save_el1_state()",
        faults_of_their_own,
    )
    .needing(&[Need::Capability(Capability::Races)]),
    Case::new(
        "kvm.race.generators-of-their-own",
        "vCPUs that draw tags at the same time draw what each draws alone",
        "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h, __sysreg_save_el1_state(): RGSR_EL1",
        generators_of_their_own,
    )
    .needing(&[Need::Capability(Capability::Races)]),
];

fn same_granules(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 4;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let count = granules(cx.target().page_size);
    let blocks =
        (0..CPUS).map(|cpu| Ok((cpu, sweep(0, 1, count, tag_of(cpu), 4)?))).collect::<Result<_, CaseError>>()?;
    let threads = vec![vec![HostStep::Fetch { ipa: arena(0), length: cx.target().page_size }]];
    race(cx, &mut guest, Race { blocks, threads, rounds: 2, ..Race::default() })?;
    let found = guest.fetch_tags(arena(0), count)?;
    each("tags of all", arena(0), &found, |_| (0..CPUS).map(tag_of).collect())
}

fn faults_of_their_own(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 4;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    guest.store_tags(arena(0), &vec![4; granules(cx.target().page_size)])?;
    let text = "next: str x1, [x0]; subs x2, x2, #1; b.ne next";
    let upper = |va: u64| map::upper_half(va) & !(0xf << 56) | 9 << 56;
    // Right tags, a wrong one in the lower half, one in the upper half, and both.
    let wrong = [0, 0b01, 0b10, 0b11];
    let mut blocks = Vec::new();
    for (cpu, halves) in wrong.into_iter().enumerate() {
        let right = tagged(64 * cpu as u64, 4);
        let first = if halves & 1 != 0 { tagged(64 * cpu as u64, 9) } else { right };
        let second = if halves & 2 != 0 { upper(right) } else { right };
        let both = text.replace("str x1, [x0]", "str x1, [x0]; str x1, [x3]");
        let block = Block::assemble(&both)?.x(0, first).x(3, second).x(2, 2000);
        blocks.push((cpu, block.sys(SysReg::Sctlr, sctlr).sys(SysReg::Tfsr, 0)));
    }
    let report = race(cx, &mut guest, Race { blocks, ..Race::default() })?;
    let own = |report: &RaceReport| {
        report.traces.iter().zip(wrong).enumerate().try_for_each(|(cpu, (trace, halves))| {
            equal_hex(&format!("TFSR_EL1 of vCPU {cpu}"), halves, trace.sys[SysReg::Tfsr as usize])
        })
    };
    own(&report)?;
    // Each still has its own when all of them have run, whichever ran last on a CPU.
    let blocks = (0..CPUS).map(|cpu| Ok((cpu, Block::assemble("nop")?))).collect::<Result<_, CaseError>>()?;
    own(&race(cx, &mut guest, Race { blocks, ..Race::default() })?)
}

fn generators_of_their_own(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 4;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    // The last tags are kept, sixteen of them in one register.
    let text = "next: irg x1, x0; orr x1, xzr, x1, lsr #56; orr x3, x1, x3, lsl #4; subs x2, x2, #1; b.ne next";
    let block = |cpu: usize| -> Result<Block, CaseError> {
        let block = Block::assemble(text)?.x(0, pointer(Window::Tagged, 0, 0)).x(2, 2000);
        Ok(block.sys(SysReg::Gcr, 1 << cpu).sys(SysReg::Rgsr, 0x12_3400 + (0x1100 << cpu)))
    };
    let drawn = |trace: &Trace| [trace.x[3], trace.sys[SysReg::Rgsr as usize]];
    let alone =
        (0..CPUS).map(|cpu| Ok(drawn(&guest.run_on(cpu, &block(cpu)?)?))).collect::<Result<Vec<_>, CaseError>>()?;
    let blocks = (0..CPUS).map(|cpu| Ok((cpu, block(cpu)?))).collect::<Result<_, CaseError>>()?;
    let report = race(cx, &mut guest, Race { blocks, ..Race::default() })?;
    for (cpu, (trace, alone)) in report.traces.iter().zip(alone).enumerate() {
        equal_hex(&format!("the last sixteen tags of vCPU {cpu}"), alone[0], drawn(trace)[0])?;
        equal_hex(&format!("RGSR_EL1 of vCPU {cpu}"), alone[1], drawn(trace)[1])?;
    }
    Ok(())
}
