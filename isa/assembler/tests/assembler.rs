//! The assembler from the user's point of view: programs with labels, and error messages.

use arch::{Address, Addressing, Arg, Op, Reg, RegClass};
use assembler::{ParseErrorKind, assemble, assemble_words};
use isa::{Insn, OperandError};

#[test]
fn labels_reach_both_ways_across_lines() {
    let program = assemble(
        "start: mov x9, #2  // two iterations
         loop:  irg x1, x0; stg x1, [x1]
                sub x9, x9, #1
                cbnz x9, loop
                b.ne end ; b start
         end:",
    );
    let text: Vec<String> = program.unwrap().iter().map(Insn::to_string).collect();
    assert_eq!(
        text,
        ["movz x9, #0x2", "irg x1, x0", "stg x1, [x1]", "sub x9, x9, #0x1", "cbnz x9, .-12", "b.ne .+8", "b .-24"]
    );
}

#[test]
fn blanks_comments_and_stray_semicolons_are_ignored() {
    assert_eq!(assemble(""), Ok(vec![]));
    assert_eq!(assemble(" ;; // nop\n\n\t//\n"), Ok(vec![]));
    assert_eq!(assemble("nop;;nop ; ").map(|program| program.len()), Ok(2));
    assert_eq!(assemble("svc # 1"), assemble("svc #1"), "a blank within a number");
}

#[test]
fn comments_are_those_of_gnu_as() {
    assert_eq!(assemble("/* tags */ nop // one\n /* two\n lines */ nop; nop /**/").map(|program| program.len()), Ok(3));
    let error = assemble("nop /* é\n */ nop; frobnicate // é").unwrap_err();
    assert_eq!((error.line, error.column), (2, 10));
    let error = assemble("\u{feff}frobnicate").unwrap_err();
    assert_eq!((error.line, error.column), (1, 1), "a byte order mark has no column");
    assert_eq!(assemble("\u{feff}nop"), assemble("nop"));
}

#[test]
fn words_are_instructions_by_number() {
    assert_eq!(
        assemble(".inst 0xd503201f\n.word 0xd503201f, 0xd65f03c0; .long -721215457"),
        assemble("nop; nop; ret; nop")
    );
    let words = assemble_words("b end; .inst 0, 1\n end: .word 0xffffffff").unwrap();
    let found: Vec<_> = words.iter().map(|word| (word.line, word.column, word.bits, word.insn.is_some())).collect();
    assert_eq!(
        found,
        [(1, 1, 0x1400_0003, true), (1, 14, 0, false), (1, 17, 1, false), (2, 13, u32::MAX, false)],
        "a label counts words"
    );
}

#[test]
fn constants_of_any_width_take_as_few_instructions_as_they_need() {
    for (text, wanted) in [
        ("ldr x0, =0", "movz x0, #0x0"),
        ("ldr x1, =-1", "movn x1, #0x0"),
        ("ldr x2, =0x5555555555555555", "orr x2, xzr, #0x5555555555555555"),
        ("mov x3, #0x12345678", "movz x3, #0x5678; movk x3, #0x1234, lsl #16"),
        ("ldr x3, = #0x1_0000_0000_0001", "movz x3, #0x1; movk x3, #0x1, lsl #48"),
        ("mov x4, #0xffff1234ffff5678", "movn x4, #0xa987; movk x4, #0x1234, lsl #32"),
        ("ldr w5, =0x12345678", "movz w5, #0x5678; movk w5, #0x1234, lsl #16"),
        ("ldr w5, =-2", "movn w5, #0x1"),
        (
            "LDR X6, =0x123456789abcdef0",
            "movz x6, #0xdef0; movk x6, #0x9abc, lsl #16; movk x6, #0x5678, lsl #32; movk x6, #0x1234, lsl #48",
        ),
        ("b end; mov lr, #0x10001; end:", "b .+12; movz x30, #0x1; movk x30, #0x1, lsl #16"),
    ] {
        assert_eq!(assemble(text), assemble(wanted), "{text}");
    }
}

#[test]
fn a_constant_is_what_its_instructions_leave() {
    let halfwords = [0, 1, 0x8000, 0xfffe, 0xffff];
    let all = || halfwords.into_iter();
    let words = all().flat_map(|a| all().flat_map(move |b| all().flat_map(move |c| all().map(move |d| [a, b, c, d]))));
    for value in words.map(|[a, b, c, d]| a | b << 16 | c << 32 | d << 48) {
        for (text, mask) in
            [(format!("ldr x0, ={value:#x}"), u64::MAX), (format!("ldr w0, ={:#x}", value as u32), 0xffff_ffff)]
        {
            let insns = assemble(&text).unwrap();
            let ones = insns.iter().fold(0, |before, insn| moved(before, *insn)) & mask;
            assert_eq!(ones, value & mask, "{text}");
            let halves = (0..mask.count_ones()).step_by(16).map(|shift| value >> shift & 0xffff);
            let needed =
                halves.clone().filter(|half| *half != 0).count().min(halves.filter(|half| *half != 0xffff).count());
            assert!(insns.len() <= needed.max(1), "{text}");
        }
    }
}

