//! What is encoded is decoded.

use super::{GRANULES, PAGE, data, sample, tags, vcpu};
use crate::snapshot::{Extent, Slot, Snapshot, Vcpu};

#[test]
fn all_parts_come_back() {
    let mut snapshot = sample();
    snapshot.vcpus.push(Vcpu { mp_state: 5, events: None, ..vcpu(2) });
    let file = snapshot.encode().unwrap();
    assert_eq!(Snapshot::decode(&file), Ok(snapshot));
}

#[test]
fn the_optional_parts_may_be_missing() {
    let mut snapshot = Snapshot { views: Vec::new(), vcpus: Vec::new(), application: None, ..sample() };
    assert_eq!(Snapshot::decode(&snapshot.encode().unwrap()).as_ref(), Ok(&snapshot));
    snapshot.slots.clear();
    snapshot.memory.clear();
    assert_eq!(Snapshot::decode(&snapshot.encode().unwrap()), Ok(snapshot));
}

#[test]
fn a_guest_without_tags_has_none() {
    let mut snapshot = sample();
    snapshot.identity.mte = 0;
    snapshot.views[0].tagged = false;
    snapshot.memory[0].tags.fill(0);
    snapshot.memory[0].data.truncate(2 * PAGE);
    snapshot.memory[0].tags.truncate(2 * GRANULES);
    for vcpu in &mut snapshot.vcpus {
        vcpu.registers.retain(|(id, _)| {
            kvm_mte::register::Register::from_id(*id).is_none() && *id != crate::register::ID_AA64PFR1_EL1
        });
    }
    let file = snapshot.encode().unwrap();
    assert_eq!(Snapshot::decode(&file), Ok(snapshot));
}

#[test]
fn how_memory_is_cut_makes_no_difference() {
    let whole = sample();
    let extent = &whole.memory[0];
    let piece = |pages: std::ops::Range<usize>| Extent {
        ipa: extent.ipa + (pages.start * PAGE) as u64,
        data: extent.data[pages.start * PAGE..pages.end * PAGE].to_vec(),
        tags: extent.tags[pages.start * GRANULES..pages.end * GRANULES].to_vec(),
    };
    let zero = Extent { ipa: 0x4100_0000, data: vec![0; 3 * PAGE], tags: vec![0; 3 * GRANULES] };
    let cut = Snapshot { memory: vec![zero, piece(2..3), piece(0..1), piece(1..2)], ..whole.clone() };
    let file = cut.encode().unwrap();
    assert_eq!(file, whole.encode().unwrap());
    assert_eq!(Snapshot::decode(&file), Ok(whole));
}

#[test]
fn zero_pages_split_an_extent_and_so_does_the_border_of_slots() {
    let mut snapshot = sample();
    let bytes = 2 * PAGE as u64;
    snapshot.slots = vec![
        Slot { ipa: 0x4000_2000, bytes, read_only: false },
        Slot { ipa: 0x4000_0000, bytes, read_only: true },
        Slot { ipa: 0x4000_4000, bytes: 4 * PAGE as u64, read_only: false },
    ];
    let extent = |page: u64, pages: Vec<(Vec<u8>, Vec<u8>)>| {
        let (data, tags): (Vec<_>, Vec<_>) = pages.into_iter().unzip();
        Extent { ipa: 0x4000_0000 + page * PAGE as u64, data: data.concat(), tags: tags.concat() }
    };
    let (no_data, no_tags) = (vec![0; PAGE], vec![0; GRANULES]);
    let normal = vec![
        extent(1, vec![(data(1), no_tags.clone())]),
        extent(2, vec![(data(2), tags(2)), (data(3), tags(3))]),
        extent(4, vec![(no_data.clone(), tags(4))]),
        extent(6, vec![(data(6), no_tags.clone())]),
    ];
    snapshot.memory = normal.clone();
    snapshot.memory[2].data.extend([&no_data[..], &data(6), &no_data].concat());
    snapshot.memory[2].tags.extend([&no_tags[..], &no_tags, &no_tags].concat());
    snapshot.memory.truncate(3);
    let decoded = Snapshot::decode(&snapshot.encode().unwrap()).unwrap();
    assert_eq!(decoded.memory, normal);
}

#[test]
fn a_file_may_begin_at_any_address() {
    let file = sample().encode().unwrap();
    for shift in 0..8 {
        let shifted = [&vec![0; shift][..], &file].concat();
        assert_eq!(Snapshot::decode(&shifted[shift..]), Ok(sample()), "{shift}");
    }
}

#[test]
fn pages_of_other_sizes_are_the_unit() {
    let mut snapshot = sample();
    snapshot.identity.page_size = 16384;
    snapshot.slots.pop();
    let pages = |data: Vec<u8>| [data, vec![0; 3 * PAGE]].concat();
    snapshot.memory = vec![Extent { ipa: 0x4060_0000, data: pages(data(1)), tags: vec![0; 4 * GRANULES] }];
    let decoded = Snapshot::decode(&snapshot.encode().unwrap()).unwrap();
    assert_eq!(decoded, snapshot, "a page with a byte that is not 0 is stored whole");
}
