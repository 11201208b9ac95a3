//! Where the firmware's own parts are; the numbers in `linker/guest-fw.ld`, for Rust and assembly.

use abi::map::FIRMWARE_BASE;

/// First byte of code.
pub const TEXT: u64 = FIRMWARE_BASE;
/// First byte of constants.
pub const RODATA: u64 = FIRMWARE_BASE + 0x4_0000;
/// First byte of data and zeroed data.
pub const DATA: u64 = FIRMWARE_BASE + 0x8_0000;
/// First byte of the page tables.
pub const TABLES: u64 = FIRMWARE_BASE + 0xc_0000;
/// First byte of the stacks.
pub const STACKS: u64 = FIRMWARE_BASE + 0x10_0000;
/// Bytes that one vCPU's stacks take, guard pages included.
pub const STACK_STRIDE: u64 = 0x1_0000;
/// Offset of the end of the main stack within a vCPU's stride; the page below its start is a guard.
pub const MAIN_STACK_TOP: u64 = 0x8000;
/// Offset of the end of the stack that exceptions of a block use; likewise guarded.
pub const TRAP_STACK_TOP: u64 = 0x1_0000;

/// Returns whether an address is in one of the unmapped guard pages.
#[must_use]
pub const fn is_guard(address: u64) -> bool {
    address >= STACKS && address < STACKS + STACK_STRIDE * abi::map::MAX_CPUS as u64 && address % 0x8000 < 0x1000
}

const _: () = assert!(STACKS + STACK_STRIDE * abi::map::MAX_CPUS as u64 <= FIRMWARE_BASE + abi::map::FIRMWARE_SIZE);
