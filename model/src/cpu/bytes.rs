//! The bytes of an access that was reached: loads, stores, read-modify-writes, and stores that got half-way.

use abi::map;

use super::access::{Access, NOT_SIMPLE, Parts, Reached};
use super::fault::Exception;
use super::load_store::part;
use super::state::{Core, Stop};
use model_base::memory::ByteMask;

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// Reads bytes, and returns which of them are UNKNOWN.
    pub(super) fn read_parts(&mut self, parts: &Parts, out: &mut [u8]) -> Result<ByteMask, Stop> {
        let (mut unknown, mut done) = (0, 0);
        for &(_, place, bytes) in parts.as_slice() {
            let part = &mut out[done as usize..][..bytes as usize];
            unknown |= self.env.bus.read(place.ipa, part).map_err(Stop::NoMemory)? << done;
            done += bytes;
        }
        Ok(unknown)
    }

    /// Writes bytes, of which some are UNKNOWN.
    pub(super) fn write_parts(&mut self, parts: &Parts, data: &[u8], unknown: ByteMask) -> Result<(), Stop> {
        let mut done = 0;
        for &(_, place, bytes) in parts.as_slice() {
            self.env.bus.write(place.ipa, &data[done as usize..][..bytes as usize]).map_err(Stop::NoMemory)?;
            if unknown != 0 {
                self.env.bus.make_unknown(place.ipa, unknown >> done & (u64::MAX >> (64 - bytes)));
            }
            done += bytes;
        }
        Ok(())
    }

    /// Loads the bytes from `va` on, and returns which of them are UNKNOWN.
    pub(super) fn load(&mut self, va: u64, out: &mut [u8], access: Access) -> Result<ByteMask, Stop> {
        match self.reach(va, out.len() as u64, access)? {
            Reached::Memory(parts) => self.read_parts(&parts, out),
            // What a register of the UART holds is nobody's promise.
            Reached::Device(Some(ipa)) if access.simple && ipa - ipa % map::GUEST_PAGE == map::UART_DR => {
                Ok(part(out.len()))
            }
            Reached::Device(_) => Err(NOT_SIMPLE),
        }
    }

    /// Stores bytes from `va` on.
    pub(super) fn store(&mut self, va: u64, data: &[u8], access: Access) -> Result<(), Stop> {
        let reached = match self.reach(va, data.len() as u64, access) {
            Ok(reached) => reached,
            Err(stop) => {
                self.store_before(va, data, access, &stop)?;
                return Err(stop);
            }
        };
        match reached {
            Reached::Memory(parts) => self.write_parts(&parts, data, access.unknown),
            Reached::Device(_) if access.unknown != 0 => {
                Err(Stop::Unmodelled("a store of what is UNKNOWN to a device"))
            }
            Reached::Device(Some(map::UART_DR)) if access.simple => Err(Stop::Doorbell { byte: data[0] }),
            Reached::Device(_) => Err(Stop::Unmodelled("a store to a device's register other than the UART's data")),
        }
    }

    /// Stores what lies before the fault of a store, if the CPU is one that does: all bytes, or whole elements or
    /// doublewords of them (pseudocode `Mem[]`, which goes byte by byte, or by halves).
    fn store_before(&mut self, va: u64, data: &[u8], access: Access, stop: &Stop) -> Result<(), Stop> {
        let Some(before) = stop.bytes_before(va).filter(|_| !access.read) else { return Ok(()) };
        let mut options = vec![before & !(access.element - 1), before & !7, before];
        options.retain(|bytes| *bytes > 0);
        options.dedup();
        let done = match self.env.choices.choose(1 + options.len() as u32) {
            0 => return Ok(()),
            n => options[n as usize - 1],
        };
        // It was reached, and what it may have been refused for counts no more.
        let plain = Access { checked: false, element: 1, ..access };
        let parts = self.memory(va, done, plain)?;
        self.write_parts(&parts, &data[..done as usize], access.unknown)
    }

    /// Reads, lets `change` say what to write, and writes that, as one access. Returns which bytes of what was read are
    /// UNKNOWN, and `change` tells it of what it writes.
    pub(super) fn modify(
        &mut self,
        va: u64,
        data: &mut [u8],
        access: Access,
        change: impl FnOnce(&[u8], ByteMask) -> Option<([u8; 16], ByteMask)>,
    ) -> Result<ByteMask, Stop> {
        let parts = self.memory(va, data.len() as u64, access)?;
        let unknown = self.read_parts(&parts, data)?;
        if let Some((new, unknown)) = change(data, unknown) {
            self.write_parts(&parts, &new[..data.len()], unknown)?;
        }
        Ok(unknown)
    }
}

#[mutants::rules]
impl Stop {
    /// How many bytes of an access lie before the address of its fault; `None` if it has no address.
    pub(super) fn bytes_before(&self, va: u64) -> Option<u64> {
        let Self::Exception(Exception { far: Some(far), .. }) = self else { return None };
        Some(far.wrapping_sub(va))
    }
}
