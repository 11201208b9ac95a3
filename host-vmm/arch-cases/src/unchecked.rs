//! Chapter: accesses that must not be checked are not, and what lies right beside the rule still is.

use abi::mailbox::{PageKind, SysReg};
use abi::map::{self, GUEST_PAGE, Window};

use case::address::{arena, pointer, pointer_at, tagged};
use case::expect::{equal_hex, fail_with, faults_at, no_fault, pointer_tag, tags};
use case::settings::{ATA, ATA0, PSTATE_TCO, TBI, TCMA};
use case::{Case, CaseContext, CaseResult};
use machine::{Block, El};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.unchecked.tco-set-by-the-program",
        "after MSR TCO, #1 nothing is checked, after MSR TCO, #0 everything is again",
        "DDI 0487 C5.2 TCO",
        tco_program,
    ),
    Case::new(
        "arch.unchecked.tco-initial",
        "a block entered with PSTATE.TCO set is unchecked, at EL1 and at EL0",
        "DDI 0487 C5.2 TCO",
        tco_initial,
    ),
    Case::new(
        "arch.unchecked.tco-survives-an-exception",
        "an exception keeps PSTATE.TCO in SPSR_EL1, so checking goes on behind it as before",
        "DDI 0487 D1 PSTATE on exception entry",
        tco_exception,
    ),
    Case::new(
        "arch.unchecked.tcma-lower-half",
        "TCR_EL1.TCMA0 exempts tag 0b0000 with bit 55 clear, and no other",
        "DDI 0487 TCR_EL1.TCMA0",
        |b| tcma(b, false),
    ),
    Case::new(
        "arch.unchecked.tcma-upper-half",
        "TCR_EL1.TCMA1 exempts tag 0b1111 with bit 55 set, and no other",
        "DDI 0487 TCR_EL1.TCMA1",
        |b| tcma(b, true),
    ),
    Case::new(
        "arch.unchecked.tbi-off",
        "where TCR_EL1.TBIn is 0 the top byte is part of the address, and nothing is checked",
        "DDI 0487 D10 tag unchecked accesses",
        tbi,
    ),
    Case::new(
        "arch.unchecked.untagged-mapping",
        "through a mapping that is not Normal-Tagged nothing is checked, for either level",
        "DDI 0487 D10 tag unchecked accesses",
        untagged,
    ),
    Case::new(
        "arch.unchecked.untagged-tags-out-of-reach",
        "through a mapping that is not Normal-Tagged LDG reads 0 and STG changes nothing",
        "DDI 0487 C6.2 LDG, STG; AArch64.MemTag",
        untagged_tags,
    ),
    Case::new(
        "arch.unchecked.sp-immediate",
        "a base of SP with an immediate offset and no writeback is unchecked; with writeback it is checked",
        "DDI 0487 D10 tag unchecked accesses",
        stack_pointer,
    ),
    Case::new(
        "arch.unchecked.pc-relative",
        "a load from near the PC is unchecked; a load from the same address by a register is checked",
        "DDI 0487 D10 tag unchecked accesses, C6.2 LDR (literal)",
        pc_relative,
    ),
    Case::new(
        "arch.unchecked.ata-off-el1",
        "with SCTLR_EL1.ATA = 0 EL1 is unchecked, LDG reads 0 and STG changes nothing",
        "DDI 0487 SCTLR_EL1.ATA",
        |b| ata(b, El::El1),
    ),
    Case::new(
        "arch.unchecked.ata-off-el0",
        "with SCTLR_EL1.ATA0 = 0 EL0 is unchecked, LDG reads 0 and STG changes nothing",
        "DDI 0487 SCTLR_EL1.ATA0",
        |b| ata(b, El::El0),
    ),
    Case::new(
        "arch.unchecked.tag-accesses",
        "loads and stores of tags are not checked themselves",
        "DDI 0487 D10 tag unchecked accesses",
        tag_access,
    ),
    Case::new(
        "arch.unchecked.non-cacheable",
        "Non-cacheable memory has no tags: accesses to it are not checked",
        "DDI 0487 D10 Normal-Tagged memory",
        |b| other_memory(b, PageKind::NonCacheable),
    ),
    Case::new(
        "arch.unchecked.device",
        "Device memory has no tags: accesses to it are not checked",
        "DDI 0487 D10 Normal-Tagged memory",
        |b| other_memory(b, PageKind::Device),
    ),
];

