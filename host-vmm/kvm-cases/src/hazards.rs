//! Chapter: stores of tags that a wrong kernel never comes back from.
//!
//! A store keeps the page that it tags locked while it reads the tag buffer, which may fault; whoever waits for that lock spins
//! in the kernel (arch/arm64/include/asm/mte.h, try_page_mte_tagging()). These cases run only where a kernel may be lost.

use super::calls::{handed, returns};
use case::expect::fail_by;
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::{Hazard, HazardOutcome};
use report::failure::Mismatch;

const SOURCE: &str = "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(): try_page_mte_tagging() before \
                      mte_copy_tags_from_user(); arch/arm64/kernel/mte.c, mte_sync_tags()";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.hazard.touched-meanwhile",
        "a thread that touches a page being tagged comes back although the tag buffer is not there yet",
        SOURCE,
        |b| comes_back(b, Hazard::TouchedMeanwhile),
    )
    .needing(&[Need::Capability(Capability::Hazards), Need::Hazards, Need::Userfaultfd, Need::IntactKernel]),
    Case::new(
        "kvm.hazard.protected-meanwhile",
        "mprotect(PROT_MTE) of a page being tagged comes back although the tag buffer is not there yet",
        SOURCE,
        |b| comes_back(b, Hazard::ProtectedMeanwhile),
    )
    .needing(&[Need::Capability(Capability::Hazards), Need::Hazards, Need::Userfaultfd, Need::IntactKernel]),
    // The last, since there is no way out of it.
    Case::new(
        "kvm.hazard.buffer-in-the-page",
        "storing tags to a new page from a buffer in that page, mapped once more with PROT_MTE, comes back",
        SOURCE,
        |b| comes_back(b, Hazard::BufferInThePage),
    )
    .needing(&[Need::Capability(Capability::Hazards), Need::Hazards, Need::Userfaultfd, Need::IntactKernel]),
];

fn comes_back(cx: &mut CaseContext<'_>, hazard: Hazard) -> CaseResult {
    let mut vm = cx.bare()?;
    match handed(Capability::Hazards, vm.hazards())?.attempt(hazard)? {
        HazardOutcome::Returned(result) => returns("the store", Ok(vm.page_size()), result),
        HazardOutcome::Waited => fail_by(
            "the thread that was at the page, too",
            "it comes back before the tag buffer is served",
            "it kept a CPU busy in the kernel until the VMM served the buffer",
            Vec::new(),
            Mismatch::Blocked,
        ),
        HazardOutcome::Hangs { millis, dies } => {
            let killed = if dies { "SIGKILL ends it" } else { "SIGKILL does not end it" };
            let found = format!("a thread is stuck in the kernel after {millis} ms, and {killed}");
            let what = "the store, or whoever else was at the page";
            fail_by(what, "they come back", found, Vec::new(), Mismatch::Blocked)
        }
    }
}
