//! Reports panics of the firmware: an exception outside a block, or a Rust panic.

use core::fmt::{self, Write};

use aarch64_cpu::registers::{ELR_EL1, ESR_EL1, FAR_EL1, MPIDR_EL1, SPSR_EL1};
use abi::mailbox::{MAX_MESSAGE, Trap};
use tock_registers::interfaces::Readable;

use crate::mailbox::{self, CpuMailbox};
use crate::{cpu, uart};

/// A message, truncated to the size of the panic record.
struct Message {
    bytes: [u8; MAX_MESSAGE],
    length: usize,
}

impl Message {
    fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut message = Self { bytes: [0; MAX_MESSAGE], length: 0 };
        // Truncation is not an error, so writing cannot fail.
        let _ = message.write_fmt(arguments);
        message
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().take(MAX_MESSAGE - self.length) {
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// The exception of each entry in a group of four of the vector table (DDI 0487 D1, exception vectors).
const VECTORS: [&str; 4] = ["synchronous exception", "IRQ", "FIQ", "SError"];
/// The origin of each group of entries in the vector table.
const ORIGINS: [&str; 4] = ["a block at EL1", "the firmware", "a block at EL0", "AArch32 code"];

fn this_cpu() -> usize {
    usize::try_from(MPIDR_EL1.get() & 0xff).unwrap_or(0)
}

fn report(trap: Trap, x: [u64; 31], arguments: fmt::Arguments<'_>) -> ! {
    if mailbox::host().is_some() {
        let message = Message::new(arguments);
        CpuMailbox::of(this_cpu()).panic(trap, x, &message.bytes[..message.length]);
    } else {
        // Writing to the UART cannot fail.
        let _ = writeln!(uart::Console, "granule firmware: panic: {arguments}");
    }
    cpu::park()
}

/// Reports an exception that is not a synchronous exception of a block, called by the vectors.
///
/// Vector 4, a synchronous exception of the firmware at EL1h, is a bug in the firmware.
pub extern "C" fn firmware_exception(vector: u64, x: &[u64; 31]) -> ! {
    let trap = Trap { pc: ELR_EL1.get(), esr: ESR_EL1.get(), far: FAR_EL1.get(), spsr: SPSR_EL1.get() };
    let kind = VECTORS[(vector % 4) as usize];
    let origin = ORIGINS[(vector / 4 % 4) as usize];
    report(
        trap,
        *x,
        format_args!(
            "{kind} in {origin}: ESR_EL1 {:#x}, FAR_EL1 {:#x}, ELR_EL1 {:#x}, SPSR_EL1 {:#x}",
            trap.esr, trap.far, trap.pc, trap.spsr
        ),
    )
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report(Trap::default(), [0; 31], format_args!("{info}"))
}
