//! Chapter: KVM_ARM_MTE_COPY_TAGS call by call, without a guest.
//!
//! The question of 2021 was what a VMM learns when a copy stops half-way. Each case says what is
//! returned, and that nothing else changed.

use super::calls::{BASE, fetch, granules, handed, peek, returns, store, succeeds, vm};
use case::expect::{fail_with, holds, tags};
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::tags::{self as transport, Copied};
use machine::{Access, Backing, CopyTags, Errno, TagBuffer};

const COPY: &str = "Documentation/virt/kvm/api.rst 4.130 KVM_ARM_MTE_COPY_TAGS";
const COPY_SOURCE: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.ioctl.unaligned-address",
        "guest_ipa that is not a multiple of the host's page size is refused with EINVAL",
        COPY,
        |b| refused(b, "guest_ipa", |call, page| call.ipa += page / 2),
    ),
    Case::new(
        "kvm.ioctl.unaligned-length",
        "a length that is not a multiple of the host's page size is refused with EINVAL",
        COPY,
        |b| refused(b, "length", |call, page| call.length -= page / 2),
    ),
    Case::new(
        "kvm.ioctl.unknown-flags",
        "flags other than the two directions are refused with EINVAL",
        COPY_SOURCE,
        |b| {
            refused(b, "flags 2", |call, _| call.flags = 2)?;
            refused(b, "flags 1 << 63", |call, _| call.flags = 1 << 63)
        },
    ),
    Case::new("kvm.ioctl.reserved-fields", "a reserved field that is not 0 is refused with EINVAL", COPY, |b| {
        refused(b, "reserved[0]", |call, _| call.reserved[0] = 1)?;
        refused(b, "reserved[1]", |call, _| call.reserved[1] = 1 << 63)
    }),
    Case::new(
        "kvm.ioctl.length-zero",
        "a length of 0 returns 0 and touches nothing, even where there is no memory",
        COPY_SOURCE,
        length_zero,
    ),
    Case::new(
        "kvm.ioctl.length-beyond-int-max",
        "a length above INT_MAX is refused with EINVAL (since Linux 6.4; before, it is copied as far as memory goes)",
        COPY_SOURCE,
        beyond_int_max,
    ),
    Case::new(
        "kvm.ioctl.full-count",
        "a complete copy returns the bytes of guest memory covered, not the number of tags",
        COPY,
        full_count,
    ),
    Case::new(
        "kvm.ioctl.partial-count",
        "a copy that stops at a hole after k pages returns the k pages' bytes, fetching and storing",
        COPY,
        partial_count,
    ),
    Case::new(
        "kvm.ioctl.hole-first",
        "a copy whose first page is a hole returns EFAULT and changes nothing",
        COPY,
        hole_first,
    ),
    Case::new(
        "kvm.ioctl.transport-names-the-hole",
        "granule's own transport turns a short count into the address and the cause",
        COPY,
        transport_names_hole,
    ),
    Case::new(
        "kvm.ioctl.read-only-slot",
        "tags of a read-only slot are fetched, but storing them returns EFAULT",
        COPY_SOURCE,
        read_only_slot,
    ),
    Case::new(
        "kvm.ioctl.no-mapping",
        "a slot whose mapping is PROT_NONE returns EFAULT both ways",
        COPY_SOURCE,
        no_mapping,
    ),
    Case::new(
        "kvm.ioctl.buffer-ends-early",
        "a tag buffer that ends within the second page returns the first page's bytes when fetching",
        COPY_SOURCE,
        buffer_ends_early,
    ),
    Case::new(
        "kvm.ioctl.buffer-unmapped",
        "a tag buffer that is not mapped returns EFAULT",
        COPY_SOURCE,
        buffer_unmapped,
    ),
    Case::new(
        "kvm.ioctl.high-bits-ignored",
        "the upper four bits of a tag byte are ignored when storing",
        COPY_SOURCE,
        high_bits,
    ),
    Case::new(
        "kvm.ioctl.dirty-logging",
        "while any slot logs dirty pages storing tags returns EBUSY (since Linux 6.11) and fetching works",
        COPY_SOURCE,
        dirty_logging,
    )
    .needing(&[Need::Capability(Capability::DirtyLog), Need::TagsWhileLogging]),
    Case::new(
        "kvm.ioctl.vm-without-mte",
        "in a VM without the capability the ioctl returns EINVAL",
        COPY,
        vm_without_mte,
    ),
    Case::new(
        "kvm.ioctl.vms-are-separate",
        "tags stored to one VM do not show in another at the same address",
        COPY,
        separate_vms,
    ),
];

