//! What is read and what is refused, and where.

use super::super::{Event, Program};
use machine::Explain;

/// A program with everything in it that the format has.
const EVERYTHING: &str = "\
granule program 1
tags 0x0 3 7 0*4 f
data 0x108 00ff1122aabbccdd 01
pages tagged-el0 0x1000 0x2000 read-only
block el=0 cpu=1 tco=1 nzcv=0b0101 simd=1
  sctlr_el1.tcf0 = async
  tcr_el1.tbi1 = 0
  gcr_el1 = 0x1fffe
  tfsre0_el1 = 0x3
  x0 = tagged-el0+0x10 tag 7
  x1 = upper.untagged-el0+0x1fffff tag 15
  x26 = uart
  x27 = 0x89
  x30 = 0xffff_ffff_ffff_ffff
  sp = tagged-el0+0x0 tag 0
  v31 = 0x0001_0000_0000_0000 0x2
  checkpoint 1 save-restore
  checkpoint 1 tags 0x20 1
  checkpoint 3 fetch 0x0 0x20
code
  ldr x2, [x0]
  strb w27, [x26]
  b.ne .-8
  .inst 0x00000000
  cbz x2, .+4
end
again cpu=0
block el=1 vl=32
  z0 = 0x1 0x0*3
  z31 = 0xffff_ffff_ffff_ffff*2
  p0 = 0xffffffff
  p15 = 0x1
  ffr = 0xff
code
  nop
end
save-restore
fetch 0x10 0x100
";

fn error(text: &str) -> String {
    text.parse::<Program>().unwrap_err().to_string()
}

#[test]
fn what_is_printed_is_what_was_read() {
    let program: Program = EVERYTHING.parse().unwrap();
    assert_eq!(program.to_string(), EVERYTHING);
    assert_eq!(program.to_string().parse(), Ok(program));
}

#[test]
fn comments_labels_and_spaces_are_ignored() {
    let text = "// A loop.\n\n granule  program 1 // version\nblock el=1 // why\n x27 = checkpoint\n x1=3\ncode\n\
                again: subs x1, x1, #1; b.ne again // round\n\n out:\n nop\nend\ndata 1 0011_2233\n";
    let program: Program = text.parse().unwrap();
    let run = program.runs().next().unwrap();
    assert_eq!((run.words.len(), run.x[1], run.x[27]), (3, 3, 0x88));
    assert_eq!(program.events().next(), Some(&Event::Data { offset: 1, bytes: vec![0, 0x11, 0x22, 0x33] }));
    assert_eq!(program.to_string().parse(), Ok(program));
}