fn tco_program(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for el in [El::El1, El::El0] {
        let text = "ldr x1, [x0]; msr tco, #1; ldr x1, [x0]; str x1, [x0]; mrs x2, tco; msr tco, #0; str x1, [x0]; mrs x3, tco; msr tco, x4; ldr x1, [x0]";
        let block = Block::assemble(text)?.at(el).x(0, pointer_at(el, false, 0, 1)).x(4, PSTATE_TCO);
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("checks at {el}"), &[0, 6], &trace)?;
        equal_hex("TCO while set", PSTATE_TCO, trace.x[2])?;
        equal_hex("TCO while clear", 0, trace.x[3])?;
        equal_hex("PSTATE.TCO at the end", PSTATE_TCO, trace.pstate & PSTATE_TCO)?;
    }
    Ok(())
}

fn tco_initial(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for el in [El::El1, El::El0] {
        let block = Block::assemble("ldr x1, [x0]; str x1, [x0]")?.at(el).x(0, pointer_at(el, false, 0, 1));
        let trace = guest.run(&block.clone().tco())?;
        no_fault(&guest, &format!("with TCO at {el}"), &trace)?;
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("without TCO at {el}"), &[0, 1], &trace)?;
    }
    Ok(())
}

fn tco_exception(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let block =
        Block::assemble("ldr x1, [x0]; brk #1; ldr x1, [x0]; msr tco, #1; brk #2; ldr x1, [x0]")?.x(0, tagged(0, 1));
    let trace = guest.run(&block)?;
    let indices: Vec<_> = trace.faults.iter().filter_map(|fault| fault.index).collect();
    if indices != [0, 1, 2, 4] {
        return fail_with("exceptions", "at instructions [0, 1, 2, 4]", format!("{indices:?}"), guest.listing());
    }
    equal_hex("SPSR_EL1.TCO at the first BRK", 0, trace.faults[1].spsr & PSTATE_TCO)?;
    equal_hex("SPSR_EL1.TCO at the second BRK", PSTATE_TCO, trace.faults[3].spsr & PSTATE_TCO)
}

fn tcma(cx: &mut CaseContext<'_>, upper: bool) -> CaseResult {
    let mut guest = cx.guest()?;
    let (exempt, other_half_exempt) = if upper { (15, 0) } else { (0, 15) };
    guest.store_tags(arena(0), &[6])?;
    let tcr = guest.booted(SysReg::Tcr) | TCMA[usize::from(upper)];
    let text = "ldr x9, [x0]; ldr x9, [x1]; ldr x9, [x2]; ldr x9, [x3]; ldr x9, [x4]";
    for el in [El::El1, El::El0] {
        let block = Block::assemble(text)?
            .at(el)
            .sys(SysReg::Tcr, tcr)
            .x(0, pointer_at(el, upper, 0, exempt))
            .x(1, pointer_at(el, upper, 0, other_half_exempt))
            .x(2, pointer_at(el, upper, 0, 8))
            .x(3, pointer_at(el, !upper, 0, exempt))
            .x(4, pointer_at(el, upper, 0, 6));
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("loads at {el}"), &[1, 2, 3], &trace)?;
    }
    Ok(())
}

fn tbi(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for (upper, canonical) in [(false, 0), (true, 15)] {
        let tcr = guest.booted(SysReg::Tcr) & !TBI[usize::from(upper)];
        // With TBI the top byte of an upper-half pointer is ignored; without, it must be all ones.
        let top = if upper { 0xf0 << 56 } else { 0 };
        let block = Block::assemble("ldr x9, [x0]; str x9, [x0]; ldr x9, [x1]")?
            .sys(SysReg::Tcr, tcr)
            .x(0, pointer_at(El::El1, upper, 0, canonical) | top)
            .x(1, pointer_at(El::El1, !upper, 0, 1));
        let trace = guest.run(&block)?;
        faults_at(&guest, "canonical addresses without TBI, and the other half with it", &[2], &trace)?;
        let block = Block::assemble("ldr x9, [x0]")?.sys(SysReg::Tcr, tcr).x(0, pointer_at(El::El1, upper, 0, 6));
        let trace = guest.run(&block)?;
        match trace.faults.as_slice() {
            // Translation fault at level 0: the address is outside both halves.
            [fault] => {
                equal_hex("ESR_EL1 of an address with a tag, without TBI", 0x9600_0004, fault.esr.bits() & 0xffff_ffff)?
            }
            other => return fail_with("exceptions", "one translation fault", format!("{other:?}"), guest.listing()),
        }
    }
    Ok(())
}

