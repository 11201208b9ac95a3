//! The instruction table against itself: every row and, by chance, every word.

use isa::{Insn, Op, Row, assemble, rows};
use proptest::prelude::*;

/// The most bits that two overlapping rows may leave open, so that all words of both can be tried.
const MOST_FREE_BITS: u32 = 22;

#[test]
fn samples_survive_encoding_printing_and_rebuilding() {
    let mut count = 0;
    for row in rows() {
        let samples = row.samples();
        assert!(!samples.is_empty(), "{row:?} has no samples");
        count += samples.len();
        for insn in samples {
            check_round_trips(insn);
            assert!(std::ptr::eq(insn.row(), row));
        }
    }
    println!("{} rows, {count} samples", rows().len());
}

#[test]
fn every_op_has_a_row_and_every_fixed_bit_is_in_the_mask() {
    for op in Op::ALL {
        assert!(rows().iter().any(|row| row.op() == *op), "{op:?}");
    }
    for row in rows() {
        assert_eq!(row.bits() & !row.mask(), 0, "{row:?}");
    }
}

/// Tries *all* words that could match two rows: those on which the fixed bits of both agree.
#[test]
fn no_two_rows_decode_the_same_word() {
    for (index, a) in rows().iter().enumerate() {
        for b in &rows()[index + 1..] {
            if (a.bits() ^ b.bits()) & a.mask() & b.mask() != 0 {
                continue;
            }
            let free = !(a.mask() | b.mask());
            assert!(free.count_ones() <= MOST_FREE_BITS, "too many words to try: {a:?} and {b:?}");
            let mut chosen = 0_u32;
            loop {
                let word = a.bits() | b.bits() | chosen;
                assert!(!(decodes(a, word) && decodes(b, word)), "{word:#010x} is both {a:?} and {b:?}");
                // The next subset of the free bits.
                chosen = chosen.wrapping_sub(free) & free;
                if chosen == 0 {
                    break;
                }
            }
        }
    }
}

fn decodes(row: &'static Row, word: u32) -> bool {
    row.fill(word).is_some_and(|insn| insn.encode() == word)
}

#[test]
fn reserved_and_unpredictable_words_do_not_decode() {
    for (word, why) in [
        (0x0000_0000, "udf"),
        (0x9180_4000, "addg with op3 not zero"),
        (0xd9e0_1020, "ldgm with an offset"),
        (0x8bc0_0000, "add with the reserved shift"),
        (0x0b00_8000, "add of w registers shifted by 32"),
        (0x5240_0000, "a w register's movz shifted by 32"),
        (0xd503_301f, "a barrier with op2 0"),
        (0xd503_309f, "ssbb, which shares dsb's encoding"),
        (0xd503_3edf, "isb with a reserved option"),
        (0xd503_429f, "msr tco with an immediate above 1"),
        (0xd519_0080, "msr to gmid_el1"),
        (0xf840_8400, "ldr that writes back to what it loads"),
        (0xa940_0000, "ldp of one register twice"),
        (0xd4a0_0001, "dcps1"),
        (0x5400_0010, "bc.eq"),
    ] {
        assert_eq!(Insn::decode(word), None, "{word:#010x}: {why}");
    }
}

#[test]
fn overlap_with_the_stack_pointer_or_without_writeback_is_fine() {
    for text in
        ["ldr xzr, [sp], #8", "ldr x0, [x0, #8]", "stg x0, [x0], #16", "stgp x0, x0, [x0], #16", "stp x1, x1, [x0]"]
    {
        assert!(assemble(text).is_ok(), "{text}");
    }
}

/// Says again, in bits of the word, which loads and stores are CONSTRAINED UNPREDICTABLE (Arm ARM C6.2, their decode).
fn unpredictable(word: u32) -> bool {
    let (rt, rn, rt2) = (word & 0x1f, word >> 5 & 0x1f, word >> 10 & 0x1f);
    let pair = word & 0x3800_0000 == 0x2800_0000;
    let (writes_back, load) = if pair {
        (word >> 23 & 1 == 1, word >> 22 & 1 == 1)
    } else {
        (word >> 24 & 1 == 0 && word >> 10 & 1 == 1, false)
    };
    let overlaps = rn == rt || pair && rn == rt2;
    writes_back && overlaps && rn != 31 || pair && load && rt == rt2
}

#[test]
fn exactly_the_unpredictable_loads_and_stores_are_refused() {
    use Op::{Ldp, Ldr, Ldrb, Ldrh, Ldur, Ldurb, Ldurh, Stp, Str, Strb, Strh, Stur, Sturb, Sturh};
    let ops = [Ldp, Ldr, Ldrb, Ldrh, Ldur, Ldurb, Ldurh, Stp, Str, Strb, Strh, Stur, Sturb, Sturh];
    let mut refused = 0;
    for row in rows().iter().filter(|row| ops.contains(&row.op())) {
        // Rt, Rn and five bits of Rt2 or the offset, in all combinations.
        for fields in 0..1 << 15 {
            let word = row.bits() | fields & !row.mask();
            assert_eq!(!decodes(row, word), unpredictable(word), "{word:#010x} in {row:?}");
            refused += u32::from(unpredictable(word));
        }
    }
    assert_ne!(refused, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_word_decodes_to_itself_or_not_at_all(word: u32) {
        if let Some(insn) = Insn::decode(word) {
            prop_assert_eq!(insn.encode(), word);
            check_round_trips(insn);
        }
    }

    #[test]
    fn any_filling_of_a_row_round_trips(index in 0..rows().len(), random: u32) {
        if let Some(insn) = rows()[index].fill(random) {
            check_round_trips(insn);
        }
    }

    #[test]
    fn a_misspelt_instruction_never_panics(index in 0..rows().len(), random: u32, place: usize, typo: char) {
        if let Some(insn) = rows()[index].fill(random) {
            let mut letters: Vec<char> = insn.to_string().chars().collect();
            let place = place % letters.len();
            letters[place] = typo;
            let _ = assemble(&String::from_iter(&letters));
            letters.truncate(place);
            let _ = assemble(&String::from_iter(letters));
        }
    }
}

/// Checks encode with decode, print with parse, and operands with the instruction made of them.
fn check_round_trips(insn: Insn) {
    let decoded = Insn::decode(insn.encode()).expect("an instruction decodes");
    assert_eq!((decoded, decoded.op()), (insn, insn.op()));
    let text = insn.to_string();
    assert_eq!(assemble(&text), Ok(vec![insn]), "{text}");
    assert_eq!(Insn::new(insn.op(), &insn.args()), Ok(insn), "{text}");
}
