//! The PL011 UART as software sees it (Arm DDI 0183, PrimeCell UART technical reference manual, chapter 3): data, flags, interrupts.
//!
//! Time does not pass in it: what is stored to the data register has left at once, so the transmit FIFO is always empty. Baud rate
//! and line control are kept and mean nothing, and it works before it is enabled, as QEMU's does, since many images never enable it.

use std::collections::VecDeque;

/// Bytes that the receive FIFO holds (3.2, revision r1p5 has 32; older ones and QEMU's have 16).
const FIFO: usize = 16;

/// Offsets of registers (table 3-1).
mod offset {
    pub const DR: u64 = 0x00;
    pub const FR: u64 = 0x18;
    pub const ILPR: u64 = 0x20;
    pub const IBRD: u64 = 0x24;
    pub const FBRD: u64 = 0x28;
    pub const LCR_H: u64 = 0x2c;
    pub const CR: u64 = 0x30;
    pub const IFLS: u64 = 0x34;
    pub const IMSC: u64 = 0x38;
    pub const RIS: u64 = 0x3c;
    pub const MIS: u64 = 0x40;
    pub const ICR: u64 = 0x44;
    pub const DMACR: u64 = 0x48;
    pub const IDS: u64 = 0xfe0;
}

/// UARTFR: the transmit FIFO is empty.
const FR_TXFE: u32 = 1 << 7;
/// UARTFR: the receive FIFO is full.
const FR_RXFF: u32 = 1 << 6;
/// UARTFR: the receive FIFO is empty.
const FR_RXFE: u32 = 1 << 4;
/// Interrupts (3.3.10 UARTIMSC): something was received; there is room to transmit.
const INT_RX: u32 = 1 << 4;
const INT_TX: u32 = 1 << 5;
/// Bits of UARTIMSC, UARTRIS, UARTMIS and UARTICR.
const INTERRUPTS: u32 = 0x7ff;
/// UARTPeriphID0 to 3 and UARTPCellID0 to 3, which drivers look for (3.3.15).
const IDS: [u8; 8] = [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The state of a PL011.
#[derive(Clone, Debug)]
pub struct Pl011 {
    received: VecDeque<u8>,
    transmitted: Vec<u8>,
    /// Registers that are kept: ILPR, IBRD, FBRD, LCR_H, CR, IFLS, DMACR.
    kept: [u32; 7],
    mask: u32,
    raw: u32,
}

impl Default for Pl011 {
    fn default() -> Self {
        // Reset values of UARTCR (RXE, TXE) and UARTIFLS (half full).
        Self { received: VecDeque::new(), transmitted: Vec::new(), kept: [0, 0, 0, 0, 0x300, 0x12, 0], mask: 0, raw: 0 }
    }
}

impl Pl011 {
    /// Returns the 32-bit register at an offset; what is not there reads as 0.
    pub fn read(&mut self, offset: u64) -> u32 {
        match offset {
            offset::DR => {
                let byte = self.received.pop_front();
                if self.received.is_empty() {
                    self.raw &= !INT_RX;
                }
                byte.unwrap_or(0).into()
            }
            offset::FR => {
                let full = if self.received.len() >= FIFO { FR_RXFF } else { 0 };
                let empty = if self.received.is_empty() { FR_RXFE } else { 0 };
                FR_TXFE | full | empty
            }
            offset::IMSC => self.mask,
            offset::RIS => self.raw,
            offset::MIS => self.raw & self.mask,
            offset::IDS.. => IDS.get(((offset - offset::IDS) / 4) as usize).copied().unwrap_or(0).into(),
            _ => kept(offset).map_or(0, |index| self.kept[index]),
        }
    }

    /// Writes the 32-bit register at an offset; what is not there ignores it.
    pub fn write(&mut self, offset: u64, value: u32) {
        match offset {
            offset::DR => {
                self.transmitted.push(value as u8);
                self.raw |= INT_TX;
            }
            offset::IMSC => self.mask = value & INTERRUPTS,
            offset::ICR => self.raw &= !value,
            _ => {
                if let Some(index) = kept(offset) {
                    self.kept[index] = value;
                }
            }
        }
    }

    /// Returns how many more bytes can be received now.
    #[must_use]
    pub fn room(&self) -> usize {
        FIFO.saturating_sub(self.received.len())
    }

    /// Receives a byte, for which there is [`room`](Self::room).
    pub fn receive(&mut self, byte: u8) {
        if self.room() > 0 {
            self.received.push_back(byte);
            self.raw |= INT_RX;
        }
    }

    /// Takes what was transmitted since the last call.
    pub fn take_transmitted(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.transmitted)
    }

    /// Returns the level of the interrupt line UARTINTR.
    #[must_use]
    pub fn interrupt(&self) -> bool {
        self.raw & self.mask != 0
    }
}

