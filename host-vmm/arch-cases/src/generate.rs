//! Chapter: tags made in registers. IRG and its generator, ADDG, SUBG, GMI, SUBP, SUBPS.

use abi::mailbox::SysReg;
use arch::{Exclude, Rgsr, Tag, TaggedPtr};

use case::address::tagged;
use case::expect::{equal, equal_hex, fail_with, holds, no_fault, pointer_tag};
use case::settings::{ATA, ATA0, RRND, rgsr};
use case::{Case, CaseContext, CaseResult};
use machine::{Block, El};

pub const CASES: &[Case] = &[
    Case::new(
        "arch.irg.architected-sequence",
        "with GCR_EL1.RRND = 0 IRG follows the generator of RGSR_EL1 exactly, tag by tag and seed by seed",
        "DDI 0487 C6.2 IRG, AArch64.RandomTag",
        sequence,
    ),
    Case::new(
        "arch.irg.gcr-exclusion",
        "IRG gives no tag that GCR_EL1.Exclude names, and tag 0 when all are excluded",
        "DDI 0487 GCR_EL1, AArch64.ChooseNonExcludedTag",
        gcr_exclusion,
    ),
    Case::new(
        "arch.irg.register-exclusion",
        "IRG gives no tag that its second operand names, in addition to GCR_EL1.Exclude",
        "DDI 0487 C6.2 IRG",
        register_exclusion,
    ),
    Case::new("arch.irg.rrnd", "with GCR_EL1.RRND = 1 IRG still gives no excluded tag", "DDI 0487 GCR_EL1.RRND", rrnd),
    Case::new(
        "arch.irg.only-the-tag",
        "IRG changes bits 59:56 of a pointer and no others, in both halves of the address space",
        "DDI 0487 C6.2 IRG, AArch64.AddressWithAllocationTag",
        only_the_tag,
    ),
    Case::new(
        "arch.irg.ata-off",
        "where allocation tags cannot be accessed (SCTLR_EL1.ATA, ATA0) IRG gives tag 0 and leaves RGSR_EL1 alone",
        "DDI 0487 C6.2 IRG, AArch64.AllocationTagAccessIsEnabled",
        irg_ata_off,
    ),
    Case::new("arch.irg.el0", "IRG works at EL0 from the same generator", "DDI 0487 C6.2 IRG", irg_el0),
    Case::new(
        "arch.pointer.addg-skips-excluded",
        "ADDG and SUBG change the address by whole granules and step the tag over excluded ones",
        "DDI 0487 C6.2 ADDG, SUBG",
        addg,
    ),
    Case::new(
        "arch.pointer.gmi-adds-to-a-mask",
        "GMI sets the bit of the pointer's tag in a mask and keeps the others",
        "DDI 0487 C6.2 GMI",
        gmi,
    ),
    Case::new(
        "arch.pointer.subp-ignores-tags",
        "SUBP subtracts addresses of 56 bits, sign-extended, without their tags; SUBPS sets the flags too",
        "DDI 0487 C6.2 SUBP, SUBPS",
        subp,
    ),
];

/// Runs `irg x0, x0` and keeps each tag in the next register: up to 28 a block.
const IRG_BLOCK: usize = 28;

fn irg_block(extra: &str) -> String {
    (1..=IRG_BLOCK).map(|n| format!("irg x{n}, x0{extra};")).collect()
}

fn sequence(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let irg = Block::assemble(&irg_block(""))?;
    for start in [rgsr(1, 0), rgsr(0xffff, 5), rgsr(0xace1, 15), u64::from(cx.random().u16(1..)) << 8] {
        let mut model = Rgsr::from_bits(start);
        let mut block = irg.clone().x(0, tagged(0, 6)).sys(SysReg::Gcr, 0).sys(SysReg::Rgsr, start);
        for _ in 0..4 {
            let trace = guest.run(&block)?;
            no_fault(&guest, "IRG", &trace)?;
            for n in 1..=IRG_BLOCK {
                let expected = model.choose_random_tag(Exclude::NONE);
                equal_hex(
                    &format!("the pointer in x{n}, from RGSR_EL1 = {start:#x}"),
                    tagged(0, expected.value()),
                    trace.x[n],
                )?;
            }
            equal_hex("RGSR_EL1 afterwards", model.bits(), trace.sys(SysReg::Rgsr))?;
            block = irg.clone().x(0, tagged(0, 6));
        }
    }
    Ok(())
}

