//! Chapter: pointers with codes (FEAT_PAuth) and their tags: a code vouches for the tag and never takes its place.

use abi::mailbox::SysReg;

use case::address::{arena, pointer_at};
use case::expect::{
    Direction, TagCheckFault, equal_hex, holds, no_fault, one_exception, one_exception_at, one_tag_check_fault,
    tag_check_syndrome,
};
use case::settings::TBI;
use case::signing::{CODE, ENABLES, KEYS, PLACES, VALUES, signing_guest, with_zero};
use case::{Case, CaseContext, CaseResult};
use machine::need::Need;
use machine::{Block, El};

pub const CASES: &[Case] = &[
    case(
        "arch.pauth.code-keeps-tag",
        "PAC puts its code into bits 54 down to the highest of an address and keeps the tag; AUT and XPAC return the pointer",
        "DDI 0487 C6.2 PACIA, PACDA, AUTIA, AUTDA and the like; AddPAC(), Auth(), Strip()",
        code_keeps_tag,
    ),
    case(
        "arch.pauth.forms-agree",
        "the forms with SP, with zero and with x16 and x17 sign as the form with two registers does",
        "DDI 0487 C6.2 PACIA, PACIZA, PACIA1716, PACIASP, PACIAZ, AUTIASP and the like",
        forms_agree,
    ),
    case(
        "arch.pauth.changed-tag-fails",
        "a signed pointer whose tag was changed is not authentic",
        "DDI 0487 AddPAC(), Auth(): the top byte is an input of the code; AArch64.PACFailException()",
        changed_tag_fails,
    ),
    case(
        "arch.pauth.modifier-and-key",
        "a pointer is authentic with the modifier and the key that it was signed with, both halves of it, and with no others",
        "DDI 0487 Auth(), ComputePAC(); APIAKeyLo_EL1, APIAKeyHi_EL1",
        modifier_and_key,
    ),
    case(
        "arch.pauth.enables",
        "each key has an enable of its own, without which PAC and AUT by it do nothing",
        "DDI 0487 SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB}; AddPACIA(), AuthIA()",
        enables,
    ),
    case(
        "arch.pauth.generic-code",
        "PACGA puts the upper half of the code of both registers by key GA into the upper half of a register",
        "DDI 0487 C6.2 PACGA; ComputePAC(); the test vector of R. Avanzi, The QARMA Block Cipher Family",
        generic_code,
    ),
    case(
        "arch.pauth.known-code",
        "the code of an address is that of the algorithm which the ID registers name",
        "DDI 0487 ID_AA64ISAR1_EL1.{APA, API}, ID_AA64ISAR2_EL1.APA3; ComputePACQARMA(); QEMU pauth_computepac_impdef()",
        known_code,
    ),
    case(
        "arch.pauth.keys",
        "EL1 writes and reads the keys, EL0 cannot, and a block finds none of the last one's",
        "DDI 0487 APIAKeyLo_EL1 and the like",
        keys,
    ),
    case(
        "arch.pauth.signed-is-no-address",
        "an access by a signed pointer takes a translation fault whatever its tag, and one by what AUT returned is tag checked",
        "DDI 0487 AArch64.VAIsOutOfRange(), AArch64.CheckTag(); Auth()",
        signed_is_no_address,
    ),
    case(
        "arch.pauth.load-authenticated",
        "LDRAA and LDRAB load by the authenticated base, with its tag, and write it back only with writeback",
        "DDI 0487 C6.2 LDRAA, LDRAB; AuthDA(), AuthDB()",
        load_authenticated,
    ),
    case(
        "arch.pauth.load-checks-tag",
        "LDRAA with an authentic base of a wrong tag takes a tag check fault, and one with a changed tag fails to authenticate first",
        "DDI 0487 C6.2 LDRAA, LDRAB; AuthDA(); AArch64.PACFailException()",
        load_checks_tag,
    ),
    case(
        "arch.pauth.half-by-bit-55",
        "while the top byte is ignored in either half of the address space, bit 55 says which half a pointer is signed for",
        "DDI 0487 AddPAC(): selbit; TCR_EL1.{TBI0, TBI1}",
        half_by_bit_55,
    ),
    case(
        "arch.pauth.no-address-signed",
        "a pointer that is no address when it is signed is none when it is authenticated",
        "DDI 0487 AddPAC(), Auth(): FEAT_PAuth2, FEAT_EPAC",
        no_address_signed,
    ),
];