/// Returns the place of a register that is only kept.
fn kept(offset: u64) -> Option<usize> {
    const KEPT: [u64; 7] =
        [offset::ILPR, offset::IBRD, offset::FBRD, offset::LCR_H, offset::CR, offset::IFLS, offset::DMACR];
    KEPT.iter().position(|kept| *kept == offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_at_once_and_come_in_order() {
        let mut uart = Pl011::default();
        for byte in b"ok" {
            assert_eq!(uart.read(offset::FR) & FR_TXFE, FR_TXFE);
            uart.write(offset::DR, (*byte).into());
        }
        assert_eq!(uart.take_transmitted(), b"ok");
        assert_eq!(uart.take_transmitted(), b"");
        assert_eq!(uart.read(offset::FR) & FR_RXFE, FR_RXFE);
        uart.receive(b'a');
        uart.receive(b'b');
        assert_eq!(uart.read(offset::FR) & FR_RXFE, 0);
        assert_eq!([uart.read(offset::DR), uart.read(offset::DR), uart.read(offset::DR)], [0x61, 0x62, 0]);
    }

    #[test]
    fn the_receive_fifo_fills_and_loses_nothing_that_there_was_room_for() {
        let mut uart = Pl011::default();
        for byte in 0..20 {
            uart.receive(byte);
        }
        assert_eq!((uart.room(), uart.read(offset::FR) & FR_RXFF), (0, FR_RXFF));
        assert_eq!((0..16).map(|_| uart.read(offset::DR)).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
        assert_eq!(uart.room(), 16);
    }

    #[test]
    fn the_interrupt_is_level_masked_and_cleared() {
        let mut uart = Pl011::default();
        uart.receive(1);
        assert!(!uart.interrupt());
        uart.write(offset::IMSC, INT_RX);
        assert!(uart.interrupt());
        assert_eq!(uart.read(offset::MIS), INT_RX);
        uart.read(offset::DR);
        assert!(!uart.interrupt(), "the FIFO is empty");
        uart.write(offset::IMSC, INT_TX);
        uart.write(offset::DR, 1);
        assert!(uart.interrupt());
        uart.write(offset::ICR, INTERRUPTS);
        assert_eq!((uart.interrupt(), uart.read(offset::RIS)), (false, 0));
    }

    #[test]
    fn a_driver_finds_its_device() {
        let mut uart = Pl011::default();
        let ids: Vec<u32> = (0..8).map(|n| uart.read(offset::IDS + 4 * n)).collect();
        // UARTPeriphID: part 0x011, designer Arm (0x41); UARTPCellID 0xb105f00d.
        assert_eq!((ids[0] | ids[1] << 8) & 0xfff, 0x011);
        assert_eq!(ids[4..], [0x0d, 0xf0, 0x05, 0xb1]);
        uart.write(offset::LCR_H, 0x70);
        assert_eq!(uart.read(offset::LCR_H), 0x70);
    }
}
