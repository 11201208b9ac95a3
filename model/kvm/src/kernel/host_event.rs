//! What happens to the host as a whole while a VM is there. None of it may show in a guest.

/// An event of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostEvent {
    /// Each CPU but one goes offline and comes online again, one after the other, so that the process runs on others.
    CycleCpus,
    /// The host is suspended to idle, and its real-time clock wakes it.
    SuspendToIdle,
    /// The host does all of a hibernation but the image: devices, CPUs and what is left of the host go down and come up again (pm_test
    /// of Documentation/power/basic-pm-debugging.rst, level core).
    TestSuspend,
    /// All memory goes to swap as an image and comes back from there into the running host (test_resume of the same document).
    Hibernate,
    /// All that is in swap comes back to memory, and swap is on again: swapoff and swapon.
    EmptySwap,
    /// What goes to swap from now on is compressed and stays in memory: zswap. `false` ends that.
    CompressSwap(bool),
}
