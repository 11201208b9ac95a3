//! What a VMM implements, and the tokens that hold the order.

use std::fmt::Display;
use std::ops::Range;

use crate::PageSet;
use crate::message::{Hello, Reason};

/// The right to run the guest. It cannot be copied, and only the machines make it: the sender has it until it makes COMMIT,
/// the receiver from COMMIT on.
#[derive(Debug)]
#[must_use = "without it, the guest runs nowhere"]
pub struct Ownership(());

impl Ownership {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// Evidence that no vCPU runs, for what must not be read from a running guest.
#[derive(Debug)]
pub struct Paused(());

impl Paused {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// A stopped guest that does not run by itself, since the other side may run it. A person who knows that it does not can
/// order it to run.
#[derive(Debug)]
#[must_use = "without it, the guest cannot be resumed"]
pub struct ByOrder(());

impl ByOrder {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Turns a person's order to resume the guest here into the right to run it.
    ///
    /// Call this only for an explicit command of a person who has seen that the other side does not run the guest: its report
    /// says so, or its machine is off. Two running copies of a guest corrupt what both use: disks and network peers.
    /// If memory was handed over, the other side must never have run the guest: its memory would be ahead of the registers here.
    pub fn ordered(self) -> Ownership {
        Ownership::new()
    }
}

/// What both sides do with a guest.
///
/// Pages are of 4 KiB and known by their number, the guest-physical address divided by [`PAGE`](crate::PAGE). Ranges that the
/// machines ask for lie within one slot and consist of whole host pages.
pub trait Guest {
    /// Why something could not be done.
    type Error: Display;

    /// Returns pages that may hold anything but zeros, or have a tag other than 0: all pages of all slots, unless the VMM can
    /// tell which were never touched, for example by /proc/self/pagemap. It consists of whole host pages.
    ///
    /// # Errors
    /// The pages cannot be found out.
    fn populated(&mut self) -> Result<PageSet, Self::Error>;

    /// Reads the data of consecutive pages.
    ///
    /// # Errors
    /// The memory cannot be read.
    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), Self::Error>;

    /// Fetches the tags of consecutive pages, one a byte (`kvm_mte::fetch`). A short count is an error, or is continued.
    ///
    /// # Errors
    /// The kernel does not return all of them.
    fn fetch_tags(&mut self, first: u64, tags: &mut [u8]) -> Result<(), Self::Error>;

    /// Returns the state of the VM that belongs to no vCPU, for example the interrupt controller's. It may be empty.
    /// The bytes are opaque here. Called again, it returns the same bytes: what changes by itself, such as a counter, is left
    /// out or stored as a value that does not change.
    ///
    /// # Errors
    /// The state cannot be read.
    fn vm_state(&mut self, paused: &Paused) -> Result<Vec<u8>, Self::Error>;

    /// Returns the state of a vCPU: its registers with GCR_EL1, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1, events, MP state. Like
    /// [`vm_state`](Self::vm_state), it returns the same bytes when it is called again.
    ///
    /// # Errors
    /// The state cannot be read.
    fn vcpu(&mut self, paused: &Paused, index: u32) -> Result<Vec<u8>, Self::Error>;

    /// Lets the guest run. This is the only call that does.
    ///
    /// # Errors
    /// The guest does not run. It must be certain that no vCPU executed an instruction: the other side resumes it then.
    fn resume(&mut self, ownership: Ownership) -> Result<(), Self::Error>;
}

/// The guest that is migrated.
pub trait Source: Guest {
    /// Turns dirty logging on in all slots. From now on a change of data or tags of a page is in the log.
    ///
    /// # Errors
    /// The kernel refuses.
    fn start_logging(&mut self) -> Result<(), Self::Error>;

    /// Turns dirty logging off in all slots. Called when the guest stays here.
    ///
    /// # Errors
    /// The kernel refuses.
    fn stop_logging(&mut self) -> Result<(), Self::Error>;

    /// Returns the pages dirtied since the last call, in whole host pages, and clears the log. Log, or ring, must be cleared
    /// and its pages protected again **before** this returns, since the machine reads the pages after it: a page dirtied after
    /// that is in the next set (api.rst, KVM_GET_DIRTY_LOG; KVM_RESET_DIRTY_RINGS "must be called *before* reading"). What the
    /// VMM itself stores into guest memory is not in the kernel's log: add it.
    ///
    /// # Errors
    /// The log cannot be read.
    fn take_dirty(&mut self) -> Result<PageSet, Self::Error>;

    /// Stops all vCPUs and devices and completes pending MMIO: returns when nothing can change memory, tags or registers any
    /// more. State that the kernel stores into guest memory, such as the tables of the ITS, is there, and so is its page in the
    /// dirty log. With a dirty ring, all entries are in the ring then.
    ///
    /// # Errors
    /// A vCPU cannot be stopped; all run on.
    fn pause(&mut self) -> Result<(), Self::Error>;
}

/// The VM that takes the guest over.
pub trait Target: Guest {
    /// Checks that a guest like this can run here, and makes the VM: no vCPU runs, memory holds zeros, tags are 0, and no slot
    /// logs dirty pages, since storing tags fails with EBUSY otherwise. With [`Mode::HandOver`](crate::message::Mode::HandOver)
    /// memory is the source's own.
    ///
    /// # Errors
    /// The guest cannot run here; the reason goes to the sender. It names the field of the identity that differs.
    fn prepare(&mut self, hello: &Hello) -> Result<(), Reason>;

    /// Writes data to consecutive pages. It may keep their tags or make them 0: the machine stores tags after it.
    ///
    /// # Errors
    /// The memory cannot be written.
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), Self::Error>;

    /// Makes pages read as zeros, for example by discarding their memory where they are whole host pages.
    /// It may keep their tags or make them 0.
    ///
    /// # Errors
    /// The memory cannot be written.
    fn clear(&mut self, pages: Range<u64>) -> Result<(), Self::Error>;

    /// Stores the tags of consecutive pages, one a byte (`kvm_mte::store`). A short count is an error, or is continued.
    ///
    /// # Errors
    /// The kernel does not store all of them: EBUSY, if a slot logs dirty pages.
    fn store_tags(&mut self, first: u64, tags: &[u8]) -> Result<(), Self::Error>;

    /// Sets the state of the VM that belongs to no vCPU.
    ///
    /// # Errors
    /// The bytes are not such a state, or the kernel refuses it.
    fn set_vm_state(&mut self, paused: &Paused, state: &[u8]) -> Result<(), Self::Error>;

    /// Sets the state of a vCPU.
    ///
    /// # Errors
    /// The bytes are not such a state, or the kernel refuses it.
    fn set_vcpu(&mut self, paused: &Paused, index: u32, state: &[u8]) -> Result<(), Self::Error>;

    /// Destroys the VM: the guest does not run here.
    fn discard(&mut self);
}
