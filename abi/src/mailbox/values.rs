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
/// SCTLR_EL1 and TCR_EL1 are set for a block and restored after it, and so are the keys of pointer authentication, which are 0
/// for a block that does not set them. The others keep their values from block to block, because the firmware never uses
/// them. FPCR and FPSR are not preserved: they are 0 when a block begins.
///
/// ```
/// use abi::mailbox::SysReg;
/// let mask = SysReg::Gcr.bit() | SysReg::Tfsr.bit();
/// let set: Vec<SysReg> = SysReg::ALL.into_iter().filter(|register| mask & register.bit() != 0).collect();
/// assert_eq!(set, [SysReg::Gcr, SysReg::Tfsr]);
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
    /// APIAKeyLo_EL1: bits 63:0 of the key for instruction addresses, key A.
    ApiaKeyLo = 6,
    /// APIAKeyHi_EL1: bits 127:64 of the key for instruction addresses, key A.
    ApiaKeyHi = 7,
    /// APIBKeyLo_EL1: bits 63:0 of the key for instruction addresses, key B.
    ApibKeyLo = 8,
    /// APIBKeyHi_EL1: bits 127:64 of the key for instruction addresses, key B.
    ApibKeyHi = 9,
    /// APDAKeyLo_EL1: bits 63:0 of the key for data addresses, key A.
    ApdaKeyLo = 10,
    /// APDAKeyHi_EL1: bits 127:64 of the key for data addresses, key A.
    ApdaKeyHi = 11,
    /// APDBKeyLo_EL1: bits 63:0 of the key for data addresses, key B.
    ApdbKeyLo = 12,
    /// APDBKeyHi_EL1: bits 127:64 of the key for data addresses, key B.
    ApdbKeyHi = 13,
    /// APGAKeyLo_EL1: bits 63:0 of the key of the generic code.
    ApgaKeyLo = 14,
    /// APGAKeyHi_EL1: bits 127:64 of the key of the generic code.
    ApgaKeyHi = 15,
}

/// The number of system registers of a block.
pub const SYS_REGS: usize = 16;
/// The number of those that are halves of keys of pointer authentication, the last ones.
pub const KEY_REGS: usize = 10;

impl SysReg {
    /// All registers, in the order of their numbers.
    pub const ALL: [Self; SYS_REGS] = [
        Self::Sctlr,
        Self::Tcr,
        Self::Gcr,
        Self::Rgsr,
        Self::Tfsr,
        Self::Tfsre0,
        Self::ApiaKeyLo,
        Self::ApiaKeyHi,
        Self::ApibKeyLo,
        Self::ApibKeyHi,
        Self::ApdaKeyLo,
        Self::ApdaKeyHi,
        Self::ApdbKeyLo,
        Self::ApdbKeyHi,
        Self::ApgaKeyLo,
        Self::ApgaKeyHi,
    ];
    /// The halves of keys of pointer authentication: IA, IB, DA, DB, GA, the lower half of each first.
    pub const KEYS: [Self; KEY_REGS] = [
        Self::ApiaKeyLo,
        Self::ApiaKeyHi,
        Self::ApibKeyLo,
        Self::ApibKeyHi,
        Self::ApdaKeyLo,
        Self::ApdaKeyHi,
        Self::ApdbKeyLo,
        Self::ApdbKeyHi,
        Self::ApgaKeyLo,
        Self::ApgaKeyHi,
    ];

    /// Returns the bit of this register in [`Block::sys_mask`](super::Block::sys_mask).
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// Returns the name in assembly, such as `gcr_el1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sctlr => "sctlr_el1",
            Self::Tcr => "tcr_el1",
            Self::Gcr => "gcr_el1",
            Self::Rgsr => "rgsr_el1",
            Self::Tfsr => "tfsr_el1",
            Self::Tfsre0 => "tfsre0_el1",
            Self::ApiaKeyLo => "apiakeylo_el1",
            Self::ApiaKeyHi => "apiakeyhi_el1",
            Self::ApibKeyLo => "apibkeylo_el1",
            Self::ApibKeyHi => "apibkeyhi_el1",
            Self::ApdaKeyLo => "apdakeylo_el1",
            Self::ApdaKeyHi => "apdakeyhi_el1",
            Self::ApdbKeyLo => "apdbkeylo_el1",
            Self::ApdbKeyHi => "apdbkeyhi_el1",
            Self::ApgaKeyLo => "apgakeylo_el1",
            Self::ApgaKeyHi => "apgakeyhi_el1",
        }
    }

    /// Returns the place of this register in [`Self::KEYS`]; `None` if it is not of a key.
    #[must_use]
    pub const fn key(self) -> Option<usize> {
        (self as usize).checked_sub(SYS_REGS - KEY_REGS)
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
        assert_eq!(SysReg::ALL.map(|register| register as usize), core::array::from_fn(|n| n));
        assert_eq!(SysReg::KEYS.map(SysReg::key), core::array::from_fn(Some));
        assert_eq!((SysReg::Tfsre0.key(), SysReg::ApdbKeyHi as usize), (None, 13));
        assert_eq!(crate::ABI_VERSION, 6);
    }
}
