//! The instruction table against a stranger: GNU binutils assemble our text and disassemble our words.
//!
//! Our own encoder and decoder share a table, so they can be wrong together. Every row, with every edge value of every
//! operand and some random ones, goes through `as` (text to word) and `objdump` (word to text), once each.
//!
//! `GRANULE_AS` and `GRANULE_OBJDUMP` name the two programs; `cargo xtask test` sets them.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use isa::{CacheOp, Insn, assemble, rows};

/// What people write and the table has under another name. Each must assemble as `as` assembles it.
const ALIASES: &[&str] = &[
    "mov x0, #0",
    "mov x1, #65535",
    "mov x2, #0x12340000",
    "mov x3, #0xffff000000000000",
    "mov x4, #-1",
    "mov x5, #-65536",
    "mov w6, #-1",
    "mov w7, #0xffff0000",
    "mov w8, #0xfffffffe",
    "mov x9, x10",
    "mov w9, wzr",
    "mov x0, sp",
    "mov sp, x1",
    "mov wsp, w1",
    "cmp x0, #1",
    "cmp sp, #1, lsl #12",
    "cmp w0, w1, asr #31",
    "cmn x0, x1",
    "cmn wsp, #5",
    "tst x0, x1, ror #63",
    "tst w0, w1",
    "cmpp x1, sp",
    "irg x0, x1, xzr",
    "b.hs .+4",
    "b.lo .-4",
    "isb sy",
    "ldr x0, [x1, #-8]",
    "ldr x0, [x1, #4]",
    "str w0, [sp, #-256]",
    "ldrb w0, [x1, #-1]",
    "strb w0, [x1, #-1]",
    "ldrh w0, [x1, #1]",
    "strh w0, [x1, #255]",
    "STG SP, [SP], #-16",
    "ldr x0, [x1, #0]",
    "add x0, x1, x2, lsl #0",
    "stg x0,[x1,16]!",
];

/// Random fillings of every row, besides its edges.
const FILLINGS: u32 = 64;

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn binutils_agree_with_every_row() {
    let insns = instructions();
    let aliases: Vec<Insn> = ALIASES.iter().map(|text| only(text)).collect();

    let mut source = String::from(".arch armv8.5-a+memtag\n.section .written,\"ax\"\n");
    for insn in &insns {
        writeln!(source, "{insn}").unwrap();
    }
    source.push_str(".section .encoded,\"ax\"\n");
    for insn in &insns {
        writeln!(source, ".inst {:#010x}", insn.encode()).unwrap();
    }
    source.push_str(".section .aliases,\"ax\"\n");
    for text in ALIASES {
        writeln!(source, "{text}").unwrap();
    }

    let sections = through_binutils(&source);
    let mut wrong = Vec::new();
    for (insn, foreign) in insns.iter().zip(section(&sections, ".written", insns.len())) {
        if foreign.word != insn.encode() {
            wrong.push(format!("{insn}: we say {:08x}, as says {:08x}", insn.encode(), foreign.word));
        }
    }
    for (insn, foreign) in insns.iter().zip(section(&sections, ".encoded", insns.len())) {
        assert_eq!(foreign.word, insn.encode());
        if foreign.text != insn.to_string() {
            wrong.push(format!("{:08x}: we print `{insn}`, objdump prints `{}`", insn.encode(), foreign.text));
        }
    }
    for ((text, insn), foreign) in ALIASES.iter().zip(&aliases).zip(section(&sections, ".aliases", ALIASES.len())) {
        if foreign.word != insn.encode() {
            wrong.push(format!("{text}: we say {:08x}, as says {:08x}", insn.encode(), foreign.word));
        }
    }
    println!("{} rows, {} instructions, {} aliases compared", rows().len(), insns.len(), ALIASES.len());
    let shown = wrong.len().min(40);
    assert!(wrong.is_empty(), "{} differences, the first {shown}:\n{}", wrong.len(), wrong[..shown].join("\n"));
}