const fn case(
    name: &'static str,
    claim: &'static str,
    cite: &'static str,
    run: fn(&mut CaseContext<'_>) -> CaseResult,
) -> Case {
    Case::new(name, claim, cite, run).needing(&[Need::PointerAuthentication])
}

const MODIFIER: u64 = 0x0123_4567_89ab_cdef;

fn code_keeps_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    for key in KEYS {
        let strip = &key[..1];
        let text = format!("pac{key} x0, x1; mov x2, x0; aut{key} x2, x1; mov x3, x0; xpac{strip} x3");
        for (el, upper) in PLACES {
            for tag in [0, 5, 15] {
                let pointer = pointer_at(el, upper, 0x40, tag);
                let trace = guest.run(&guest.signing(&text, &VALUES)?.at(el).x(0, pointer).x(1, MODIFIER))?;
                let what = format!("{text} at {el}");
                no_fault(&guest, &what, &trace)?;
                equal_hex(&format!("x0 without its code, {what}"), pointer & !CODE, trace.x[0] & !CODE)?;
                let found = format!("{:#x}", trace.x[0]);
                holds(&format!("the code, {what}"), "another than of an address", found, trace.x[0] != pointer)?;
                equal_hex(&format!("x2 after AUT, {what}"), pointer, trace.x[2])?;
                equal_hex(&format!("x3 after XPAC, {what}"), pointer, trace.x[3])?;
            }
        }
    }
    Ok(())
}

fn forms_agree(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    for key in KEYS {
        let zero = with_zero(&format!("pac{key}"));
        let back = with_zero(&format!("aut{key}"));
        let text = format!("pac{key} x0, xzr_; {zero} x1; mov x2, x1; {back} x2; pac{key} x3, sp; pac{key} x4, x5")
            .replace("xzr_", "x6");
        for (el, upper) in PLACES {
            let (pointer, sp) = (pointer_at(el, upper, 0x40, 5), pointer_at(el, false, 0x100, 3));
            let block = guest.signing(&text, &VALUES)?.at(el).sp(sp).x(0, pointer).x(1, pointer);
            let trace = guest.run(&block.x(3, pointer).x(4, pointer).x(5, sp))?;
            no_fault(&guest, &text, &trace)?;
            equal_hex(&format!("{zero}, as with a register that is 0"), trace.x[0], trace.x[1])?;
            equal_hex(&format!("{back} of it"), pointer, trace.x[2])?;
            equal_hex(&format!("pac{key} by sp, as by a register that holds it"), trace.x[4], trace.x[3])?;
        }
    }
    for key in ["ia", "ib"] {
        let text = format!(
            "pac{key}1716; pac{key}sp; mov x0, x30; aut{key}sp; mov x1, x30; pac{key}z; mov x2, x30; aut{key}z; mov x3, x17;
             aut{key}1716; pac{key} x4, x16; pac{key} x5, sp; {} x6",
            with_zero(&format!("pac{key}"))
        );
        for (el, upper) in PLACES {
            let (pointer, sp) = (pointer_at(el, upper, 0x40, 5), pointer_at(el, false, 0x100, 3));
            let block = guest.signing(&text, &VALUES)?.at(el).sp(sp).x(16, MODIFIER).x(17, pointer).x(30, pointer);
            let trace = guest.run(&block.x(4, pointer).x(5, pointer).x(6, pointer))?;
            no_fault(&guest, &text, &trace)?;
            for (what, expected, found) in [
                ("x17 signed by x16", trace.x[4], trace.x[3]),
                ("x30 signed by SP", trace.x[5], trace.x[0]),
                ("x30 signed by zero", trace.x[6], trace.x[2]),
                ("x17 authenticated by x16", pointer, trace.x[17]),
                ("x30 authenticated by SP", pointer, trace.x[1]),
                ("x30 authenticated by zero", pointer, trace.x[30]),
            ] {
                equal_hex(&format!("{what}, key {key} at {el}"), expected, found)?;
            }
        }
    }
    Ok(())
}

