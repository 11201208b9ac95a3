//! Chapter: what code of others does between its accesses to tagged memory. None of it is MTE's, and all of it decides
//! which address is accessed next.

use abi::mailbox::PageKind;
use abi::map::{GUEST_PAGE, UPPER_HALF, Window, code_va};

use case::address::{arena, pointer_at, tagged};
use case::expect::{equal_hex, fail_with, no_fault, one_exception};
use case::{Case, CaseContext, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.code.multiply-and-divide",
        "products have 32, 64 or 128 bits, quotients round towards zero, and a quotient by zero is 0",
        "DDI 0487 C6.2 SMADDL, SMSUBL, UMADDL, UMSUBL, SMULH, UMULH, SDIV, UDIV",
        multiply_and_divide,
    ),
    Case::new(
        "arch.code.bits-and-bytes",
        "bits and bytes are reversed and counted within what the register's width says",
        "DDI 0487 C6.2 RBIT, REV, REV16, REV32, CLZ, CLS, EXTR",
        bits_and_bytes,
    ),
    Case::new(
        "arch.code.conditional-compare",
        "CCMP and CCMN compare if their condition holds, and else set the flags to a constant",
        "DDI 0487 C6.2 CCMP, CCMN",
        conditional_compare,
    ),
    Case::new(
        "arch.code.carry",
        "ADC adds C, SBC subtracts its inverse, and with S both set the flags",
        "DDI 0487 C6.2 ADC, ADCS, SBC, SBCS; AddWithCarry()",
        carry,
    ),
    Case::new(
        "arch.code.syndrome-registers",
        "ESR_EL1 and FAR_EL1 hold what the last abort reported until they are written",
        "DDI 0487 ESR_EL1, FAR_EL1",
        syndrome_registers,
    ),
    Case::new(
        "arch.code.hints",
        "a hint that the CPU does not know does nothing, at both levels",
        "DDI 0487 C6.2 HINT",
        hints,
    ),
    Case::new(
        "arch.code.calls",
        "BL and BLR leave the address of the next instruction in x30, and RET goes to the register that it names",
        "DDI 0487 C6.2 BL, BLR, BR, RET",
        calls,
    ),
    Case::new(
        "arch.code.branch-type",
        "the instruction behind BR and BLR has their branch type in SPSR_EL1.BTYPE when it faults, and no other has one",
        "DDI 0487 SPSR_EL1.BTYPE; pseudocode BTypeNext",
        branch_type,
    ),
    Case::new(
        "arch.code.barrier-clears-branch-type",
        "an instruction behind a barrier has no branch type in SPSR_EL1.BTYPE when it faults, whatever led to the barrier",
        "DDI 0487 SPSR_EL1.BTYPE, C6.2 SB, ISB, DSB, DMB; pseudocode BTypeNext",
        barrier_clears_branch_type,
    ),
    Case::new(
        "arch.code.branch-to-a-tagged-pointer",
        "a branch to a register ignores the top byte where TBI says so, and PC and FAR_EL1 then have the sign of bit 55 there",
        "DDI 0487 AArch64.BranchAddr(), TCR_EL1.{TBI0, TBI1, TBID0}",
        tagged_targets,
    ),
    Case::new(
        "arch.code.branch-out",
        "a branch to what cannot be executed takes an instruction abort there, and one to no multiple of 4 a PC alignment fault",
        "DDI 0487 EC 0b100000, 0b100001, 0b100010; AArch64.CheckPCAlignment()",
        branch_out,
    ),
    Case::new(
        "arch.code.unsigned-pointers",
        "while no key is enabled PAC and AUT leave tagged pointers as they are, and so do their hints without FEAT_PAuth",
        "DDI 0487 C6.2 PACIA, AUTIA and the like; AddPACIA(), AuthIA(); SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB}",
        unsigned_pointers,
    ),
    Case::new(
        "arch.code.signing-instructions",
        "while no key is enabled PAC and AUT of any register leave tagged pointers as they are",
        "DDI 0487 C6.2 PACIA, PACDA, AUTIA, AUTDA and the like; AddPACIA(), AuthIA()",
        signing_instructions,
    )
    .needing(&[Need::PointerAuthentication]),
    Case::new(
        "arch.code.strip-keeps-tag",
        "XPAC removes bits 54 down to the highest of an address and keeps the logical tag, whether a key is enabled or not",
        "DDI 0487 C6.2 XPACD, XPACI, XPACLRI; Strip(), CalculateBottomPACBit()",
        strip_keeps_tag,
    )
    .needing(&[Need::PointerAuthentication]),
];