/// Returns what MOVZ, MOVN, MOVK or ORR with the zero register leave (Arm ARM C6.2, by name).
fn moved(before: u64, insn: Insn) -> u64 {
    let mut amount = 0;
    let mut constant = None;
    for arg in insn.args().iter() {
        match arg {
            Arg::Shift(shift) => amount = shift.amount,
            Arg::Imm(value) => constant = Some(*value as u64),
            Arg::BitmaskImm(bits) => constant = Some(*bits),
            _ => {}
        }
    }
    let constant = constant.unwrap();
    match insn.op() {
        Op::Movz => constant << amount,
        Op::Movn => !(constant << amount),
        Op::Movk => before & !(0xffff << amount) | constant << amount,
        _ if insn.to_string().starts_with("orr") => constant,
        _ => panic!("{insn}"),
    }
}

#[test]
fn messages_give_the_position_the_error_and_the_remedy() {
    for (text, message) in [
        ("stg x0, [x1, #24]", "line 1, column 9: stg: offset 24 is not a multiple of 16"),
        ("stg x0, [x1], #5000", "line 1, column 9: stg: offset 5000 is out of range; expected -4096 to 4080"),
        ("stgp x0, x1, [x2, #1024]", "line 1, column 14: stgp: offset 1024 is out of range; expected -1024 to 1008"),
        ("nop\n  stgg x0, [x1]", "line 2, column 3: unknown instruction `stgg`; did you mean `stg`?"),
        ("frobnicate", "line 1, column 1: unknown instruction `frobnicate`"),
        ("cmnn x0, x1", "line 1, column 1: unknown instruction `cmnn`; did you mean `cmn`?"),
        ("irg x0, xzr", "line 1, column 9: irg: expected a register x0 to x30 or sp, found `xzr`"),
        ("irg x0", "line 1, column 1: irg: expected 2 or 3 operands, found 1"),
        ("gmi x0, x1, x2, x3", "line 1, column 17: gmi: expected 3 operands, found 4"),
        ("nop nop", "line 1, column 5: nop: expected no operands, found 1"),
        ("addg x0, x1, #16, #16", "line 1, column 19: addg: tag offset 16 is out of range; expected 0 to 15"),
        (
            "addg x0, x1, #1008, #1; addg x0, x1, #1009, #1",
            "line 1, column 38: addg: address offset 1009 is out of range; expected 0 to 1008",
        ),
        (
            "ldgm x0, [x1, #16]",
            "line 1, column 10: ldgm: expected an address without an offset, such as [x1], found `[x1, #16]`",
        ),
        ("mrs x0, gcr_el", "line 1, column 9: mrs: unknown system register `gcr_el`; did you mean `gcr_el1`?"),
        ("msr gmid_el1, x0", "line 1, column 5: msr: gmid_el1 is read-only; use mrs to read it"),
        ("msr tco, #2", "line 1, column 10: msr: value 2 is out of range; expected 0 to 1"),
        ("dc gvb, x0", "line 1, column 4: dc: unknown data cache operation `gvb`; did you mean `gva`?"),
        ("dsb", "line 1, column 1: dsb: expected 1 operand, found 0"),
        ("isb ish", "line 1, column 5: isb: expected sy or no operand, found `ish`"),
        ("b.xx .+4", "line 1, column 3: b.xx: expected a condition such as eq or ne, found `xx`"),
        (
            "b nowhere",
            "line 1, column 3: b: label `nowhere` is not defined in this block, and a block reaches no other code",
        ),
        ("b .+6", "line 1, column 3: b: target offset 6 is not a multiple of 4"),
        ("a: nop; a: nop", "line 1, column 9: label `a` is already defined; use another name"),
        (
            "mov w0, #0x123456789",
            "line 1, column 9: mov: constant 4886718345 is out of range; expected -2147483648 to 4294967295",
        ),
        ("movz w0, #1, lsl #32", "line 1, column 14: movz: shift amount 32 is out of range; expected 0 to 16"),
        ("add w0, w1, w2, lsr #32", "line 1, column 17: add: shift amount 32 is out of range; expected 0 to 31"),
        ("add x0, x1, x2, ror #1", "line 1, column 17: add: expected a shift lsl, lsr or asr, found `ror #1`"),
        (
            "ldr x0, [x0], #8",
            "line 1, column 9: ldr: unpredictable: writeback to a transferred register; use different registers",
        ),
        ("ldr x0, [x1, #32768]", "line 1, column 9: ldr: offset 32768 is out of range; expected 0 to 32760"),
        ("stg x0, [x1", "line 1, column 12: expected `,` or `]`, found end of line"),
        ("stg x0, [w1]", "line 1, column 10: expected a base register x0 to x30 or sp, found `w1`"),
        ("stg x0, @", "line 1, column 9: expected an operand, found `@`"),
        (
            "brk #0xfffffffffffffffff",
            "line 1, column 6: expected a 64-bit number such as 16 or 0x10, found `0xfffffffffffffffff`",
        ),
        ("ldr x0, [x1, x2, lsl #2]", "line 1, column 9: ldr: expected shift amount 3, found 2"),
        ("ldr x0, [x1, w2]", "line 1, column 9: ldr: expected an address such as [x1, #16], found `[x1, w2]`"),
        ("ldr x0, [x1, q2]", "line 1, column 14: expected an offset or an index register, found `q2`"),
        (
            "ldr x0, [x1, x2, ror #1]",
            "line 1, column 18: expected an extension such as uxtw, or lsl with an amount, found `ror`",
        ),
        ("ldr q32, [x1]", "line 1, column 5: there is no register `q32`; expected q0 to q31"),
        ("and x0, x1, #5", "line 1, column 13: and: 0x5 is not a bitmask immediate; use a register"),
        (
            "ld1 {v0.16b, v2.16b}, [x0]",
            "line 1, column 14: expected the next consecutive register with the same arrangement, found `v2.16b`",
        ),
        (
            "ld1 {v0.16b-v4.16b}, [x0]",
            "line 1, column 13: expected a register with the same arrangement, at most three after the first, found `v4.16b`",
        ),
        ("ld1 {v0.16b}, [x0], #8", "line 1, column 15: ld1: expected offset 16, found 8"),
        ("casp x0, x2, x4, x5, [x0]", "line 1, column 10: casp: expected the next consecutive register, found `x2`"),
        ("casp x1, x2, x4, x5, [x0]", "line 1, column 6: casp: expected an even-numbered register, found `x1`"),
        ("ldaddq x0, x1, [x2]", "line 1, column 1: unknown instruction `ldaddq`; did you mean `ldadd`?"),
        ("ldadd x0, x1", "line 1, column 1: ldadd: expected 3 operands, found 2"),
        (
            "stxr w0, w0, [x1]",
            "line 1, column 14: stxr: unpredictable: identical status and transfer registers; use different registers",
        ),
        (
            "cpyp [x0]!, [x1]!, x1!",
            "line 1, column 20: cpyp: unpredictable: two operands are the same register; use different registers",
        ),
        ("cpyp [x0], [x1]!, x2!", "line 1, column 6: cpyp: expected an address [x0]! to [x30]!, found `[x0]`"),
        ("tbz w0, #32, .+8", "line 1, column 9: tbz: bit number 32 is out of range; expected 0 to 31"),
        ("lsl x0, x1, #64", "line 1, column 13: lsl: bit number 64 is out of range; expected 0 to 63"),
        ("ubfiz w0, w1, #30, #4", "line 1, column 20: ubfiz: bit number 34 is out of range; expected 0 to 31"),
        (
            "prfm pldl4keep, [x0]",
            "line 1, column 6: prfm: expected a prefetch operation such as pldl1keep, or its number, found `pldl4keep`",
        ),
        ("dc igvca, x0", "line 1, column 4: dc: unknown data cache operation `igvca`; did you mean `igvac`?"),
        ("cset x0, zz", "line 1, column 10: cset: expected a condition such as eq or ne, found `zz`"),
        ("brk #", "line 1, column 6: expected a number such as 16 or 0x10, found end of line"),
    ] {
        assert_eq!(assemble(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn an_instruction_can_be_created_from_operands() {
    let base = Reg::new(1, RegClass::XSp).unwrap();
    let address = Address { base, offset: -16, addressing: Addressing::PreIndex };
    let stg = Insn::new(Op::Stg, &[Arg::Reg(Reg::SP), Arg::Address(address)]).unwrap();
    assert_eq!(stg.to_string(), "stg sp, [x1, #-16]!");
    assert_eq!(
        Insn::new(Op::Stg, &[Arg::Reg(Reg::SP), Arg::Address(Address { offset: 8, ..address })]),
        Err(OperandError::NotMultiple { what: "offset", value: 8, step: 16 })
    );
    assert!(matches!(Insn::new(Op::Nop, &[Arg::Imm(0)]), Err(OperandError::Count { min: 0, max: 0, found: 1 })));
}

#[test]
fn the_kind_of_an_error_can_be_matched() {
    let error = assemble("nop\nstx x0, [x1]").unwrap_err();
    assert_eq!((error.line, error.column), (2, 1));
    assert!(matches!(error.kind, ParseErrorKind::UnknownInstruction { suggestion: Some("str" | "stg"), .. }));
}

/// GNU as 2.40, which the table is compared with, does not have these names.
#[test]
fn newer_names_stand_for_their_numbers() {
    for (name, number) in
        [("prfm pldslckeep, [x0]", "prfm #6, [x0]"), ("prfm PSTSLCSTRM, [x0, #8]", "prfm #23, [x0, #8]")]
            .into_iter()
            .chain([("clrbhb", "hint #22")])
    {
        assert_eq!(assemble(name), assemble(number), "{name}");
    }
    let error = assemble("hint #3").unwrap_err().to_string();
    assert!(
        error.ends_with(
            "hint: expected the number of a hint, 0 to 127, that has no name and does not wait, found `#0x3`"
        ),
        "{error}"
    );
}
