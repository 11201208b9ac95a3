//! Chapter: every kind of access is checked, not only the plain ones: register offsets, unprivileged, SIMD,
//! atomics, exclusives. And what they do apart from that.

use abi::mailbox::{PageKind, SysReg};
use abi::map::{GUEST_PAGE, Window};

use case::address::{arena, pointer, tagged};
use case::expect::{Direction, equal, equal_hex, fail_with, faults_at, no_fault, one_exception, tag_check_syndrome};
use case::settings::Mode;
use case::{Case, CaseContext, CaseResult};
use machine::need::Need;
use machine::{Block, El};

const CHECKED: &str = "DDI 0487 D10 tag checked accesses";

pub const CASES: &[Case] = &[
    Case::new(
        "arch.access.register-offset",
        "an access with a register offset is checked, also by SP",
        CHECKED,
        register_offset,
    ),
    Case::new(
        "arch.access.sign-extending",
        "sign-extending loads are checked and extend the sign",
        "DDI 0487 C6.2 LDRSB, LDRSH, LDRSW, LDURSB",
        sign_extending,
    ),
    Case::new(
        "arch.access.unprivileged-rights",
        "LDTR and STTR at EL1 have the rights of EL0",
        "DDI 0487 C6.2 LDTR, STTR",
        unprivileged_rights,
    ),
    Case::new(
        "arch.access.unprivileged-check",
        "LDTR and STTR at EL1 are checked as SCTLR_EL1.TCF0 says, not TCF",
        "DDI 0487 SCTLR_EL1.{TCF, TCF0}, C6.2 LDTR, STTR",
        unprivileged_check,
    ),
    Case::new(
        "arch.access.simd",
        "loads and stores of SIMD registers are checked, each granule of them",
        CHECKED,
        simd,
    ),
    Case::new(
        "arch.access.simd-values",
        "LD1 and ST1 move all their registers, and a load of a part clears the rest of its register",
        "DDI 0487 C7.2 LD1, ST1, LDR (SIMD&FP)",
        simd_values,
    ),
    Case::new("arch.access.exclusive", "exclusive loads and stores are checked", CHECKED, exclusive),
    Case::new(
        "arch.access.exclusive-pair",
        "an exclusive store succeeds once after its load, and neither without one nor after an exception",
        "DDI 0487 B2 exclusive monitors, C6.2 LDXR, STXR, CLREX",
        exclusive_pair,
    ),
    Case::new(
        "arch.access.exclusive-sizes",
        "an exclusive store of another size than its load passes or fails, without a fault, and changes nothing outside of both",
        "DDI 0487 B2 load-exclusive and store-exclusive instruction usage restrictions",
        exclusive_sizes,
    ),
    Case::new(
        "arch.access.limited-ordering",
        "LDLAR and STLLR load, store and are checked as LDAR and STLR",
        "DDI 0487 C6.2 LDLAR, STLLR; D10 tag checked accesses",
        limited_ordering,
    )
    .needing(&[Need::LimitedOrdering]),
    Case::new("arch.access.atomic", "atomics, compare and swap, and swaps are checked", CHECKED, atomic)
        .needing(&[Need::Atomics]),
    Case::new(
        "arch.access.atomic-fault-is-of-a-read",
        "a tag check fault of an atomic is one of a read: ESR_EL1.WnR is 0, since a read would fault as well",
        "DDI 0487 ESR_EL1.WnR",
        |b| atomic_is_read(b, &["ldadd x1, x2, [x0]", "ldumaxb w1, w2, [x0]", "swp x1, x2, [x0]"]),
    )
    .needing(&[Need::Atomics]),
    Case::new(
        "arch.access.cas-fault-is-of-a-read",
        "a tag check fault of CAS or CASP is one of a read: ESR_EL1.WnR is 0, since a read would fault as well",
        "DDI 0487 ESR_EL1.WnR",
        |b| atomic_is_read(b, &["cas x1, x2, [x0]", "casb w1, w2, [x0]", "casp x4, x5, x6, x7, [x0]"]),
    )
    .needing(&[Need::Atomics]),
    Case::new(
        "arch.access.atomic-abort-is-of-a-read",
        "an alignment or translation fault of an atomic, or one for want of any permission, is one of a read: WnR is 0",
        "DDI 0487 ESR_EL1.WnR; pseudocode CreateAccDescAtomicOp, AArch64.S1CheckPermissions",
        atomic_abort_is_read,
    )
    .needing(&[Need::Atomics]),
    Case::new(
        "arch.access.atomic-values",
        "atomics give the old value and store what they compute; CAS stores only where memory holds what it expects",
        "DDI 0487 C6.2 LDADD, LDCLR, LDSMAX, LDUMAX, SWP, CAS, CASP",
        atomic_values,
    )
    .needing(&[Need::Atomics]),
    Case::new(
        "arch.access.maintenance",
        "cleaning by address is not checked, and DC IVAC and IGVAC are undefined at EL0",
        "DDI 0487 D10 tag unchecked accesses, DC CVAC, DC IVAC, DC IGVAC",
        maintenance,
    ),
];

