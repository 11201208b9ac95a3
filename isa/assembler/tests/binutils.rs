//! The instruction table against GNU binutils: `as` assembles our text and `objdump` disassembles our words.
//!
//! Our encoder and decoder share a table, so an error in it does not show in a round trip. Every row is tested with
//! every edge value of every operand and with some random values.
//!
//! `GRANULE_AS` and `GRANULE_OBJDUMP` name the two programs; `cargo xtask test` sets them.

use std::fmt::Write as _;

use aliases::ALIASES;
use arch::Op;
use assembler::assemble;
use isa::{Insn, rows};
use listing::{assemble_and_disassemble, section};

#[path = "binutils/aliases.rs"]
mod aliases;
#[path = "binutils/lacking.rs"]
mod lacking;
#[path = "binutils/listing.rs"]
mod listing;
#[path = "binutils/neighbors.rs"]
mod neighbors;
#[path = "binutils/spelling.rs"]
mod spelling;

/// The number of random instructions of every row, in addition to its edge values.
const RANDOM: usize = 64;
const SEED: u32 = 0x5eed;

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn binutils_agree_with_every_row() {
    let insns = instructions();
    let aliases: Vec<Insn> = ALIASES.iter().map(|text| assemble_one(text)).collect();

    let mut source = String::from(
        ".arch armv9.5-a+memtag+mops+sve2p1+f64mm+sme2p1+lse128+rcpc3+the+d128+ls64+gcs+lsui+lsfe\n.section .text_to_word,\"ax\"\n",
    );
    for insn in &insns {
        writeln!(source, "{insn}").unwrap();
    }
    source.push_str(".section .word_to_text,\"ax\"\n");
    for insn in &insns {
        writeln!(source, ".inst {:#010x}", insn.encode()).unwrap();
    }
    source.push_str(".section .aliases,\"ax\"\n");
    for text in ALIASES {
        writeln!(source, "{text}").unwrap();
    }

    let sections = assemble_and_disassemble("rows", &source);
    let mut wrong = Vec::new();
    for (insn, line) in insns.iter().zip(section(&sections, ".text_to_word", insns.len())) {
        // `as` leaves the offset of ADRP, bits 30:29 and 23:5, to the linker. objdump checks it below.
        let compared = if insn.op() == Op::Adrp { 0x9f00_001f } else { u32::MAX };
        if (line.word ^ insn.encode()) & compared != 0 {
            wrong.push(format!("{insn}: encoded as {:08x}, by as as {:08x}", insn.encode(), line.word));
        }
    }
    for (insn, line) in insns.iter().zip(section(&sections, ".word_to_text", insns.len())) {
        assert_eq!(line.word, insn.encode());
        if line.text != insn.to_string() {
            wrong.push(format!("{:08x}: printed as `{insn}`, by objdump as `{}`", insn.encode(), line.text));
        }
    }
    for ((text, insn), line) in ALIASES.iter().zip(&aliases).zip(section(&sections, ".aliases", ALIASES.len())) {
        if line.word != insn.encode() {
            wrong.push(format!("{text}: encoded as {:08x}, by as as {:08x}", insn.encode(), line.word));
        }
    }
    println!("{} rows, {} instructions, {} aliases compared", rows().len(), insns.len(), ALIASES.len());
    let shown = wrong.len().min(40);
    assert!(wrong.is_empty(), "{} differences, the first {shown}:\n{}", wrong.len(), wrong[..shown].join("\n"));
}

/// Returns the edge values of every row and some random instructions, the same in every run.
fn instructions() -> Vec<Insn> {
    let mut random = xorshift(SEED);
    let mut insns = Vec::new();
    for row in rows() {
        let samples = row.samples();
        assert!(!samples.is_empty(), "{row:?} has no samples");
        insns.extend(samples);
        insns.extend(random.by_ref().take(RANDOM).filter_map(|bits| row.fill(bits)));
    }
    insns
}

/// Returns an infinite sequence of random words (Marsaglia's xorshift32).
fn xorshift(seed: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(seed), |last| {
        let a = last ^ last << 13;
        let b = a ^ a >> 17;
        Some(b ^ b << 5)
    })
}

fn assemble_one(text: &str) -> Insn {
    match assemble(text) {
        Ok(insns) if insns.len() == 1 => insns[0],
        other => panic!("{text}: expected one instruction, found {other:?}"),
    }
}