#[test]
fn errors_name_the_position_and_what_is_allowed() {
    let outside = |line: &str| format!("granule program 1\n{line}\n");
    let setting = |line: &str| format!("granule program 1\nblock el=1\n{line}\ncode\nnop\nend\n");
    let code = |line: &str| format!("granule program 1\nblock el=1\ncode\nnop\n{line}\nend\n");
    for (text, told) in [
        (String::new(), "line 1, column 1: expected `granule program 1` as the first line, found ``"),
        ("granule test 1".to_owned(), "line 1, column 1: expected `granule program 1` as the first line"),
        ("granule program 2".to_owned(), "line 1, column 17: this is version 2 of the format"),
        (outside("tag 0 1"), "line 2, column 1: expected a line of a program, found `tag`; did you mean `tags`?"),
        (outside("frobnicate"), "line 2, column 1: expected `tags`, `data`, `pages`, `fetch`"),
        (
            outside("stg x0, [x0]"),
            "line 2, column 1: expected a line of a program, found `stg`; instructions stand in a block",
        ),
        (
            outside("sctlr_el1.tcf = sync"),
            "line 2, column 1: expected a line of a program, found `sctlr_el1.tcf`; registers",
        ),
        (outside("tags 0x0 1 # one"), "line 2, column 12: `#` begins no comment; a comment is `// …` or `/* … */`"),
        (outside("fetch 0x0 0x10 ; all"), "line 2, column 16: `;` begins no comment"),
        (outside("/* tags"), "line 2, column 1: the comment that begins with `/*` has no `*/`"),
        (
            outside("pages taged 0x0 0x1000 device"),
            "line 2, column 7: expected a window, found `taged`; did you mean `tagged`?",
        ),
        (outside("tags 0x8 1"), "line 2, column 6: offset into the arena 0x8 is not a multiple of 0x10"),
        (outside("tags 0x0 g"), "line 2, column 10: expected tags such as `3` or `f`"),
        (outside("tags 0x1ffff0 1*2"), "line 2, column 15: count of granules 0x2 is out of range: expected 0x1 to 0x1"),
        (outside("data 0x0 123"), "line 2, column 10: expected bytes in the order of memory"),
        (
            outside("data 0x200000 00"),
            "line 2, column 6: offset into the arena 0x200000 is out of range: expected 0x0 to 0x1fffff",
        ),
        (outside("pages stack 0x0 0x1000 device"), "line 2, column 7: expected a window: `tagged`, `tagged-el0`"),
        (outside("pages tagged 0x0 0x1000 fast"), "line 2, column 25: expected a kind of pages: `default`"),
        (outside("fetch 0x0 0x0"), "line 2, column 11: count of bytes 0x0 is out of range: expected 0x10"),
        (outside("save-restore now"), "line 2, column 14: expected the end of the line, found `now`"),
        (outside("again cpu=0"), "line 2, column 1: `again` runs the last block once more"),
        (outside("block el=2"), "line 2, column 10: exception level 0x2 is out of range: expected 0x0 to 0x1"),
        (outside("block el=1 cpu=8"), "line 2, column 16: vCPU 0x8 is out of range"),
        (outside("block el=1"), "line 3, column 1: the block that begins in line 2 has no `code`"),
        (outside("block el=1\ncode\nnop"), "line 5, column 1: the block that begins in line 2 has no `end`"),
        (outside("block el=1\ncode\nend"), "line 2, column 1: a block has 1 to 4095 instructions, this one has 0"),
        (setting("x31 = 0"), "line 3, column 1: expected `x0` to `x30`, `sp`"),
        (setting("w5 = 0"), "line 3, column 1: expected a setting, found `w5`; it is part of `x5`"),
        (setting("lr = 0"), "line 3, column 1: expected a setting, found `lr`; it is `x30`"),
        (setting("xzr = 0"), "line 3, column 1: expected a setting, found `xzr`; it is 0 always"),
        (
            setting("sctlr_el1.tfc = sync"),
            "line 3, column 1: expected a setting, found `sctlr_el1.tfc`; did you mean `sctlr_el1.tcf`?",
        ),
        (setting("tcr_el1.t0sz = 0"), "line 3, column 1: expected `tcr_el1.tbi0`, `tcr_el1.tbi1`, `tcr_el1.tcma0`"),
        (setting("gcr = 0"), "line 3, column 1: expected `x0` to `x30`"),
        (
            setting("ldr x0, [x1]"),
            "line 3, column 1: expected a setting, found `ldr`; instructions stand behind a line `code`",
        ),
        (setting("x1 0"), "line 3, column 4: expected `=`, found `0`"),
        (setting("x1 = 0x1_0000_0000_0000_0000"), "line 3, column 6: expected a value: a number below 2^64"),
        (setting("x1 = tagged+0x200000 tag 1"), "line 3, column 6: offset into the arena 0x200000 is out of range"),
        (setting("x1 = tagged+0 tag 16"), "line 3, column 19: tag 0x10 is out of range: expected 0x0 to 0xf"),
        (setting("x1 = 1\nx1 = 2"), "line 4, column 1: `x1` is set twice"),
        (setting("sctlr_el1.tcf = fast"), "line 3, column 17: expected a value of sctlr_el1.tcf: `none`, `sync`"),
        (
            setting("sctlr_el1 = 0"),
            "line 3, column 1: expected a setting, found `sctlr_el1`; its fields are set one by one, such as `sctlr_el1.tcf`",
        ),
        (setting("checkpoint 0 save-restore"), "line 3, column 12: number of the checkpoint 0x0 is out of range"),
        (setting("checkpoint 1 pages tagged 0x0 0x1000 device"), "line 3, column 14: expected an event that needs no"),
        (setting("checkpoint 1 block"), "line 3, column 14: expected an event"),
        (code(" stgg x0, [x1]"), "line 5, column 2: unknown instruction `stgg`; did you mean `stg`?"),
        (code("stg x0, [x1, #24]"), "line 5, column 9: stg: offset 24 is not a multiple of 16"),
        (code("nop; b .+8"), "line 5, column 6: b .+8: +8 leads out of the block: expected -8 to +4"),
        (code("b .-8"), "line 5, column 1: b .-8: -8 leads out of the block: expected -4 to +4"),
        (code("ldr x0, .+4"), "line 5, column 1: ldr x0, .+4: +4 leads out of the block: expected -4 to -4"),
        (code("b there"), "line 5, column 3: b: label `there` is not defined in this block"),
        (
            code("nop /* two\n */ nop; b .+12"),
            "line 6, column 10: b .+12: +12 leads out of the block: expected -12 to +4",
        ),
        (
            code("ldr x0, =0x1_0000_0002; b .+8"),
            "line 5, column 25: b .+8: +8 leads out of the block: expected -12 to +4",
        ),
        (code("wfi"), "line 5, column 1: `wfi` is not supported in blocks: it waits"),
        (code(".inst 0x100000000"), "line 5, column 7: instruction word 0x100000000 is out of range"),
    ] {
        let found = error(&text);
        assert!(found.starts_with(told), "{text:?}\n  told     {found}\n  expected {told}");
    }
}

