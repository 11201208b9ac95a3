//! The bytes by which a vCPU calls the host: stores to the PL011's data register.
//!
//! Bytes below 0x80 are console text. The others are doorbells: bits 6:3 say why, bits 2:0 which
//! vCPU. Under KVM the store is an MMIO exit, so the host acts before the next instruction; under
//! QEMU it is a character on a socket.

/// Why a vCPU rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Doorbell {
    /// The reply to the last request is complete (the boot report is the reply to none).
    Reply = 0,
    /// The program under test stored this byte itself: an event may happen here.
    Checkpoint = 1,
    /// The firmware gave up; its panic record says why.
    Panic = 2,
}

impl Doorbell {
    /// Encodes the byte that vCPU `cpu` stores.
    #[must_use]
    pub const fn byte(self, cpu: usize) -> u8 {
        0x80 | (self as u8) << 3 | (cpu as u8 & 7)
    }

    /// Decodes a byte: `None` for console text and for a doorbell that does not exist.
    #[must_use]
    pub const fn decode(byte: u8) -> Option<(Self, usize)> {
        if byte & 0x80 == 0 {
            return None;
        }
        let bell = match byte >> 3 & 0xf {
            0 => Self::Reply,
            1 => Self::Checkpoint,
            2 => Self::Panic,
            _ => return None,
        };
        Some((bell, (byte & 7) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doorbell_decodes_to_itself_and_text_to_nothing() {
        for bell in [Doorbell::Reply, Doorbell::Checkpoint, Doorbell::Panic] {
            for cpu in 0..crate::map::MAX_CPUS {
                assert_eq!(Doorbell::decode(bell.byte(cpu)), Some((bell, cpu)));
            }
        }
        assert_eq!(Doorbell::decode(b'a'), None);
        assert_eq!(Doorbell::decode(0xff), None);
    }
}
