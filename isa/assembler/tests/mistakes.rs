//! Typical mistakes, each with the message that a person needs: what was found, where, and what to do.

use assembler::{ParseErrorKind, assemble};

/// A mistake and what is said about it.
struct Mistake {
    text: &'static str,
    /// Line and column, from 1.
    place: (usize, usize),
    /// The name of the [`ParseErrorKind`].
    kind: &'static str,
    message: &'static str,
}

const fn row(text: &'static str, place: (usize, usize), kind: &'static str, message: &'static str) -> Mistake {
    Mistake { text, place, kind, message }
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // Misspelled mnemonics.
    row("stgg x0, [x1]", (1, 1), "UnknownInstruction", "unknown instruction `stgg`; did you mean `stg`?"),
    row("nop\n  sgt x0, [x1]", (2, 3), "UnknownInstruction", "unknown instruction `sgt`; did you mean `stg`?"),
    row("irgx x0, x1", (1, 1), "UnknownInstruction", "unknown instruction `irgx`; did you mean `irg`?"),
    row("ld x0, [x1]", (1, 1), "UnknownInstruction", "unknown instruction `ld`"),
    row("cmnn x0, x1", (1, 1), "UnknownInstruction", "unknown instruction `cmnn`; did you mean `cmn`?"),
    row("irgg x0, x1", (1, 1), "UnknownInstruction", "unknown instruction `irgg`; did you mean `irg`?"),
    row("frobnicate x0", (1, 1), "UnknownInstruction", "unknown instruction `frobnicate`"),
    // Instructions of A64 that the table lacks.
    row("fadd d0, d1, d2", (1, 1), "NotInTable", "granule's table has no `fadd`; write its word as `.inst 0x…`"),
    row("sha1c q0, s1, v2.4s", (1, 1), "NotInTable", "granule's table has no `sha1c`; write its word as `.inst 0x…`"),
    row("bc.eq .+8", (1, 1), "NotInTable", "granule's table has no `bc.eq`; write its word as `.inst 0x…`"),
    row("crc32x w0, w1, x2", (1, 1), "NotInTable", "granule's table has no `crc32x`; write its word as `.inst 0x…`"),
    row("udf #0", (1, 1), "NotInTable", "granule's table has no `udf`; write its word as `.inst 0x…`"),
    // Instructions that no block may have.
    row("wfi", (1, 1), "Unsupported", "`wfi` is not supported in blocks: it waits for an interrupt or an event, and nothing sends one to a block"),
    row("WFE", (1, 1), "Unsupported", "`WFE` is not supported in blocks: it waits for an interrupt or an event, and nothing sends one to a block"),
    row("eret", (1, 1), "Unsupported", "`eret` is not supported in blocks: it leaves the block for the address in ELR_EL1, which is the firmware's"),
    row("smc #0", (1, 1), "Unsupported", "`smc` is not supported in blocks: it calls EL3, which no machine here has; hvc calls the hypervisor"),
    row("hlt #0xf000", (1, 1), "Unsupported", "`hlt` is not supported in blocks: it calls a debugger, and a block has none; brk is an exception that the trace shows"),
    row("tlbi vmalle1is", (1, 1), "Unsupported", "`tlbi` is not supported in blocks: the translation tables are the firmware's, which invalidates what it changes"),
    row("at s1e1r, x0", (1, 1), "Unsupported", "`at` is not supported in blocks: its result is in PAR_EL1, which is no register of a block"),
    row("dcps1", (1, 1), "Unsupported", "`dcps1` is not supported in blocks: it is for Debug state, in which no block runs"),
    row("drps", (1, 1), "Unsupported", "`drps` is not supported in blocks: it is for Debug state, in which no block runs"),
    row("sys #3, c7, c4, #1, x0", (1, 1), "Unsupported", "`sys` is not supported in blocks: its operations have names, such as dc gva and ic ivau"),
    row("msr daifset, #2", (1, 5), "Operand", "msr: unknown system register `daifset`; of PSTATE, a block changes only TCO and the flags"),
    row("msr pan, #1", (1, 5), "Operand", "msr: unknown system register `pan`; of PSTATE, a block changes only TCO and the flags"),
    // Instructions of A32 and of other architectures.
    row("push {x0, x1}", (1, 1), "Foreign", "A64 has no `push`; use `str x0, [sp, #-16]!`, or stp for two registers"),
    row("pop {lr}", (1, 1), "Foreign", "A64 has no `pop`; use `ldr x0, [sp], #16`, or ldp for two registers"),
    row("ldmia r0!, {r1-r4}", (1, 1), "Foreign", "A64 has no `ldmia`; use ldp, which loads two registers"),
    row("ldrd x0, x1, [x2]", (1, 1), "Foreign", "A64 has no `ldrd`; use ldp, which loads two registers"),
    row("bx lr", (1, 1), "Foreign", "A64 has no `bx`; use br, or ret"),
    row("swi #0", (1, 1), "Foreign", "A64 has no `swi`; use svc"),
    row("movw x0, #1", (1, 1), "Foreign", "A64 has no `movw`; use movz"),
    row("moveq x0, x1", (1, 1), "Foreign", "A64 has no `moveq`; only branches, selections and comparisons have conditions: use `b.eq`, csel or ccmp"),
    row("ldrne x0, [x1]", (1, 1), "Foreign", "A64 has no `ldrne`; only branches, selections and comparisons have conditions: use `b.eq`, csel or ccmp"),
    row("ldr.w x0, [x1]", (1, 1), "Foreign", "A64 has no `ldr.w`; its instructions are of one width: leave out `.w` or `.n`"),
    row("mrc p15, 0, r0, c1, c0, 0", (1, 1), "Foreign", "A64 has no `mrc`; use mrs"),
    row("jmp there", (1, 1), "Foreign", "A64 has no `jmp`; use b, or br for a register"),
    row("call there", (1, 1), "Foreign", "A64 has no `call`; use bl, or blr for a register"),
    row("li x0, 5", (1, 1), "Foreign", "A64 has no `li`; use mov"),
    row("xor x0, x0, x1", (1, 1), "Foreign", "A64 has no `xor`; use eor"),
    // Directives.
    row(".text", (1, 1), "UnknownDirective", "unknown directive `.text`; leave it out, or give words with `.inst`, `.word` or `.long`"),
    row(".global main", (1, 1), "UnknownDirective", "unknown directive `.global`; leave it out, or give words with `.inst`, `.word` or `.long`"),
    row(".quad 1", (1, 1), "UnknownDirective", "unknown directive `.quad`; leave it out, or give words with `.inst`, `.word` or `.long`"),
    row(".align 4", (1, 1), "UnknownDirective", "unknown directive `.align`; leave it out, or give words with `.inst`, `.word` or `.long`"),
    row(".ascii \"text\"", (1, 1), "UnknownDirective", "unknown directive `.ascii`; leave it out, or give words with `.inst`, `.word` or `.long`"),
    row(".inst", (1, 6), "Syntax", "expected a number such as 16 or 0x10, found end of line"),
    row(".inst x0", (1, 7), "BadNumber", "expected a 64-bit number such as 16 or 0x10, found `x0`"),
    row("nop; .inst 0x100000000", (1, 12), "BadWord", "instruction word 0x100000000 is out of range; expected 0x0 to 0xffffffff"),
    row(".inst 1 2", (1, 9), "Syntax", "expected `,` or the end of the words, found `2`"),
    row(".word 0", (1, 7), "UnknownWord", "granule's table has no instruction 0x00000000; only the code of a program takes any word"),
    // Registers that there are not.
    row("mov x0, x31", (1, 9), "NoRegister", "there is no register `x31`; expected x0 to x30, xzr or sp"),
    row("mov x32, #1", (1, 5), "NoRegister", "there is no register `x32`; expected x0 to x30, xzr or sp"),
    row("str w31, [x0]", (1, 5), "NoRegister", "there is no register `w31`; expected w0 to w30, wzr or wsp"),
    row("ldr q32, [x0]", (1, 5), "NoRegister", "there is no register `q32`; expected q0 to q31"),
    row("mov r0, #1", (1, 5), "NoRegister", "there is no register `r0`; expected x0 to x30, xzr or sp"),
    row("mov x0, pc", (1, 9), "NoRegister", "there is no register `pc`; `adr x0, .` has the address of the instruction"),
    row("add v0.16b, v1.16b, v32.16b", (1, 21), "NoRegister", "there is no register `v32.16b`; expected v0 to v31 with an arrangement such as v0.16b, or with an element such as v0.d[1]"),
    row("ldr x0, [x32]", (1, 10), "NoRegister", "there is no register `x32`; expected x0 to x30, xzr or sp"),
    row("ldr x0, [r1]", (1, 10), "NoRegister", "there is no register `r1`; expected x0 to x30, xzr or sp"),
    row("ldr x0, [x1, x40]", (1, 14), "NoRegister", "there is no register `x40`; expected x0 to x30, xzr or sp"),
    row("ld1 {v32.16b}, [x0]", (1, 6), "NoRegister", "there is no register `v32.16b`; expected v0 to v31 with an arrangement such as v0.16b, or with an element such as v0.d[1]"),
    // Comments.
    row("# the first granule", (1, 1), "CommentMark", "`#` begins no comment; a comment is `// …` or `/* … */`"),
    row("nop # the first granule", (1, 5), "CommentMark", "`#` begins no comment; a comment is `// …` or `/* … */`"),
    row("@ the first granule", (1, 1), "CommentMark", "`@` begins no comment; a comment is `// …` or `/* … */`"),
    row("mov x0, x1 @ copy", (1, 12), "CommentMark", "`@` begins no comment; a comment is `// …` or `/* … */`"),
    row("mov x0, x1 # copy", (1, 12), "CommentMark", "`#` begins no comment; a comment is `// …` or `/* … */`"),
    row("# 1 \"prog.c\"", (1, 1), "CommentMark", "`#` begins no comment; a comment is `// …` or `/* … */`"),
    row("mov x0, x1 #copy", (1, 12), "CommentMark", "`#` begins no comment; a comment is `// …` or `/* … */`"),
    row("add x0, x1 #5", (1, 12), "Syntax", "expected `,` or the end of the instruction, found `#`"),
    row("ldr x0, [x1] ; load it", (1, 16), "NotAComment", "expected an instruction behind `;`, found `load`; a comment is `// …` or `/* … */`"),
    row("nop ; the second granule", (1, 7), "NotAComment", "expected an instruction behind `;`, found `the`; a comment is `// …` or `/* … */`"),
    row("nop\n  /* the second granule", (2, 3), "OpenComment", "the comment that begins with `/*` has no `*/`"),
    // Constants.
    row("ldr x0, =buffer", (1, 10), "Syntax", "expected a number behind `=` (adr has the address of a label), found `buffer`"),
    row("ldr x0, =", (1, 10), "Syntax", "expected a number behind `=` (adr has the address of a label), found end of line"),
    row("ldr q0, =5", (1, 9), "Operand", "ldr: expected an address such as [x1, #16], found `=5`; only `ldr x0, =…` and `ldr w0, =…` have a constant behind `=`"),
    row("str x0, =5", (1, 9), "Operand", "str: expected an address such as [x1, #16], found `=5`; only `ldr x0, =…` and `ldr w0, =…` have a constant behind `=`"),
    row("ldr w0, =0x100000000", (1, 9), "Operand", "ldr: constant 4294967296 is out of range; expected -2147483648 to 4294967295"),
    row("mov w0, #0x123456789", (1, 9), "Operand", "mov: constant 4886718345 is out of range; expected -2147483648 to 4294967295"),
    row("mov sp, #0x12345", (1, 9), "Operand", "mov: 0x12345 is not a bitmask immediate; use a register"),
    row("mov x0, #x", (1, 10), "BadNumber", "expected a 64-bit number such as 16 or 0x10, found `x`"),
    row("mov x0, #1.5", (1, 10), "BadNumber", "expected a 64-bit number such as 16 or 0x10, found `1.5`"),
    row("mov x0, #0x1_0000_0000_0000_0000", (1, 10), "BadNumber", "expected a 64-bit number such as 16 or 0x10, found `0x1_0000_0000_0000_0000`"),
    row("mov x0, #", (1, 10), "Syntax", "expected a number such as 16 or 0x10, found end of line"),
    row("and x0, x1, #5", (1, 13), "Operand", "and: 0x5 is not a bitmask immediate; use a register"),
    row("add x0, x1, #4097", (1, 13), "Operand", "add: immediate 4097 is out of range; expected 0 to 4095"),
    // Labels and branches.
    row("b there", (1, 3), "UndefinedLabel", "b: label `there` is not defined in this block, and a block reaches no other code"),
    row("bne there", (1, 5), "UndefinedLabel", "bne: label `there` is not defined in this block, and a block reaches no other code"),
    row("b lop\nloop: nop", (1, 3), "UndefinedLabel", "b: label `lop` is not defined in this block, and a block reaches no other code; did you mean `loop`?"),
    row("adr x0, buffer", (1, 9), "UndefinedLabel", "adr: label `buffer` is not defined in this block, and a block reaches no other code"),
    row("1: nop", (1, 1), "Syntax", "expected an instruction, or a label that begins with a letter, found `1`"),
    row("b 1b", (1, 3), "Syntax", "expected a label that begins with a letter, found `1b`"),
    row("cbz x0, 1f", (1, 9), "Syntax", "expected a label that begins with a letter, found `1f`"),
    row("a: nop; a: nop", (1, 9), "DuplicateLabel", "label `a` is already defined; use another name"),
    row("b.xx .+4", (1, 3), "Operand", "b.xx: expected a condition such as eq or ne, found `xx`"),
    row("b .+6", (1, 3), "Operand", "b: target offset 6 is not a multiple of 4"),
    // Addresses.
    row("ldr x0, x1", (1, 9), "Operand", "ldr: expected an address such as [x1, #16], found `x1`; an address is in brackets"),
    row("stg x0, x1", (1, 9), "Operand", "stg: expected an address such as [x1, #16], found `x1`; an address is in brackets"),
    row("ldr x0 [x1]", (1, 8), "Syntax", "expected `,` or the end of the instruction, found `[`"),
    row("ldr x0, [x1", (1, 12), "Syntax", "expected `,` or `]`, found end of line"),
    row("ldr x0, (x1)", (1, 9), "Syntax", "expected an operand, found `(`"),
    row("ldr x0, [x1 + 8]", (1, 13), "Syntax", "expected `,` or `]`, found `+`"),
    row("ldr x0, 8[x1]", (1, 10), "Syntax", "expected `,` or the end of the instruction, found `[`"),
    row("ldr x0, [x1]!", (1, 9), "Operand", "ldr: expected an address such as [x1, #16], found `[x1]!`"),
    row("ldr x0, [w1]", (1, 10), "Syntax", "expected a base register x0 to x30 or sp, found `w1`"),
    row("ldr x0, [x1, x2, lsl #2]", (1, 9), "Operand", "ldr: expected shift amount 3, found 2"),
    row("stg x0, [x1, #8]", (1, 9), "Operand", "stg: offset 8 is not a multiple of 16"),
    row("ldg x0, [x1], #16", (1, 9), "Operand", "ldg: expected an address such as [x1, #16], found `[x1], #16`"),
    row("ldxr x0, [x1, #8]", (1, 10), "Operand", "ldxr: expected an address without an offset, such as [x1], found `[x1, #8]`"),
    row("ldr x0, [x0], #8", (1, 9), "Operand", "ldr: unpredictable: writeback to a transferred register; use different registers"),
    // Operands.
    row("stg x0", (1, 1), "Operand", "stg: expected 2 operands, found 1"),
    row("irg x0", (1, 1), "Operand", "irg: expected 2 or 3 operands, found 1"),
    row("sub x0, #1", (1, 1), "Operand", "sub: expected 3 operands, found 2; A64 names the destination, too: `add x0, x0, #1`"),
    row("cset x0", (1, 1), "Operand", "cset: expected 2 operands, found 1"),
    row("cmp x0", (1, 1), "Operand", "cmp: expected 2 or 3 operands, found 1"),
    row("mov x0 x1", (1, 8), "Syntax", "expected `,` or the end of the instruction, found `x1`"),
    row("mov x0,", (1, 8), "Syntax", "expected an operand, found end of line"),
    row("mov %x0, #1", (1, 5), "Syntax", "expected a register without `%`, found `%`"),
    row("mov x0, $1", (1, 9), "Syntax", "expected a number without `$`, found `$`"),
    row("add x0, x1, w2", (1, 13), "Operand", "add: expected an immediate such as #16, found `w2`; a W register is extended here: `add x0, x1, w2, uxtw`"),
    row("add w0, x1, x2", (1, 9), "Operand", "add: expected a register w0 to w30 or wsp, found `x1`"),
    row("irg x0, x1, #5", (1, 13), "Operand", "irg: expected a register x0 to x30 or xzr, found `#0x5`"),
    row("addg x0, x1, #8, #1", (1, 14), "Operand", "addg: address offset 8 is not a multiple of 16"),
    row("addg x0, x1, #16, #16", (1, 19), "Operand", "addg: tag offset 16 is out of range; expected 0 to 15"),
    row("lsl x0, x1, #64", (1, 13), "Operand", "lsl: bit number 64 is out of range; expected 0 to 63"),
    row("tbz x0, #64, .+8", (1, 9), "Operand", "tbz: bit number 64 is out of range; expected 0 to 63"),
    row("x0 = 5", (1, 1), "Syntax", "expected an instruction, found the register `x0`"),
    // System registers.
    row("msr gcr, x0", (1, 5), "Operand", "msr: unknown system register `gcr`; did you mean `gcr_el1`?"),
    row("mrs x0, tsfr_el1", (1, 9), "Operand", "mrs: unknown system register `tsfr_el1`; did you mean `tfsr_el1`?"),
    row("mrs x0, vbar_el1", (1, 9), "Operand", "mrs: unknown system register `vbar_el1`"),
    row("mrs gcr_el1, x0", (1, 5), "Operand", "mrs: expected a register x0 to x30 or xzr, found `gcr_el1`; mrs reads a system register, `mrs x0, gcr_el1`; msr writes one"),
    row("msr x0, gcr_el1", (1, 9), "Operand", "msr: expected a register x0 to x30 or xzr, found `gcr_el1`; msr writes a system register, `msr gcr_el1, x0`; mrs reads one"),
    row("msr gmid_el1, x0", (1, 5), "Operand", "msr: gmid_el1 is read-only; use mrs to read it"),
    row("msr tco, #2", (1, 10), "Operand", "msr: value 2 is out of range; expected 0 to 1"),
    row("dc igvca, x0", (1, 4), "Operand", "dc: unknown data cache operation `igvca`; did you mean `igvac`?"),
    row("dsb", (1, 1), "Operand", "dsb: expected 1 operand, found 0"),
];

