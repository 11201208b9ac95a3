//! Chapter: guest memory that becomes a regular file's, under a slot that stays. A VM with MTE may not have such memory, and
//! KVM asks again when the guest touches it.

use super::calls::{granules, refused};
use super::life::apply_page_event;
use case::address::{arena, tagged};
use case::expect::{equal_hex, no_fault, tags};
use case::tagging::guest_tags;
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Backing, Block, Errno, PageEvent};

const LATER: &str = "arch/arm64/kvm/mmu.c, user_mem_abort(): Check the VMM hasn't introduced a new disallowed VMA; \
                     Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE: all memory in memslots";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.replaced.shared-file",
        "a guest that touches memory which became a shared mapping of a regular file stops: KVM_RUN returns EFAULT",
        LATER,
        |b| file_later(b, true),
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::DiskFile]),
    Case::new(
        "kvm.replaced.private-file",
        "a guest that touches memory which became a private mapping of a regular file stops with EFAULT from Linux 6.2 on",
        LATER,
        |b| file_later(b, false),
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::DiskFile]),
    Case::new(
        "kvm.replaced.file-tags",
        "tags of memory that became a regular file's are fetched as 0 and can be stored: the ioctl asks for the slot alone",
        "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(); no document says so",
        file_tags_later,
    )
    .needing(&[Need::Capability(Capability::PageEvents), Need::DiskFile]),
];

fn file_later(cx: &mut CaseContext<'_>, shared: bool) -> CaseResult {
    let mut guest = cx.guest()?;
    let page = cx.target().page_size;
    guest_tags(&mut guest, 0, &[5])?;
    guest_tags(&mut guest, page, &[6])?;
    apply_page_event(&mut guest, 0, page, &[PageEvent::ReplaceByFile { shared }])?;
    let trace = guest.exec("ldg x1, [x0]", &[tagged(page, 0)])?;
    no_fault(&guest, "LDG of the next page, which is as it was", &trace)?;
    equal_hex("its tag", 6, trace.x[1] >> 56 & 0xf)?;
    let text = "ldg x1, [x0]; stg x0, [x0]; ldr x2, [x0]";
    if !shared && !cx.target().contract().refuses(Backing::PrivateFile) {
        let trace = guest.exec(text, &[tagged(0, 7)])?;
        no_fault(&guest, text, &trace)?;
        return equal_hex("the first tag that it finds there", 0, trace.x[1] >> 56 & 0xf);
    }
    let ran = guest.machine().start(0, &Block::assemble(text)?.x(0, tagged(0, 7)));
    refused(&format!("KVM_RUN of `{text}`"), Errno::EFAULT, ran)
}

fn file_tags_later(cx: &mut CaseContext<'_>) -> CaseResult {
    for shared in [true, false] {
        let mut guest = cx.guest()?;
        let page = cx.target().page_size;
        let each = granules(page);
        guest.store_tags(arena(0), &vec![5; each])?;
        apply_page_event(&mut guest, 0, page, &[PageEvent::ReplaceByFile { shared }])?;
        let what = format!("tags of a file, shared {shared}");
        tags(&what, arena(0), &vec![0; each], &guest.fetch_tags(arena(0), each)?)?;
        let wanted = cx.random_tags(each);
        guest.store_tags(arena(0), &wanted)?;
        tags(&format!("{what}, that were stored"), arena(0), &wanted, &guest.fetch_tags(arena(0), each)?)?;
    }
    Ok(())
}
