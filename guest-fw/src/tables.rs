//! The translation tables, computed at compile time.
//!
//! They are static because the MMU must be on before Rust code stores to memory: with the MMU off all memory is Device
//! memory, where unaligned accesses fault. TTBR0_EL1 and TTBR1_EL1 point at the same tables, so every window is mapped in
//! both halves of the address space.
//!
//! Descriptor formats: Arm ARM (DDI 0487) D8, VMSAv8-64 with the 4 KiB granule and 39-bit addresses (walks start at
//! level 1).

use abi::mailbox::PageKind;
use abi::map::{self, Window};

use crate::layout;

/// The number of entries of a table.
const ENTRIES: usize = 512;
/// The size of a table and of a page, in bytes.
const PAGE: u64 = map::GUEST_PAGE;
/// The size that one level-2 entry maps, in bytes.
const BLOCK: u64 = 2 << 20;
/// The number of level-3 tables for the arena in one window.
const ARENA_TABLES: usize = (map::ARENA_SIZE / BLOCK) as usize;
/// The number of level-3 tables of one window: those of the arena, then one for the heap.
const WINDOW_TABLES: usize = ARENA_TABLES + 1;

// Indexes into `Tables`.
const L1: usize = 0;
const L2_DEVICES: usize = 1;
const L2_RAM: usize = 2;
const L2_CODE: usize = 3;
const L2_WINDOWS: usize = 4;
const L3_FIRMWARE: usize = L2_WINDOWS + Window::ALL.len();
const L3_CODE: usize = L3_FIRMWARE + 1;
const L3_WINDOWS: usize = L3_CODE + 1;
/// The number of tables.
pub const COUNT: usize = L3_WINDOWS + Window::ALL.len() * WINDOW_TABLES;

// Attribute indexes: the fields of `MAIR`.
const NORMAL: u64 = 0;
const TAGGED: u64 = 1;
const DEVICE: u64 = 2;
const NON_CACHEABLE: u64 = 3;

/// MAIR_EL1: Normal Write-Back 0xff, Normal-Tagged 0xf0, Device-nGnRE 0x04, Normal Non-cacheable 0x44 (DDI 0487,
/// MAIR_EL1). Without FEAT_MTE2, 0xf0 is reserved.
pub const MAIR: u64 = 0x44_04_f0_ff;
/// MAIR_EL1 for a CPU without FEAT_MTE2: the tagged windows are Normal Write-Back memory.
pub const MAIR_WITHOUT_MTE: u64 = 0x44_04_ff_ff;

// Descriptor bits.
const VALID: u64 = 1;
const TABLE: u64 = 0b11;
const PAGE_DESCRIPTOR: u64 = 0b11;
const EL0: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 0b11 << 8;
const ACCESSED: u64 = 1 << 10;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;
const XN: u64 = PXN | UXN;

const fn attribute(index: u64) -> u64 {
    index << 2 | INNER_SHAREABLE | ACCESSED
}

/// All tables. Each is page-aligned, as the architecture requires; table 0 is the level-1 table.
#[repr(C, align(4096))]
#[derive(Debug)]
pub struct Tables(pub [[u64; ENTRIES]; COUNT]);

/// Returns the physical address of a table.
const fn table_address(index: usize) -> u64 {
    layout::TABLES + index as u64 * PAGE
}

const fn level2_index(ipa: u64) -> usize {
    ((ipa / BLOCK) % ENTRIES as u64) as usize
}

const fn level1_index(va: u64) -> usize {
    (va >> 30) as usize % ENTRIES
}

/// Returns the level-3 descriptor of a page of the firmware.
const fn firmware_page(address: u64) -> u64 {
    let normal = address | attribute(NORMAL) | PAGE_DESCRIPTOR;
    if address < layout::RODATA {
        normal | READ_ONLY | UXN
    } else if address < layout::DATA {
        normal | READ_ONLY | XN
    } else if layout::is_guard(address) {
        0
    } else {
        normal | XN
    }
}

