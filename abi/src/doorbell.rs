//! Doorbells: bytes that a vCPU stores to the data register of the PL011 to call the host.
//!
//! Bytes below 0x80 are console text. In a doorbell, bits 6:3 are the [`Doorbell`] and bits 2:0 the number of the vCPU.
//! Under KVM the store is an MMIO exit, so the host acts before the next instruction executes. Under QEMU it is a
//! character on a socket.

use zerocopy::TryFromBytes;

/// The reason for a call.
///
/// ```
/// use abi::doorbell::Doorbell;
/// assert_eq!(Doorbell::Checkpoint.byte(2), 0x8a);
/// assert_eq!(Doorbell::decode(0x8a), Some((Doorbell::Checkpoint, 2)));
/// assert_eq!(Doorbell::decode(b'a'), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes)]
#[repr(u8)]
pub enum Doorbell {
    /// The reply to the last request is complete. The first one announces the boot report.
    Reply = 0,
    /// The program under test stored this byte itself: a point at which the host may inject an event.
    Checkpoint = 1,
    /// The firmware panicked; the panic record has the reason.
    Panic = 2,
}

impl Doorbell {
    /// Encodes the byte that vCPU `cpu` stores; `cpu` must be below [`crate::map::MAX_CPUS`].
    #[must_use]
    pub const fn byte(self, cpu: usize) -> u8 {
        0x80 | (self as u8) << 3 | (cpu as u8 & 7)
    }

    /// Decodes a byte into the doorbell and the number of the vCPU. Returns `None` for console text and for an unknown
    /// doorbell.
    #[must_use]
    pub fn decode(byte: u8) -> Option<(Self, usize)> {
        if byte & 0x80 == 0 {
            return None;
        }
        let kind = byte >> 3 & 0xf;
        let bell = zerocopy::try_transmute!(kind).ok()?;
        Some((bell, (byte & 7) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doorbell_round_trips_and_other_bytes_are_rejected() {
        let mut valid = 0;
        for bell in [Doorbell::Reply, Doorbell::Checkpoint, Doorbell::Panic] {
            for cpu in 0..crate::map::MAX_CPUS {
                assert_eq!(Doorbell::decode(bell.byte(cpu)), Some((bell, cpu)));
                valid += 1;
            }
        }
        assert_eq!((0..=u8::MAX).filter(|byte| Doorbell::decode(*byte).is_some()).count(), valid);
    }
}