fn register_offset(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 4])?;
    let text = "ldr x1, [x0, x2]; str x1, [x0, x2]; ldrb w1, [x0, w2, uxtw]; strh w1, [x0, x3, lsl #1]; ldr x1, [sp, x2]; str w1, [sp, w3, sxtw #2]";
    let block =
        |tag| Ok::<_, case::CaseError>(Block::assemble(text)?.x(0, tagged(0, tag)).x(2, 16).x(3, 8).sp(tagged(0, tag)));
    let trace = guest.run(&block(6)?)?;
    no_fault(&guest, "the right tag", &trace)?;
    let trace = guest.run(&block(7)?)?;
    faults_at(&guest, "a wrong tag", &[0, 1, 2, 3, 4, 5], &trace)
}

fn sign_extending(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.write(arena(0), &0x8181_8282_8484_88f8_u64.to_le_bytes())?;
    guest.store_tags(arena(0), &[6])?;
    let text = "ldrsb x1, [x0]; ldrsb w2, [x0]; ldrsh x3, [x0]; ldrsh w4, [x0]; ldrsw x5, [x0]; ldursb x6, [x0, #7]";
    let trace = guest.exec(text, &[tagged(0, 6)])?;
    no_fault(&guest, "the right tag", &trace)?;
    let values = [!0x07, 0xffff_fff8, 0xffff_ffff_ffff_88f8, 0xffff_88f8, 0xffff_ffff_8484_88f8, !0x7e];
    for (n, value) in (1..).zip(values) {
        equal_hex(&format!("x{n}"), value, trace.x[n])?;
    }
    let trace = guest.exec(text, &[tagged(0, 9)])?;
    faults_at(&guest, "a wrong tag", &[0, 1, 2, 3, 4, 5], &trace)
}

fn unprivileged_rights(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (text, write) in [("ldtr x1, [x0]", 0), ("sttr x1, [x0]", 1 << 6), ("ldtrb w1, [x0]", 0)] {
        let trace = guest.exec(text, &[pointer(Window::TaggedEl0, 0, 0)])?;
        no_fault(&guest, "a page of EL0", &trace)?;
        let trace = guest.exec(text, &[tagged(0, 0)])?;
        // Permission fault at level 3, same level: DFSC 0b001111.
        one_exception(&guest, text, 0x9600_000f | write, &trace)?;
    }
    Ok(())
}

fn unprivileged_check(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let address = pointer(Window::TaggedEl0, 0, 9);
    for (el, expected) in [(El::El1, [0, 1].as_slice()), (El::El0, [2, 3].as_slice())] {
        // Only the other level's field is synchronous.
        let block = Block::assemble("ldtr x1, [x0]; sttr x1, [x0]; ldr x1, [x0]; str x1, [x0]")?
            .x(0, address)
            .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Ignored));
        let trace = guest.run(&block)?;
        faults_at(&guest, &format!("accesses with faults ignored for {el}"), expected, &trace)?;
    }
    Ok(())
}

