//! The other direction: what objdump reads as one of our instructions, we must decode, or know why not.
//!
//! Words that differ in one bit from a sample are where a fixed bit or a reserved value may be wrong by mistake. Random
//! words find what nobody thought of.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use isa::{Insn, SysReg, rows};

use super::foreign::{section, through_binutils};
use super::xorshift;

/// How many samples of a row are tried, spread over all.
const SAMPLES: usize = 16;

/// How many random words are tried.
const RANDOM: usize = 50_000;
const SEED: u32 = 0xbad_5eed;

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn what_is_not_decoded_is_no_instruction_of_ours_or_explained() {
    let mut mnemonics = BTreeSet::new();
    let mut words = BTreeSet::new();
    for row in rows() {
        let samples = row.samples();
        mnemonics.extend(samples.iter().map(|insn| mnemonic(&insn.to_string()).to_owned()));
        for insn in samples.iter().step_by(samples.len().div_ceil(SAMPLES)) {
            words.extend((0..u32::BITS).map(|bit| insn.encode() ^ 1 << bit));
        }
    }
    println!("random words from seed {SEED:#x}");
    words.extend(xorshift(SEED).take(RANDOM));
    words.retain(|word| Insn::decode(*word).is_none());

    let mut source = String::from(".section .neighbours,\"ax\"\n");
    for word in &words {
        writeln!(source, ".inst {word:#010x}").unwrap();
    }
    let sections = through_binutils("neighbours", &source);
    let mut ours = 0;
    let mut unexplained = Vec::new();
    let mut used = BTreeSet::new();
    for foreign in section(&sections, ".neighbours", words.len()) {
        if mnemonics.contains(mnemonic(&foreign.text)) {
            ours += 1;
            let applies = |explanation: &usize| EXPLANATIONS[*explanation].0(Word(foreign.word));
            let applying: Vec<usize> = (0..EXPLANATIONS.len()).filter(applies).collect();
            if applying.is_empty() {
                unexplained.push(format!("{:08x} {}", foreign.word, foreign.text));
            }
            used.extend(applying);
        }
    }
    println!("{} words do not decode, {ours} of them are ours for objdump", words.len());
    let shown = unexplained.len().min(40);
    assert!(
        unexplained.is_empty(),
        "{} unexplained, the first {shown}:\n{}",
        unexplained.len(),
        unexplained[..shown].join("\n")
    );
    for (index, (_, reason)) in EXPLANATIONS.iter().enumerate() {
        assert!(used.contains(&index), "no word is left out because of: {reason}");
    }
}

fn mnemonic(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// Why a word is not decoded that objdump reads as an instruction of ours: the words it is true of, and the matter.
type Explanation = (fn(Word) -> bool, &'static str);

/// The fields are read here once more, as the Arm ARM's diagrams have them, and not from the table.
const EXPLANATIONS: &[Explanation] = &[
    (
        |w| w.is(0x3b20_0400, 0x3800_0400) && w.rt() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: writes back to the register it transfers",
    ),
    (
        |w| w.is(0x3e80_0000, 0x2880_0000) && (w.rt() == w.rn() || w.rt2() == w.rn()) && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: writes back to a register of the pair",
    ),
    (|w| w.is(0x3a40_0000, 0x2840_0000) && w.rt() == w.rt2(), "CONSTRAINED UNPREDICTABLE: loads one register twice"),
    (|w| w.is(0x3fe0_0000, 0x0860_0000) && w.rt() == w.rt2(), "CONSTRAINED UNPREDICTABLE: loads one register twice"),
    (
        |w| w.is(0x3fc0_0000, 0x0800_0000) && (w.rs() == w.rt() || w.is(1 << 21, 1 << 21) && w.rs() == w.rt2()),
        "CONSTRAINED UNPREDICTABLE: the status is also stored",
    ),
    (
        |w| w.is(0x3fc0_0000, 0x0800_0000) && w.rs() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: the status is also the base",
    ),
    (|w| w.is(0x3f20_0000, 0x0800_0000) && w.rt2() != 31, "Rt2 should be ones where there is no second register"),
    (|w| w.is(0x3f40_0000, 0x0840_0000) && w.rs() != 31, "Rs should be ones where there is no status"),
    (|w| w.is(0x3fc0_0000, 0x0880_0000) && w.rs() != 31, "Rs should be ones where there is no status"),
    (
        |w| w.is(0x1f80_0000, 0x1200_0000) && w.is(1 << 22, 0),
        "a second encoding of a bit pattern: a rotation beyond the element",
    ),
    (
        |w| w.is(0xffc0_0000, 0xd500_0000) && SysReg::by_encoding((w.0 >> 5) as u16).is_none(),
        "a system register that is not in the table, or none at all",
    ),
    (
        |w| w.is(0xfff0_0000, 0xd510_0000) && SysReg::by_encoding((w.0 >> 5) as u16).is_some_and(|r| !r.is_writable()),
        "a system register that can only be read",
    ),
    (|w| w.is(0xffff_f01f, 0xd503_301f), "a barrier with a reserved option, or DSB with FEAT_XS"),
    (|w| w.is(0xffe0_0c18, 0xf8a0_0818), "RPRFM"),
    (|w| w.is(0xbf00_0000, 0x0d00_0000), "LD1 and ST1 of single lanes"),
    (|w| w.is(0x0e00_0000, 0x0e00_0000), "SIMD&FP arithmetic"),
    (|w| w.is(0x1e00_0000, 0x0400_0000), "SVE"),
    (|w| w.is(0x9e00_0000, 0x8000_0000), "SME"),
];

/// An instruction word and its fields.
#[derive(Clone, Copy)]
struct Word(u32);

impl Word {
    const fn is(self, mask: u32, bits: u32) -> bool {
        self.0 & mask == bits
    }

    const fn rt(self) -> u32 {
        self.0 & 0x1f
    }

    const fn rn(self) -> u32 {
        self.0 >> 5 & 0x1f
    }

    const fn rt2(self) -> u32 {
        self.0 >> 10 & 0x1f
    }

    const fn rs(self) -> u32 {
        self.0 >> 16 & 0x1f
    }
}
