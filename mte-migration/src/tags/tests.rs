//! Worked examples, bounds, and inputs that are not tags.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Returns the bits of a page: `None` is a bit string that does not decode to the same tags.
fn bits_of(tags: &PageTags) -> usize {
    let bytes = encode(tags).expect("tags");
    assert_eq!(decode(&bytes, 1).as_deref(), Ok(&tags[..]));
    let mut bits = BitReader::new(&bytes);
    if !bytes.is_empty() {
        decode_page(&mut bits, &mut [0; TAGS], 0, Injected::default()).expect("decoded before");
    }
    bits.position()
}

#[test]
fn uniform_tags_take_a_byte_and_none_take_a_bit() {
    for tag in 1..16 {
        assert_eq!(encode(&[tag; TAGS]), Ok(vec![1 | 6 << 1 | tag << 4]));
    }
    assert_eq!(encode(&[0; 5 * TAGS]), Ok(vec![]));
    let mut tags = [0; 9 * TAGS];
    tags[8 * TAGS..].fill(3);
    assert_eq!(encode(&tags), Ok(vec![0, 0x3d]));
}

#[test]
fn runs_are_as_the_table_says() {
    let mut tags = [0; TAGS];
    tags[1] = 7;
    // 1; k = 0: 000; three runs: Rice3(1) = 0, 100; tag 0, length 1: Rice0(0) = 0; tag 7: 1110, 0; tag 0: 0000.
    assert_eq!(encode(&tags), Ok(vec![0b0010_0001, 0b1110_0000, 0]));
    assert_eq!(bits_of(&tags), 4 + 4 + 4 + 1 + 4 + 1 + 4);
}

#[test]
fn a_page_is_never_larger_than_packed_tags() {
    let mut alternating = [0; TAGS];
    alternating.iter_mut().enumerate().for_each(|(index, tag)| *tag = (index % 16) as u8);
    assert_eq!(bits_of(&alternating), MAX_BITS);
    assert_eq!(encode(&[alternating; 256].concat()).map(|bytes| bytes.len()), Ok(MAX_BYTES));
}

#[test]
fn tags_that_no_granule_can_have_are_rejected() {
    let mut tags = [0; 2 * TAGS];
    tags[300] = 16;
    assert_eq!(encode(&tags), Err(TagsError::BadTag { granule: 300, value: 16 }));
    assert_eq!(encode(&[0; 100]), Err(TagsError::BadCount { count: 100 }));
}

#[test]
fn what_no_encoder_needs_is_rejected() {
    assert_eq!(decode(&[0x0d], 1), Err(TagsError::Redundant { page: 0 }), "uniform, tag 0");
    assert_eq!(decode(&[0x1d, 0], 1), Err(TagsError::Trailing), "a byte too many");
    assert_eq!(decode(&[0b10], 1), Err(TagsError::Trailing), "a set bit after an untagged page");
    assert_eq!(decode(&[0x1d], 2), Err(TagsError::BadCode { page: 1 }), "the second page is lacking");
    // Two runs with tag 1: 1, 000, Rice3(0) = 0000, tag 1000, length 0, tag 1000.
    assert_eq!(decode(&[0x01, 0b0010_0001, 0], 1), Err(TagsError::Redundant { page: 0 }));
}

#[test]
fn runs_that_reach_beyond_the_page_are_rejected() {
    let with_lengths = |lengths: &[u32]| {
        let mut bits = BitWriter::default();
        bits.write(1, 1);
        bits.write(5, 3);
        bits.write_rice(lengths.len() as u32 - 1, COUNT_K);
        for (index, length) in lengths.iter().enumerate() {
            bits.write(index as u32 % 16, 4);
            bits.write_rice(length - 1, 5);
        }
        bits.write(15, 4);
        decode(&bits.finish(), 1)
    };
    assert!(with_lengths(&[255]).is_ok());
    assert_eq!(with_lengths(&[256]), Err(TagsError::BadCode { page: 0 }), "nothing remains for the last run");
    assert_eq!(with_lengths(&[128, 128, 1]), Err(TagsError::BadCode { page: 0 }));
}

#[test]
fn a_page_of_runs_may_not_be_longer_than_packed_tags() {
    let mut bits = BitWriter::default();
    bits.write(1, 1);
    bits.write(5, 3);
    bits.write_rice(254, COUNT_K);
    for index in 0..256 {
        bits.write(index % 16, 4);
        if index < 255 {
            bits.write_rice(0, 5);
        }
    }
    assert!(matches!(decode(&bits.finish(), 1), Err(TagsError::TooLong { page: 0, .. })));
}

/// Tags in runs, as objects have them.
fn in_runs() -> impl Strategy<Value = PageTags> {
    vec((0u8..16, 1usize..40), 1..64).prop_map(|runs| {
        let mut tags = [0; TAGS];
        let all = runs.iter().flat_map(|(tag, length)| std::iter::repeat_n(*tag, *length));
        tags.iter_mut().zip(all).for_each(|(tag, of_run)| *tag = of_run);
        tags
    })
}

proptest! {
    #[test]
    fn any_tags_come_back(pages in vec(prop_oneof![in_runs(), proptest::array::uniform(0u8..16)], 0..5)) {
        let tags = pages.concat();
        let bytes = encode(&tags).unwrap();
        prop_assert!(bytes.len() * 8 < pages.len() * MAX_BITS + 8);
        prop_assert_eq!(decode(&bytes, pages.len()).unwrap(), tags);
    }

    #[test]
    fn any_bytes_are_tags_or_an_error(bytes in vec(any::<u8>(), 0..400), pages in 0usize..6) {
        if let Ok(tags) = decode(&bytes, pages) {
            prop_assert!(tags.iter().all(|tag| *tag < 16));
            // The shortest form of the same tags is no longer than what was decoded.
            prop_assert!(encode(&tags).unwrap().len() <= bytes.len());
        }
    }
}
