//! The other direction: a word that objdump disassembles to a mnemonic of the table must decode, or have a known reason
//! why it does not.
//!
//! Words that differ in one bit from a sample find wrong fixed bits and wrong reserved values. Random words find other
//! errors.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use arch::SysReg;
use isa::{Insn, rows};

use super::listing::{assemble_and_disassemble, section};
use super::xorshift;

/// The number of samples of each row, evenly spaced.
const SAMPLES: usize = 16;

/// The number of random words.
const RANDOM: usize = 50_000;
const SEED: u32 = 0xbad_5eed;

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn words_of_a_known_mnemonic_decode_or_have_a_reason_not_to() {
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

    let mut source = String::from(".section .neighbors,\"ax\"\n");
    for word in &words {
        writeln!(source, ".inst {word:#010x}").unwrap();
    }
    let sections = assemble_and_disassemble("neighbors", &source);
    let mut known = 0;
    let mut unexplained = Vec::new();
    let mut used = BTreeSet::new();
    for line in section(&sections, ".neighbors", words.len()) {
        if mnemonics.contains(mnemonic(&line.text)) {
            known += 1;
            let applies = |reason: &usize| REASONS[*reason].0(Word(line.word));
            let applying: Vec<usize> = (0..REASONS.len()).filter(applies).collect();
            if applying.is_empty() {
                unexplained.push(format!("{:08x} {}", line.word, line.text));
            }
            used.extend(applying);
        }
    }
    println!("{} words do not decode; objdump disassembles {known} of them to a known mnemonic", words.len());
    let shown = unexplained.len().min(40);
    assert!(
        unexplained.is_empty(),
        "{} words should decode, the first {shown}:\n{}",
        unexplained.len(),
        unexplained[..shown].join("\n")
    );
    for (index, (_, reason)) in REASONS.iter().enumerate() {
        assert!(used.contains(&index), "no word has the reason: {reason}");
    }
}