fn changed_tag_fails(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    for (n, key) in KEYS.iter().enumerate() {
        for (el, upper) in PLACES {
            for bit in [56, 59, 63] {
                let text = format!("pac{key} x0, x1; eor x0, x0, #{:#x}; aut{key} x0, x1", 1u64 << bit);
                let pointer = pointer_at(el, upper, 0x40, 5);
                let trace = guest.run(&guest.signing(&text, &VALUES)?.at(el).x(0, pointer).x(1, MODIFIER))?;
                let what = format!("{text} at {el}");
                guest.fails_to_authenticate(&what, (n, 2), (pointer ^ 1 << bit, trace.x[0]), &trace)?;
            }
        }
    }
    Ok(())
}

fn modifier_and_key(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    let pointer = pointer_at(El::El1, false, 0x40, 5);
    for (n, key) in KEYS.iter().enumerate() {
        let text = format!("pac{key} x0, x1; aut{key} x0, x2");
        let trace = guest.run(&guest.signing(&text, &VALUES)?.x(0, pointer).x(1, MODIFIER).x(2, MODIFIER ^ 1))?;
        guest.fails_to_authenticate(&format!("{text} by another modifier"), (n, 1), (pointer, trace.x[0]), &trace)?;
        let other = (n + 1) % KEYS.len();
        let text = format!("pac{key} x0, x1; aut{} x0, x1", KEYS[other]);
        let trace = guest.run(&guest.signing(&text, &VALUES)?.x(0, pointer).x(1, MODIFIER))?;
        guest.fails_to_authenticate(&format!("{text}: another key"), (other, 1), (pointer, trace.x[0]), &trace)?;
        let sign = format!("pac{key} x0, x1");
        let signed = guest.run(&guest.signing(&sign, &VALUES)?.x(0, pointer).x(1, MODIFIER))?.x[0];
        for half in [2 * n, 2 * n + 1] {
            let mut keys = VALUES;
            keys[half] ^= 1 << 40;
            let text = format!("aut{key} x0, x1");
            let trace = guest.run(&guest.signing(&text, &keys)?.x(0, signed).x(1, MODIFIER))?;
            let what = format!("{text} with another {}", SysReg::KEYS[half].name());
            guest.fails_to_authenticate(&what, (n, 0), (pointer, trace.x[0]), &trace)?;
        }
    }
    Ok(())
}

fn enables(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    let text = KEYS.iter().enumerate().fold(String::new(), |text, (n, key)| text + &format!("pac{key} x{n}, x8; "));
    let back = KEYS.iter().enumerate().fold(String::new(), |text, (n, key)| text + &format!("aut{key} x{n}, x8; "));
    for el in [El::El1, El::El0] {
        let pointer = pointer_at(el, false, 0x40, 5);
        let sctlr = guest.booted(SysReg::Sctlr);
        for (n, enable) in ENABLES.into_iter().enumerate() {
            let mut block = guest.signing(&text, &VALUES)?.at(el).sys(SysReg::Sctlr, sctlr | enable);
            block = (0..4).fold(block, |block, register| block.x(register, pointer));
            let trace = guest.run(&block)?;
            no_fault(&guest, &text, &trace)?;
            for (register, key) in KEYS.iter().enumerate() {
                let what = format!("pac{key} at {el} while key {} alone is enabled", KEYS[n]);
                let signed = trace.x[register] != pointer;
                holds(&what, register == n, signed, signed == (register == n))?;
            }
            let mut block = guest.signing(&back, &VALUES)?.at(el).sys(SysReg::Sctlr, sctlr | enable);
            block = (0..4).fold(block, |block, register| block.x(register, trace.x[n]));
            let trace_back = guest.run(&block)?;
            no_fault(&guest, &back, &trace_back)?;
            for (register, key) in KEYS.iter().enumerate() {
                let expected = if register == n { pointer } else { trace.x[n] };
                equal_hex(&format!("aut{key} at {el}"), expected, trace_back.x[register])?;
            }
        }
    }
    Ok(())
}