/// Arguments that a case spoils.
struct Arguments {
    ipa: u64,
    length: u64,
    flags: u64,
    reserved: [u64; 2],
}

/// Expects EINVAL in both directions for a call that is right but for one argument, and no change.
fn refused(cx: &mut CaseContext<'_>, what: &str, spoil: fn(&mut Arguments, u64)) -> CaseResult {
    let vm = vm(cx, 4)?;
    let page = vm.page_size();
    let mut before = vec![7; granules(4 * page)];
    returns("a store to begin with", Ok(4 * page), store(&*vm, BASE, 4 * page, &mut before))?;
    for flags in [CopyTags::TO_GUEST, CopyTags::FROM_GUEST] {
        let mut call = Arguments { ipa: BASE, length: 2 * page, flags, reserved: [0; 2] };
        spoil(&mut call, page);
        let mut buffer = vec![3; granules(4 * page)];
        let result = vm.copy_tags(CopyTags {
            ipa: call.ipa,
            length: call.length,
            buffer: TagBuffer::Bytes(&mut buffer),
            flags: call.flags,
            reserved: call.reserved,
        });
        returns(&format!("a call with wrong {what}"), Err(Errno::EINVAL), result)?;
        holds("the tag buffer of a refused call", "unchanged", "changed", buffer.iter().all(|tag| *tag == 3))?;
    }
    tags("tags after refused calls", BASE, &before, &peek(&*vm, BASE, 4)?)
}

fn length_zero(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    for ipa in [BASE, 0, BASE + 64 * vm.page_size()] {
        for (what, result) in [("a fetch", fetch(&*vm, ipa, 0, &mut [])), ("a store", store(&*vm, ipa, 0, &mut []))] {
            returns(&format!("{what} of length 0 at {ipa:#x}"), Ok(0), result)?;
        }
    }
    Ok(())
}

fn beyond_int_max(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    let page = vm.page_size();
    let expected = if cx.target().kernel_version() < (6, 4) { Ok(page) } else { Err(Errno::EINVAL) };
    let limit = i32::MAX as u64 + 1;
    for length in [limit, limit + page, 1 << 32, 1 << 63] {
        let call = CopyTags {
            ipa: BASE,
            length,
            buffer: TagBuffer::EndsAfter(page as usize),
            flags: CopyTags::FROM_GUEST,
            reserved: [0; 2],
        };
        returns(&format!("a fetch of {length:#x} bytes"), expected, vm.copy_tags(call))?;
    }
    // The last page below the limit is accepted, and stops where memory ends.
    let call = CopyTags {
        ipa: BASE,
        length: limit - page,
        buffer: TagBuffer::EndsAfter(page as usize),
        flags: CopyTags::FROM_GUEST,
        reserved: [0; 2],
    };
    returns("a fetch right below INT_MAX", Ok(page), vm.copy_tags(call))
}

fn full_count(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 4)?;
    for pages in 1..=4 {
        let length = pages * vm.page_size();
        let mut buffer = vec![pages as u8; granules(length)];
        returns(&format!("a store of {pages} pages"), Ok(length), store(&*vm, BASE, length, &mut buffer))?;
        let mut found = vec![0xee; buffer.len()];
        returns(&format!("a fetch of {pages} pages"), Ok(length), fetch(&*vm, BASE, length, &mut found))?;
        tags(&format!("tags of {pages} pages"), BASE, &buffer, &found)?;
    }
    Ok(())
}

