//! What the kernel does not emulate: the UART, between the guest and the console.

use kvm::vm::KvmVm;
use machine::{Errno, MachineError};

use super::kernel;
use crate::console::Console;
use crate::map;
use crate::pl011::Pl011;

/// The console has lines, or parts of this many bytes.
const LONGEST_LINE: usize = 128;

/// The UART and the other end of its line.
pub struct Devices {
    uart: Pl011,
    console: Box<dyn Console>,
    /// What was transmitted and is still to be handed to the console.
    line_so_far: Vec<u8>,
    /// Whether there is an interrupt controller, and what it was told last.
    line: Option<bool>,
}

impl Devices {
    /// Connects a console.
    pub fn new(console: Box<dyn Console>, interrupts: bool) -> Self {
        Self { uart: Pl011::default(), console, line_so_far: Vec::new(), line: interrupts.then_some(false) }
    }

    /// Returns whether a device is at an address.
    pub fn is_there(ipa: u64) -> bool {
        (map::UART..map::UART + map::UART_SIZE).contains(&ipa)
    }

    /// Answers a load; where nothing is, with zeros.
    pub fn load(&mut self, ipa: u64, data: &mut [u8]) {
        data.fill(0);
        if Self::is_there(ipa) {
            let value = self.uart.read((ipa - map::UART) & !3).to_le_bytes();
            let first = (ipa & 3) as usize;
            data.iter_mut().zip(&value[first..]).for_each(|(to, from)| *to = *from);
        }
    }

    /// Performs a store. Returns whether something was there.
    pub fn store(&mut self, ipa: u64, data: &[u8]) -> bool {
        if !Self::is_there(ipa) {
            return false;
        }
        let mut value = [0; 4];
        value.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        self.uart.write((ipa - map::UART) & !3, u32::from_le_bytes(value));
        self.line_so_far.extend(self.uart.take_transmitted());
        if self.line_so_far.len() >= LONGEST_LINE || self.line_so_far.last() == Some(&b'\n') {
            self.flush();
        }
        true
    }

    /// Hands to the console what was transmitted.
    pub fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.line_so_far);
        if !bytes.is_empty() {
            self.console.write(&bytes);
        }
    }

    /// Takes what the console has and the UART has room for.
    pub fn serve_input(&mut self, vm: &KvmVm) -> Result<(), MachineError> {
        while self.uart.room() > 0
            && let Some(byte) = self.console.read()
        {
            self.uart.receive(byte);
        }
        self.update_interrupt(vm)
    }

    /// Tells the interrupt controller the level of the UART's line, if it changed.
    pub fn update_interrupt(&mut self, vm: &KvmVm) -> Result<(), MachineError> {
        let level = self.uart.interrupt();
        if self.line.is_some_and(|told| told != level) {
            vm.set_interrupt(map::UART_SPI, level).map_err(|errno: Errno| kernel("KVM_IRQ_LINE", errno))?;
            self.line = Some(level);
        }
        Ok(())
    }
}