const A: u64 = 0x8123_4567_89ab_cdef;
const B: u64 = 0x0000_0003_8765_4321;

/// Executes instructions that write x0, each with the same x1 to x4, and compares x0.
fn each(guest: &mut Guest, operands: [u64; 4], expected: &[(&str, u64)]) -> CaseResult {
    let [a, b, c, d] = operands;
    for (text, value) in expected {
        let trace = guest.exec(text, &[0x5555_5555_5555_5555, a, b, c, d])?;
        no_fault(guest, text, &trace)?;
        equal_hex(&format!("x0 after {text}"), *value, trace.x[0])?;
    }
    Ok(())
}

fn multiply_and_divide(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let word = |value: u64| i128::from(value as u32 as i32);
    let low = |value: u64| u128::from(value as u32);
    let wide = |value: u64| i128::from(value as i64);
    let minus_seven = -7i64 as u64;
    each(
        &mut guest,
        [A, B, 0, 1000],
        &[
            ("smaddl x0, w1, w2, x4", (word(A) * word(B) + 1000) as u64),
            ("smsubl x0, w1, w2, x4", (1000 - word(A) * word(B)) as u64),
            ("umaddl x0, w1, w2, x4", (low(A) * low(B) + 1000) as u64),
            ("umsubl x0, w1, w2, x4", 1000_u128.wrapping_sub(low(A) * low(B)) as u64),
            ("umull x0, w1, w2", (low(A) * low(B)) as u64),
            ("smulh x0, x1, x2", ((wide(A) * wide(B)) >> 64) as u64),
            ("umulh x0, x1, x2", ((u128::from(A) * u128::from(B)) >> 64) as u64),
            ("sdiv x0, x1, x2", (A as i64 / B as i64) as u64),
            ("udiv x0, x1, x2", A / B),
            ("sdiv w0, w1, w4", u64::from((A as i32 / 1000) as u32)),
            ("udiv w0, w1, w4", u64::from(A as u32 / 1000)),
            ("sdiv x0, x1, x3", 0),
            ("udiv w0, w1, w3", 0),
        ],
    )?;
    each(
        &mut guest,
        [minus_seven, 2, 1 << 63, u64::MAX],
        &[
            ("sdiv x0, x1, x2", -3i64 as u64),
            ("udiv x0, x1, x2", minus_seven / 2),
            // The quotient that does not fit.
            ("sdiv x0, x3, x4", 1 << 63),
        ],
    )
}

fn bits_and_bytes(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let word = A as u32;
    let rev16 = |value: u64| (value & 0x00ff_00ff_00ff_00ff) << 8 | value >> 8 & 0x00ff_00ff_00ff_00ff;
    let rev32 = u64::from(((A >> 32) as u32).swap_bytes()) << 32 | u64::from(word.swap_bytes());
    each(
        &mut guest,
        [A, B, 0, 0xfff0_0000_0000_0001],
        &[
            ("rbit x0, x1", A.reverse_bits()),
            ("rbit w0, w1", word.reverse_bits().into()),
            ("rev x0, x1", A.swap_bytes()),
            ("rev w0, w1", word.swap_bytes().into()),
            ("rev16 x0, x1", rev16(A)),
            ("rev16 w0, w1", rev16(word.into())),
            ("rev32 x0, x1", rev32),
            ("clz x0, x2", 30),
            ("clz w0, w2", 0),
            ("clz x0, x3", 64),
            ("clz w0, w3", 32),
            ("clz w0, w4", 31),
            ("cls x0, x4", 11),
            ("cls w0, w4", 30),
            ("cls x0, x3", 63),
            ("cls w0, w3", 31),
            ("cls x0, x1", 0),
            ("extr x0, x1, x2, #4", A << 60 | B >> 4),
            ("extr w0, w1, w2, #28", u64::from(word << 4 | B as u32 >> 28)),
            ("extr x0, x1, x2, #0", B),
            ("ror x0, x1, #8", A.rotate_right(8)),
        ],
    )
}

