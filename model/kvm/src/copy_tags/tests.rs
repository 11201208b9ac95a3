//! Tests of the ioctl: each check, each way to stop, by release.

use super::*;
use crate::contract::Release;
use crate::host::Host;
use crate::kernel::Backing;
use arch::Tag;
use model_base::memory::Bus;

const RAM: u64 = 0x4000_0000;

fn vm_of(release: &str, page_size: u64, pages: u64) -> Vm {
    let host = Host { release: release.parse().unwrap(), page_size, ..Host::default() };
    let mut vm = Vm::new(&host);
    vm.enable_mte(0).unwrap();
    vm.add_memory(RAM, pages * page_size, Backing::Anonymous, Access::ReadWrite).unwrap();
    vm.add_vcpu().unwrap();
    vm
}

fn vm() -> Vm {
    vm_of("6.12", 4096, 4)
}

fn store(vm: &mut Vm, ipa: u64, tags: &[u8]) -> CopyResult {
    let mut tags = tags.to_vec();
    let (length, buffer) = (tags.len() as u64 * 16, TagBuffer::Bytes(&mut tags));
    vm.copy_tags(CopyTags { ipa, length, buffer, flags: CopyTags::TO_GUEST, reserved: [0; 2] })
}

fn fetch(vm: &mut Vm, ipa: u64, tags: usize) -> (CopyResult, Vec<u8>) {
    let mut buffer = vec![0xee; tags];
    let length = tags as u64 * 16;
    let call =
        CopyTags { ipa, length, buffer: TagBuffer::Bytes(&mut buffer), flags: CopyTags::FROM_GUEST, reserved: [0; 2] };
    let result = vm.copy_tags(call);
    (result, buffer)
}

fn short(vm: &mut Vm, length: u64, ends: usize, flags: u64) -> CopyResult {
    vm.copy_tags(CopyTags { ipa: RAM, length, buffer: TagBuffer::EndsAfter(ends), flags, reserved: [0; 2] })
}

#[test]
fn each_wrong_argument_is_einval() {
    let mut vm = vm();
    let table: &[(u64, u64, u64, [u64; 2])] = &[
        (RAM + 16, 4096, 0, [0; 2]),
        (RAM, 4096 + 16, 0, [0; 2]),
        (RAM, 4096, 2, [0; 2]),
        (RAM, 4096, 1 << 63, [0; 2]),
        (RAM, 4096, 1 << 32 | 1, [0; 2]),
        (RAM, 4096, 0, [1, 0]),
        (RAM, 4096, 0, [0, 1 << 63]),
        (RAM, 1 << 31, 1, [0; 2]),
        (RAM, 1 << 63, 1, [0; 2]),
    ];
    for (ipa, length, flags, reserved) in table {
        let buffer = TagBuffer::EndsAfter(256);
        let call = CopyTags { ipa: *ipa, length: *length, buffer, flags: *flags, reserved: *reserved };
        assert_eq!(vm.copy_tags(call), Err(Errno::EINVAL), "{ipa:#x} {length:#x} {flags:#x} {reserved:?}");
    }
    let mut without = Vm::new(vm.host());
    without.add_memory(RAM, 4096, Backing::Anonymous, Access::ReadWrite).unwrap();
    assert_eq!(fetch(&mut without, RAM, 256).0, Err(Errno::EINVAL));
}

#[test]
fn alignment_is_to_the_hosts_page() {
    let mut vm = vm_of("6.12", 0x1_0000, 2);
    assert_eq!(fetch(&mut vm, RAM, 256).0, Err(Errno::EINVAL));
    assert_eq!(fetch(&mut vm, RAM, 4096).0, Ok(0x1_0000));
    assert_eq!(fetch(&mut vm, RAM + 0x1000, 4096).0, Err(Errno::EINVAL));
}

#[test]
fn a_length_above_int_max_is_refused_since_6_4_and_truncated_before() {
    assert_eq!(short(&mut vm_of("6.4", 4096, 1), 1 << 31, 256, 1), Err(Errno::EINVAL));
    assert_eq!(short(&mut vm_of("6.4", 4096, 1), (1 << 31) - 4096, 256, 1), Ok(4096));
    assert_eq!(short(&mut vm_of("6.3", 4096, 1), 1 << 31, 256, 1), Ok(4096));
}

#[test]
fn tags_go_to_the_guest_and_back_page_by_page() {
    let mut vm = vm();
    let tags: Vec<u8> = (0..1024u32).map(|n| (n * 7 / 3) as u8 & 0xf).collect();
    assert_eq!(store(&mut vm, RAM, &tags), Ok(4 * 4096));
    assert_eq!(fetch(&mut vm, RAM, 1024), (Ok(4 * 4096), tags.clone()));
    assert_eq!(fetch(&mut vm, RAM + 4096, 256).1, tags[256..512]);
    let (_, bus, _) = vm.enter(0).unwrap();
    for granule in [0, 255, 256, 1023] {
        assert_eq!(bus.tag(RAM + 16 * granule), Ok(Tag::truncate(tags[granule as usize])));
    }
    bus.set_tag(RAM + 16 * 300, Tag::truncate(tags[300] ^ 1)).unwrap();
    vm.leave(0);
    assert_eq!(fetch(&mut vm, RAM, 1024).1[300], tags[300] ^ 1);
}