/// The mnemonics that the table lacks, as the assembler has them.
const LACKING: &str = include_str!("../src/unknown/lacking.txt");

#[test]
fn every_mistake_is_explained() {
    let mut wrong = Vec::new();
    for Mistake { text, place, kind, message } in MISTAKES {
        let Err(error) = assemble(text) else { panic!("{text:?} is assembled") };
        let found = ((error.line, error.column), name(&error.kind), error.kind.to_string());
        if found != (*place, *kind, (*message).to_owned()) {
            wrong.push(format!("{text:?}\n  expected {place:?} {kind}: {message}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(MISTAKES.len() >= 60);
}

/// Returns the name of a kind of error.
fn name(kind: &ParseErrorKind) -> &'static str {
    match kind {
        ParseErrorKind::Syntax { .. } => "Syntax",
        ParseErrorKind::BadNumber { .. } => "BadNumber",
        ParseErrorKind::BadShift { .. } => "BadShift",
        ParseErrorKind::UnknownInstruction { .. } => "UnknownInstruction",
        ParseErrorKind::NotInTable { .. } => "NotInTable",
        ParseErrorKind::Unsupported { .. } => "Unsupported",
        ParseErrorKind::Foreign { .. } => "Foreign",
        ParseErrorKind::UnknownDirective { .. } => "UnknownDirective",
        ParseErrorKind::NotAComment { .. } => "NotAComment",
        ParseErrorKind::CommentMark { .. } => "CommentMark",
        ParseErrorKind::OpenComment => "OpenComment",
        ParseErrorKind::BadWord { .. } => "BadWord",
        ParseErrorKind::UnknownWord { .. } => "UnknownWord",
        ParseErrorKind::NoRegister { .. } => "NoRegister",
        ParseErrorKind::UndefinedLabel { .. } => "UndefinedLabel",
        ParseErrorKind::Operand { .. } => "Operand",
        ParseErrorKind::DuplicateLabel { .. } => "DuplicateLabel",
        _ => "another one",
    }
}

#[test]
fn what_the_table_lacks_is_listed_once_and_is_lacking() {
    let names: Vec<_> = LACKING.split_ascii_whitespace().collect();
    assert!(names.is_sorted_by(|a, b| a < b), "lacking.txt is not sorted");
    for name in names {
        let kind = assemble(name).unwrap_err().kind;
        let lacks = matches!(kind, ParseErrorKind::NotInTable { .. });
        assert!(lacks, "the table has `{name}` now; take it out of isa/assembler/src/unknown/lacking.txt");
    }
}