/// Returns the level-3 descriptor of the page at `ipa` in a window.
#[must_use]
pub const fn window_page(window: Window, ipa: u64, kind: PageKind) -> u64 {
    let base = ipa | PAGE_DESCRIPTOR | XN;
    let (memory, level) = match window {
        Window::Tagged => (TAGGED, 0),
        Window::TaggedEl0 => (TAGGED, EL0),
        Window::Untagged => (NORMAL, 0),
        Window::UntaggedEl0 => (NORMAL, EL0),
    };
    match kind {
        PageKind::Default => base | attribute(memory) | level,
        PageKind::Unmapped => 0,
        PageKind::ReadOnly => base | attribute(memory) | level | READ_ONLY,
        PageKind::NonCacheable => base | attribute(NON_CACHEABLE) | level,
        PageKind::Device => base | attribute(DEVICE) | level,
    }
}

/// Returns the level-3 entry of the page at `ipa` in a window, as the indexes of the table and of the entry. Returns
/// `None` outside the arena and the heap.
#[must_use]
pub const fn window_entry(window: Window, ipa: u64) -> Option<(usize, usize)> {
    let table = if ipa >= map::ARENA_BASE && ipa < map::ARENA_BASE + map::ARENA_SIZE {
        ((ipa - map::ARENA_BASE) / BLOCK) as usize
    } else if ipa >= map::HEAP_BASE && ipa < map::HEAP_BASE + map::HEAP_SIZE {
        ARENA_TABLES
    } else {
        return None;
    };
    let base = L3_WINDOWS + (window as usize - 1) * WINDOW_TABLES;
    Some((base + table, ((ipa / PAGE) % ENTRIES as u64) as usize))
}

impl Tables {
    /// Creates the tables with the mappings after boot.
    #[must_use]
    pub const fn new() -> Self {
        let mut t = [[0; ENTRIES]; COUNT];
        t[L1][level1_index(map::UART_DR)] = table_address(L2_DEVICES) | TABLE;
        t[L1][level1_index(map::RAM_BASE)] = table_address(L2_RAM) | TABLE;
        t[L1][level1_index(map::code_va(0))] = table_address(L2_CODE) | TABLE;

        // Blocks ring the doorbell themselves, also at EL0.
        t[L2_DEVICES][level2_index(map::UART_DR)] =
            (map::UART_DR & !(BLOCK - 1)) | attribute(DEVICE) | XN | EL0 | VALID;
        t[L2_DEVICES][level2_index(map::FIRMWARE_UART_DR)] =
            (map::UART_DR & !(BLOCK - 1)) | attribute(DEVICE) | XN | VALID;

        t[L2_RAM][level2_index(map::FIRMWARE_BASE)] = table_address(L3_FIRMWARE) | TABLE;
        t[L2_RAM][level2_index(map::SHARED_BASE)] = map::SHARED_BASE | attribute(NORMAL) | XN | VALID;
        let mut page = 0;
        while page < ENTRIES {
            t[L3_FIRMWARE][page] = firmware_page(map::FIRMWARE_BASE + page as u64 * PAGE);
            page += 1;
        }

        // The firmware writes the code pages in the mapping of the shared region. Blocks execute them in a window of
        // their own. It is Tagged, so that a CPU that wrongly checks PC-relative loads would fault.
        t[L2_CODE][level2_index(map::CODE_BASE)] = table_address(L3_CODE) | TABLE;
        let mut code = map::CODE_BASE;
        while code < map::CODE_BASE + map::MAX_CPUS as u64 * map::CODE_STRIDE {
            t[L3_CODE][((code / PAGE) % ENTRIES as u64) as usize] =
                code | attribute(TAGGED) | READ_ONLY | EL0 | PAGE_DESCRIPTOR;
            code += PAGE;
        }

        let mut w = 0;
        while w < Window::ALL.len() {
            let window = Window::ALL[w];
            t[L1][level1_index(window.va(map::ARENA_BASE))] = table_address(L2_WINDOWS + w) | TABLE;
            let regions = [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)];
            let mut r = 0;
            while r < regions.len() {
                let (base, size) = regions[r];
                let mut ipa = base;
                while ipa < base + size {
                    if let Some((table, index)) = window_entry(window, ipa) {
                        t[L2_WINDOWS + w][level2_index(ipa)] = table_address(table) | TABLE;
                        t[table][index] = window_page(window, ipa, PageKind::Default);
                    }
                    ipa += PAGE;
                }
                r += 1;
            }
            w += 1;
        }
        Self(t)
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLES: Tables = Tables::new();