fn conditional_compare(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // x1 = 5, x2 = 7, x3 = -5; after the comparison before, Z is set.
    for (text, flags) in [
        ("ccmp x1, x2, #0xf, eq", 0b1000),
        ("ccmp x1, x2, #0x5, ne", 0b0101),
        ("ccmp x1, #5, #0x0, eq", 0b0110),
        ("ccmp w1, #6, #0xa, ne", 0b1010),
        ("ccmn x1, x3, #0x0, eq", 0b0110),
        ("ccmn w1, w3, #0x9, ne", 0b1001),
        ("ccmn x1, #5, #0xf, eq", 0b0000),
        ("ccmp x2, x1, #0x0, al", 0b0010),
        // What others write as NV is always, too.
        ("ccmp x2, x1, #0x0, nv", 0b0010),
    ] {
        let text = format!("subs xzr, x1, x1; {text}; mrs x0, nzcv");
        let trace = guest.exec(&text, &[0, 5, 7, -5i64 as u64])?;
        no_fault(&guest, &text, &trace)?;
        equal_hex(&format!("NZCV after {text}"), flags << 28, trace.x[0])?;
    }
    Ok(())
}

fn carry(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let low = |value: u64| value & 0xffff_ffff;
    for c in [0, 1] {
        let set = format!("movz x5, #{:#x}, lsl #16; msr nzcv, x5", c << 13);
        let difference = A.wrapping_sub(B).wrapping_sub(1 - c);
        for (text, value, flags) in [
            ("adc x0, x1, x2", A.wrapping_add(B).wrapping_add(c), c << 1),
            ("adc w0, w1, w2", low(A.wrapping_add(B).wrapping_add(c)), c << 1),
            ("sbc x0, x1, x2", difference, c << 1),
            ("adcs x0, x3, x3", c, 0b0011 | u64::from(c == 0) << 2),
            ("sbcs x0, x1, x1", c.wrapping_sub(1), if c == 1 { 0b0110 } else { 0b1000 }),
            ("sbcs w0, w1, w2", low(difference), 0b0010),
            ("ngc x0, x4", c.wrapping_sub(1), c << 1),
        ] {
            let text = format!("{set}; {text}; mrs x6, nzcv");
            let trace = guest.exec(&text, &[0, A, B, 1 << 63])?;
            no_fault(&guest, &text, &trace)?;
            equal_hex(&format!("x0 after {text}"), value, trace.x[0])?;
            equal_hex(&format!("NZCV after {text}"), flags << 28, trace.x[6])?;
        }
    }
    Ok(())
}

fn syndrome_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.set_pages(Window::Tagged, arena(GUEST_PAGE), GUEST_PAGE, PageKind::Unmapped)?;
    let address = tagged(GUEST_PAGE + 24, 5);
    let text = "str x1, [x0]; mrs x2, esr_el1; mrs x3, far_el1; msr esr_el1, x4; mrs x5, esr_el1; msr far_el1, x6
        mrs x7, far_el1";
    let trace = guest.exec(text, &[address, 0, 0, 0, 0x5600_1234, 0, A])?;
    // A translation fault at level 3 of a write.
    one_exception(&guest, "a store to no page", 0x9600_0047, &trace)?;
    equal_hex("ESR_EL1 after the abort", 0x9600_0047, trace.x[2])?;
    equal_hex("FAR_EL1 after the abort", address, trace.x[3])?;
    equal_hex("ESR_EL1 as written", 0x5600_1234, trace.x[5])?;
    equal_hex("FAR_EL1 as written", A, trace.x[7])?;
    for text in ["mrs x0, esr_el1", "msr far_el1, x0"] {
        let trace = guest.run(&Block::assemble(text)?.at(El::El0))?;
        one_exception(&guest, &format!("{text} at EL0"), 0x0200_0000, &trace)?;
    }
    Ok(())
}

