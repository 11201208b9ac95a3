//! Kernels that hang.

use machine::{Hazard, HazardOutcome};
use model_base::{defect::Injected, defects};

defects! {
    WAITS_FOR_ITSELF "hazard.buffer-faults-under-the-lock-of-its-page"
        "a store whose buffer lies in the page that it tags waits for a lock that it holds";
    TOUCH_WAITS "hazard.touch-waits-for-the-buffer"
        "whoever touches a page that is being tagged waits in the kernel until the buffer of that store is there";
    PROTECT_WAITS "hazard.mprotect-waits-for-the-buffer"
        "mprotect(PROT_MTE) waits for a store whose buffer needs the address space that mprotect has locked";
}

/// What an attempt waits for somebody to come back, where it would.
const MILLIS: u64 = 2000;

/// Returns what a kernel with this defect lets an attempt come to, if it is another outcome than a right kernel's.
pub fn wrong_outcome(injected: Injected, hazard: Hazard) -> Option<HazardOutcome> {
    let defect = match hazard {
        Hazard::BufferInThePage => &WAITS_FOR_ITSELF,
        Hazard::TouchedMeanwhile => &TOUCH_WAITS,
        Hazard::ProtectedMeanwhile => &PROTECT_WAITS,
    };
    injected.is(defect).then_some(HazardOutcome::Hangs { millis: MILLIS, dies: false })
}