fn untagged(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for (el, window) in [(El::El1, Window::Untagged), (El::El0, Window::UntaggedEl0)] {
        let value = 0x5151 + el as u64;
        let block = Block::assemble("str x1, [x0]; ldr x2, [x0]")?.at(el).x(0, pointer(window, 0, 1)).x(1, value);
        let trace = guest.run(&block)?;
        no_fault(&guest, &format!("accesses at {el}"), &trace)?;
        equal_hex("the value read back", value, trace.x[2])?;
    }
    let found = guest.fetch_tags(arena(0), 1)?;
    tags("the granule's tag after untagged stores", arena(0), &[6], &found)
}

fn untagged_tags(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let before = [6, 7, 8, 9];
    guest.store_tags(arena(0), &before)?;
    let trace = guest.exec(
        "ldg x1, [x0]; stg x2, [x0]; st2g x2, [x0, #16]",
        &[pointer(Window::Untagged, 0, 0), 0xf << 56, tagged(0, 1)],
    )?;
    no_fault(&guest, "tag accesses through an untagged mapping", &trace)?;
    pointer_tag("LDG through an untagged mapping", 0, trace.x[1])?;
    let found = guest.fetch_tags(arena(0), 4)?;
    tags("tags after STG through an untagged mapping", arena(0), &before, &found)
}

fn stack_pointer(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 16])?;
    for el in [El::El1, El::El0] {
        let text = "ldr x1, [sp]; str x1, [sp, #16]; ldp x1, x2, [sp, #32]; stur x1, [sp, #-16]; ldr x1, [sp], #16; str x1, [sp, #16]!; mov x3, sp; ldr x1, [x3]";
        let block = Block::assemble(text)?.at(el).sp(pointer_at(el, false, 64, 1));
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("accesses at {el} by SP"), &[4, 5, 7], &trace)?;
    }
    Ok(())
}

fn pc_relative(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // The code page is Tagged memory too; its granules get a tag that no PC has.
    guest.store_tags(map::code_ipa(0), &[6; 4])?;
    for el in [El::El1, El::El0] {
        // Both loads read the two last instructions, which do nothing.
        let block = Block::assemble("ldr x1, .+8; ldr x2, [x0]; nop; nop")?.at(el).x(0, map::code_va(0) + 8);
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("loads at {el}"), &[1], &trace)?;
        equal_hex("the instructions that were loaded", 0xd503_201f_d503_201f, trace.x[1])?;
    }
    Ok(())
}

fn ata(cx: &mut CaseContext<'_>, el: El) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6, 6])?;
    let bit = if el == El::El0 { ATA0 } else { ATA };
    let sctlr = guest.booted(SysReg::Sctlr) & !bit;
    let block = Block::assemble("ldr x1, [x0]; str x1, [x0]; ldg x2, [x0]; stg x0, [x0]; st2g x0, [x0]")?
        .at(el)
        .x(0, pointer_at(el, false, 0, 1))
        .x(2, 0xf << 56)
        .sys(SysReg::Sctlr, sctlr);
    let trace = guest.run(&block)?;
    no_fault(&guest, "accesses without ATA", &trace)?;
    pointer_tag("LDG without ATA", 0, trace.x[2])?;
    let found = guest.fetch_tags(arena(0), 2)?;
    tags("tags after STG without ATA", arena(0), &[6, 6], &found)
}

fn tag_access(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 32])?;
    let text = "ldg x1, [x0]; stg x2, [x0]; st2g x2, [x0, #32]; stzg x2, [x0, #64]; stz2g x2, [x0, #96]; stgp x3, x4, [x0, #128]; ldgm x5, [x0]";
    let trace = guest.exec(text, &[tagged(0, 1), 0, tagged(0, 9)])?;
    no_fault(&guest, "tag accesses through a wrong tag", &trace)?;
    let found = guest.fetch_tags(arena(0), 9)?;
    tags("tags after the stores", arena(0), &[9, 6, 9, 9, 9, 6, 9, 9, 1], &found)
}

fn other_memory(cx: &mut CaseContext<'_>, kind: PageKind) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 4])?;
    for (el, window) in [(El::El1, Window::Tagged), (El::El0, Window::TaggedEl0)] {
        guest.set_pages(window, arena(0), GUEST_PAGE, kind)?;
        let block = Block::assemble("str x1, [x0]; ldr x2, [x0]")?.at(el).x(0, pointer(window, 0, 1)).x(1, 0x77);
        let trace = guest.run(&block)?;
        no_fault(&guest, &format!("accesses at {el} through a wrong tag"), &trace)?;
        equal_hex("the value read back", 0x77, trace.x[2])?;
        guest.set_pages(window, arena(0), GUEST_PAGE, PageKind::Default)?;
    }
    Ok(())
}