/// The fields of a boot report that name an algorithm.
#[derive(Clone, Copy)]
enum Algorithm {
    Qarma5,
    Qarma3,
    /// QEMU's, on a CPU whose implementer is software or Arm.
    Emulated,
    /// It is the CPU's own affair.
    Undisclosed,
}

/// Returns the algorithm that an ID register names: of addresses at 4, 8 and 12, of data at 24, 28 and 8.
fn algorithm(boot: &abi::mailbox::BootReport, [qarma5, own, qarma3]: [u32; 3]) -> Algorithm {
    let field = |register: u64, shift: u32| register >> shift & 0xf != 0;
    if field(boot.isar1, qarma5) {
        Algorithm::Qarma5
    } else if field(boot.isar2, qarma3) {
        Algorithm::Qarma3
    } else if field(boot.isar1, own) && matches!(boot.midr >> 24, 0 | 0x41) {
        Algorithm::Emulated
    } else {
        Algorithm::Undisclosed
    }
}

fn generic_code(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    // Data and tweak of the paper's vectors; key GA of VALUES is the paper's, too.
    let (data, modifier) = (0xfb62_3599_da6e_8127, 0x477d_469d_ec0b_8762);
    let text = "pacga x0, x1, x2; pacga x3, x1, x2";
    for el in [El::El1, El::El0] {
        let trace = guest.run(&guest.signing(text, &VALUES)?.at(el).x(1, data).x(2, modifier))?;
        no_fault(&guest, text, &trace)?;
        equal_hex("the lower half of x0", 0, trace.x[0] & 0xffff_ffff)?;
        equal_hex("x3, computed again", trace.x[0], trace.x[3])?;
        let expected = match algorithm(&guest.boot(), [24, 28, 8]) {
            Algorithm::Qarma5 => 0xc003_b939_0000_0000,
            Algorithm::Qarma3 => 0xc8b7_fdc1_0000_0000,
            Algorithm::Emulated => 0x3f52_a542_0000_0000,
            Algorithm::Undisclosed => continue,
        };
        equal_hex(&format!("x0 after {text} at {el}"), expected, trace.x[0])?;
    }
    Ok(())
}

fn known_code(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    let pointer = pointer_at(El::El1, false, 0x40, 5);
    let trace = guest.run(&guest.signing("pacda x0, x1", &VALUES)?.x(0, pointer).x(1, MODIFIER))?;
    no_fault(&guest, "PACDA", &trace)?;
    let expected = match algorithm(&guest.boot(), [4, 8, 12]) {
        Algorithm::Qarma5 => 0x565b,
        Algorithm::Qarma3 => 0x454e,
        Algorithm::Emulated => 0xc0df,
        Algorithm::Undisclosed => return Ok(()),
    };
    // Before FEAT_PAuth2 as after it: the pointer's own bits are 0 there.
    equal_hex("the pointer with its code", pointer | expected << 39, trace.x[0])
}