fn hints(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "sev; sevl; dgh; csdb; clrbhb; bti jc; hint #63; hint #127";
    for el in [El::El1, El::El0] {
        let trace = guest.run(&Block::assemble(text)?.at(el).x(16, A))?;
        no_fault(&guest, &format!("hints at {el}"), &trace)?;
        equal_hex("x16", A, trace.x[16])?;
    }
    Ok(())
}

fn calls(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // A call of a function behind the end, one by a register that is the link register, and a return by another one.
    let text = "
                adr     x10, back
                bl      function
        back:   add     x1, x1, #1
                adr     x30, other
                adr     x11, again
                blr     x30
        again:  add     x2, x2, #1
                b       end
        function:
                mov     x3, x30
                ret
        other:  mov     x4, x30
                mov     x30, xzr
                ret     x4
        end:    nop";
    for el in [El::El1, El::El0] {
        let trace = guest.run(&Block::assemble(text)?.at(el))?;
        no_fault(&guest, &format!("calls at {el}"), &trace)?;
        equal_hex("x30 in the function", trace.x[10], trace.x[3])?;
        equal_hex("x30 in the other function", trace.x[11], trace.x[4])?;
        equal_hex("how often the first call returned", 1, trace.x[1])?;
        equal_hex("how often the second call returned", 1, trace.x[2])?;
    }
    Ok(())
}

fn tagged_targets(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "adr x0, .+20; add x0, x0, x1; blr x0; brk #1; brk #2; adr x2, .; sub x3, x2, x30";
    for top in [0x05, 0xf0, 0xff] {
        let trace = guest.exec(text, &[0, top << 56])?;
        no_fault(&guest, &format!("a branch to a pointer with {top:#04x} on top"), &trace)?;
        equal_hex("how far it led", 8, trace.x[3])?;
    }
    // In the upper half the same code is outside the block.
    for top in [0x05, 0xff] {
        let target = code_va(0) | UPPER_HALF | 1 << 21;
        let trace = guest.exec("br x0", &[target & u64::MAX >> 8 | top << 56])?;
        outside(&guest, "a branch to no page of the upper half", 0x8600_0006, target, &trace)?;
    }
    Ok(())
}

/// Demands that the last exception was one outside the block.
fn outside(guest: &Guest, what: &str, esr: u64, far: u64, trace: &Trace) -> CaseResult {
    let Some(fault) = trace.faults.last() else { return fail_with(what, "an exception", "none", guest.listing()) };
    equal_hex(&format!("ESR_EL1 of {what}"), esr, fault.esr.bits())?;
    equal_hex(&format!("FAR_EL1 of {what}"), far, fault.far)
}

fn branch_out(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (el, class) in [(El::El1, 0x8600_0000), (El::El0, 0x8200_0000)] {
        // A page of data: a permission fault at level 3; the tag is not a part of the PC.
        let data = pointer_at(el, false, 0x40, 0);
        for pointer in [data, data | 5 << 56] {
            let trace = guest.run(&Block::assemble("br x0")?.at(el).x(0, pointer))?;
            outside(&guest, &format!("a branch to data at {el}"), class | 0xf, data, &trace)?;
        }
        // No address at all: a translation fault at level 0.
        let trace = guest.run(&Block::assemble("ret x0")?.at(el).x(0, 1 << 45))?;
        outside(&guest, &format!("a branch out of range at {el}"), class | 0x4, 1 << 45, &trace)?;
        // The next word begins in the block, its end is not an instruction of it.
        let trace = guest.run(&Block::assemble("adr x0, .+6; br x0")?.at(el))?;
        let Some(fault) = trace.faults.first() else {
            return fail_with("a branch to half an instruction", "an exception", "none", guest.listing());
        };
        equal_hex("ESR_EL1 of a PC alignment fault", 0x8a00_0000, fault.esr.bits())?;
        equal_hex("FAR_EL1 of a PC alignment fault", code_va(0) + 6, fault.far)?;
    }
    Ok(())
}