fn mnemonic(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

/// A reason why a word with a known mnemonic does not decode, and a predicate for the words it applies to.
type Reason = (fn(Word) -> bool, &'static str);

/// The fields are those of the encoding diagrams in the Arm ARM, independent of the table.
const REASONS: &[Reason] = &[
    (
        |w| w.is(0x3b20_0400, 0x3800_0400) && w.rt() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: writeback to the transferred register",
    ),
    (
        |w| w.is(0x3e80_0000, 0x2880_0000) && (w.rt() == w.rn() || w.rt2() == w.rn()) && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: writeback to a register of the pair",
    ),
    (|w| w.is(0x3a40_0000, 0x2840_0000) && w.rt() == w.rt2(), "CONSTRAINED UNPREDICTABLE: identical destinations"),
    (|w| w.is(0x3fe0_0000, 0x0860_0000) && w.rt() == w.rt2(), "CONSTRAINED UNPREDICTABLE: identical destinations"),
    (
        |w| w.is(0x3fc0_0000, 0x0800_0000) && (w.rs() == w.rt() || w.is(1 << 21, 1 << 21) && w.rs() == w.rt2()),
        "CONSTRAINED UNPREDICTABLE: identical status and transfer registers",
    ),
    (
        |w| w.is(0x3fc0_0000, 0x0800_0000) && w.rs() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: identical status and base registers",
    ),
    (|w| w.is(0x3f20_0000, 0x0800_0000) && w.rt2() != 31, "Rt2 is (1)(1)(1)(1)(1) without a second register"),
    (|w| w.is(0x3f40_0000, 0x0840_0000) && w.rs() != 31, "Rs is (1)(1)(1)(1)(1) without a status register"),
    (|w| w.is(0x3fc0_0000, 0x0880_0000) && w.rs() != 31, "Rs is (1)(1)(1)(1)(1) without a status register"),
    (
        |w| w.is(0x1f80_0000, 0x1200_0000) && w.is(1 << 22, 0),
        "a bitmask immediate that is not in its canonical encoding",
    ),
    (
        |w| w.is(0xffc0_0000, 0xd500_0000) && SysReg::by_encoding((w.0 >> 5) as u16).is_none(),
        "a system register that is not in the table",
    ),
    (
        |w| w.is(0xfff0_0000, 0xd510_0000) && SysReg::by_encoding((w.0 >> 5) as u16).is_some_and(|r| !r.is_writable()),
        "MSR to a read-only system register",
    ),
    (|w| w.is(0xffff_f01f, 0xd503_301f), "a barrier with a reserved option, or DSB with FEAT_XS"),
    (|w| w.is(0xff60_8000, 0x9b40_0000) && w.rt2() != 31, "Ra is (1)(1)(1)(1)(1) of SMULH and UMULH"),
    (
        |w| w.is(0x7fc0_0000, 0x11c0_0000) || w.is(0x7fe0_f000, 0x1ac0_6000) || w.is(0x7fff_e000, 0x5ac0_2000),
        "FEAT_CSSC: maximum, minimum and counts of general-purpose registers",
    ),
    (|w| w.is(0x7fff_f800, 0x5ac0_1800), "FEAT_CSSC: counts of bits in general-purpose registers"),
    (|w| w.is(0x9fe0_8400, 0x0e00_0400), "bits of imm5 or imm4 of DUP, INS, SMOV or UMOV that are ignored"),
    (|w| w.is(0xdf20_0400, 0x5e20_0000) || w.is(0xdf20_0400, 0x5e20_0400), "AdvSIMD on one element"),
    (|w| w.is(0xdf80_0400, 0x5f00_0400), "AdvSIMD shift of one element"),
    (|w| w.is(0xbf00_f400, 0x0f00_8000), "MUL (by element)"),
    (|w| w.is(0x9ff8_ec00, 0x0f00_c400), "MOVI and MVNI that shift ones in (MSL)"),
    (|w| w.is(0x9ff8_f400, 0x0f00_f400) || w.is(0x5f20_1c00, 0x1e20_1000), "FMOV of an immediate"),
    (|w| w.is(0x5fe0_0000, 0x1ee0_0000), "FMOV of halfwords"),
    (|w| w.is(0x9e00_0000, 0x0400_0000), "SVE that accesses no memory: the table has only what loads and stores need"),
    (
        |w| w.is(0xff20_0c00, 0xf820_0c00) && w.rt() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: LDRAA and LDRAB with writeback to the transferred register",
    ),
    (|w| w.is(0xbf3f_fc00, 0x1900_0800), "STLR and LDAPR with writeback of less than a word"),
    (|w| w.is(0xbfa0_ec00, 0x1900_0800), "STILP and LDIAPP of less than a word"),
    (
        |w| w.is(0xbfbf_fc00, 0x9980_0800) && w.rt() == w.rn() && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: STLR and LDAPR with writeback to the transferred register",
    ),
    (
        |w| w.is(0xbfa0_fc00, 0x9900_0800) && (w.rt() == w.rn() || w.rs() == w.rn()) && w.rn() != 31,
        "CONSTRAINED UNPREDICTABLE: STILP and LDIAPP with writeback to a register of the pair",
    ),
    (
        |w| w.is(0xbfe0_ec00, 0x9940_0800) && w.rt() == w.rs(),
        "CONSTRAINED UNPREDICTABLE: LDIAPP to identical destinations",
    ),
    (
        |w| w.is(0xbfe0_7c00, 0x8900_7c00) && (w.rs() == w.rt() || w.rs() == w.rn() && w.rn() != 31),
        "CONSTRAINED UNPREDICTABLE: identical status and other registers of STTXR or STLTXR",
    ),
    (
        |w| w.is(0xbf20_4c00, 0x1920_0000) && (w.rt() == 31 || w.rs() == 31),
        "UNDEFINED: register 31 in a pair of a 128-bit atomic",
    ),
    (
        |w| w.is(0xbf20_4c00, 0x1920_0000) && w.rt() == w.rs(),
        "CONSTRAINED UNPREDICTABLE: a pair of one register of a 128-bit atomic",
    ),
    (
        |w| w.is(0x9e00_0000, 0x8000_0000) && !w.is(0xfe80_0000, 0xa000_0000) && !w.is(0xfe00_0000, 0xe000_0000),
        "SME that accesses no memory: the table has only what loads and stores need",
    ),
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
