//! The guest: a page table, a few instructions and the registers they start with, all of it as data.

use kvm_mte::register::{Register, system_register};

/// Bytes of its memory, which begins at 0.
pub const MEMORY: usize = 1 << 20;
/// Where it stores to call the VMM. There is no memory slot, so the store leaves KVM_RUN.
pub const DOORBELL: u64 = 0x4000_0000;
/// The first granule that it tags, and how many it does.
pub const DATA: u64 = 0x1_0000;
pub const GRANULES: u64 = 16;

pub const CODE: u64 = 0x1000;
pub const PAGE_TABLE: u64 = 0;

/// x0: the first granule, x1: the doorbell, x2: how many granules.
pub const PROGRAM: [u32; 16] = [
    0xaa02_03e4, //     mov  x4, x2
    0x9adf_1003, // 1:  irg  x3, x0
    0xd920_0863, //     stg  x3, [x3]
    0x9100_4000, //     add  x0, x0, #16
    0xf100_0484, //     subs x4, x4, #1
    0x54ff_ff81, //     b.ne 1b
    0xf900_0020, //     str  x0, [x1]     the guest is saved here
    0xd100_4000, // 2:  sub  x0, x0, #16
    0xaa00_03e3, //     mov  x3, x0
    0xd960_0003, //     ldg  x3, [x0]
    0xf900_0023, //     str  x3, [x1]     a pointer with its granule's tag
    0xf100_0442, //     subs x2, x2, #1
    0x54ff_ff61, //     b.ne 2b
    0x9adf_1003, //     irg  x3, x0
    0xf900_0023, //     str  x3, [x1]     the tag that comes next
    0xf900_003f, //     str  xzr, [x1]    done
];

/// A block of 1 GiB for memory and one for the doorbell (Arm ARM DDI 0487, D8): output address, access flag, inner
/// shareable, and the attributes of MAIR_EL1 number 0 and number 1.
pub const DESCRIPTORS: [u64; 2] = [1 << 10 | 3 << 8 | 1, DOORBELL | 1 << 10 | 1 << 2 | 1];

/// Registers by their ids. The MMU is on from the first instruction: tags need memory that is Normal-Tagged.
pub const REGISTERS: [(u64, u64); 9] = [
    // x0, x1, x2, PC.
    (core(0), DATA),
    (core(2), DOORBELL),
    (core(4), GRANULES),
    (core(0x40), CODE),
    // MAIR_EL1: Normal-Tagged, then Device-nGnRE.
    (system_register(3, 0, 10, 2, 0), 0x04_f0),
    // TTBR0_EL1.
    (system_register(3, 0, 2, 0, 0), PAGE_TABLE),
    // TCR_EL1: TBI0, EPD1, inner shareable and cacheable walks, 39 bits of address, pages of 4 KiB.
    (system_register(3, 0, 2, 0, 2), 1 << 37 | 1 << 23 | 3 << 12 | 1 << 10 | 1 << 8 | 25),
    // IRG never draws tag 0, and follows the architected generator from this seed.
    (Register::GcrEl1.id(), 1),
    (Register::RgsrEl1.id(), 0xace1 << 8),
];

/// SCTLR_EL1, and what is set in it above its reset value: ATA, I, C, M.
pub const SCTLR: (u64, u64) = (system_register(3, 0, 1, 0, 0), 1 << 43 | 1 << 12 | 1 << 2 | 1);

/// Returns the id of a 64-bit core register, by its offset in `struct kvm_regs` in words of 32 bits.
const fn core(offset: u64) -> u64 {
    0x6030_0000_0010_0000 | offset
}