fn unsigned_pointers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "paciasp; autiasp; pacibsp; autibsp; paciaz; autiaz; pacibz; autibz; pacia1716; autia1716; pacib1716
        autib1716; paciasp; pacib1716; xpaclri";
    for el in [El::El1, El::El0] {
        for upper in [false, true] {
            let [x17, x30] = [pointer_at(el, upper, 0x40, 5), pointer_at(el, upper, 0x80, 9)];
            let block =
                Block::assemble(text)?.at(el).x(16, A).x(17, x17).x(30, x30).sp(pointer_at(el, false, 0x100, 3));
            let trace = guest.run(&block)?;
            no_fault(&guest, &format!("hints at {el}"), &trace)?;
            equal_hex("x17", x17, trace.x[17])?;
            equal_hex("x30", x30, trace.x[30])?;
        }
    }
    Ok(())
}

fn signing_instructions(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for kind in ["ia", "ib", "da", "db"] {
        let zero = format!("{}z{}", &kind[..1], &kind[1..]);
        let text = format!("pac{kind} x0, x1; aut{kind} x0, x2; pac{kind} x0, sp; pac{zero} x0; aut{zero} x0");
        for el in [El::El1, El::El0] {
            for upper in [false, true] {
                let pointer = pointer_at(el, upper, 0x40, 5);
                let trace = guest.run(&Block::assemble(&text)?.at(el).x(0, pointer).x(1, A).x(2, B))?;
                no_fault(&guest, &format!("{text} at {el}"), &trace)?;
                equal_hex(&format!("x0 after {text} at {el}"), pointer, trace.x[0])?;
            }
        }
    }
    Ok(())
}

fn strip_keeps_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Bits 54:39, where an address of 39 bits has its code.
    const CODE: u64 = 0xffff << 39;
    let mut guest = cx.guest()?;
    for (text, n) in [("xpacd x0", 0), ("xpaci x0", 0), ("xpaclri", 30)] {
        for el in [El::El1, El::El0] {
            for upper in [false, true] {
                let pointer = pointer_at(el, upper, 0x40, 5);
                for code in [0x5a5a << 39, CODE] {
                    let trace = guest.run(&Block::assemble(text)?.at(el).x(n, pointer ^ code))?;
                    no_fault(&guest, &format!("{text} at {el}"), &trace)?;
                    equal_hex(&format!("x{n} after {text} at {el}"), pointer, trace.x[n])?;
                }
            }
        }
    }
    Ok(())
}

fn branch_type(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // ID_AA64PFR1_EL1.BT: FEAT_BTI.
    let has_types = guest.boot().pfr1 & 0xf != 0;
    for el in [El::El0, El::El1] {
        for (text, branch_type) in [
            ("adr x1, .+8; br x1; ldr x2, [x0]", 0b01),
            ("adr x1, .+8; blr x1; ldr x2, [x0]", 0b10),
            ("adr x1, .+8; ret x1; ldr x2, [x0]", 0),
            ("adr x1, .+8; br x1; nop; ldr x2, [x0]", 0),
            ("b .+4; ldr x2, [x0]", 0),
        ] {
            guest.store_tags(arena(0), &[6])?;
            let trace = guest.run(&Block::assemble(text)?.at(el).x(0, pointer_at(el, false, 0, 7)))?;
            let [fault] = trace.faults.as_slice() else {
                return fail_with(text, "one exception", format!("{:?}", trace.faults), guest.listing());
            };
            let expected = if has_types { branch_type } else { 0 };
            equal_hex(&format!("SPSR_EL1.BTYPE of {text} at {el}"), expected, fault.spsr >> 10 & 0b11)?;
        }
    }
    Ok(())
}

fn barrier_clears_branch_type(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    // ID_AA64ISAR1_EL1.SB: FEAT_SB.
    let has_sb = guest.boot().isar1 >> 36 & 0xf != 0;
    for barrier in ["isb", "dsb sy", "dmb sy", "sb"].into_iter().filter(|barrier| *barrier != "sb" || has_sb) {
        for branch in ["br", "blr"] {
            let text = format!("adr x1, .+8; {branch} x1; {barrier}; ldr x2, [x0]");
            let trace = guest.exec(&text, &[tagged(0, 7)])?;
            let [fault] = trace.faults.as_slice() else {
                return fail_with(text, "one exception", format!("{:?}", trace.faults), guest.listing());
            };
            equal_hex(&format!("SPSR_EL1.BTYPE behind {barrier}: {text}"), 0, fault.spsr >> 10 & 0b11)?;
        }
    }
    Ok(())
}
