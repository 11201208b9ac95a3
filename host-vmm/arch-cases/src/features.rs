//! Chapter: loads, stores and atomics of features that few CPUs have. Each must be UNDEFINED without its feature, and with it
//! must be tag checked like the others. What no machine of ours has is run on the specification alone
//! ([`isa::Feature::UNCONFIRMED`]).

use abi::mailbox::{PageKind, SysReg};
use abi::map::{GUEST_PAGE, Window};
use isa::{Feature, Insn, rows};

use case::address::{arena, pointer_at, tagged};
use case::expect::{equal, equal_hex, fail_with, no_fault, one_exception};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

/// Describes a case about the instructions of a feature.
const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    needs: &'static [Need],
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(needs)
}

pub const CASES: &[Case] = &[
    Case::new(
        "arch.feature.undefined-without",
        "instructions whose feature the ID registers do not have are UNDEFINED at both levels",
        "DDI 0487 C6.2, C7.2 by instruction name; ID_AA64ISAR0_EL1, ID_AA64ISAR1_EL1, ID_AA64PFR1_EL1",
        undefined_without,
    ),
    case(
        "arch.feature.quadword-atomics",
        "LDCLRP, LDSETP and SWPP change a quadword and return the old one, low half first, if its tag matches",
        "DDI 0487 C6.2 LDCLRP, LDSETP, SWPP; MemAtomic()",
        &[Need::Instructions(Feature::Lse128)],
        quadword_atomics,
    ),
    case(
        "arch.feature.ordered-steps",
        "LDAPR, STLR, LDIAPP and STILP move their base by the size of the access, and are tag checked",
        "DDI 0487 C6.2 LDAPR, STLR, LDIAPP, STILP",
        &[Need::Instructions(Feature::Lrcpc3)],
        ordered_steps,
    ),
    case(
        "arch.feature.read-check-write",
        "RCWCAS, RCWCLR, RCWSET and RCWSWP say in the flags whether they stored, and are tag checked and aligned",
        "DDI 0487 C6.2 RCWCAS, RCWSCLR; MemAtomicRCW(), RCWCheck()",
        &[Need::Instructions(Feature::The)],
        read_check_write,
    ),
    case(
        "arch.feature.sixty-four-bytes",
        "LD64B and ST64B transfer eight registers or are refused by memory, and are tag checked and aligned",
        "DDI 0487 C6.2 LD64B, ST64B; MemLoad64B(), MemStore64B()",
        &[Need::Instructions(Feature::Ls64)],
        sixty_four_bytes,
    ),
    case(
        "arch.feature.sixty-four-bytes-trapped",
        "64-byte loads and stores of EL0 trap while SCTLR_EL1 does not enable them, each with its own syndrome",
        "DDI 0487 SCTLR_EL1.EnALS, EnASR, EnAS0; ESR_EL1, exception from an LD64B or ST64B* instruction",
        &[Need::Instructions(Feature::Ls64Accdata)],
        sixty_four_bytes_trapped,
    ),
    case(
        "arch.feature.control-stack-stores",
        "GCSSTR traps and names its registers while GCSCR_EL1.STREn is 0, and GCSSTTR finds no control stack of EL0",
        "DDI 0487 C6.2 GCSSTR, GCSSTTR; CheckGCSSTREnabled(), GCSSTRTrapException()",
        &[Need::Instructions(Feature::Gcs)],
        control_stack_stores,
    ),
    case(
        "arch.feature.unprivileged-atomics",
        "CAST, LDTADD, LDTXR and LDTP access memory with the rights and tag checks of EL0",
        "DDI 0487 C6.2 CAST, LDTADD, LDTXR, LDTP",
        &[Need::Instructions(Feature::Lsui)],
        unprivileged_atomics,
    ),
    case(
        "arch.feature.float-atomics",
        "LDFADD returns the old value and clears the rest of its register, if the tag matches",
        "DDI 0487 C7.2 LDFADD; MemAtomic()",
        &[Need::Instructions(Feature::Lsfe)],
        float_atomics,
    ),
    case(
        "arch.feature.authenticated-loads",
        "LDRAA and LDRAB with disabled keys load by their base as it is, and are tag checked",
        "DDI 0487 C6.2 LDRAA, LDRAB; AuthDA()",
        &[Need::PointerAuthentication],
        authenticated_loads,
    ),
];