fn partial_count(cx: &mut CaseContext<'_>) -> CaseResult {
    for pages in 1..=3 {
        let vm = vm(cx, pages)?;
        let page = vm.page_size();
        let asked = (pages + 2) * page;
        let mut wanted = cx.random_tags(granules(asked));
        returns(
            &format!("a store over {pages} pages and a hole"),
            Ok(pages * page),
            store(&*vm, BASE, asked, &mut wanted),
        )?;
        let mut found = vec![0xee; granules(asked)];
        returns(
            &format!("a fetch over {pages} pages and a hole"),
            Ok(pages * page),
            fetch(&*vm, BASE, asked, &mut found),
        )?;
        let covered = granules(pages * page);
        tags("the part before the hole", BASE, &wanted[..covered], &found[..covered])?;
        let rest = found[covered..].iter().all(|tag| *tag == 0xee);
        holds("the buffer behind the part that was covered", "unchanged", "changed", rest)?;
    }
    Ok(())
}

fn hole_first(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 2)?;
    let page = vm.page_size();
    let mut before = vec![5; granules(2 * page)];
    returns("a store to begin with", Ok(2 * page), store(&*vm, BASE, 2 * page, &mut before))?;
    let mut buffer = vec![9; granules(3 * page)];
    let hole = BASE - page;
    returns("a fetch that begins in a hole", Err(Errno::EFAULT), fetch(&*vm, hole, 3 * page, &mut buffer))?;
    holds("the buffer of a failed fetch", "unchanged", "changed", buffer.iter().all(|tag| *tag == 9))?;
    returns("a store that begins in a hole", Err(Errno::EFAULT), store(&*vm, hole, 3 * page, &mut buffer))?;
    tags("tags behind the hole", BASE, &before, &peek(&*vm, BASE, 2)?)
}

fn transport_names_hole(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 3)?;
    let page = vm.page_size();
    let expected = Copied::Stopped { at: BASE + 3 * page, cause: Errno::EFAULT };
    let mut buffer = vec![1; granules(5 * page)];
    for (what, found) in [
        ("a store", transport::store(&*vm, BASE, &buffer.clone())?),
        ("a fetch", transport::fetch(&*vm, BASE, &mut buffer)?),
    ] {
        if found != expected {
            return fail_with(
                format!("{what} over three pages and a hole"),
                format!("{expected:?}"),
                format!("{found:?}"),
                Vec::new(),
            );
        }
    }
    Ok(())
}

fn read_only_slot(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let page = vm.page_size();
    let ipa = BASE + 16 * page;
    succeeds("a read-only slot", vm.add_memory(ipa, page, Backing::Anonymous, Access::ReadOnlySlot))?;
    let mut buffer = vec![0xee; granules(page)];
    returns("a fetch from a read-only slot", Ok(page), fetch(&*vm, ipa, page, &mut buffer))?;
    tags("tags of a read-only slot", ipa, &vec![0; granules(page)], &buffer)?;
    let mut buffer = vec![4; granules(page)];
    returns("a store to a read-only slot", Err(Errno::EFAULT), store(&*vm, ipa, page, &mut buffer))?;
    tags("tags after a refused store", ipa, &vec![0; granules(page)], &peek(&*vm, ipa, 1)?)
}

fn no_mapping(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let page = vm.page_size();
    // Right behind the first slot, so that a copy runs into it.
    succeeds("a slot without access", vm.add_memory(BASE + page, page, Backing::Anonymous, Access::NoMapping))?;
    let mut buffer = vec![2; granules(2 * page)];
    returns("a fetch from PROT_NONE", Err(Errno::EFAULT), fetch(&*vm, BASE + page, page, &mut buffer))?;
    returns("a store to PROT_NONE", Err(Errno::EFAULT), store(&*vm, BASE + page, page, &mut buffer))?;
    returns("a store that runs into PROT_NONE", Ok(page), store(&*vm, BASE, 2 * page, &mut buffer))?;
    tags("the page before it", BASE, &vec![2; granules(page)], &peek(&*vm, BASE, 1)?)
}

fn buffer_ends_early(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 2)?;
    let page = vm.page_size();
    let mut wanted = vec![6; granules(2 * page)];
    returns("a store to begin with", Ok(2 * page), store(&*vm, BASE, 2 * page, &mut wanted))?;
    let buffer = TagBuffer::EndsAfter(granules(page) + granules(page) / 2);
    let call = CopyTags { ipa: BASE, length: 2 * page, buffer, flags: CopyTags::FROM_GUEST, reserved: [0; 2] };
    returns("a fetch into one and a half pages' worth of buffer", Ok(page), vm.copy_tags(call))?;
    tags("tags after the fetch", BASE, &wanted, &peek(&*vm, BASE, 2)?)
}