fn gcr_exclusion(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let irg = Block::assemble(&irg_block(""))?;
    let mut masks = vec![0x0001, 0x8000, 0x7fff, 0xfffe, 0xaaaa, 0xffff];
    masks.push(cx.random().u16(1..));
    for mask in masks {
        let start = rgsr(0xbeef, 3);
        let mut model = Rgsr::from_bits(start);
        let block = irg.clone().x(0, tagged(0, 6)).sys(SysReg::Gcr, mask.into()).sys(SysReg::Rgsr, start);
        let trace = guest.run(&block)?;
        no_fault(&guest, "IRG", &trace)?;
        for n in 1..=IRG_BLOCK {
            let tag = TaggedPtr::new(trace.x[n]).tag();
            let expected = model.choose_random_tag(Exclude::from_bits(mask));
            if mask != 0xffff && Exclude::from_bits(mask).contains(tag) {
                return fail_with(
                    format!("IRG with Exclude = {mask:#06x}"),
                    "a tag that is not excluded",
                    tag,
                    guest.listing(),
                );
            }
            equal(&format!("tag {n} with Exclude = {mask:#06x}"), &expected, &tag)?;
        }
    }
    Ok(())
}

fn register_exclusion(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let irg = Block::assemble(&irg_block(", x29"))?;
    for (gcr, register) in [(0u16, 0x5555u16), (0x00ff, 0x0f00), (0x0001, 0xfffc), (0x00ff, 0xff00)] {
        let start = rgsr(0x7777, 9);
        let mut model = Rgsr::from_bits(start);
        // Bits 63:16 of the register are not part of the mask.
        let block = irg
            .clone()
            .x(0, tagged(0, 0))
            .x(29, 0xffff_ffff_ffff_0000 | u64::from(register))
            .sys(SysReg::Gcr, gcr.into())
            .sys(SysReg::Rgsr, start);
        let trace = guest.run(&block)?;
        no_fault(&guest, "IRG", &trace)?;
        for n in 1..=IRG_BLOCK {
            let expected = model.choose_random_tag(Exclude::from_bits(gcr | register));
            pointer_tag(
                &format!("tag {n} with {gcr:#06x} and {register:#06x} excluded"),
                expected.value(),
                trace.x[n],
            )?;
        }
    }
    Ok(())
}

fn rrnd(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let irg = Block::assemble(&irg_block(""))?;
    for mask in [0u16, 0x0001, 0xfffe, 0x7fff, 0x5a5a] {
        let block = irg.clone().x(0, tagged(0, 0)).sys(SysReg::Gcr, RRND | u64::from(mask));
        let trace = guest.run(&block)?;
        no_fault(&guest, "IRG", &trace)?;
        for n in 1..=IRG_BLOCK {
            let pointer = TaggedPtr::new(trace.x[n]);
            let excluded = Exclude::from_bits(mask).contains(pointer.tag());
            holds(
                &format!("IRG with RRND and Exclude = {mask:#06x}"),
                "a tag that is not excluded",
                pointer.tag(),
                !excluded,
            )?;
            equal_hex("the address", tagged(0, 0), pointer.with_tag(Tag::ZERO).bits())?;
        }
    }
    Ok(())
}

fn only_the_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let pointers = [!0, 0, 0xa5a5_a5a5_a5a5_a5a5, 0x5a5a_5a5a_5a5a_5a5a, cx.random().u64(..)];
    let text: String = (0..pointers.len()).map(|n| format!("irg x{}, x{n};", n + 10)).collect();
    let mut x = [0; 31];
    x[..pointers.len()].copy_from_slice(&pointers);
    let block = Block::assemble(&text)?.xs(x).sys(SysReg::Gcr, 0).sys(SysReg::Rgsr, rgsr(0x7777, 0));
    let trace = guest.run(&block)?;
    no_fault(&guest, "IRG", &trace)?;
    for (pointer, tagged) in pointers.into_iter().zip(&trace.x[10..]) {
        let rest = |pointer: u64| pointer & !(0xf << 56);
        equal_hex(&format!("IRG of {pointer:#018x}, the tag apart"), rest(pointer), rest(*tagged))?;
    }
    Ok(())
}

