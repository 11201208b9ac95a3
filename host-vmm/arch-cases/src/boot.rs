//! Chapter: the machine as booted.

use abi::mailbox::{MAX_WORDS, PageKind, SysReg};
use abi::map::{ARENA_BASE, ARENA_SIZE, GUEST_PAGE, HEAP_BASE, HEAP_SIZE, RAM_BASE, Window, code_ipa};

use case::expect::{bytes, equal, equal_hex, fail_with, holds, no_fault, one_exception, rejected_by_firmware};
use case::settings::{ATA, ATA0, Mode, PSTATE_TCO, TBI, TCMA, mode_bits};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::registers::RegisterId;
use machine::{Block, Config, El, MachineError, Trace, Vectors};

pub const CASES: &[Case] = &[
    Case::new(
        "boot.registers.control",
        "the guest's SCTLR_EL1, TCR_EL1 and MAIR_EL1 hold what its firmware wrote for MTE",
        "DDI 0487 SCTLR_EL1, TCR_EL1, MAIR_EL1",
        control,
    ),
    Case::new(
        "boot.registers.tags",
        "GCR_EL1, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1 can be written and read back by the guest",
        "DDI 0487 GCR_EL1, RGSR_EL1, TFSR_EL1, TFSRE0_EL1",
        tag_registers,
    ),
    Case::new(
        "boot.registers.mte-level",
        "ID_AA64PFR1_EL1.MTE tells the guest and KVM_GET_ONE_REG the same level, 2 or more",
        "DDI 0487 ID_AA64PFR1_EL1; Documentation/virt/kvm/api.rst 7.28 KVM_CAP_ARM_MTE",
        mte_level,
    ),
    Case::new(
        "boot.registers.tag-block",
        "GMID_EL1.BS names a block of 16 to 256 bytes for LDGM and STGM",
        "DDI 0487 GMID_EL1",
        tag_block,
    ),
    Case::new(
        "boot.registers.vcpu-number",
        "MPIDR_EL1 of each vCPU has its own number in Aff0, and is otherwise the same",
        "DDI 0487 MPIDR_EL1",
        vcpu_number,
    ),
    Case::new(
        "boot.registers.entry-level",
        "a vCPU without EL2 is entered at EL1",
        "Documentation/virt/kvm/api.rst 4.82 KVM_ARM_VCPU_INIT: the initial PSTATE",
        entry_level,
    ),
    Case::new(
        "boot.windows.bad-ranges",
        "the firmware changes no page if a range is empty, not in whole pages or not all in one part of a window",
        "guest-fw/src/pages.rs",
        bad_ranges,
    ),
    Case::new(
        "boot.windows.read-only",
        "in a window the first and last page of arena and heap can be made read-only, and the whole arena at once",
        "guest-fw/src/pages.rs; DDI 0487 ESR_EL1, ISS encoding for a Data Abort: a permission fault at level 3",
        read_only,
    ),
    Case::new(
        "boot.executor.code-page",
        "the word behind a block is BRK at EL1 and SVC at EL0, and nothing of a longer block stands behind it",
        "guest-fw/src/executor.rs",
        code_page,
    ),
    Case::new(
        "boot.executor.records-and-resumes",
        "an undefined instruction is recorded with its place, and the block goes on behind it",
        "DDI 0487 D1 exception entry, EC 0b000000",
        records_and_resumes,
    ),
    Case::new(
        "boot.executor.exceptions-change-nothing",
        "an exception amid a block changes no register, flag or TCO, and its syndrome has the immediate of BRK",
        "guest-fw/src/executor.rs; DDI 0487 ESR_EL1, ISS encoding for BRK",
        exceptions_change_nothing,
    ),
    Case::new(
        "boot.executor.control-registers-return",
        "SCTLR_EL1 and TCR_EL1 of one block are not those of the next",
        "guest-fw/src/executor.rs",
        control_registers_return,
    ),
    Case::new(
        "boot.executor.vector-registers",
        "a block finds v0 to v31 as it was given them, and they come back as it left them",
        "guest-fw/src/executor.rs; DDI 0487 the SIMD and floating-point registers",
        vector_registers,
    ),
    Case::new(
        "boot.executor.float-registers",
        "FPCR and FPSR are 0 when a block begins, and keep what it writes to fields that every CPU has, at both levels",
        "guest-fw/src/executor.rs; DDI 0487 FPCR, FPSR",
        float_registers,
    ),
];

