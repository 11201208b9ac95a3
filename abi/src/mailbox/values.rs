//! The enumerations of the mailbox: kinds of requests, outcomes, mappings, system registers.
//!
//! Records hold their numbers, because the other side may write any number. `from_number` accepts only the numbers of
//! variants; zerocopy derives the check from the enum itself.

use zerocopy::TryFromBytes;

/// The kind of a request, the value of [`Control::kind`](super::Control::kind).
///
/// ```
/// use abi::mailbox::Request;
/// assert_eq!(Request::from_number(1), Some(Request::Run));
/// assert_eq!(Request::from_number(6), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes)]
#[repr(u32)]
pub enum Request {
    /// Run the block in [`Mailbox::block`](super::Mailbox::block) and [`Mailbox::words`](super::Mailbox::words).
    Run = 1,
    /// Change the attributes of pages. Arguments: [window](crate::map::Window), first byte (IPA), size in bytes,
    /// [`PageKind`].
    SetPages = 2,
    /// Allocate an object from the tagged heap. Arguments: size and alignment in bytes. Result: a tagged pointer, or 0
    /// if the heap is exhausted.
    HeapAlloc = 3,
    /// Free an object of the tagged heap. Arguments: the pointer, and size and alignment as allocated.
    HeapFree = 4,
    /// Discard all objects of the tagged heap, because the host may have replaced its memory.
    HeapReset = 5,
}

impl Request {
    /// Returns the request with this number, or `None` if there is none.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        zerocopy::try_transmute!(number).ok()
    }
}

/// The outcome of a request, the value of [`Control::status`](super::Control::status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes)]
#[repr(u32)]
pub enum Status {
    /// The request completed.
    Done = 0,
    /// The kind of the request is unknown.
    UnknownRequest = 1,
    /// An argument is out of range.
    BadArgument = 2,
    /// The heap has no object at this pointer with this tag: a double free or an invalid free.
    BadFree = 3,
}

impl Status {
    /// Returns the status with this number, or `None` if there is none.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        zerocopy::try_transmute!(number).ok()
    }
}

/// The mapping of a page in a window ([`Request::SetPages`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes)]
#[repr(u64)]
pub enum PageKind {
    /// The attributes that the window has after boot.
    Default = 0,
    /// Not mapped: accesses take a translation fault.
    Unmapped = 1,
    /// The default attributes, but read-only: stores take a permission fault.
    ReadOnly = 2,
    /// Normal Non-cacheable memory, which has no allocation tags.
    NonCacheable = 3,
    /// Device-nGnRE memory, which has no allocation tags and checks alignment.
    Device = 4,
}

impl PageKind {
    /// Returns the kind with this number, or `None` if there is none.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        zerocopy::try_transmute!(number).ok()
    }
}

/// The reason why a block ended, the value of [`BlockReply::end`](super::BlockReply::end).
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes)]
#[repr(u64)]
pub enum BlockEnd {
    /// The word after the last instruction was reached.
    Complete = 0,
    /// The block took [`MAX_TRAPS`](super::MAX_TRAPS) exceptions.
    TooManyTraps = 1,
    /// The PC left the code page.
    Escaped = 2,
}

impl BlockEnd {
    /// Returns the reason with this number, or `None` if there is none.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        zerocopy::try_transmute!(number).ok()
    }
}

/// The system registers of the program under test.
///
/// SCTLR_EL1 and TCR_EL1 are set for a block and restored after it. The others keep their values from block to block,
/// because the firmware never uses them. FPCR and FPSR are not preserved: they are 0 when a block begins.
///
/// ```
/// use abi::mailbox::SysReg;
/// let mask = SysReg::Gcr.bit() | SysReg::Tfsr.bit();
/// assert_eq!(SysReg::ALL.map(|register| mask & register.bit() != 0), [false, false, true, false, true, false]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SysReg {
    /// SCTLR_EL1, System Control Register.
    Sctlr = 0,
    /// TCR_EL1, Translation Control Register.
    Tcr = 1,
    /// GCR_EL1, Tag Control Register.
    Gcr = 2,
    /// RGSR_EL1, Random Allocation Tag Seed Register.
    Rgsr = 3,
    /// TFSR_EL1, Tag Fault Status Register (EL1).
    Tfsr = 4,
    /// TFSRE0_EL1, Tag Fault Status Register (EL0).
    Tfsre0 = 5,
}

/// The number of system registers of a block.
pub const SYS_REGS: usize = 6;

impl SysReg {
    /// All registers, in the order of their numbers.
    pub const ALL: [Self; SYS_REGS] = [Self::Sctlr, Self::Tcr, Self::Gcr, Self::Rgsr, Self::Tfsr, Self::Tfsre0];

    /// Returns the bit of this register in [`Block::sys_mask`](super::Block::sys_mask).
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers around every valid one, and numbers whose low 32 bits are valid.
    fn numbers() -> impl Iterator<Item = u64> {
        (0..=u64::from(u8::MAX)).flat_map(|low| [low, low | 1 << 32, low | 1 << 63]).chain([u64::MAX])
    }

    #[test]
    fn only_the_numbers_of_variants_are_accepted() {
        for number in numbers() {
            let narrow = u32::try_from(number).ok();
            let request = narrow.and_then(Request::from_number).map(|request| request as u64);
            assert_eq!(request, (1..=5).contains(&number).then_some(number));
            let status = narrow.and_then(Status::from_number).map(|status| status as u64);
            assert_eq!(status, (0..=3).contains(&number).then_some(number));
            let kind = PageKind::from_number(number).map(|kind| kind as u64);
            assert_eq!(kind, (0..=4).contains(&number).then_some(number));
            let end = BlockEnd::from_number(number).map(|end| end as u64);
            assert_eq!(end, (0..=2).contains(&number).then_some(number));
        }
    }

    /// Pins the numbers of format [`crate::ABI_VERSION`]: a change of one of them needs another version.
    #[test]
    fn the_numbers_of_the_variants_are_fixed() {
        use Request::{HeapAlloc, HeapFree, HeapReset, Run, SetPages};
        assert_eq!(
            [1, 2, 3, 4, 5].map(Request::from_number),
            [Run, SetPages, HeapAlloc, HeapFree, HeapReset].map(Some)
        );
        use Status::{BadArgument, BadFree, Done, UnknownRequest};
        assert_eq!([0, 1, 2, 3].map(Status::from_number), [Done, UnknownRequest, BadArgument, BadFree].map(Some));
        use PageKind::{Default, Device, NonCacheable, ReadOnly, Unmapped};
        let kinds = [Default, Unmapped, ReadOnly, NonCacheable, Device];
        assert_eq!([0, 1, 2, 3, 4].map(PageKind::from_number), kinds.map(Some));
        use BlockEnd::{Complete, Escaped, TooManyTraps};
        assert_eq!([0, 1, 2].map(BlockEnd::from_number), [Complete, TooManyTraps, Escaped].map(Some));
        assert_eq!(SysReg::ALL.map(|register| register as usize), [0, 1, 2, 3, 4, 5]);
        assert_eq!(crate::ABI_VERSION, 5);
    }
}