fn keys(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    let each = |template: &str| {
        SysReg::KEYS.iter().enumerate().fold(String::new(), |text, (n, half)| {
            text + &template.replace("KEY", half.name()).replace('N', &n.to_string()) + "; "
        })
    };
    let write = each("msr KEY, xN") + &each("mrs x1N, KEY");
    let mut block = Block::assemble(&write)?;
    block = VALUES.iter().enumerate().fold(block, |block, (n, value)| block.x(n, !value));
    let trace = guest.run(&block)?;
    no_fault(&guest, "MSR and MRS of keys", &trace)?;
    for (n, half) in SysReg::KEYS.into_iter().enumerate() {
        equal_hex(&format!("{} as read", half.name()), !VALUES[n], trace.x[10 + n])?;
        equal_hex(&format!("{} at the end", half.name()), !VALUES[n], trace.sys(half))?;
    }
    let trace = guest.run(&Block::assemble(&each("mrs xN, KEY"))?)?;
    no_fault(&guest, "MRS of keys in the next block", &trace)?;
    for (n, half) in SysReg::KEYS.into_iter().enumerate() {
        equal_hex(&format!("{} in the next block", half.name()), 0, trace.x[n])?;
    }
    for text in ["mrs x0, apiakeylo_el1", "msr apgakeyhi_el1, x0", "mrs x0, apdbkeyhi_el1"] {
        let trace = guest.run(&guest.signing(text, &VALUES)?.at(El::El0))?;
        one_exception(&guest, &format!("{text} at EL0"), 0x0200_0000, &trace)?;
    }
    Ok(())
}

fn signed_is_no_address(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    guest.store_tags(arena(0x40), &[5])?;
    for (el, upper) in PLACES {
        let (right, wrong) = (pointer_at(el, upper, 0x40, 5), pointer_at(el, upper, 0x40, 9));
        let text = "str x3, [x0]; pacda x0, x1; ldr x4, [x0]; autda x0, x1; ldr x5, [x0]";
        let block = guest.signing(text, &VALUES)?.at(el).x(0, right).x(1, MODIFIER).x(3, 0xc0de);
        let trace = guest.run(&block)?;
        one_exception_at(&guest, &format!("{text} at {el}"), 2, out_of_range(el), &trace)?;
        equal_hex("FAR_EL1, without the code", right & !CODE, trace.faults[0].far & !CODE)?;
        equal_hex("x5 by the authenticated pointer", 0xc0de, trace.x[5])?;
        let text = "pacda x0, x1; autda x0, x1; ldr x4, [x0]";
        let trace = guest.run(&guest.signing(text, &VALUES)?.at(el).x(0, wrong).x(1, MODIFIER))?;
        let fault = TagCheckFault { el, direction: Direction::Load, index: 2, pointer: wrong };
        one_tag_check_fault(&guest, &format!("{text} at {el}"), fault, &trace)?;
    }
    Ok(())
}

/// The syndrome of a load by what is no address: DFSC 0b000100, a translation fault at level 0.
fn out_of_range(el: El) -> u64 {
    tag_check_syndrome(el, Direction::Load).bits() & !0x3f | 0b00_0100
}

/// LDRAA and LDRAB, with the place of their key among the keys.
const LOADS: [(&str, &str, usize); 2] = [("ldraa", "pacdza", 2), ("ldrab", "pacdzb", 3)];

fn load_authenticated(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    guest.store_tags(arena(0x40), &[5])?;
    guest.write(arena(0x48), &0xc0deu64.to_le_bytes())?;
    for (load, sign, _) in LOADS {
        for (el, upper) in PLACES {
            let base = pointer_at(el, upper, 0x40, 5);
            let text = format!(
                "{sign} x0; mov x1, x0; {load} x2, [x0, #8]; {load} x3, [x1, #8]!; mov x4, x0; {load} x4, [x4, #8]; ldr x5, [x1]"
            );
            let trace = guest.run(&guest.signing(&text, &VALUES)?.at(el).x(0, base))?;
            no_fault(&guest, &format!("{text} at {el}"), &trace)?;
            for n in [2, 3, 4, 5] {
                equal_hex(&format!("x{n} after {text} at {el}"), 0xc0de, trace.x[n])?;
            }
            equal_hex("x1, written back", base + 8, trace.x[1])?;
            equal_hex("x0 without its code", base, trace.x[0] & !CODE | base & CODE)?;
            holds("x0", "still signed", format!("{:#x}", trace.x[0]), trace.x[0] != base)?;
        }
        // The stack pointer, whose alignment is that of what comes of it.
        let base = pointer_at(El::El1, false, 0x40, 5);
        let text = format!("mov x0, sp; {sign} x0; mov sp, x0; {load} x1, [sp, #8]; mov x2, sp");
        let trace = guest.run(&guest.signing(&text, &VALUES)?.sp(base))?;
        no_fault(&guest, &text, &trace)?;
        equal_hex("x1 by SP", 0xc0de, trace.x[1])?;
        equal_hex("SP, still signed", trace.x[0], trace.x[2])?;
    }
    Ok(())
}