/// ESR_EL1 of what is UNDEFINED.
const UNDEFINED: u64 = 0x0200_0000;
/// Of a tag check fault at EL1, of a read and of a write.
const READ_FAULT: u64 = 0x9600_0011;
const WRITE_FAULT: u64 = 0x9600_0051;
/// Of an alignment fault at EL1 of what reads, and of a store.
const READ_ALIGNMENT: u64 = 0x9600_0021;
const WRITE_ALIGNMENT: u64 = 0x9600_0061;
/// Of an unsupported access at EL1, but for WnR.
const UNSUPPORTED: u64 = 0x9600_0035;
const WNR: u64 = 1 << 6;

/// Runs a block that takes no exception.
fn calm(guest: &mut Guest, text: &str, x: &[u64]) -> Result<Trace, case::CaseError> {
    let trace = guest.exec(text, x)?;
    no_fault(guest, text, &trace)?;
    Ok(trace)
}

/// Expects the one exception of an instruction.
fn refused(guest: &mut Guest, text: &str, esr: u64, x: &[u64]) -> CaseResult {
    let trace = guest.exec(text, x)?;
    one_exception(guest, text, esr, &trace)
}

fn undefined_without(cx: &mut CaseContext<'_>) -> CaseResult {
    // A kernel may hide these from a CPU that has them, and nothing traps them.
    let hidden: &[Feature] = match cx.target().has_kernel() {
        true => &[Feature::The, Feature::Lsui, Feature::Lsfe, Feature::Gcs],
        false => &[],
    };
    let lacks = |feature: Feature| !cx.target().has(feature) && !hidden.contains(&feature);
    let lacking = rows().iter().filter(|row| row.feature().is_some_and(lacks));
    let insns: Vec<Insn> = lacking.filter_map(|row| row.samples().pop()).collect();
    let mut guest = cx.guest()?;
    for el in [El::El1, El::El0] {
        let words: Vec<u32> = insns.iter().map(|insn| insn.encode()).collect();
        if words.is_empty() {
            continue;
        }
        let base = pointer_at(el, false, 0x40, 0);
        let block = (0..31).fold(Block::new(words).at(el).sp(base), |block, n| block.x(n, base));
        let trace = guest.run(&block)?;
        for (n, insn) in insns.iter().enumerate() {
            match trace.faults.get(n) {
                Some(fault) if fault.index == Some(n) && fault.esr.bits() == UNDEFINED => {}
                other => {
                    let found = other.map_or("no exception of it".to_owned(), ToString::to_string);
                    return fail_with(format!("{insn} at {el}"), "undefined", found, guest.listing());
                }
            }
        }
    }
    Ok(())
}

