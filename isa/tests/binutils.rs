//! The instruction table against a stranger: GNU binutils assemble our text and disassemble our words.
//!
//! Our own encoder and decoder share a table, so they can be wrong together. Every row, with every edge value of every
//! operand and some random ones, goes through `as` (text to word) and `objdump` (word to text), once each.
//!
//! `GRANULE_AS` and `GRANULE_OBJDUMP` name the two programs; `cargo xtask test` sets them.

use std::fmt::Write as _;

use aliases::ALIASES;
use foreign::{section, through_binutils};
use isa::{Insn, Op, assemble, rows};

#[path = "binutils/aliases.rs"]
mod aliases;
#[path = "binutils/foreign.rs"]
mod foreign;
#[path = "binutils/neighbours.rs"]
mod neighbours;
#[path = "binutils/spelling.rs"]
mod spelling;

/// Random fillings of every row, besides its edges.
const FILLINGS: usize = 64;
const SEED: u32 = 0x5eed;

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn binutils_agree_with_every_row() {
    let insns = instructions();
    let aliases: Vec<Insn> = ALIASES.iter().map(|text| only(text)).collect();

    let mut source = String::from(".arch armv8.8-a+memtag+mops\n.section .written,\"ax\"\n");
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

    let sections = through_binutils("rows", &source);
    let mut wrong = Vec::new();
    for (insn, foreign) in insns.iter().zip(section(&sections, ".written", insns.len())) {
        // `as` leaves the distance of ADRP to the linker: bits 30:29 and 23:5. What it means objdump says below.
        let compared = if insn.op() == Op::Adrp { 0x9f00_001f } else { u32::MAX };
        if (foreign.word ^ insn.encode()) & compared != 0 {
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
    let mut random = xorshift(SEED);
    let mut insns = Vec::new();
    for row in rows() {
        let samples = row.samples();
        assert!(!samples.is_empty(), "{row:?} has no samples");
        insns.extend(samples);
        insns.extend(random.by_ref().take(FILLINGS).filter_map(|bits| row.fill(bits)));
    }
    insns
}

/// Makes random words without end: Marsaglia's generator, enough to spread bits.
fn xorshift(seed: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(seed), |last| {
        let a = last ^ last << 13;
        let b = a ^ a >> 17;
        Some(b ^ b << 5)
    })
}

fn only(text: &str) -> Insn {
    match assemble(text) {
        Ok(insns) if insns.len() == 1 => insns[0],
        other => panic!("{text}: expected one instruction, found {other:?}"),
    }
}
