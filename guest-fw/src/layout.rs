//! The layout of the firmware in memory: the addresses in `linker/guest-fw.ld`, for Rust and assembly.

use abi::map::FIRMWARE_BASE;

/// The start of the code.
pub const TEXT: u64 = FIRMWARE_BASE;
/// The start of the constants.
pub const RODATA: u64 = FIRMWARE_BASE + 0x4_0000;
/// The start of initialized and zeroed data.
pub const DATA: u64 = FIRMWARE_BASE + 0x8_0000;
/// The start of the translation tables.
pub const TABLES: u64 = FIRMWARE_BASE + 0xc_0000;
/// The start of the stacks.
pub const STACKS: u64 = FIRMWARE_BASE + 0x10_0000;
/// The size of the stacks of a vCPU in bytes, including guard pages.
pub const STACK_STRIDE: u64 = 0x1_0000;
/// The offset of the top of the main stack in the stacks of a vCPU. The page below the stack is a guard page.
pub const MAIN_STACK_TOP: u64 = 0x8000;
/// The offset of the top of the trap stack, which exceptions of a block use. The page below the stack is a guard page.
pub const TRAP_STACK_TOP: u64 = 0x1_0000;

/// Returns whether an address is in a guard page, which is not mapped.
#[must_use]
pub const fn is_guard(address: u64) -> bool {
    address >= STACKS && address < STACKS + STACK_STRIDE * abi::map::MAX_CPUS as u64 && address % 0x8000 < 0x1000
}

const _: () = assert!(STACKS + STACK_STRIDE * abi::map::MAX_CPUS as u64 <= FIRMWARE_BASE + abi::map::FIRMWARE_SIZE);
