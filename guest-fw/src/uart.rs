//! The data register of the PL011: doorbells for the host, and console text if there is no host.

use core::fmt;

use abi::map::FIRMWARE_UART_DR;

/// Stores a byte to the data register. Under KVM this is an MMIO exit.
pub fn store(byte: u8) {
    // SAFETY: the address is mapped as Device memory at all times, and a store to the data register of a PL011 changes no
    // memory. It is a single STRB without writeback, so that ESR_EL2.ISV is 1 for the hypervisor.
    #[expect(unsafe_code, reason = "a device register needs a certain instruction")]
    unsafe {
        core::arch::asm!("strb {0:w}, [{1}]", in(reg) u32::from(byte), in(reg) FIRMWARE_UART_DR, options(nostack, preserves_flags));
    }
}

/// Writes text to the UART.
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Bytes from 0x80 are doorbells, so text is ASCII.
        text.bytes().for_each(|byte| store(if byte.is_ascii() { byte } else { b'?' }));
        Ok(())
    }
}
