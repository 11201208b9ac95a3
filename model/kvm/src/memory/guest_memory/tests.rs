//! Tests of guest memory: slots, first touches, the dirty log.

#![expect(clippy::single_range_in_vec_init, reason = "a list of ranges is meant")]

use super::*;
use crate::contract::Release;

const RAM: u64 = 0x4000_0000;
const PAGE: u64 = 4096;

fn memory(page: u64) -> GuestMemory {
    let mut memory = GuestMemory::new(page, Contract::for_release(Release::new(6, 12, 0)));
    memory.mte = true;
    memory.add(RAM, 4 * page, Backing::Anonymous, Access::ReadWrite).unwrap();
    memory
}

#[test]
fn slots_are_whole_host_pages_that_do_not_overlap() {
    for page in [0x1000, 0x4000, 0x1_0000] {
        let mut memory = memory(page);
        let mut add = |ipa, bytes| memory.add(ipa, bytes, Backing::Anonymous, Access::ReadWrite);
        assert_eq!(add(RAM + 4 * page, page / 2), Err(Errno::EINVAL));
        assert_eq!(add(RAM + 4 * page + page / 2, page), Err(Errno::EINVAL));
        assert_eq!(add(RAM + 4 * page, 0), Err(Errno::EINVAL));
        assert_eq!(add(u64::MAX - page + 1, page), Err(Errno::EINVAL));
        assert_eq!(add(RAM + 3 * page, page), Err(Errno::EEXIST));
        assert_eq!(add(RAM - page, 2 * page), Err(Errno::EEXIST));
        assert_eq!(add(RAM + 4 * page, page), Ok(()));
    }
}

#[test]
fn the_guest_reads_what_the_vmm_wrote_and_the_other_way_round() {
    let mut memory = memory(PAGE);
    let bytes: Vec<u8> = (0..=255).collect();
    assert!(memory.vmm_write(RAM + PAGE - 100, &bytes));
    let mut first = [0; 100];
    memory.read(RAM + PAGE - 100, &mut first).unwrap();
    assert_eq!(first, bytes[..100]);
    memory.write(RAM + PAGE, b"guest").unwrap();
    let mut seen = vec![0; 256];
    assert!(memory.vmm_read(RAM + PAGE - 100, &mut seen));
    assert_eq!(&seen[..105], [&bytes[..100], b"guest"].concat());
    assert_eq!(seen[105..], bytes[105..]);
}

#[test]
fn bytes_are_unknown_until_somebody_writes_them() {
    let mut memory = memory(PAGE);
    memory.make_unknown(RAM + PAGE - 2, 0b1011);
    assert_eq!(memory.unknown_in(RAM..RAM + 2 * PAGE), [RAM + PAGE - 2..RAM + PAGE, RAM + PAGE + 1..RAM + PAGE + 2]);
    assert_eq!(memory.unknown_in(RAM + PAGE - 1..RAM + PAGE + 1), [RAM + PAGE - 1..RAM + PAGE]);
    assert_eq!(memory.read(RAM + PAGE - 4, &mut [0; 4]), Ok(0b1100));
    assert_eq!(memory.read(RAM + PAGE, &mut [0; 4]), Ok(0b0010));
    memory.write(RAM + PAGE - 1, &[0]).unwrap();
    assert_eq!(memory.read(RAM + PAGE - 4, &mut [0; 4]), Ok(0b0100));
    assert!(memory.vmm_write(RAM + PAGE - 2, &[0; 4]));
    assert_eq!(memory.unknown_in(RAM..RAM + 4 * PAGE), []);
    memory.make_unknown(RAM, 1);
    memory.forget(RAM);
    assert_eq!((memory.read(RAM, &mut [0; 4]), memory.unknown_in(RAM..RAM + PAGE)), (Ok(0), vec![]));
    // There is nothing to make UNKNOWN.
    memory.make_unknown(RAM - 1, 1);
}

#[test]
fn pages_that_were_touched_are_forgotten_and_others_stay() {
    let mut memory = memory(PAGE);
    for page in [3, 0, 2] {
        assert!(memory.vmm_write(RAM + page * PAGE, &[7]));
    }
    memory.forget(RAM + 2 * PAGE);
    assert_eq!(memory.touched(), [RAM..RAM + PAGE]);
    assert!(memory.vmm_write(RAM + 2 * PAGE, &[7]));
    assert_eq!(memory.touched(), [RAM..RAM + PAGE, RAM + 2 * PAGE..RAM + 3 * PAGE]);
}