#[test]
fn code_is_what_the_assembler_takes() {
    let text = "\u{feff}granule program 1 /* with\n a long comment */\nblock el=1\n x0 = 1 /* one */\ncode\n\
                again: .word 0, 0xd503201f; ldr x1, =0x1_0000_0002 // two words\n\
                expect x1 = 0x1_0000_0002\n bne again\nend\n";
    let program: Program = text.parse().unwrap();
    let run = program.runs().next().unwrap();
    assert_eq!(run.words, [0, 0xd503_201f, 0xd280_0041, 0xf2c0_0021, 0x54ff_ff81]);
    assert_eq!(run.expectations.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [4]);
    let printed = program.to_string();
    assert!(printed.contains("  .inst 0x00000000\n  nop\n  movz x1, #0x2\n  movk x1, #0x1, lsl #32\n"), "{printed}");
    assert_eq!(printed.parse(), Ok(program));
}

#[test]
fn code_alone_is_told_from_other_texts() {
    for (text, remedy) in [
        ("// Tags.\nirg x0, x0\nstg x0, [x0]\n", "this is code alone: put lines `granule program 1`"),
        ("start:\n nop\n", "this is code alone"),
        (".text\n", "this is code alone"),
        ("Dear reader", "docs/programs.md has the format"),
        ("", "docs/programs.md has the format"),
    ] {
        let found = text.parse::<Program>().unwrap_err().remedy().unwrap();
        assert!(found.starts_with(remedy), "{text:?}: {found}");
    }
}

#[test]
fn a_branch_to_the_end_of_the_block_is_allowed() {
    let text = "granule program 1\nblock el=1\ncode\nb .+8\nnop\nend\n";
    assert!(text.parse::<Program>().is_ok());
}

#[test]
fn scalable_registers_have_the_length_that_the_block_says() {
    let block = |rest: &str| error(&format!("granule program 1\nblock el=1 {rest}\ncode\n nop\nend\n"));
    for (rest, expected) in [
        ("vl=24", "line 2, column 15: vector length in bytes 0x18 is not a multiple of 0x10"),
        ("vl=272", "line 2, column 15: vector length in bytes 0x110 is out of range: expected 0x10 to 0x100"),
        ("\nz0 = 1", "line 3, column 6: expected a block with `vl`, which says how long it is, found `1`"),
        ("vl=16\nz0 = 1 2 3", "line 3, column 6: expected a value of 16 bytes at most, found `1`"),
        ("vl=16\np0 = 0x10000", "line 3, column 6: expected a value of 2 bytes at most, found `0x10000`"),
        (
            "vl=16\nffr = 5",
            "line 3, column 7: expected a value whose set bits are those from bit 0 on, such as 0xff, found `5`",
        ),
        ("vl=16\nv0 = 1 2", "line 3, column 1: expected `z0` to `z31`, whose first bytes are v0 to v31, found `v0`"),
        (
            "vl=16\nz0 = 1*0",
            "line 3, column 6: expected numbers of 64 bits, the highest first, such as 0x1 or 0x0*3, found `1*0`",
        ),
    ] {
        assert_eq!(block(rest), expected);
    }
    for both in ["vl=16 simd=1", "simd=0 vl=16"] {
        assert!(block(both).contains("expected one of `simd` and `vl`"), "{both}");
    }
}
