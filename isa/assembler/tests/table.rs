//! Consistency of the instruction table: every row, and random words.

use arch::{Arg, Op};
use assembler::assemble;
use isa::{Access, Insn, Row, rows};
use proptest::prelude::*;

/// The maximum number of bits that two overlapping rows may leave free, so that all words of both can be tried.
const MAX_FREE_BITS: u32 = 22;

#[test]
fn samples_round_trip_through_encoding_printing_and_operands() {
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

/// Tries *all* words that match the fixed bits of two rows.
#[test]
fn no_two_rows_decode_the_same_word() {
    for (index, a) in rows().iter().enumerate() {
        for b in &rows()[index + 1..] {
            if (a.bits() ^ b.bits()) & a.mask() & b.mask() != 0 {
                continue;
            }
            let free = !(a.mask() | b.mask());
            assert!(free.count_ones() <= MAX_FREE_BITS, "too many words to try: {a:?} and {b:?}");
            let mut chosen = 0_u32;
            loop {
                let word = a.bits() | b.bits() | chosen;
                assert!(!(decodes(a, word) && decodes(b, word)), "{word:#010x} is both {a:?} and {b:?}");
                // Next subset of the free bits.
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
        (0xf840_8400, "ldr with writeback to the loaded register"),
        (0xa940_0000, "ldp to identical registers"),
        (0xd4a0_0001, "dcps1"),
        (0x5400_0010, "bc.eq"),
        (0x4821_7c00, "casp of odd registers"),
        (0x4820_7c01, "casp into odd registers"),
        (0x8b20_7400, "add with an extension shifted by 5"),
        (0x3860_0800, "ldrb with a reserved extension"),
        (0x9240_fc00, "and with all ones"),
        (0x1240_0000, "and of a w register with a 64-bit pattern"),
        (0x3202_f3df, "orr with a rotation beyond its pattern"),
        (0x5300_8000, "ubfm of a w register beyond its bits"),
        (0xf8a0_6818, "rprfm"),
        (0x19df_0400, "setp of register 31"),
        (0xd508_7500, "ic iallu with a register"),
        (0x1921_805f, "swpp of register 31"),
        (0x193f_8040, "swpp with register 31"),
        (0xf83f_d021, "ld64b of an odd register"),
        (0xf83f_d038, "ld64b of x24 and seven more"),
        (0x1921_0c82, "rcwcasp of odd registers"),
        (0xd9c0_0800, "ldapr with writeback to the loaded register"),
        (0xfca1_805f, "stfadd with acquire"),
    ] {
        assert_eq!(Insn::decode(word), None, "{word:#010x}: {why}");
    }
}

#[test]
fn overlap_with_the_stack_pointer_or_without_writeback_is_accepted() {
    for text in
        ["ldr xzr, [sp], #8", "ldr x0, [x0, #8]", "stg x0, [x0], #16", "stgp x0, x0, [x0], #16", "stp x1, x1, [x0]"]
    {
        assert!(assemble(text).is_ok(), "{text}");
    }
}

/// Computes from the bits of the word whether a load or store is CONSTRAINED UNPREDICTABLE (Arm ARM C6.2, decode).
fn unpredictable(word: u32) -> bool {
    let (rt, rn, rt2) = (word & 0x1f, word >> 5 & 0x1f, word >> 10 & 0x1f);
    let pair = word & 0x3800_0000 == 0x2800_0000;
    let simd = word >> 26 & 1 == 1;
    let (writes_back, load) = if pair {
        (word >> 23 & 1 == 1, word >> 22 & 1 == 1)
    } else {
        // Without writeback bits 11:10 are 00 or 10, or the offset has twelve bits and bit 24 is set.
        (word >> 24 & 1 == 0 && word >> 21 & 1 == 0 && word >> 10 & 1 == 1, false)
    };
    let overlaps = !simd && (rn == rt || pair && rn == rt2);
    writes_back && overlaps && rn != 31 || pair && load && rt == rt2
}

#[test]
fn exactly_the_unpredictable_loads_and_stores_are_rejected() {
    use Op::{Ldnp, LdnpSimd, Ldp, LdpSimd, Ldpsw, Ldr, LdrSimd, Ldrb, Ldrh, Ldrs, Ldtr, Ldur, LdurSimd, Ldurb, Ldurh};
    use Op::{Ldurs, Stnp, StnpSimd, Stp, StpSimd, Str, StrSimd, Strb, Strh, Sttr, Stur, SturSimd, Sturb, Sturh};
    let loads =
        [Ldnp, LdnpSimd, Ldp, LdpSimd, Ldpsw, Ldr, LdrSimd, Ldrb, Ldrh, Ldrs, Ldtr, Ldur, LdurSimd, Ldurb, Ldurh];
    let stores = [Ldurs, Stnp, StnpSimd, Stp, StpSimd, Str, StrSimd, Strb, Strh, Sttr, Stur, SturSimd, Sturb, Sturh];
    let mut refused = 0;
    for row in rows().iter().filter(|row| loads.contains(&row.op()) || stores.contains(&row.op())) {
        // Rt, Rn and five bits of Rt2 or the offset, in all combinations.
        for fields in 0..1 << 15 {
            let word = row.bits() | fields & !row.mask();
            assert_eq!(!decodes(row, word), unpredictable(word), "{word:#010x} in {row:?}");
            refused += u32::from(unpredictable(word));
        }
    }
    assert_ne!(refused, 0);
}

/// Checks exclusive stores and memory copies and sets, whose third register is Rs.
#[test]
fn exactly_the_unpredictable_overlaps_with_rs_are_rejected() {
    use Op::{Cpye, Cpyfe, Cpyfm, Cpyfp, Cpym, Cpyp, Sete, Setge, Setgm, Setgp, Setm, Setp, Stlxp, Stlxr, Stxp, Stxr};
    use Op::{Stltxr, Sttxr};
    let copies = [Cpyfp, Cpyfm, Cpyfe, Cpyp, Cpym, Cpye];
    let sets = [Setp, Setm, Sete, Setgp, Setgm, Setge];
    let stores = [Stxr, Stlxr, Stxp, Stlxp, Sttxr, Stltxr];
    for row in rows() {
        let (is_copy, is_set) = (copies.contains(&row.op()), sets.contains(&row.op()));
        if !is_copy && !is_set && !stores.contains(&row.op()) {
            continue;
        }
        for (fields, rt2) in (0..1 << 15).flat_map(|fields| [0, 7, 31].map(|rt2| (fields, rt2))) {
            let (rt, rn, rs) = (fields & 0x1f, fields >> 5 & 0x1f, fields >> 10);
            let word = row.bits() | (rt | rn << 5 | rs << 16 | rt2 << 10) & !row.mask();
            let rt2 = word >> 10 & 0x1f;
            let unpredictable = if is_copy || is_set {
                let same = rt == rn || rt == rs || rn == rs;
                same || rt == 31 || rn == 31 || is_copy && rs == 31
            } else {
                let pair = word >> 21 & 1 == 1;
                rs == rt || pair && rs == rt2 || rs == rn && rn != 31
            };
            assert_eq!(!decodes(row, word), unpredictable, "{word:#010x} in {row:?}");
        }
    }
}

/// Derives the size of an access from the text: from the end of the mnemonic, or else from the width of the register.
#[test]
fn access_sizes_agree_with_the_names() {
    const PAIRS: &[&str] = &[
        "stgp", "stp", "ldp", "stnp", "ldnp", "ldpsw", "ldxp", "ldaxp", "stxp", "stlxp", "casp", "ldiapp", "stilp",
        "ldclrp", "ldsetp", "swpp", "rcwcasp", "rcwscasp", "rcwclrp", "rcwsclrp", "rcwsetp", "rcwssetp", "rcwswpp",
        "rcwsswpp", "casp{}t", "sttp", "ldtp", "sttnp", "ldtnp",
    ];
    const EIGHTS: &[&str] = &["ld64b", "st64b", "st64bv", "st64bv0"];
    let mut found = 0;
    for insn in rows().iter().filter_map(|row| row.samples().into_iter().last()) {
        let Some(access) = insn.access() else { continue };
        found += 1;
        let mnemonic = insn.row().mnemonic();
        if let Some(expected) = scalable_access(insn) {
            assert_eq!(access, expected, "{insn}");
            continue;
        }
        let registers = insn.args().iter().rev().find_map(|arg| match arg {
            Arg::Reg(register) => Some((register.class().width() as u8 / 8, 1)),
            Arg::Simd(register) => Some((register.width().bytes(), 1)),
            Arg::VectorList(list) if mnemonic.starts_with("ld") && mnemonic.ends_with('r') => {
                Some((list.arrangement().element_bytes(), list.count()))
            }
            Arg::VectorList(list) => Some((list.arrangement().vector_bytes(), list.count())),
            Arg::LaneList(list) => Some((list.width().bytes(), list.count())),
            _ => None,
        });
        let (width, listed) = registers.unwrap_or_else(|| panic!("{insn} moves no register"));
        let ends = [("sb", 1, true), ("sh", 2, true), ("sw", 4, true), ("b", 1, false), ("h", 2, false)];
        let end = ends.into_iter().find(|(end, ..)| mnemonic.ends_with(end));
        let (bytes, signed) = end
            .filter(|_| !EIGHTS.contains(&mnemonic) && mnemonic != "ldrab")
            .map_or((width, false), |(_, bytes, signed)| (bytes, signed));
        let count = match mnemonic.trim_end_matches("{}") {
            pair if PAIRS.contains(&pair) => 2,
            eight if EIGHTS.contains(&eight) => 8,
            _ => listed,
        };
        assert_eq!(access, Access { bytes, count, signed }, "{insn}");
        assert_eq!(access.total(), bytes * count);
    }
    assert!(found > 200, "{found}");
}

/// Returns the access of an instruction of SVE by its text: the last letters of the mnemonic, and the registers in the list.
fn scalable_access(insn: Insn) -> Option<Access> {
    let count = match *insn.args().first()? {
        Arg::ScalableList(list) => list.count(),
        // A whole register is accessed byte by byte.
        Arg::Scalable(_) | Arg::Predicate(_) | Arg::ZaVector(_) | Arg::Zt0 => {
            return Some(Access { bytes: 1, count: 1, signed: false });
        }
        Arg::ZaSliceList(_) => 1,
        _ => return None,
    };
    let (rest, letter) = insn.row().mnemonic().split_at(insn.row().mnemonic().len() - 1);
    Some(Access { bytes: 1 << "bhwdq".find(letter)?, count, signed: rest.ends_with('s') })
}

/// Checks that every instruction with an address operand has an access size, unless it accesses only tags.
#[test]
fn instructions_with_an_address_have_a_size_unless_they_access_tags_or_prefetch() {
    use Op::{Ldg, Ldgm, Prfm, Prfum, St2g, Stg, Stgm, Stz2g, Stzg, Stzgm, SvePrfb, SvePrfd, SvePrfh, SvePrfw};
    let tags = [Ldg, Ldgm, St2g, Stg, Stgm, Stz2g, Stzg, Stzgm];
    let sizeless = [&tags[..], &[Prfm, Prfum, SvePrfb, SvePrfd, SvePrfh, SvePrfw]].concat();
    for insn in rows().iter().filter_map(|row| row.samples().into_iter().next()) {
        let has_address = insn.args().iter().any(|arg| {
            matches!(arg, Arg::Address(_) | Arg::Indexed(_) | Arg::PostIndexed(_) | Arg::ScalableAddress(_))
        });
        if has_address {
            assert_eq!(insn.access().is_none(), sizeless.contains(&insn.op()), "{insn}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_word_that_decodes_encodes_to_itself(word: u32) {
        if let Some(insn) = Insn::decode(word) {
            prop_assert_eq!(insn.encode(), word);
            check_round_trips(insn);
        }
    }

    #[test]
    fn random_instructions_of_a_row_round_trip(index in 0..rows().len(), random: u32) {
        if let Some(insn) = rows()[index].fill(random) {
            check_round_trips(insn);
        }
    }

    #[test]
    fn a_misspelled_instruction_never_panics(index in 0..rows().len(), random: u32, place: usize, typo: char) {
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

/// Checks that encoding and decoding, printing and parsing, and operands and instruction agree.
fn check_round_trips(insn: Insn) {
    let decoded = Insn::decode(insn.encode()).expect("an instruction decodes");
    assert_eq!((decoded, decoded.op()), (insn, insn.op()));
    let text = insn.to_string();
    assert_eq!(assemble(&text), Ok(vec![insn]), "{text}");
    assert_eq!(insn.row().insn(&insn.args()), Ok(insn), "{text}");
    let of_op = Insn::new(insn.op(), &insn.args()).expect("an op takes the operands of its rows");
    assert_eq!(of_op.op(), insn.op(), "{text}");
    // Only the size of the access may differ: the operands do not determine it.
    assert!(of_op == insn || insn.access().is_some(), "{text}");
}