fn control(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sctlr = guest.booted(SysReg::Sctlr);
    equal_hex("SCTLR_EL1.{ATA, ATA0}", ATA | ATA0, sctlr & (ATA | ATA0))?;
    equal("SCTLR_EL1.TCF", &(Mode::Synchronous as u64), &mode_bits(sctlr, El::El1))?;
    equal("SCTLR_EL1.TCF0", &(Mode::Synchronous as u64), &mode_bits(sctlr, El::El0))?;
    let tcr = guest.booted(SysReg::Tcr);
    equal_hex("TCR_EL1.{TBI1, TBI0}", TBI[0] | TBI[1], tcr & (TBI[0] | TBI[1]))?;
    equal_hex("TCR_EL1.{TCMA1, TCMA0}", 0, tcr & (TCMA[0] | TCMA[1]))?;
    let mair = guest.boot().mair;
    holds(
        "MAIR_EL1",
        "an attribute 0xf0 (Normal-Tagged)",
        format_args!("{mair:#018x}"),
        mair.to_le_bytes().contains(&0xf0),
    )?;
    if !cx.target().has_kernel() {
        return Ok(());
    }
    let told = guest.vm()?.register(0, RegisterId::MAIR_EL1).map_err(MachineError::from)?;
    equal_hex("MAIR_EL1 through KVM_GET_ONE_REG", mair, told)
}

fn tag_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    equal_hex("GCR_EL1 after boot", 0, guest.booted(SysReg::Gcr))?;
    equal_hex("TFSR_EL1 after boot", 0, guest.booted(SysReg::Tfsr))?;
    equal_hex("TFSRE0_EL1 after boot", 0, guest.booted(SysReg::Tfsre0))?;
    let program = "msr gcr_el1, x0; msr rgsr_el1, x1; msr tfsr_el1, x2; msr tfsre0_el1, x3; isb
        mrs x4, gcr_el1; mrs x5, rgsr_el1; mrs x6, tfsr_el1; mrs x7, tfsre0_el1";
    // All implemented bits, in two complementary halves.
    for [gcr, rgsr, tfsr, tfsre0] in [[0x1_a5a5, 0xa5_a50a, 2, 1], [0x0_5a5a, 0x5a_5a05, 1, 2]] {
        let trace = guest.exec(program, &[gcr, rgsr, tfsr, tfsre0])?;
        no_fault(&guest, "access to MTE's registers at EL1", &trace)?;
        equal_hex("GCR_EL1", gcr, trace.x[4])?;
        equal_hex("RGSR_EL1", rgsr, trace.x[5])?;
        equal_hex("TFSR_EL1", tfsr, trace.x[6])?;
        equal_hex("TFSRE0_EL1", tfsre0, trace.x[7])?;
    }
    Ok(())
}

fn mte_level(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let seen = guest.boot().pfr1;
    holds("ID_AA64PFR1_EL1.MTE in the guest", "2 or more", seen >> 8 & 0xf, seen >> 8 & 0xf >= 2)?;
    if !cx.target().has_kernel() {
        return Ok(());
    }
    match guest.vm()?.register(0, RegisterId::ID_AA64PFR1_EL1) {
        Ok(value) => equal_hex("ID_AA64PFR1_EL1 through KVM_GET_ONE_REG", seen, value),
        Err(errno) => fail_with("KVM_GET_ONE_REG of ID_AA64PFR1_EL1", format!("{seen:#x}"), errno, Vec::new()),
    }
}

fn tag_block(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let bs = guest.boot().gmid & 0xf;
    holds("GMID_EL1.BS", "2 to 6", bs, (2..=6).contains(&bs))?;
    let trace = guest.exec("mrs x0, gmid_el1", &[])?;
    no_fault(&guest, "reading GMID_EL1", &trace)?;
    equal_hex("GMID_EL1 in a block", guest.boot().gmid, trace.x[0])
}

/// MPIDR_EL1.Aff0.
const AFF0: u64 = 0xff;

fn vcpu_number(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: usize = 3;
    let mut guest = cx.guest_like(Config { cpus: CPUS, ..Config::default() })?;
    let others = guest.boot().mpidr & !AFF0;
    for cpu in 0..CPUS {
        let trace = guest.run_on(cpu, &Block::assemble("mrs x0, mpidr_el1")?)?;
        equal("exceptions", &0, &trace.faults.len())?;
        equal_hex(&format!("MPIDR_EL1 of vCPU {cpu}"), others | cpu as u64, trace.x[0])?;
    }
    Ok(())
}

fn entry_level(cx: &mut CaseContext<'_>) -> CaseResult {
    let guest = cx.guest()?;
    equal("the exception level at the firmware's first instruction", &1, &guest.boot().entry_el)
}

/// The first bytes behind arena and heap.
const ARENA_END: u64 = ARENA_BASE + ARENA_SIZE;
const HEAP_END: u64 = HEAP_BASE + HEAP_SIZE;
/// The pages at either end of what a window shows.
const OUTER_PAGES: [u64; 4] = [ARENA_BASE, ARENA_END - GUEST_PAGE, HEAP_BASE, HEAP_END - GUEST_PAGE];