fn irg_ata_off(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (el, bit) in [(El::El1, ATA), (El::El0, ATA0)] {
        let start = rgsr(0x2468, 9);
        let block = Block::assemble("irg x1, x0; irg x2, x0")?
            .at(el)
            .x(0, tagged(0, 7))
            .sys(SysReg::Sctlr, guest.booted(SysReg::Sctlr) & !bit)
            .sys(SysReg::Gcr, 0)
            .sys(SysReg::Rgsr, start);
        let trace = guest.run(&block)?;
        no_fault(&guest, "IRG", &trace)?;
        for n in [1, 2] {
            equal_hex(&format!("the pointer at {el}"), tagged(0, 0), trace.x[n])?;
        }
        equal_hex(&format!("RGSR_EL1 at {el}"), start, trace.sys(SysReg::Rgsr))?;
    }
    Ok(())
}

fn irg_el0(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let start = rgsr(0x4242, 1);
    let mut model = Rgsr::from_bits(start);
    let block = Block::assemble(&irg_block(""))?
        .at(El::El0)
        .x(0, tagged(0, 0))
        .sys(SysReg::Gcr, 0x0101)
        .sys(SysReg::Rgsr, start);
    let trace = guest.run(&block)?;
    no_fault(&guest, "IRG at EL0", &trace)?;
    for n in 1..=IRG_BLOCK {
        pointer_tag(&format!("tag {n}"), model.choose_random_tag(Exclude::from_bits(0x0101)).value(), trace.x[n])?;
    }
    Ok(())
}

fn addg(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for exclude in [0u16, 0x0001, 0x00f0, 0x7ffe, 0xffff] {
        let text = "addg x1, x0, #0, #1; addg x2, x0, #16, #0; addg x3, x0, #1008, #15; subg x4, x0, #32, #5; subg x5, x0, #0, #0";
        let base = tagged(0x2000, 4);
        let block = Block::assemble(text)?.x(0, base).sys(SysReg::Gcr, exclude.into());
        let trace = guest.run(&block)?;
        no_fault(&guest, "ADDG and SUBG", &trace)?;
        for (n, offset, steps) in [(1, 0i64, 1), (2, 16, 0), (3, 1008, 15), (4, -32, 5), (5, 0, 0)] {
            let tag = Exclude::from_bits(exclude).choose_non_excluded_tag(Tag::truncate(4), steps);
            let expected = TaggedPtr::new(base).wrapping_add(offset).with_tag(tag).bits();
            equal_hex(&format!("x{n} with Exclude = {exclude:#06x}"), expected, trace.x[n])?;
        }
    }
    Ok(())
}

fn gmi(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text: String = (1..=16).map(|n| format!("gmi x{n}, x0, x29; addg x0, x0, #0, #1;")).collect();
    for mask in [0u64, 0x8001, 0xdead_beef_0000_1234] {
        let block = Block::assemble(&text)?.x(0, tagged(0, 0)).x(29, mask).sys(SysReg::Gcr, 0);
        let trace = guest.run(&block)?;
        no_fault(&guest, "GMI", &trace)?;
        for n in 1..=16 {
            equal_hex(&format!("the mask {mask:#x} with tag {}", n - 1), mask | 1 << (n - 1), trace.x[n])?;
        }
    }
    Ok(())
}

fn subp(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let sign_extend = |value: u64| (value << 8).cast_signed() >> 8;
    let pairs = [
        (tagged(0x40, 3), tagged(0x10, 12)),
        (tagged(0x10, 15), tagged(0x40, 0)),
        (tagged(0x10, 1), tagged(0x10, 2)),
        (0x0080_0000_0000_0000, 0x007f_ffff_ffff_ffff),
        (0xf07f_ffff_ffff_ffff, 0x0080_0000_0000_0000),
    ];
    for (a, b) in pairs {
        let trace = guest.exec("subp x2, x0, x1; subps x3, x0, x1", &[a, b])?;
        no_fault(&guest, "SUBP and SUBPS", &trace)?;
        let (left, right) = (sign_extend(a), sign_extend(b));
        let difference = left.wrapping_sub(right);
        equal_hex(&format!("{a:#x} minus {b:#x}"), difference.cast_unsigned(), trace.x[2])?;
        equal_hex("SUBPS' result", difference.cast_unsigned(), trace.x[3])?;
        let carry = left.cast_unsigned() >= right.cast_unsigned();
        let overflow = left.checked_sub(right).is_none();
        let flags =
            u8::from(difference < 0) << 3 | u8::from(difference == 0) << 2 | u8::from(carry) << 1 | u8::from(overflow);
        equal_hex(&format!("NZCV of {a:#x} minus {b:#x}"), flags.into(), trace.nzcv().into())?;
    }
    Ok(())
}