fn simd(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "ldr q0, [x0]; str q0, [x0]; ldr d1, [x0]; str s1, [x0]; ldp q2, q3, [x0]; stp q2, q3, [x0]; ld1 {v4.16b, v5.16b}, [x0]; st1 {v4.16b, v5.16b}, [x0]";
    guest.store_tags(arena(0), &[6, 6])?;
    let trace = guest.exec(text, &[tagged(0, 6)])?;
    no_fault(&guest, "the right tag", &trace)?;
    guest.store_tags(arena(0), &[7, 7])?;
    let trace = guest.exec(text, &[tagged(0, 6)])?;
    faults_at(&guest, "a wrong tag", &[0, 1, 2, 3, 4, 5, 6, 7], &trace)?;
    guest.store_tags(arena(0), &[6, 7])?;
    let trace = guest.exec(text, &[tagged(0, 6)])?;
    faults_at(&guest, "a wrong tag of the second register's granule", &[4, 5, 6, 7], &trace)
}

fn simd_values(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let data: Vec<u8> = (0..64).map(|_| cx.random().u8(..)).collect();
    guest.write(arena(0), &data)?;
    let block = Block::assemble(
        "ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]; st1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x1]; ldr d4, [x0]; ldr b5, [x0]",
    )?
    .x(0, tagged(0, 0))
    .x(1, tagged(0x100, 0))
    .vectors([[!0; 2]; 32]);
    let trace = guest.run(&block)?;
    no_fault(&guest, "loads and stores", &trace)?;
    case::expect::bytes("what ST1 stored", arena(0x100), &data, &guest.read(arena(0x100), 64)?)?;
    let Some(v) = trace.v.as_deref() else { return fail_with("v0 to v31", "values", "none", guest.listing()) };
    let (words, _) = data.as_chunks::<8>();
    for (n, pair) in words.chunks(2).enumerate() {
        equal_hex(&format!("v{n}, bits 63:0"), u64::from_le_bytes(pair[0]), v[n][0])?;
        equal_hex(&format!("v{n}, bits 127:64"), u64::from_le_bytes(pair[1]), v[n][1])?;
    }
    equal_hex("v4 after a load of d4", u64::from_le_bytes(words[0]), v[4][0])?;
    equal_hex("v4, bits 127:64", 0, v[4][1])?;
    equal_hex("v5 after a load of b5", data[0].into(), v[5][0])?;
    equal_hex("v5, bits 127:64", 0, v[5][1])?;
    equal_hex("v6, which nothing loaded", !0, v[6][1])
}

/// How often an exclusive store is tried again whose monitor was lost.
const AGAIN: usize = 8;

fn exclusive(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let text = "ldxr x1, [x0]; stxr w2, x1, [x0]; ldaxrb w1, [x0]; stlxrb w2, w1, [x0]; ldxp x1, x3, [x0]; stxp w2, x1, x3, [x0]; ldar x1, [x0]; stlr x1, [x0]";
    let trace = guest.exec(text, &[tagged(0, 6)])?;
    no_fault(&guest, "the right tag", &trace)?;
    let trace = guest.exec("ldxr x1, [x0]", &[tagged(0, 7)])?;
    faults_at(&guest, "an exclusive load by a wrong tag", &[0], &trace)?;
    // The load is unchecked by TCO, so that only the store can fault.
    for text in
        ["ldxr x1, [x0]; msr tco, #0; stxr w2, x1, [x0]", "ldxp x1, x3, [x0]; msr tco, #0; stlxp w2, x1, x3, [x0]"]
    {
        let block = Block::assemble(text)?.x(0, tagged(0, 7)).tco();
        let mut trace = guest.run(&block)?;
        // An interrupt of the host's between the two loses the monitor, and a store that fails for that need not be checked.
        for _ in 0..AGAIN {
            if !(trace.faults.is_empty() && trace.x[2] == 1) {
                break;
            }
            trace = guest.run(&block)?;
        }
        faults_at(&guest, "an exclusive store by a wrong tag", &[2], &trace)?;
    }
    Ok(())
}

