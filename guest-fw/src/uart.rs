//! The PL011's data register: doorbells for the host, and text for a human when there is no host.

use core::fmt;

use abi::map::FIRMWARE_UART_DR;

/// Stores a byte to the data register. Under KVM this is an exit to the host.
pub fn store(byte: u8) {
    // SAFETY: the page is mapped as Device memory; a PL011, or the host's trap, is behind it. A
    // single STRB without writeback, so that the hypervisor gets a valid syndrome.
    #[expect(unsafe_code, reason = "a device register")]
    unsafe {
        core::arch::asm!("strb {0:w}, [{1}]", in(reg) u32::from(byte), in(reg) FIRMWARE_UART_DR, options(nostack, preserves_flags));
    }
}

/// Text on the UART.
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Bytes from 0x80 on are doorbells, so text is kept to ASCII.
        text.bytes().for_each(|byte| store(if byte.is_ascii() { byte } else { b'?' }));
        Ok(())
    }
}