fn bad_ranges(cx: &mut CaseContext<'_>) -> CaseResult {
    const PAGE: u64 = GUEST_PAGE;
    let mut guest = cx.guest()?;
    for window in Window::ALL {
        for (ipa, length) in [
            (ARENA_BASE, 0),
            (ARENA_BASE, PAGE / 2),
            (ARENA_BASE, PAGE + 1),
            (ARENA_BASE + PAGE / 2, PAGE),
            (ARENA_BASE + 1, PAGE),
            (ARENA_BASE - PAGE, PAGE),
            (ARENA_BASE - PAGE, 2 * PAGE),
            (ARENA_END - PAGE, 2 * PAGE),
            (ARENA_END, PAGE),
            (ARENA_BASE, ARENA_SIZE + PAGE),
            (HEAP_BASE - PAGE, PAGE),
            (HEAP_BASE - PAGE, 2 * PAGE),
            (HEAP_END - PAGE, 2 * PAGE),
            (HEAP_END, PAGE),
            (ARENA_BASE, HEAP_END - ARENA_BASE),
            (RAM_BASE, PAGE),
            (0, PAGE),
            (0, PAGE.wrapping_neg()),
            (PAGE.wrapping_neg(), PAGE),
            (PAGE.wrapping_neg(), 2 * PAGE),
        ] {
            let answer = guest.machine().set_pages(window, ipa, length, PageKind::Unmapped);
            rejected_by_firmware(&format!("unmapping {length:#x} bytes at {ipa:#x}"), answer)?;
        }
        let pages = OUTER_PAGES.map(|page| window.va(page));
        let trace = guest.exec("str x4, [x0]; str x4, [x1]; str x4, [x2]; str x4, [x3]", &pages)?;
        no_fault(&guest, "stores to pages of ranges that were rejected", &trace)?;
    }
    Ok(())
}

fn read_only(cx: &mut CaseContext<'_>) -> CaseResult {
    /// ESR_EL1 of a store that a level 3 entry does not permit: EC 0x25, IL, WnR, DFSC 0b001111.
    const PERMISSION: u64 = 0x9600_004f;
    let mut guest = cx.guest()?;
    for page in OUTER_PAGES {
        guest.set_pages(Window::Tagged, page, GUEST_PAGE, PageKind::ReadOnly)?;
        for at in OUTER_PAGES {
            let trace = guest.exec("ldr x1, [x0]; str x1, [x0]", &[Window::Tagged.va(at)])?;
            if at == page {
                one_exception(&guest, "a store to the read-only page", PERMISSION, &trace)?;
            } else {
                no_fault(&guest, "accesses to another page", &trace)?;
            }
        }
        let trace = guest.exec("str x1, [x0]", &[Window::Untagged.va(page)])?;
        no_fault(&guest, "a store to the page in another window", &trace)?;
        guest.set_pages(Window::Tagged, page, GUEST_PAGE, PageKind::Default)?;
    }
    guest.set_pages(Window::Tagged, ARENA_BASE, ARENA_SIZE, PageKind::ReadOnly)?;
    for page in OUTER_PAGES {
        let trace = guest.exec("str x1, [x0]", &[Window::Tagged.va(page)])?;
        if page < ARENA_END {
            one_exception(&guest, "a store to the read-only arena", PERMISSION, &trace)?;
        } else {
            no_fault(&guest, "a store to the heap", &trace)?;
        }
    }
    Ok(())
}

fn code_page(cx: &mut CaseContext<'_>) -> CaseResult {
    let word = |text| Block::assemble(text).map(|block| block.words()[0]);
    let (nop, ends) = (word("nop")?, [(El::El1, word("brk #0xffff")?), (El::El0, word("svc #0xffff")?)]);
    let mut guest = cx.guest()?;
    for count in [MAX_WORDS, 3, 2, 1100] {
        for (el, end) in ends {
            let trace = guest.run(&Block::new(vec![nop; count]).at(el))?;
            no_fault(&guest, "a block that does nothing", &trace)?;
            let mut expected = vec![nop; count];
            expected.push(end);
            expected.resize(MAX_WORDS + 1, 0);
            let expected: Vec<u8> = expected.into_iter().flat_map(u32::to_le_bytes).collect();
            let found = guest.read(code_ipa(0), expected.len())?;
            bytes(&format!("the code page after {count} words at {el}"), code_ipa(0), &expected, &found)?;
        }
    }
    Ok(())
}

fn records_and_resumes(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // UDF #0 between two instructions that do work.
    let mut words = Vec::new();
    words.extend(assembler::assemble("movz x0, #1")?.iter().map(|i| i.encode()));
    words.push(0);
    words.extend(assembler::assemble("movz x1, #2")?.iter().map(|i| i.encode()));
    let trace = guest.run(&Block::new(words))?;
    equal("x0, set before it", &1, &trace.x[0])?;
    equal("x1, set behind it", &2, &trace.x[1])?;
    match trace.faults.as_slice() {
        [fault] if fault.index == Some(1) => equal_hex("ESR_EL1", 0x0200_0000, fault.esr.bits() & 0xffff_ffff),
        other => fail_with("exceptions", "one, at instruction 1", format!("{other:?}"), guest.listing()),
    }
}