/// Lists every row's edges and some random fillings, always the same.
fn instructions() -> Vec<Insn> {
    let mut random = 0x5eed_u32;
    let mut next = || {
        // Marsaglia's xorshift: enough to spread bits.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    let mut insns = Vec::new();
    for row in rows() {
        let samples = row.samples();
        assert!(!samples.is_empty(), "{row:?} has no samples");
        insns.extend(samples);
        insns.extend((0..FILLINGS).filter_map(|_| row.fill(next())));
    }
    insns
}

fn only(text: &str) -> Insn {
    match assemble(text) {
        Ok(insns) if insns.len() == 1 => insns[0],
        other => panic!("{text}: expected one instruction, found {other:?}"),
    }
}

/// One line of a disassembly.
struct Foreign {
    word: u32,
    text: String,
}

fn section<'a>(sections: &'a BTreeMap<String, Vec<Foreign>>, name: &str, len: usize) -> &'a [Foreign] {
    let lines = sections.get(name).unwrap_or_else(|| panic!("objdump shows no section {name}"));
    assert_eq!(lines.len(), len, "objdump shows another number of instructions in {name}");
    lines
}

/// Assembles `source` and disassembles the object, section by section.
fn through_binutils(source: &str) -> BTreeMap<String, Vec<Foreign>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (text, object) = (dir.join("rows.s"), dir.join("rows.o"));
    fs::write(&text, source).unwrap();
    run(Command::new(tool("GRANULE_AS")).arg("-o").args([&object, &text]));
    let listing = run(Command::new(tool("GRANULE_OBJDUMP")).args(["-D", "-z", "-M", "no-aliases"]).arg(&object));

    let mut sections: BTreeMap<String, Vec<Foreign>> = BTreeMap::new();
    let mut current = String::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            current = name.trim_end_matches(':').to_owned();
        } else if let Some((address, word, text)) = columns(line) {
            let text = spelling(text, address);
            sections.entry(current.clone()).or_default().push(Foreign { word, text });
        }
    }
    sections
}

fn tool(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: expected the path of a binutils program for aarch64; run `cargo xtask test`")
    })
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    // A warning counts: with one `as` says that it finds our text unpredictable.
    let agreed = output.status.success() && errors.is_empty();
    assert!(agreed, "{command:?} complains:\n{}", errors.lines().take(40).collect::<Vec<_>>().join("\n"));
    String::from_utf8(output.stdout).unwrap()
}

/// Splits `   8:\t14000002 \tb\t10 <.text+0x10>` into address, word and text.
fn columns(line: &str) -> Option<(u64, u32, &str)> {
    let (address, rest) = line.split_once(":\t")?;
    let (word, text) = rest.split_once('\t')?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    Some((address, u32::from_str_radix(word.trim(), 16).ok()?, text))
}

/// Spells objdump's text our way, in the two places where ours is meant to differ.
fn spelling(text: &str, address: u64) -> String {
    let text = text.split("  //").next().unwrap_or(text).trim().replacen('\t', " ", 1);
    // 1. NOP and DC have names. With -M no-aliases objdump shows the instructions they are aliases of.
    if text == "hint #0x0" {
        return "nop".to_owned();
    }
    for operation in CacheOp::ALL {
        let encoding = operation.encoding();
        let (op1, crn, crm, op2) = (encoding >> 11, encoding >> 7 & 0xf, encoding >> 3 & 0xf, encoding & 7);
        if let Some(register) = text.strip_prefix(&format!("sys #{op1}, C{crn}, C{crm}, #{op2}")) {
            // SYS leaves out a register that is xzr; DC does not.
            return format!("dc {operation}, {}", register.strip_prefix(", ").unwrap_or("xzr"));
        }
    }
    // 2. A target is shown as an absolute address and a symbol; ours is a distance.
    if let Some((before, _symbol)) = text.split_once(" <") {
        let (before, target) = before.rsplit_once(' ').unwrap();
        let distance = u64::from_str_radix(target, 16).unwrap().wrapping_sub(address).cast_signed();
        return format!("{before} .{distance:+}");
    }
    text
}