#[test]
fn a_hole_ends_the_copy_and_its_error_is_lost_behind_a_count() {
    let mut vm = vm();
    assert_eq!(fetch(&mut vm, RAM + 3 * 4096, 512).0, Ok(4096));
    let (result, buffer) = fetch(&mut vm, RAM + 3 * 4096, 512);
    assert_eq!(result, Ok(4096));
    assert!(buffer[..256].iter().all(|tag| *tag == 0) && buffer[256..].iter().all(|tag| *tag == 0xee));
    assert_eq!(fetch(&mut vm, RAM + 4 * 4096, 256).0, Err(Errno::EFAULT));
    assert_eq!(store(&mut vm, RAM - 4096, &[1; 512]), Err(Errno::EFAULT));
    assert_eq!(fetch(&mut vm, RAM, 256).1, [0; 256]);
    assert_eq!(store(&mut vm, 0, &[]), Ok(0));
}

#[test]
fn protections_decide_page_by_page() {
    let mut vm = vm();
    vm.add_memory(RAM + 4 * 4096, 4096, Backing::Anonymous, Access::ReadOnlySlot).unwrap();
    vm.add_memory(RAM + 5 * 4096, 4096, Backing::Anonymous, Access::NoMapping).unwrap();
    assert_eq!(store(&mut vm, RAM + 3 * 4096, &[1; 512]), Ok(4096));
    assert_eq!(store(&mut vm, RAM + 4 * 4096, &[1; 256]), Err(Errno::EFAULT));
    assert_eq!(fetch(&mut vm, RAM + 3 * 4096, 768).0, Ok(2 * 4096));
    assert_eq!(fetch(&mut vm, RAM + 5 * 4096, 256).0, Err(Errno::EFAULT));
}

#[test]
fn a_buffer_that_ends_early_stops_the_copy_in_its_page() {
    let mut vm = vm();
    store(&mut vm, RAM, &[6; 1024]).unwrap();
    assert_eq!(short(&mut vm, 2 * 4096, 256 + 128, CopyTags::FROM_GUEST), Ok(4096));
    assert_eq!(short(&mut vm, 4096, 255, CopyTags::FROM_GUEST), Err(Errno::EFAULT));
    assert_eq!(short(&mut vm, 4096, 0, CopyTags::TO_GUEST), Err(Errno::EFAULT));
}

#[test]
fn a_store_whose_buffer_ends_early_clears_the_page_since_6_2() {
    for (release, left) in [("6.1", 6), ("6.2", 0)] {
        let mut vm = vm_of(release, 4096, 2);
        store(&mut vm, RAM, &[6; 512]).unwrap();
        // The first page is stored from zeros; the second ends in its middle.
        assert_eq!(short(&mut vm, 2 * 4096, 256 + 128, CopyTags::TO_GUEST), Ok(4096));
        let (_, tags) = fetch(&mut vm, RAM, 512);
        assert_eq!(tags[..384], [0; 384], "{release}");
        assert_eq!(tags[384..], [left; 128], "{release}");
    }
}

#[test]
fn a_failed_store_to_a_page_never_tagged_shows_nothing() {
    for release in ["6.1", "6.2"] {
        let mut vm = vm_of(release, 4096, 1);
        let mut tags = vec![5; 100];
        let buffer = TagBuffer::Bytes(&mut tags);
        let call = CopyTags { ipa: RAM, length: 4096, buffer, flags: CopyTags::TO_GUEST, reserved: [0; 2] };
        assert_eq!(vm.copy_tags(call), Err(Errno::EFAULT));
        assert_eq!(fetch(&mut vm, RAM, 256).1, [0; 256], "{release}");
        assert_eq!(vm.enter(0).unwrap().1.tag(RAM), Ok(Tag::truncate(0)), "{release}");
    }
}

#[test]
fn only_the_lower_four_bits_of_a_byte_are_stored() {
    let mut vm = vm();
    let bytes: Vec<u8> = (0..=255).collect();
    store(&mut vm, RAM, &bytes).unwrap();
    assert!(fetch(&mut vm, RAM, 256).1.iter().enumerate().all(|(n, tag)| usize::from(*tag) == n & 0xf));
}

#[test]
fn storing_is_busy_while_any_slot_is_logged_since_6_11() {
    for (release, result) in
        [("6.1", Ok(4096)), ("6.10", Ok(4096)), ("6.11", Err(Errno::EBUSY)), ("7.2", Err(Errno::EBUSY))]
    {
        let mut vm = vm_of(release, 4096, 1);
        vm.add_memory(RAM + 0x10_0000, 4096, Backing::Anonymous, Access::ReadWrite).unwrap();
        vm.log_dirty(RAM + 0x10_0000, true).unwrap();
        assert_eq!(store(&mut vm, RAM, &[1; 256]), result, "{release}");
        assert_eq!(store(&mut vm, RAM, &[]), result.map(|_| 0), "{release}, length 0");
        assert_eq!(fetch(&mut vm, RAM, 256).0, Ok(4096), "{release}");
        // Where it is stored, it is not in the log.
        assert_eq!(vm.take_dirty(RAM + 0x10_0000), Ok(vec![]));
        vm.log_dirty(RAM + 0x10_0000, false).unwrap();
        assert_eq!(store(&mut vm, RAM, &[1; 256]), Ok(4096), "{release}");
    }
}

#[test]
fn arguments_are_checked_before_logging() {
    let mut vm = vm_of("6.12", 4096, 1);
    vm.log_dirty(RAM, true).unwrap();
    let call = CopyTags { ipa: RAM, length: 8, buffer: TagBuffer::EndsAfter(0), flags: 0, reserved: [0; 2] };
    assert_eq!(vm.copy_tags(call), Err(Errno::EINVAL));
    assert_eq!(vm.host().release, Release::new(6, 12, Release::NEWEST));
}