fn exceptions_change_nothing(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut x = [0; 31];
    x.iter_mut().for_each(|value| *value = cx.random().u64(..));
    for nzcv in [0b0000, 0b0101, 0b1010, 0b1111] {
        let block = Block::assemble("brk #0x1234; mrs x0, nzcv; mrs x1, tco")?.xs(x).nzcv(nzcv).tco();
        let trace = guest.run(&block)?;
        one_exception(&guest, "BRK", 0xf200_1234, &trace)?;
        equal_hex("NZCV behind the exception", u64::from(nzcv) << 28, trace.x[0])?;
        equal_hex("TCO behind the exception", PSTATE_TCO, trace.x[1])?;
        for (n, (before, after)) in x.iter().zip(trace.x).enumerate().skip(2) {
            equal_hex(&format!("x{n} behind the exception"), *before, after)?;
        }
    }
    Ok(())
}

fn control_registers_return(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sctlr = guest.booted(SysReg::Sctlr);
    let tcr = guest.booted(SysReg::Tcr);
    let changed = Block::assemble("nop")?.sys(SysReg::Sctlr, sctlr & !ATA).sys(SysReg::Tcr, tcr | TCMA[0]);
    let trace = guest.run(&changed)?;
    equal_hex("SCTLR_EL1 of the block that sets it", sctlr & !ATA, trace.sys(SysReg::Sctlr))?;
    equal_hex("TCR_EL1 of the block that sets it", tcr | TCMA[0], trace.sys(SysReg::Tcr))?;
    let trace = guest.exec("mrs x0, sctlr_el1; mrs x1, tcr_el1", &[])?;
    equal_hex("SCTLR_EL1 of the next block", sctlr, trace.x[0])?;
    equal_hex("TCR_EL1 of the next block", tcr, trace.x[1])
}

fn vector_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut values = [[0; 2]; 32];
    values.iter_mut().flatten().for_each(|half| *half = cx.random().u64(..));
    let program = Block::assemble("nop")?;
    let trace = guest.run(&program.clone().vectors(values))?;
    same_vectors(&guest, &values, &trace)?;
    // A block that says nothing about them leaves them alone; the next one sets all of them.
    guest.run(&program)?;
    values.rotate_left(1);
    let trace = guest.run(&program.vectors(values))?;
    same_vectors(&guest, &values, &trace)
}

fn float_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    /// FPCR.{AHP, DN, FZ, RMode} and FPSR.{QC, IDC, IXC, UFC, OFC, DZC, IOC}.
    const FIELDS: [u64; 2] = [0x07c0_0000, 0x0800_009f];
    let mut guest = cx.guest()?;
    for el in [El::El1, El::El0] {
        let text = "mrs x0, fpcr; mrs x1, fpsr; msr fpcr, x2; msr fpsr, x3; mrs x4, fpcr; mrs x5, fpsr
            msr fpcr, x6; msr fpsr, x7; mrs x8, fpcr; mrs x9, fpsr";
        // Every field in one of two complementary halves. The second is what the next block would find.
        let [ones, others] = [0x0555_5555, 0x0aaa_aaaa].map(|half| FIELDS.map(|fields| fields & half));
        let block = Block::assemble(text)?.at(el).x(2, ones[0]).x(3, ones[1]).x(6, others[0]).x(7, others[1]);
        let trace = guest.run(&block)?;
        no_fault(&guest, "access to FPCR and FPSR", &trace)?;
        for (n, (register, expected)) in [
            ("FPCR at the beginning", 0),
            ("FPSR at the beginning", 0),
            ("FPCR", ones[0]),
            ("FPSR", ones[1]),
            ("FPCR, written again", others[0]),
            ("FPSR, written again", others[1]),
        ]
        .into_iter()
        .enumerate()
        {
            let place = [0, 1, 4, 5, 8, 9][n];
            equal_hex(&format!("{register} at {el}"), expected, trace.x[place])?;
        }
    }
    Ok(())
}

fn same_vectors(guest: &Guest, expected: &Vectors, trace: &Trace) -> CaseResult {
    let Some(found) = trace.v.as_deref() else {
        return fail_with("v0 to v31", "values", "none", guest.listing());
    };
    for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
        equal_hex(&format!("v{n}, bits 63:0"), expected[0], found[0])?;
        equal_hex(&format!("v{n}, bits 127:64"), expected[1], found[1])?;
    }
    Ok(())
}