fn limited_ordering(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    guest.write(arena(0), &0x8182_8384_8586_8788_u64.to_le_bytes())?;
    let text = "ldlar x1, [x0]; ldlar w2, [x0]; ldlarh w3, [x0]; ldlarb w4, [x0]; stllr x5, [x0]; stllr w6, [x0]; stllrh w6, [x0]; stllrb w5, [x0]";
    let block = |tag| Ok::<_, case::CaseError>(Block::assemble(text)?.x(0, tagged(0, tag)).x(5, 0x55).x(6, !0));
    let trace = guest.run(&block(6)?)?;
    no_fault(&guest, "the right tag", &trace)?;
    for (n, value) in (1..).zip([0x8182_8384_8586_8788, 0x8586_8788, 0x8788, 0x88]) {
        equal_hex(&format!("x{n}"), value, trace.x[n])?;
    }
    equal_hex("memory", 0xffff_ff55, guest.read_u64(arena(0))?)?;
    let trace = guest.run(&block(7)?)?;
    faults_at(&guest, "a wrong tag", &[0, 1, 2, 3, 4, 5, 6, 7], &trace)
}

fn exclusive_sizes(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (text, larger) in [
        ("ldxr x1, [x0]; stxr w2, w3, [x0]", 8),
        ("ldxrb w1, [x0]; stlxrh w2, w3, [x0]", 2),
        ("ldaxp x1, x4, [x0]; stxr w2, x3, [x0]", 16),
        ("ldxrh w1, [x0]; stxp w2, x3, x3, [x0]", 16),
    ] {
        guest.write(arena(0), &[0xa5; 64])?;
        guest.store_tags(arena(0), &[6; 4])?;
        let trace = guest.exec(text, &[tagged(16, 6), 0, 0, !0])?;
        no_fault(&guest, text, &trace)?;
        // Status and data are UNKNOWN.
        for (what, at, count) in [("before", 0, 16), ("behind", 16 + larger, 48 - larger)] {
            let kept = vec![0xa5; count as usize];
            case::expect::bytes(what, arena(at), &kept, &guest.read(arena(at), kept.len())?)?;
        }
        case::expect::tags("tags", arena(0), &[6; 4], &guest.fetch_tags(arena(0), 4)?)?;
    }
    Ok(())
}

fn exclusive_pair(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut x = [0xffff; 31];
    x[0] = tagged(0, 0);
    x[3] = 0x3333;
    x[5] = 0x5555;
    // The first store maps the page, or the exclusive one would fault to the host, which ends the pair.
    let text =
        "str xzr, [x0]; ldxr x1, [x0]; stxr w2, x3, [x0]; stxr w4, x5, [x0]; ldxr x6, [x0]; clrex; stxr w7, x5, [x0]
        ldxr x8, [x0]; brk #1; stxr w9, x5, [x0]";
    let block = Block::assemble(text)?.xs(x);
    let mut trace = guest.run(&block)?;
    // A store may fail without a reason, an interrupt of the host for one, but not for ever.
    for _ in 0..4 {
        if trace.x[2] != 0 {
            trace = guest.run(&block)?;
        }
    }
    equal("exceptions, one of them the BRK", &1, &trace.faults.len())?;
    equal_hex("the status of a store after its load", 0, trace.x[2])?;
    equal_hex("the status of a store without a load", 1, trace.x[4])?;
    equal_hex("what the next load finds", 0x3333, trace.x[6])?;
    equal_hex("the status of a store after CLREX", 1, trace.x[7])?;
    equal_hex("the status of a store after an exception", 1, trace.x[9])?;
    equal_hex("memory at the end", 0x3333, guest.read_u64(arena(0))?)
}

/// Atomics on the address in x0 that change nothing they do not have to.
const ATOMICS: [&str; 10] = [
    "ldadd x1, x2, [x0]",
    "ldclra w1, w2, [x0]",
    "ldeorl x1, x2, [x0]",
    "ldsetb w1, w2, [x0]",
    "ldsmaxh w1, w2, [x0]",
    "ldumin x1, x2, [x0]",
    "swp x1, x2, [x0]",
    "swpalb w1, w2, [x0]",
    "cas x1, x2, [x0]",
    "casp x4, x5, x6, x7, [x0]",
];

