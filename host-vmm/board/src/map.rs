//! Where things are on the board: as on QEMU's `virt` (hw/arm/virt.c, `base_memmap` and `a15irqmap`), so that images for it run here.

/// Where flash memory is on `virt`: here memory of zeros that the guest cannot write, so that vectors at 0, where VBAR_EL1 begins,
/// are there to be looked at.
pub const FLASH_BASE: u64 = 0;
/// Bytes of it, a multiple of every host page size.
pub const FLASH_SIZE: u64 = 0x1_0000;
/// The first byte of RAM.
pub const RAM_BASE: u64 = 0x4000_0000;
/// The interrupt controller's distributor.
pub const GIC_DISTRIBUTOR: u64 = 0x0800_0000;
/// Bytes of the distributor's registers.
pub const GIC_DISTRIBUTOR_SIZE: u64 = 0x1_0000;
/// The interrupt controller's redistributors, one for each CPU.
pub const GIC_REDISTRIBUTORS: u64 = 0x080a_0000;
/// Bytes for all redistributors.
pub const GIC_REDISTRIBUTORS_SIZE: u64 = 0x00f6_0000;
/// Interrupts of the interrupt controller: 256 shared ones.
pub const INTERRUPTS: u32 = 256 + 32;
/// The UART.
pub const UART: u64 = 0x0900_0000;
/// Bytes of the UART's registers.
pub const UART_SIZE: u64 = 0x1000;
/// The UART's shared peripheral interrupt.
pub const UART_SPI: u32 = 1;