fn load_checks_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    guest.store_tags(arena(0x40), &[5])?;
    let combined = guest.authentication_level() >= 5;
    for (load, sign, key) in LOADS {
        for (el, upper) in PLACES {
            for address in ["[x0, #8]", "[x0, #8]!"] {
                // Authentic, and of another tag than memory: the tag check fault is at the authenticated address.
                let wrong = pointer_at(el, upper, 0x40, 9);
                let text = format!("{sign} x0; mov x1, x0; {load} x2, {address}");
                let trace = guest.run(&guest.signing(&text, &VALUES)?.at(el).x(0, wrong))?;
                let fault = TagCheckFault { el, direction: Direction::Load, index: 2, pointer: wrong + 8 };
                one_tag_check_fault(&guest, &format!("{text} at {el}"), fault, &trace)?;
                equal_hex("x0 after the fault", trace.x[1], trace.x[0])?;
                // Of the right tag, but signed with another: it is not authentic, and that is reported first.
                let text = format!("{sign} x0; eor x0, x0, #{:#x}; mov x1, x0; {load} x2, {address}", 12u64 << 56);
                let trace = guest.run(&guest.signing(&text, &VALUES)?.at(el).x(0, wrong))?;
                let failed = 0x7200_0000 | 0b10 | key as u64 & 1;
                let esr = if combined { failed } else { out_of_range(el) };
                one_exception_at(&guest, &format!("{text} at {el}"), 3, esr, &trace)?;
                equal_hex("x0 after the exception", trace.x[1], trace.x[0])?;
            }
        }
    }
    Ok(())
}

fn half_by_bit_55(cx: &mut CaseContext<'_>) -> CaseResult {
    const BIT_55: u64 = 1 << 55;
    let mut guest = signing_guest(cx)?;
    let tcr = guest.booted(SysReg::Tcr);
    // Bits 63 and 55 differ, in the half where the top byte counts.
    for (upper, pointer) in [(true, BIT_55), (false, 1 << 63)] {
        for key in KEYS {
            let text = format!("pac{key} x0, x1");
            let block = guest.signing(&text, &VALUES)?.sys(SysReg::Tcr, tcr & !TBI[usize::from(upper)]);
            let trace = guest.run(&block.x(0, pointer).x(1, MODIFIER))?;
            no_fault(&guest, &text, &trace)?;
            equal_hex(&format!("bit 55 after {text}"), pointer & BIT_55, trace.x[0] & BIT_55)?;
        }
    }
    Ok(())
}

fn no_address_signed(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = signing_guest(cx)?;
    for (n, key) in KEYS.iter().enumerate() {
        let text = format!("pac{key} x0, x1; aut{key} x0, x1");
        for bit in [39, 47, 54] {
            let pointer = pointer_at(El::El1, false, 0x40, 5);
            let wrong = pointer | 1 << bit;
            let trace = guest.run(&guest.signing(&text, &VALUES)?.x(0, wrong).x(1, MODIFIER))?;
            let what = format!("{text} of {wrong:#x}");
            if guest.authentication_level() == 3 {
                // The bit comes out as it went in.
                no_fault(&guest, &what, &trace)?;
                equal_hex(&what, wrong, trace.x[0])?;
            } else {
                guest.fails_to_authenticate(&what, (n, 1), (pointer, trace.x[0]), &trace)?;
            }
        }
    }
    Ok(())
}