fn atomic(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let text = ATOMICS.join("; ");
    let trace = guest.exec(&text, &[tagged(0, 6)])?;
    no_fault(&guest, "the right tag", &trace)?;
    guest.write(arena(0), &[0x11; 16])?;
    let trace = guest.exec(&text, &[tagged(0, 7)])?;
    faults_at(&guest, "a wrong tag", &(0..ATOMICS.len()).collect::<Vec<_>>(), &trace)?;
    equal_hex("memory after the faults", 0x1111_1111_1111_1111, guest.read_u64(arena(0))?)?;
    equal_hex("x2, which no atomic may load", 0, trace.x[2])
}

fn atomic_is_read(cx: &mut CaseContext<'_>, instructions: &[&str]) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for text in instructions {
        let trace = guest.exec(text, &[tagged(0, 7)])?;
        one_exception(&guest, text, tag_check_syndrome(El::El1, Direction::Load).bits(), &trace)?;
    }
    Ok(())
}

fn atomic_abort_is_read(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(GUEST_PAGE), GUEST_PAGE, PageKind::Unmapped)?;
    for text in ["ldadd x1, x2, [x0]", "swp x1, x2, [x0]", "cas x1, x2, [x0]"] {
        for (el, at, status) in [(El::El1, 12, 0x21), (El::El1, GUEST_PAGE, 0x07), (El::El0, 0, 0x0f)] {
            let trace = guest.run(&Block::assemble(text)?.at(el).x(0, tagged(at, 0)))?;
            let class = if el == El::El0 { 0x9200_0000 } else { 0x9600_0000 };
            one_exception(&guest, &format!("{text} at {at:#x} and {el}"), class | status, &trace)?;
        }
    }
    Ok(())
}

fn atomic_values(cx: &mut CaseContext<'_>) -> CaseResult {
    const OLD: u64 = 0x8000_0000_0000_00f0;
    let mut guest = cx.guest()?;
    for (text, operand, expected) in [
        ("ldadd x1, x2, [x0]", 0x11, OLD + 0x11),
        ("ldclr x1, x2, [x0]", 0x30, OLD & !0x30),
        ("ldeor x1, x2, [x0]", 0xff, OLD ^ 0xff),
        ("ldset x1, x2, [x0]", 0x0f, OLD | 0x0f),
        ("ldsmax x1, x2, [x0]", 1, 1),
        ("ldumax x1, x2, [x0]", 1, OLD),
        ("ldsmin x1, x2, [x0]", 1, OLD),
        ("ldumin x1, x2, [x0]", 1, 1),
        ("swp x1, x2, [x0]", 0x77, 0x77),
    ] {
        guest.write(arena(0), &OLD.to_le_bytes())?;
        let trace = guest.exec(text, &[tagged(0, 0), operand])?;
        no_fault(&guest, text, &trace)?;
        equal_hex(&format!("x2 after {text}"), OLD, trace.x[2])?;
        equal_hex(&format!("memory after {text}"), expected, guest.read_u64(arena(0))?)?;
    }
    for (compared, expected) in [(OLD, 0x99), (OLD + 1, OLD)] {
        guest.write(arena(0), &OLD.to_le_bytes())?;
        let trace = guest.exec("cas x1, x2, [x0]", &[tagged(0, 0), compared, 0x99])?;
        equal_hex("what CAS gives", OLD, trace.x[1])?;
        equal_hex(&format!("memory after CAS that expects {compared:#x}"), expected, guest.read_u64(arena(0))?)?;
    }
    Ok(())
}

fn maintenance(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 4])?;
    let trace = guest.exec("dc cvac, x0; dc civac, x0; dc cvau, x0; dc cgvac, x0; dc cigdvac, x0", &[tagged(0, 7)])?;
    no_fault(&guest, "cleaning by a wrong tag", &trace)?;
    for text in ["dc ivac, x0", "dc igvac, x0"] {
        let trace = guest.run(&Block::assemble(text)?.at(El::El0).x(0, pointer(Window::TaggedEl0, 0, 6)))?;
        one_exception(&guest, &format!("{text} at EL0"), 0x0200_0000, &trace)?;
    }
    Ok(())
}
