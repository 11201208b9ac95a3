//! The memory map of the guest: the physical layout, and the windows, which are virtual aliases of it.
//!
//! The map is the same under KVM and on QEMU's `virt` board: RAM starts at 1 GiB, a PL011 is at 0x0900_0000. QEMU may
//! put a device tree at the start of RAM, so the firmware starts 2 MiB above it.
//!
//! Virtual addresses have 39 bits (4 KiB pages, three levels of translation tables). A window maps a physical address
//! at the same address plus the number of the window in bits 34:32, and the TTBR1_EL1 half of the address space maps the
//! same 39 bits again.
//!
//! All addresses are guest-physical (IPAs) unless they are called virtual, and all sizes are in bytes.
//!
//! ```
//! use abi::map::{ARENA_BASE, Window, ipa_of, upper_half};
//!
//! let va = Window::TaggedEl0.va(ARENA_BASE + 0x20);
//! assert_eq!(va, 0x2_4060_0020);
//! // Neither the half of the address space nor the logical tag changes the memory behind a pointer.
//! assert_eq!(ipa_of(upper_half(va) | 0x7 << 56), ARENA_BASE + 0x20);
//! ```

use zerocopy::TryFromBytes;

/// The start of RAM.
pub const RAM_BASE: u64 = 0x4000_0000;
/// The address at which the firmware image is linked and entered.
pub const FIRMWARE_BASE: u64 = RAM_BASE + 0x20_0000;
/// The size of the memory of the firmware: code, data, page tables and stacks.
pub const FIRMWARE_SIZE: u64 = 0x20_0000;
/// The start of the memory that guest and host share: the boot block, then the mailboxes.
pub const SHARED_BASE: u64 = RAM_BASE + 0x40_0000;
/// The mailbox of vCPU 0. Mailboxes are [`MAILBOX_STRIDE`] bytes apart.
pub const MAILBOX_BASE: u64 = SHARED_BASE + 0x1_0000;
/// The distance between mailboxes, a multiple of every host page size.
pub const MAILBOX_STRIDE: u64 = 0x1_0000;
/// The code page of vCPU 0. Code pages are [`CODE_STRIDE`] bytes apart, in the same 2 MiB as the mailboxes, so that a VM
/// backed by huge pages needs few of them.
pub const CODE_BASE: u64 = SHARED_BASE + 0x10_0000;
/// The distance between code pages.
pub const CODE_STRIDE: u64 = 0x1_0000;
/// The start of the arena, the memory of the program under test.
pub const ARENA_BASE: u64 = RAM_BASE + 0x60_0000;
/// The size of the arena.
pub const ARENA_SIZE: u64 = 0x20_0000;
/// The start of the tagged heap. The gap between arena and heap is not mapped in any window.
pub const HEAP_BASE: u64 = RAM_BASE + 0x82_0000;
/// The size of the tagged heap.
pub const HEAP_SIZE: u64 = 0x10_0000;
/// The minimum size of guest RAM.
pub const RAM_MIN: u64 = HEAP_BASE + HEAP_SIZE - RAM_BASE;
/// The data register of the PL011. A byte stored here is a doorbell or console text.
pub const UART_DR: u64 = 0x0900_0000;
/// The virtual address at which the firmware itself accesses the data register. Blocks use [`UART_DR`], so a machine
/// that cannot trap the register can watch that address for the stores of blocks alone.
pub const FIRMWARE_UART_DR: u64 = UART_DR + 0x20_0000;
/// The maximum number of vCPUs.
pub const MAX_CPUS: usize = 8;
/// The page size of the guest, independent of that of the host.
pub const GUEST_PAGE: u64 = 4096;
/// The number of translated bits of a virtual address.
pub const VA_BITS: u32 = 39;
/// The lowest virtual address that TTBR1_EL1 translates.
pub const UPPER_HALF: u64 = !0 << VA_BITS;

