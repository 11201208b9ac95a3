//! Chapter: what every access promises, tagged or not: which registers it fills, alignment, rights, halves of the
//! address space. Tag checks come on top of these.

use abi::mailbox::{PageKind, SysReg};
use abi::map::{GUEST_PAGE, Window};

use case::address::{arena, pointer, pointer_at, tagged};
use case::expect::{equal_hex, fail_with, no_fault, one_exception};
use case::settings::ALIGNMENT;
use case::{Case, CaseContext, CaseResult};
use machine::{Block, El};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.plain.pairs-and-words",
        "pairs keep their order in memory, and 32-bit results clear the upper half of a register",
        "DDI 0487 C6.2 LDP, STP, LDR, LDUR, ADD",
        pairs_and_words,
    ),
    Case::new(
        "arch.plain.alignment",
        "with SCTLR_EL1.A an unaligned access takes an alignment fault, before its tag is looked at",
        "DDI 0487 SCTLR_EL1.A, D8 priority of MMU faults",
        alignment,
    ),
    Case::new(
        "arch.plain.device-alignment",
        "an unaligned access to Device memory takes an alignment fault, also without permission to access it",
        "DDI 0487 B2 alignment of data accesses, D8 priority of MMU faults",
        device_alignment,
    ),
    Case::new(
        "arch.plain.sp-alignment",
        "an access by a stack pointer that is not a multiple of 16 takes an SP alignment fault at both levels",
        "DDI 0487 SCTLR_EL1.{SA, SA0}, EC 0b100110",
        sp_alignment,
    ),
    Case::new(
        "arch.plain.second-page-abort",
        "an access whose second page is not mapped takes a translation fault, and FAR_EL1 lies in that page",
        "DDI 0487 FAR_EL1, D8 MMU faults",
        second_page,
    ),
    Case::new(
        "arch.plain.el0-rights",
        "EL0 takes a permission fault at a page of EL1, for loads, stores and tag stores",
        "DDI 0487 D8 data access permissions",
        el0_rights,
    ),
    Case::new(
        "arch.plain.el0-registers",
        "GCR_EL1, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1 are undefined at EL0; TCO is not",
        "DDI 0487 GCR_EL1, RGSR_EL1, TFSR_EL1, TFSRE0_EL1, TCO",
        el0_registers,
    ),
    Case::new(
        "arch.plain.bit-55",
        "with TBI bit 55 alone tells the halves of the address space apart, whatever bits 63:56 hold",
        "DDI 0487 D8 address tagging, AddrTop()",
        bit_55,
    ),
];

fn pairs_and_words(cx: &mut CaseContext<'_>) -> CaseResult {
    const A: u64 = 0x0123_4567_89ab_cdef;
    const B: u64 = 0xfedc_ba98_7654_3210;
    let mut guest = cx.guest()?;
    let text = "stp x1, x2, [x0]; ldp x3, x4, [x0]; stp w1, w2, [x0, #16]; ldr x5, [x0, #16]; ldp w6, w7, [x0, #8]
        ldr w8, [x0]; ldur w9, [x0, #12]; ldrh w10, [x0, #6]; ldrb w11, [x0, #15]; add w12, w1, w2; eor w13, w2, w13";
    let mut x = [!0; 31];
    x[..3].copy_from_slice(&[tagged(0, 0), A, B]);
    let trace = guest.run(&Block::assemble(text)?.xs(x))?;
    no_fault(&guest, "loads and stores", &trace)?;
    let low = |value: u64| value & 0xffff_ffff;
    let expected = [
        (3, A),
        (4, B),
        (5, low(A) | low(B) << 32),
        (6, low(B)),
        (7, B >> 32),
        (8, low(A)),
        (9, B >> 32),
        (10, A >> 48),
        (11, B >> 56),
        (12, low(A.wrapping_add(B))),
        (13, low(!B)),
    ];
    expected.into_iter().try_for_each(|(n, value)| equal_hex(&format!("x{n}"), value, trace.x[n]))
}

fn alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6; 2])?;
    let sctlr = guest.booted(SysReg::Sctlr) | ALIGNMENT;
    for (text, write) in [("ldr x1, [x0]", 0), ("str w1, [x0]", 1 << 6), ("ldrh w1, [x0]", 0)] {
        for tag in [6, 9] {
            let block = Block::assemble(text)?.x(0, tagged(1, tag)).sys(SysReg::Sctlr, sctlr);
            let trace = guest.run(&block)?;
            // Alignment fault: DFSC 0b100001.
            one_exception(&guest, &format!("{text} at 1 by tag {tag}"), 0x9600_0021 | write, &trace)?;
        }
        let block = Block::assemble(text)?.x(0, tagged(8, 6)).sys(SysReg::Sctlr, sctlr);
        let trace = guest.run(&block)?;
        no_fault(&guest, text, &trace)?;
    }
    let trace = guest.exec("ldr x1, [x0]; str x1, [x0]", &[tagged(1, 6)])?;
    no_fault(&guest, "unaligned accesses without SCTLR_EL1.A", &trace)
}

