//! What happens to the host as a whole while a VM is there. None of it may show in a guest.

/// An event of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostEvent {
    /// Each CPU but one goes offline and comes online again, one after the other, so that the process runs on others.
    CycleCpus,
    /// The host is suspended to idle, and its real-time clock wakes it.
    SuspendToIdle,
    /// All that is in swap comes back to memory, and swap is on again: swapoff and swapon.
    EmptySwap,
    /// What goes to swap from now on is compressed and stays in memory: zswap. `false` ends that.
    CompressSwap(bool),
}