/// The position of the number of a window in a virtual address.
const WINDOW_SHIFT: u32 = 32;

/// A virtual alias of the arena and the heap. The number of a window is in bits 34:32 of its virtual addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, TryFromBytes)]
#[repr(u64)]
pub enum Window {
    /// Normal-Tagged memory, accessible at EL1 only: accesses are tag checked.
    Tagged = 1,
    /// Normal-Tagged memory, accessible at EL0 and EL1.
    TaggedEl0 = 2,
    /// Normal memory without tags, accessible at EL1 only.
    Untagged = 3,
    /// Normal memory without tags, accessible at EL0 and EL1.
    UntaggedEl0 = 4,
}

impl Window {
    /// All windows.
    pub const ALL: [Self; 4] = [Self::Tagged, Self::TaggedEl0, Self::Untagged, Self::UntaggedEl0];

    /// Returns the window with this number, or `None` if there is none.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        zerocopy::try_transmute!(number).ok()
    }

    /// Returns the virtual address of `ipa` in this window, in the TTBR0_EL1 half and with logical tag 0.
    #[must_use]
    pub const fn va(self, ipa: u64) -> u64 {
        ipa + ((self as u64) << WINDOW_SHIFT)
    }
}

/// The number of the window that maps the code pages, executable and read-only.
pub const CODE_WINDOW: u64 = 6;

/// Returns the virtual address at which a vCPU executes its code page.
#[must_use]
pub const fn code_va(cpu: usize) -> u64 {
    code_ipa(cpu) + (CODE_WINDOW << WINDOW_SHIFT)
}

/// Returns the address of the code page of a vCPU.
#[must_use]
pub const fn code_ipa(cpu: usize) -> u64 {
    CODE_BASE + CODE_STRIDE * cpu as u64
}

/// Returns the address of the mailbox of a vCPU.
#[must_use]
pub const fn mailbox_ipa(cpu: usize) -> u64 {
    MAILBOX_BASE + MAILBOX_STRIDE * cpu as u64
}

/// Returns the alias of a virtual address in the TTBR1_EL1 half of the address space.
#[must_use]
pub const fn upper_half(va: u64) -> u64 {
    va | UPPER_HALF
}

/// Returns the physical address of a virtual address in any window and half, with any logical tag.
#[must_use]
pub const fn ipa_of(va: u64) -> u64 {
    va & 0xffff_ffff
}

const _: () = assert!(MAILBOX_BASE + MAILBOX_STRIDE * MAX_CPUS as u64 <= CODE_BASE);
const _: () = assert!(CODE_BASE + CODE_STRIDE * MAX_CPUS as u64 <= ARENA_BASE);
const _: () = assert!(ARENA_BASE + ARENA_SIZE < HEAP_BASE);
const _: () = assert!(RAM_MIN <= 64 << 20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_address_maps_back_to_its_ipa() {
        for window in Window::ALL {
            for ipa in [ARENA_BASE, ARENA_BASE + ARENA_SIZE - 1, HEAP_BASE] {
                let va = window.va(ipa);
                assert_eq!(ipa_of(va), ipa);
                assert_eq!(ipa_of(upper_half(va) | 0x5 << 56), ipa);
                assert!(va < 1 << VA_BITS);
                assert_eq!(Window::from_number(va >> 32), Some(window));
            }
        }
    }

    #[test]
    fn only_the_numbers_of_windows_are_accepted() {
        for number in (0..=255).flat_map(|low| [low, low | 1 << 8, low | 1 << 32]).chain([u64::MAX]) {
            let window = Window::from_number(number).map(|window| window as u64);
            assert_eq!(window, (1..=4).contains(&number).then_some(number));
        }
        use Window::{Tagged, TaggedEl0, Untagged, UntaggedEl0};
        assert_eq!([1, 2, 3, 4].map(Window::from_number), [Tagged, TaggedEl0, Untagged, UntaggedEl0].map(Some));
    }
}
