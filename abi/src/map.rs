//! The guest's memory map: physical layout, and the windows through which the firmware sees it.
//!
//! The same map holds on KVM and on QEMU's `virt` board: RAM from 1 GiB, a PL011 at 0x0900_0000.
//! QEMU may put a device tree at the start of RAM, so the firmware begins 2 MiB above it.
//!
//! Virtual addresses are 39 bits wide (4 KiB pages, three levels). A window is the physical address
//! with a number in bits 34:32, so every window of a byte is found by one addition, and the
//! upper half (TTBR1) shows the same 39 bits again.

/// First byte of RAM, as a guest-physical address.
pub const RAM_BASE: u64 = 0x4000_0000;
/// Where the firmware image is linked and entered.
pub const FIRMWARE_BASE: u64 = RAM_BASE + 0x20_0000;
/// Bytes reserved for the firmware: code, data, page tables and stacks.
pub const FIRMWARE_SIZE: u64 = 0x20_0000;
/// The boot block, then the mailboxes.
pub const SHARED_BASE: u64 = RAM_BASE + 0x40_0000;
/// Where the first vCPU's mailbox is; one every [`MAILBOX_STRIDE`] bytes.
pub const MAILBOX_BASE: u64 = SHARED_BASE + 0x1_0000;
/// Distance between the mailboxes of two vCPUs, a multiple of every host page size.
pub const MAILBOX_STRIDE: u64 = 0x1_0000;
/// Where the first vCPU's code page is; one every [`CODE_STRIDE`] bytes. In the same 2 MiB as the mailboxes, so that a
/// VM in huge pages needs few of them.
pub const CODE_BASE: u64 = SHARED_BASE + 0x10_0000;
/// Distance between the code pages of two vCPUs.
pub const CODE_STRIDE: u64 = 0x1_0000;
/// The arena: memory of the program under test, guest-physical.
pub const ARENA_BASE: u64 = RAM_BASE + 0x60_0000;
/// Bytes in the arena.
pub const ARENA_SIZE: u64 = 0x20_0000;
/// The tagged heap's memory. The gap between arena and heap is in no window.
pub const HEAP_BASE: u64 = RAM_BASE + 0x82_0000;
/// Bytes in the tagged heap.
pub const HEAP_SIZE: u64 = 0x10_0000;
/// RAM that a guest must at least have, in bytes.
pub const RAM_MIN: u64 = HEAP_BASE + HEAP_SIZE - RAM_BASE;
/// The PL011's data register. A byte stored here is a doorbell or a character.
pub const UART_DR: u64 = 0x0900_0000;
/// Where the firmware itself stores doorbells: a virtual address of the same register, that blocks do not use. So a
/// machine that cannot trap the register can watch [`UART_DR`] for the stores of blocks alone.
pub const FIRMWARE_UART_DR: u64 = UART_DR + 0x20_0000;
/// Most vCPUs that the map has room for.
pub const MAX_CPUS: usize = 8;
/// The guest's own page size in bytes, whatever the host's is.
pub const GUEST_PAGE: u64 = 4096;
/// Bits of a virtual address that are translated.
pub const VA_BITS: u32 = 39;
/// The lowest address that TTBR1_EL1 translates.
pub const UPPER_HALF: u64 = !0 << VA_BITS;

/// Bits that a window's number is shifted by in a virtual address.
const WINDOW_SHIFT: u32 = 32;

/// One way to see the arena and the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Window {
    /// Normal-Tagged, for EL1 only: accesses are tag checked.
    Tagged = 1,
    /// Normal-Tagged, for EL0 and EL1.
    TaggedEl0 = 2,
    /// The same bytes as Normal memory without tags, for EL1 only.
    Untagged = 3,
    /// The same bytes as Normal memory without tags, for EL0 and EL1.
    UntaggedEl0 = 4,
}

impl Window {
    /// All windows.
    pub const ALL: [Self; 4] = [Self::Tagged, Self::TaggedEl0, Self::Untagged, Self::UntaggedEl0];

    /// Gives the window with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Tagged),
            2 => Some(Self::TaggedEl0),
            3 => Some(Self::Untagged),
            4 => Some(Self::UntaggedEl0),
            _ => None,
        }
    }

    /// Gives the virtual address, in the lower half and with logical tag 0, of a guest-physical one.
    #[must_use]
    pub const fn va(self, ipa: u64) -> u64 {
        ipa + ((self as u64) << WINDOW_SHIFT)
    }
}

/// The number of the window that shows the code pages, executable and read-only.
pub const CODE_WINDOW: u64 = 6;

/// Gives the virtual address at which a vCPU executes its code page.
#[must_use]
pub const fn code_va(cpu: usize) -> u64 {
    code_ipa(cpu) + (CODE_WINDOW << WINDOW_SHIFT)
}

/// Gives the guest-physical address of a vCPU's code page.
#[must_use]
pub const fn code_ipa(cpu: usize) -> u64 {
    CODE_BASE + CODE_STRIDE * cpu as u64
}

/// Gives the guest-physical address of a vCPU's mailbox.
#[must_use]
pub const fn mailbox_ipa(cpu: usize) -> u64 {
    MAILBOX_BASE + MAILBOX_STRIDE * cpu as u64
}

/// Gives the same address in the half that TTBR1_EL1 translates.
#[must_use]
pub const fn upper_half(va: u64) -> u64 {
    va | UPPER_HALF
}

/// Gives the guest-physical address behind a virtual address of any window, half and tag.
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
    fn a_window_address_leads_back_to_its_ipa() {
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
}