    /// Walks the tables as the architecture does. Returns the output address and the attributes of the last level.
    fn walk(va: u64) -> Option<(u64, u64)> {
        let mut table = L1;
        for level in 1..=3 {
            let shift = 39 - 9 * level;
            let entry = TABLES.0[table][(va >> shift) as usize % ENTRIES];
            let leaf = if level == 3 { entry & 3 == 3 } else { entry & 3 == 1 };
            let mask = (1u64 << shift) - 1;
            if leaf {
                let output = entry & 0x0000_ffff_ffff_f000 & !mask;
                return Some((output | va & mask, entry & !(0x0000_ffff_ffff_f000 & !mask)));
            }
            if entry & 3 != 3 || level == 3 {
                return None;
            }
            table = ((entry & 0x0000_ffff_ffff_f000) - layout::TABLES) as usize / 4096;
        }
        None
    }

    fn memory(attributes: u64) -> u64 {
        attributes >> 2 & 7
    }

    #[test]
    fn every_window_maps_the_arena_and_the_heap_with_its_attributes() {
        for window in Window::ALL {
            for (base, size) in [(map::ARENA_BASE, map::ARENA_SIZE), (map::HEAP_BASE, map::HEAP_SIZE)] {
                for ipa in (base..base + size).step_by(4096) {
                    let (output, attributes) = walk(window.va(ipa)).expect("a mapped page");
                    assert_eq!(output, ipa);
                    let tagged = matches!(window, Window::Tagged | Window::TaggedEl0);
                    assert_eq!(memory(attributes), if tagged { TAGGED } else { NORMAL });
                    let el0 = matches!(window, Window::TaggedEl0 | Window::UntaggedEl0);
                    assert_eq!(attributes & EL0 != 0, el0);
                    assert_eq!(attributes & XN, XN);
                }
                assert_eq!(walk(window.va(base) - 4096), None);
                assert_eq!(walk(window.va(base + size)), None);
            }
        }
    }

    #[test]
    fn no_page_is_both_writable_and_executable() {
        for va in (0..8u64 << 32).step_by(4096) {
            if let Some((_, attributes)) = walk(va) {
                assert!(attributes & READ_ONLY != 0 || attributes & XN == XN, "{va:#x} is writable and executable");
            }
        }
    }

    #[test]
    fn the_memory_of_the_firmware_is_untagged() {
        for va in (map::RAM_BASE..map::RAM_BASE + (64 << 20)).step_by(4096) {
            if let Some((output, attributes)) = walk(va) {
                assert_eq!(output, va);
                assert_eq!(memory(attributes), NORMAL);
                assert_eq!(attributes & EL0, 0);
            }
        }
    }

    #[test]
    fn a_guard_page_is_below_every_stack() {
        for cpu in 0..map::MAX_CPUS as u64 {
            for top in [layout::MAIN_STACK_TOP, layout::TRAP_STACK_TOP] {
                let top = layout::STACKS + cpu * layout::STACK_STRIDE + top;
                assert!(walk(top - 8).is_some());
                assert!(walk(top - 0x7000).is_some());
                assert_eq!(walk(top - 0x7008), None);
            }
        }
    }

    #[test]
    fn the_uart_is_mapped_for_blocks_and_for_the_firmware_at_separate_addresses() {
        for (va, el0) in [(map::UART_DR, EL0), (map::FIRMWARE_UART_DR, 0)] {
            let (output, attributes) = walk(va).expect("a mapped page");
            assert_eq!((output, memory(attributes), attributes & EL0), (map::UART_DR, DEVICE, el0));
        }
    }

    #[test]
    fn code_pages_are_executable_at_both_levels_only_in_their_window() {
        let (output, attributes) = walk(map::code_va(7)).expect("a mapped page");
        assert_eq!(output, map::code_ipa(7));
        assert_eq!(attributes & (XN | READ_ONLY | EL0), READ_ONLY | EL0);
        assert_eq!(memory(attributes), TAGGED);
        let (_, attributes) = walk(map::code_ipa(7)).expect("a mapped page");
        assert_eq!(attributes & XN, XN);
        assert_eq!(walk(map::code_va(0) - 4096), None);
        assert_eq!(walk(map::code_va(map::MAX_CPUS - 1) + map::CODE_STRIDE), None);
    }
}
