//! What tags take on the wire is bounded, and less than in Linux's proposed MTE_COMP, on five patterns.

#[path = "../examples/sizes/mte_comp.rs"]
mod mte_comp;
#[path = "../examples/sizes/patterns.rs"]
mod patterns;

#[path = "../examples/sizes/table.rs"]
mod table;

use mte_migration::{PAGES_PER_FRAME, TAGS, tags};
use patterns::{PATTERNS, Pattern, SEED};

/// Bytes of tags in frames of pages.
fn on_the_wire(tags: &[u8]) -> usize {
    table::on_the_wire(tags).expect("tags of pages")
}

#[test]
fn every_pattern_is_smaller_than_in_mte_comp_and_than_packed_and_some() {
    for Pattern { name, make } in PATTERNS {
        let tags = make(&mut fastrand::Rng::with_seed(SEED));
        let pages = tags.as_chunks::<TAGS>().0;
        let ours = on_the_wire(&tags);
        assert!(ours <= pages.len() * 128 + 1024, "{name}: {ours}");
        for (scheme, of) in [
            ("size classes", mte_comp::bytes as fn(&[u8; TAGS]) -> usize),
            ("untagged pages free", mte_comp::bytes_if_tagged),
            ("inline only", mte_comp::bytes_inline_only),
        ] {
            let theirs: usize = pages.iter().map(of).sum();
            assert!(ours < theirs, "{name}: {ours} bytes, {theirs} in MTE_COMP with {scheme}");
        }
    }
}

#[test]
fn a_uniform_page_takes_a_byte() {
    let tags = (PATTERNS[0].make)(&mut fastrand::Rng::with_seed(SEED));
    assert_eq!(on_the_wire(&tags), patterns::PAGES);
}

#[test]
fn a_page_without_tags_takes_a_bit() {
    let mut one_tagged = vec![0; PAGES_PER_FRAME * TAGS];
    one_tagged[..TAGS].fill(1);
    let bytes = tags::encode(&one_tagged).expect("tags of pages").len();
    assert_eq!(bytes, 1 + (PAGES_PER_FRAME - 1).div_ceil(8));
    one_tagged.fill(0);
    assert_eq!(tags::encode(&one_tagged).as_deref(), Ok(&[][..]), "no tags in the frame: nothing");
}

#[test]
fn the_document_has_these_numbers() {
    let document = include_str!("../../docs/migration-protocol.md");
    for row in table::rows().expect("tags of pages") {
        assert!(document.contains(&row), "docs/migration-protocol.md lacks {row}");
    }
}

/// The worked example of the description: its numbers of runs for each class, 4 KiB pages.
#[test]
fn mte_comp_is_restated_as_described() {
    let with_runs = |runs: usize| {
        let mut tags = [0; TAGS];
        (0..runs).for_each(|run| tags[run..].fill(run as u8 % 16));
        tags
    };
    let sizes = [(1, 8), (6, 8), (7, 24), (11, 24), (12, 40), (23, 40), (24, 72), (46, 72), (47, 136), (256, 136)];
    for (runs, bytes) in sizes {
        assert_eq!(mte_comp::bytes(&with_runs(runs)), bytes, "{runs} runs");
    }
}