fn device_alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(0), GUEST_PAGE, PageKind::Device)?;
    let trace = guest.exec("ldr x1, [x0]", &[tagged(4, 0)])?;
    one_exception(&guest, "an unaligned load", 0x9600_0021, &trace)?;
    let trace = guest.exec("str w1, [x0]", &[tagged(2, 0)])?;
    one_exception(&guest, "an unaligned store", 0x9600_0061, &trace)?;
    for (text, write) in [("ldr x1, [x0]", 0), ("str x1, [x0]", 1 << 6)] {
        let trace = guest.run(&Block::assemble(text)?.at(El::El0).x(0, tagged(4, 0)))?;
        one_exception(&guest, &format!("{text} at EL0, whose page it is not"), 0x9200_0021 | write, &trace)?;
    }
    let trace = guest.exec("ldr x1, [x0]; str w1, [x2]", &[tagged(8, 0), 0, tagged(4, 0)])?;
    no_fault(&guest, "aligned accesses", &trace)
}

fn sp_alignment(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for el in [El::El1, El::El0] {
        for text in ["ldr x1, [sp]", "str x1, [sp, #8]", "stp x1, x2, [sp, #-16]!"] {
            let trace = guest.run(&Block::assemble(text)?.at(el).sp(pointer_at(el, false, 0x108, 0)))?;
            // EC 0b100110, IL.
            one_exception(&guest, &format!("{text} at {el}"), 0x9a00_0000, &trace)?;
            let trace = guest.run(&Block::assemble(text)?.at(el).sp(pointer_at(el, false, 0x110, 0)))?;
            no_fault(&guest, &format!("{text} at {el}"), &trace)?;
        }
    }
    Ok(())
}

fn second_page(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(GUEST_PAGE), GUEST_PAGE, PageKind::Unmapped)?;
    for (text, write) in [("ldr x1, [x0]", 0), ("str x1, [x0]", 1 << 6), ("ldp x1, x2, [x0]", 0)] {
        let trace = guest.exec(text, &[tagged(GUEST_PAGE - 4, 0), !0, !0])?;
        // Translation fault at level 3: DFSC 0b000111.
        one_exception(&guest, text, 0x9600_0007 | write, &trace)?;
        let far = trace.faults[0].far;
        if !(tagged(GUEST_PAGE, 0)..tagged(GUEST_PAGE + 12, 0)).contains(&far) {
            let expected = format!("a byte of the access from {:#x} on", tagged(GUEST_PAGE, 0));
            return fail_with(format!("FAR_EL1 of {text}"), expected, format!("{far:#x}"), guest.listing());
        }
    }
    Ok(())
}

fn el0_rights(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (text, write) in [("ldr x1, [x0]", 0), ("str x1, [x0]", 1 << 6), ("stg x0, [x0]", 1 << 6), ("ldg x1, [x0]", 0)]
    {
        for window in [Window::Tagged, Window::Untagged] {
            let block = Block::assemble(text)?.at(El::El0).x(0, pointer(window, 0, 0));
            let trace = guest.run(&block)?;
            // Permission fault at level 3, from a lower level: DFSC 0b001111.
            one_exception(&guest, &format!("{text} in {window:?}"), 0x9200_000f | write, &trace)?;
        }
        let block = Block::assemble(text)?.at(El::El0).x(0, pointer(Window::TaggedEl0, 0, 0));
        let trace = guest.run(&block)?;
        no_fault(&guest, text, &trace)?;
    }
    Ok(())
}

fn el0_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let registers = ["gcr_el1", "rgsr_el1", "tfsr_el1", "tfsre0_el1"];
    let reads = registers.iter().map(|name| format!("mrs x1, {name}"));
    let writes = registers.iter().map(|name| format!("msr {name}, x1"));
    for text in reads.chain(writes) {
        let trace = guest.run(&Block::assemble(&text)?.at(El::El0).x(1, 0x55))?;
        one_exception(&guest, &text, 0x0200_0000, &trace)?;
        equal_hex(&format!("x1 after {text}"), 0x55, trace.x[1])?;
    }
    let trace = guest.run(&Block::assemble("mrs x1, tco; msr tco, x1; msr tco, #1")?.at(El::El0))?;
    no_fault(&guest, "TCO at EL0", &trace)
}

fn bit_55(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for upper in [false, true] {
        for top in [0x0, 0x7, 0x8, 0xf] {
            // Bits 63:60 as said, bits 59:56 the tag, bit 55 the half.
            let address = pointer_at(El::El1, upper, 0, 6) & !(0xf << 60) | top << 60;
            let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[address, address])?;
            no_fault(&guest, &format!("accesses by {address:#018x}"), &trace)?;
            equal_hex("the value read back", address, trace.x[2])?;
        }
    }
    Ok(())
}