fn quadword_atomics(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = tagged(0x40, 5);
    guest.store_tags(arena(0x40), &[5])?;
    let text = "stp x3, x4, [x0]; swpp x1, x2, [x0]; ldp x5, x6, [x0]; ldsetp x7, x8, [x0]; ldp x9, x10, [x0]
        ldclrp x11, x12, [x0]; ldp x13, x14, [x0]";
    let x = calm(&mut guest, text, &[base, 1, 2, 3, 4, 0, 0, 0x10, 0x20, 0, 0, 0x11, 2])?.x;
    let expected = [3, 4, 1, 2, 1, 2, 0x11, 0x22, 0x11, 0x22, 0, 0x20];
    let registers = [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    for (register, value) in registers.into_iter().zip(expected) {
        equal_hex(&format!("x{register}"), value, x[register])?;
    }
    for text in ["swpp x1, x2, [x0]", "ldsetpal x1, x2, [x0]", "ldclrpl x1, x2, [x0]"] {
        refused(&mut guest, text, READ_FAULT, &[tagged(0x40, 6)])?;
        refused(&mut guest, text, READ_ALIGNMENT, &[base + 8])?;
    }
    Ok(())
}

fn ordered_steps(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = tagged(0x40, 0);
    let text = "stlr x1, [x0, #-8]!; stilp x1, x2, [x3, #-16]!; ldapr x4, [x0], #8; ldiapp x5, x6, [x3], #16";
    let x = calm(&mut guest, text, &[base, 7, 8, base - 16])?.x;
    for (n, value) in [base, 7, 8, base - 16, 7, 7, 8].into_iter().enumerate() {
        equal_hex(&format!("x{n}"), value, x[n])?;
    }
    let wrong = tagged(0x40, 3);
    refused(&mut guest, "ldapr x1, [x0], #8", READ_FAULT, &[wrong])?;
    refused(&mut guest, "ldiapp x1, x2, [x0]", READ_FAULT, &[wrong])?;
    refused(&mut guest, "ldap1 {v0.d}[1], [x0]", READ_FAULT, &[wrong])?;
    refused(&mut guest, "stlr x1, [x0, #-8]!", WRITE_FAULT, &[wrong])?;
    refused(&mut guest, "stlur q0, [x0]", WRITE_FAULT, &[wrong])?;
    refused(&mut guest, "ldap1 {v0.d}[1], [x0]", READ_ALIGNMENT, &[base + 12])?;
    refused(&mut guest, "ldapr x1, [x0], #8", READ_ALIGNMENT, &[base + 12])
}

fn read_check_write(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = tagged(0x40, 0);
    // Each leaves its flags and what memory holds; then the entry is 5 again.
    for (text, x1, flags, memory) in [
        ("rcwswp x1, x2, [x0]", 9, 0b0010, 9),
        ("rcwset x1, x2, [x0]", 2, 0b0010, 7),
        ("rcwclr x1, x2, [x0]", 4, 0b0010, 1),
        ("rcwcas x1, x3, [x0]", 4, 0b1010, 5),
        ("rcwcas x1, x3, [x0]", 5, 0b0010, 0x33),
        // A valid entry must stay valid, whatever the software mask is.
        ("rcwsclr x1, x2, [x0]", 1, 0b0000, 5),
        ("rcwsswp x1, x2, [x0]", 4, 0b0000, 5),
        ("rcwscas x1, xzr, [x0]", 5, 0b0000, 5),
    ] {
        guest.write(arena(0x40), &5u64.to_le_bytes())?;
        let trace = calm(&mut guest, text, &[base, x1, 0, 0x33])?;
        equal_hex(&format!("NZCV after {text}"), flags, trace.pstate >> 28)?;
        equal_hex(&format!("memory after {text}"), memory, guest.read_u64(arena(0x40))?)?;
    }
    refused(&mut guest, "rcwswp x1, x2, [x0]", READ_FAULT, &[tagged(0x40, 3)])?;
    refused(&mut guest, "rcwswp x1, x2, [x0]", READ_ALIGNMENT, &[base + 4])?;
    refused(&mut guest, "rcwswpp x1, x2, [x0]", UNDEFINED, &[base])
}

fn sixty_four_bytes(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = tagged(0x40, 0);
    let mut x = [0; 16];
    (0..8).for_each(|n| x[8 + n] = 0x11 * (n as u64 + 1));
    x[0] = base;
    let trace = guest.exec("st64b x8, [x0]; ld64b x16, [x0]", &x)?;
    let is_refusal = |fault: &machine::Fault| fault.esr.bits() & !WNR == UNSUPPORTED;
    if trace.faults.len() == 2 && trace.faults.iter().all(is_refusal) {
        equal_hex("memory after a store that was refused", 0, guest.read_u64(arena(0x40))?)?;
    } else {
        no_fault(&guest, "64 bytes", &trace)?;
        for n in 0..8 {
            equal_hex(&format!("x{}", 16 + n), x[8 + n], trace.x[16 + n])?;
            equal_hex("memory", x[8 + n], guest.read_u64(arena(0x40 + 8 * n as u64))?)?;
        }
    }
    refused(&mut guest, "ld64b x8, [x0]", READ_FAULT, &[tagged(0x40, 3)])?;
    refused(&mut guest, "st64b x8, [x0]", WRITE_FAULT, &[tagged(0x40, 3)])?;
    refused(&mut guest, "ld64b x8, [x0]", READ_ALIGNMENT, &[base + 16])?;
    refused(&mut guest, "st64b x8, [x0]", WRITE_ALIGNMENT, &[base + 16])?;
    guest.set_pages(Window::Tagged, arena(0), GUEST_PAGE, PageKind::Unmapped)?;
    // ESR_EL1.LST is 0b10 for LD64B and ST64B.
    refused(&mut guest, "ld64b x8, [x0]", 0x9600_1007, &[base])
}

fn sixty_four_bytes_trapped(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = pointer_at(El::El0, false, 0x40, 0);
    for (text, iss) in
        [("ld64b x8, [x0]", 2), ("st64b x8, [x0]", 2), ("st64bv x1, x8, [x0]", 0), ("st64bv0 x1, x8, [x0]", 1)]
    {
        let trace = guest.run(&Block::assemble(text)?.at(El::El0).x(0, base))?;
        one_exception(&guest, &format!("{text} at EL0"), 0x2a00_0000 | iss, &trace)?;
    }
    let enabled = guest.booted(SysReg::Sctlr) | 1 << 56;
    let block = Block::assemble("ld64b x8, [x0]")?.at(El::El0).x(0, base + 16).sys(SysReg::Sctlr, enabled);
    let trace = guest.run(&block)?;
    one_exception(&guest, "LD64B that is enabled and not aligned", 0x9200_0021, &trace)
}

fn control_stack_stores(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for el in [El::El1, El::El0] {
        let base = pointer_at(el, false, 0x40, 0);
        let trace = guest.run(&Block::assemble("gcsstr x5, [x0]")?.at(el).x(0, base))?;
        one_exception(&guest, &format!("GCSSTR at {el}"), 0xb620_00a0, &trace)?;
    }
    let base = pointer_at(El::El0, false, 0x40, 0);
    refused(&mut guest, "gcssttr x5, [x0]", 1 << 40 | 0x9600_004f, &[base])?;
    equal_hex("memory", 0, guest.read_u64(arena(0x40))?)
}

fn unprivileged_atomics(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = pointer_at(El::El0, false, 0x40, 0);
    let text =
        "str x1, [x0]; ldtadd x1, x2, [x0]; cast x3, x4, [x0]; ldtxr x5, [x0]; swpt x1, x6, [x0]; ldtp x7, x8, [x0]";
    let x = calm(&mut guest, text, &[base, 6, 0, 12, 77])?.x;
    for (register, value) in [(2, 6), (3, 12), (5, 77), (6, 77), (7, 6)] {
        equal_hex(&format!("x{register}"), value, x[register])?;
    }
    // Memory of EL1 alone: a permission fault. Of an atomic it is one that reads.
    let own = tagged(0x40, 0);
    for text in
        ["ldtadd x1, x2, [x0]", "cast x1, x2, [x0]", "ldtxr x1, [x0]", "ldtp x1, x2, [x0]", "swpta w1, w2, [x0]"]
    {
        refused(&mut guest, text, 0x9600_000f, &[own])?;
        refused(&mut guest, text, READ_FAULT, &[pointer_at(El::El0, false, 0x40, 3)])?;
    }
    Ok(())
}

fn float_atomics(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let base = tagged(0x40, 0);
    let one = 0x3f80_0000;
    let block = Block::assemble("str x1, [x0]; ldfadd s2, s3, [x0]")?.x(0, base).x(1, one).vectors([[u64::MAX; 2]; 32]);
    let trace = guest.run(&block)?;
    no_fault(&guest, "LDFADD", &trace)?;
    let [low, high] = trace.v.as_ref().map_or([0; 2], |vectors| vectors[3]);
    equal_hex("the low half of v3", one, low)?;
    equal_hex("the high half of v3", 0, high)?;
    for text in ["ldfadd d2, d3, [x0]", "stbfmin h2, [x0]", "ldfmaxnmal s1, s2, [x0]"] {
        refused(&mut guest, text, READ_FAULT, &[tagged(0x40, 3)])?;
    }
    equal("the value's tag", &0, &guest.fetch_tags(arena(0x40), 1)?[0])
}

fn authenticated_loads(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0x48), &0xc0deu64.to_le_bytes())?;
    for el in [El::El1, El::El0] {
        for text in ["ldraa x1, [x0, #8]; ldraa x2, [x3, #-8]!", "ldrab x1, [x0, #8]; ldrab x2, [x3, #-8]!"] {
            let base = pointer_at(el, false, 0x40, 0);
            let trace = guest.run(&Block::assemble(text)?.at(el).x(0, base).x(3, base + 16))?;
            no_fault(&guest, text, &trace)?;
            for (register, value) in [(1, 0xc0de), (2, 0xc0de), (0, base), (3, base + 8)] {
                equal_hex(&format!("x{register} after {text} at {el}"), value, trace.x[register])?;
            }
        }
    }
    refused(&mut guest, "ldraa x1, [x0]", READ_FAULT, &[tagged(0x40, 3)])?;
    refused(&mut guest, "ldrab x1, [x0, #-8]!", READ_FAULT, &[tagged(0x40, 3)])
}