#[test]
fn ranges_that_leave_a_slot_are_refused_whole() {
    let mut memory = memory(PAGE);
    assert!(!memory.vmm_read(RAM + 4 * PAGE - 1, &mut [0; 2]));
    assert!(!memory.vmm_write(RAM + 4 * PAGE - 1, &[1; 2]));
    assert!(memory.vmm_read(RAM + 4 * PAGE - 1, &mut [0; 1]));
    assert!(!memory.vmm_read(RAM - 1, &mut [0; 1]));
    assert_eq!(memory.read(RAM + 4 * PAGE, &mut [0]), Err(NoMemory { ipa: RAM + 4 * PAGE, lacks: Lacks::Slot }));
    assert!(memory.touched().is_empty());
}

#[test]
fn a_first_touch_clears_stale_tags_and_keeps_data() {
    let mut memory = memory(PAGE);
    assert!(memory.vmm_write(RAM, &[7; 16]));
    let page = memory.touch((0, 0));
    page.make_stale(256);
    assert_eq!(memory.tag(RAM), Ok(Tag::truncate(0)));
    let mut data = [0; 16];
    memory.read(RAM, &mut data).unwrap();
    assert_eq!(data, [7; 16]);
}

#[test]
fn a_guest_cannot_write_a_read_only_slot_or_use_one_without_mapping() {
    let mut memory = memory(PAGE);
    memory.add(RAM + 4 * PAGE, PAGE, Backing::Anonymous, Access::ReadOnlySlot).unwrap();
    memory.add(RAM + 5 * PAGE, PAGE, Backing::Anonymous, Access::NoMapping).unwrap();
    let (read_only, none) = (RAM + 4 * PAGE, RAM + 5 * PAGE);
    let no = |ipa, lacks| NoMemory { ipa, lacks };
    assert!(memory.read(read_only, &mut [0]).is_ok());
    assert_eq!(memory.write(read_only, &[0]), Err(no(read_only, Lacks::Slot)));
    assert_eq!(memory.set_tag(read_only, Tag::truncate(1)), Err(no(read_only, Lacks::Slot)));
    assert_eq!(memory.read(none, &mut [0]), Err(no(none, Lacks::Mapping)));
    assert_eq!(memory.tag(none), Err(no(none, Lacks::Mapping)));
}

#[test]
fn the_dirty_log_has_what_the_guest_wrote_or_tagged_once() {
    let mut memory = memory(PAGE);
    memory.write(RAM, &[1]).unwrap();
    assert_eq!(memory.take_dirty(RAM), Err(Errno::ENOENT));
    memory.log_dirty(RAM, true).unwrap();
    assert_eq!(memory.log_dirty(RAM + PAGE, true), Err(Errno::EINVAL));
    memory.write(RAM + PAGE, &[1]).unwrap();
    memory.set_tag(RAM + 3 * PAGE, Tag::truncate(5)).unwrap();
    memory.read(RAM + 2 * PAGE, &mut [0]).unwrap();
    assert!(memory.vmm_write(RAM + 2 * PAGE, &[1]));
    assert_eq!(memory.take_dirty(RAM), Ok(vec![1, 3]));
    assert_eq!(memory.take_dirty(RAM), Ok(vec![]));
}

fn touched(memory: &GuestMemory) -> Vec<(u64, u64)> {
    memory.touched().into_iter().map(|range| (range.start, range.end)).collect()
}

#[test]
fn pages_given_back_read_as_new() {
    let mut memory = memory(PAGE);
    for page in 0..4 {
        memory.write(RAM + page * PAGE, &[1]).unwrap();
        memory.set_tag(RAM + page * PAGE, Tag::truncate(9)).unwrap();
    }
    assert_eq!(touched(&memory), [(RAM, RAM + 4 * PAGE)]);
    memory.forget(RAM + 2 * PAGE);
    assert_eq!(touched(&memory), [(RAM, RAM + 2 * PAGE)]);
    assert_eq!(memory.tag(RAM + PAGE), Ok(Tag::truncate(9)));
    assert_eq!(memory.tag(RAM + 2 * PAGE), Ok(Tag::truncate(0)));
    let mut byte = [1];
    memory.read(RAM + 3 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, [0]);
}