fn buffer_unmapped(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    let page = vm.page_size();
    for flags in [CopyTags::TO_GUEST, CopyTags::FROM_GUEST] {
        let call = CopyTags { ipa: BASE, length: page, buffer: TagBuffer::EndsAfter(0), flags, reserved: [0; 2] };
        returns(&format!("a call with flags {flags} and no buffer"), Err(Errno::EFAULT), vm.copy_tags(call))?;
    }
    Ok(())
}

fn high_bits(cx: &mut CaseContext<'_>) -> CaseResult {
    let vm = vm(cx, 1)?;
    let page = vm.page_size();
    let mut buffer: Vec<u8> = (0..granules(page)).map(|i| i as u8).collect();
    let expected: Vec<u8> = buffer.iter().map(|byte| byte & 0xf).collect();
    returns("a store of bytes above 15", Ok(page), store(&*vm, BASE, page, &mut buffer))?;
    tags("tags stored from bytes above 15", BASE, &expected, &peek(&*vm, BASE, 1)?)
}

fn dirty_logging(cx: &mut CaseContext<'_>) -> CaseResult {
    let kernel = cx.target().kernel_version();
    let mut vm = vm(cx, 1)?;
    let page = vm.page_size();
    let other = BASE + 64 * page;
    succeeds("a second slot", vm.add_memory(other, page, Backing::Anonymous, Access::ReadWrite))?;
    let mut buffer = vec![8; granules(page)];
    returns("a store to begin with", Ok(page), store(&*vm, BASE, page, &mut buffer))?;
    succeeds(
        "logging dirty pages of the second slot",
        handed(Capability::DirtyLog, vm.dirty_log())?.log_dirty(other, true),
    )?;
    let mut new = vec![9; granules(page)];
    match kernel {
        (6, 1) => {
            returns(
                "a store while another slot is logged (6.1 allows it)",
                Ok(page),
                store(&*vm, BASE, page, &mut new),
            )?;
        }
        version if version >= (6, 11) => {
            returns("a store while another slot is logged", Err(Errno::EBUSY), store(&*vm, BASE, page, &mut new))?;
            returns(
                "a store of length 0 while another slot is logged",
                Err(Errno::EBUSY),
                store(&*vm, BASE, 0, &mut []),
            )?;
            tags("tags after a refused store", BASE, &buffer, &peek(&*vm, BASE, 1)?)?;
        }
        (major, minor) => {
            let reason =
                format!("what Linux {major}.{minor} promises while dirty pages are logged is not recorded here");
            return Err(Need::TagsWhileLogging.unmet(reason).into());
        }
    }
    let mut found = vec![0; granules(page)];
    returns("a fetch while another slot is logged", Ok(page), fetch(&*vm, BASE, page, &mut found))?;
    succeeds("logging no more", handed(Capability::DirtyLog, vm.dirty_log())?.log_dirty(other, false))?;
    returns("a store once nothing is logged", Ok(page), store(&*vm, BASE, page, &mut new))?;
    tags("tags at the end", BASE, &new, &peek(&*vm, BASE, 1)?)
}

fn vm_without_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    let page = vm.page_size();
    succeeds("KVM_SET_USER_MEMORY_REGION", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
    let mut buffer = vec![3; granules(page)];
    returns("a fetch without MTE", Err(Errno::EINVAL), fetch(&*vm, BASE, page, &mut buffer))?;
    returns("a store without MTE", Err(Errno::EINVAL), store(&*vm, BASE, page, &mut buffer))
}

fn separate_vms(cx: &mut CaseContext<'_>) -> CaseResult {
    let first = vm(cx, 1)?;
    let second = vm(cx, 1)?;
    let page = first.page_size();
    let mut wanted = cx.random_tags(granules(page));
    returns("a store to the first VM", Ok(page), store(&*first, BASE, page, &mut wanted))?;
    tags("the second VM's tags", BASE, &vec![0; granules(page)], &peek(&*second, BASE, 1)?)?;
    tags("the first VM's tags", BASE, &wanted, &peek(&*first, BASE, 1)?)
}
