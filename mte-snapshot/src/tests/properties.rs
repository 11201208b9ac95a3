//! Any memory comes back, normalised, and has one encoding.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{GRANULES, PAGE, sample};
use crate::snapshot::{Extent, Slot, Snapshot, View};

/// Pages of each slot.
const PAGES: usize = 6;
const SLOTS: [u64; 3] = [0x4000_0000, 0x4000_6000, 0x5000_0000];

/// One page: whether an extent has it, whether the next one is of the same extent, a byte of data and a tag.
type Page = (bool, bool, Option<(usize, u8)>, Option<(usize, u8)>);

fn page() -> impl Strategy<Value = Page> {
    let data = prop::option::of((0..PAGE, 1..=255u8));
    let tags = prop::option::of((0..GRANULES, 1..=15u8));
    (any::<bool>(), any::<bool>(), data, tags)
}

fn snapshot(pages: &[Page], views: Vec<View>) -> Snapshot {
    let mut memory: Vec<Extent> = Vec::new();
    let slots = SLOTS.map(|ipa| Slot { ipa, bytes: (PAGES * PAGE) as u64, read_only: ipa == SLOTS[1] });
    for (slot, pages) in SLOTS.into_iter().zip(pages.chunks(PAGES)) {
        let mut open = false;
        for (at, (there, joined, data, tags)) in pages.iter().enumerate() {
            if *there {
                if !open {
                    let ipa = slot + (at * PAGE) as u64;
                    memory.push(Extent { ipa, data: Vec::new(), tags: Vec::new() });
                }
                let extent = memory.last_mut().unwrap();
                let (end, granule) = (extent.data.len(), extent.tags.len());
                extent.data.resize(end + PAGE, 0);
                extent.tags.resize(granule + GRANULES, 0);
                data.iter().for_each(|(at, byte)| extent.data[end + at] = *byte);
                tags.iter().for_each(|(at, tag)| extent.tags[granule + at] = *tag);
            }
            open = *there && *joined;
        }
    }
    Snapshot { slots: slots.to_vec(), memory, views, ..sample() }
}

/// The pages that are not zero, by address.
fn contents(snapshot: &Snapshot) -> BTreeMap<u64, (&[u8], &[u8])> {
    let pages = snapshot.memory.iter().flat_map(|extent| {
        let pages = extent.data.chunks(PAGE).zip(extent.tags.chunks(GRANULES)).enumerate();
        pages.map(move |(at, page)| (extent.ipa + (at * PAGE) as u64, page))
    });
    pages.filter(|(_, (data, tags))| data.iter().chain(*tags).any(|byte| *byte != 0)).collect()
}

fn view() -> impl Strategy<Value = View> {
    let ipa = (0..3usize, 0..8u64).prop_map(|(slot, page)| SLOTS[slot] + page * PAGE as u64);
    (ipa, 1..20u64, any::<bool>()).prop_map(|(ipa, pages, tagged)| View {
        va: 0,
        ipa,
        bytes: pages * PAGE as u64,
        tagged,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_normalised(pages in vec(page(), 3 * PAGES), mut views in vec(view(), 0..4)) {
        for (n, view) in (1..).zip(&mut views) {
            view.va = n << 36;
        }
        let original = snapshot(&pages, views);
        let file = original.encode().unwrap();
        let decoded = Snapshot::decode(&file).unwrap();
        prop_assert_eq!(contents(&decoded), contents(&original));
        prop_assert!(original.differences(&decoded).is_empty());
        prop_assert!(decoded.encode().unwrap() == file);
        // As few extents as possible: two that touch are in different slots.
        for pair in decoded.memory.windows(2) {
            let end = pair[0].ipa + pair[0].data.len() as u64;
            prop_assert!(end < pair[1].ipa || (end == pair[1].ipa && end == SLOTS[1]));
        }
        prop_assert_eq!(contents(&decoded).len() * PAGE, decoded.memory.iter().map(|extent| extent.data.len()).sum::<usize>());
    }
}
