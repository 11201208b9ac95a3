//! The walk over a range, against a scripted kernel.

use std::vec::Vec;

use super::*;
use crate::fake::FakeVm;

const PAGE: u64 = 4096;

type Answer = Result<u64, Errno>;

/// Copies a range with a kernel that gives these answers, and returns the calls that it saw: address and length.
fn run(page: u64, ipa: u64, length: u64, answers: &[Answer]) -> (Result<Copied, TagError>, Vec<(u64, u64)>) {
    let mut calls = Vec::new();
    let mut answers = answers.iter();
    let result = walk(page, ipa, length, |at, asked| {
        calls.push((at, asked));
        *answers.next().expect("no further call")
    });
    assert!(answers.next().is_none(), "fewer calls than expected");
    (result, calls)
}

#[test]
fn a_full_count_is_complete_after_one_call() {
    let (result, calls) = run(PAGE, 0x1000, 2 * PAGE, &[Ok(2 * PAGE)]);
    assert_eq!(result, Ok(Copied::Complete));
    assert_eq!(calls, [(0x1000, 2 * PAGE)]);
}

#[test]
fn after_a_short_count_the_cause_is_learnt_where_the_kernel_stopped() {
    let (result, calls) = run(PAGE, 0, 4 * PAGE, &[Ok(3 * PAGE), Err(Errno::EFAULT)]);
    assert_eq!(result, Ok(Copied::Stopped { at: 3 * PAGE, cause: Errno::EFAULT }));
    assert_eq!(calls, [(0, 4 * PAGE), (3 * PAGE, PAGE)]);
}

#[test]
fn a_passing_cause_does_not_end_the_copy() {
    let (result, calls) = run(PAGE, 0, 4 * PAGE, &[Ok(PAGE), Ok(PAGE), Ok(2 * PAGE)]);
    assert_eq!(result, Ok(Copied::Complete));
    assert_eq!(calls, [(0, 4 * PAGE), (PAGE, 3 * PAGE), (2 * PAGE, 2 * PAGE)]);
}

#[test]
fn an_error_on_the_first_page_stops_there() {
    let (result, _) = run(PAGE, PAGE, PAGE, &[Err(Errno::EBUSY)]);
    assert_eq!(result, Ok(Copied::Stopped { at: PAGE, cause: Errno::EBUSY }));
}

#[test]
fn ranges_above_int_max_are_split_at_a_page() {
    for (page, limit) in [(PAGE, 0x7fff_f000), (0x4000, 0x7fff_c000), (0x1_0000, 0x7fff_0000)] {
        let (result, calls) = run(page, 0, limit + page, &[Ok(limit), Ok(page)]);
        assert_eq!(result, Ok(Copied::Complete));
        assert_eq!(calls, [(0, limit), (limit, page)]);
    }
}

#[test]
fn absurd_counts_are_errors_and_do_not_loop() {
    for covered in [0, 1, PAGE + 1, 3 * PAGE, u64::MAX] {
        let (result, calls) = run(PAGE, 0, 2 * PAGE, &[Ok(covered)]);
        assert_eq!(result, Err(TagError::BadCount { ipa: 0, asked: 2 * PAGE, covered }));
        assert_eq!(calls.len(), 1);
    }
}

#[test]
fn nothing_to_copy_is_complete_without_a_call() {
    assert_eq!(run(PAGE, 0, 0, &[]).0, Ok(Copied::Complete));
}

#[test]
fn what_the_kernel_would_refuse_never_reaches_it() {
    let vm = FakeVm::<256>::new(0);
    let mut tags = [0; 256];
    assert_eq!(fetch(&vm, 0x10, &mut tags), Err(TagError::UnalignedAddress { ipa: 0x10, unit: PAGE }));
    assert_eq!(store(&vm, 0, &tags[1..]), Err(TagError::UnalignedLength { length: PAGE - 16, page: PAGE }));
    let end = !0 << 12;
    assert_eq!(fetch(&vm, end, &mut [0; 512]), Err(TagError::Overflow { ipa: end, length: 2 * PAGE }));
    tags[255] = 16;
    assert_eq!(store(&vm, 0, &tags), Err(TagError::BadTag { ipa: 0xff0, value: 16 }));
    assert_eq!(vm.calls(), 0);
}

#[test]
fn only_the_page_sizes_of_arm64_are_believed() {
    for page in [0, 1, 512, 4097, 0x2000, 0x2_0000] {
        let vm = FakeVm::<256>::with_page_size(0, page);
        assert_eq!(fetch(&vm, 0, &mut [0; 256]), Err(TagError::BadPageSize { page }));
        assert_eq!(store(&vm, 0, &[0; 256]), Err(TagError::BadPageSize { page }));
        assert_eq!(vm.calls(), 0);
    }
}

#[test]
fn a_stop_leaves_the_rest_of_the_slice() {
    let vm = FakeVm::<768>::new(0);
    vm.set_tag(0, 3);
    vm.unmap(0x1000);
    let mut tags = [0xee; 768];
    assert_eq!(fetch(&vm, 0, &mut tags), Ok(Copied::Stopped { at: 0x1000, cause: Errno::EFAULT }));
    assert_eq!((tags[0], tags[255], tags[256], tags[767]), (3, 0, 0xee, 0xee));
}
