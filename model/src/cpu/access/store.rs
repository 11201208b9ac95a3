//! The bytes of an access that was reached: loads, stores, read-modify-writes, and stores that got half-way.

use abi::map;

use super::{Access, Parts, Reached, STORE_CLEARS_TAG, STORE_DESPITE_FAULT, STORE_DROPPED_ASYNC};
use crate::cpu::translate::Memory;
use crate::cpu::{Core, Exception, Stop};

/// What UNKNOWN data leaves in memory is UNKNOWN too, and of memory that is not tracked.
const UNKNOWN: Stop = Stop::Unmodelled("a store of a SIMD register that is UNKNOWN after a fault");

impl Core<'_, '_> {
    fn read_parts(&mut self, parts: &Parts, out: &mut [u8]) -> Result<(), Stop> {
        let mut rest = out;
        for &(_, place, bytes) in parts.as_slice() {
            let (now, later) = rest.split_at_mut(bytes as usize);
            self.env.bus.read(place.ipa, now).map_err(Stop::NoMemory)?;
            rest = later;
        }
        Ok(())
    }

    fn write_parts(&mut self, parts: &Parts, data: &[u8]) -> Result<(), Stop> {
        let mut rest = data;
        for &(_, place, bytes) in parts.as_slice() {
            let (now, later) = rest.split_at(bytes as usize);
            self.env.bus.write(place.ipa, now).map_err(Stop::NoMemory)?;
            if self.defect(&STORE_CLEARS_TAG) && place.memory != Memory::Tagged && place.ipa >= map::ARENA_BASE {
                self.env.bus.set_tag(place.ipa & !0xf, isa::Tag::ZERO).map_err(Stop::NoMemory)?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Loads the bytes from `va` on.
    pub(in crate::cpu) fn load(&mut self, va: u64, out: &mut [u8], access: Access) -> Result<(), Stop> {
        let parts = self.memory(va, out.len() as u64, access)?;
        self.read_parts(&parts, out)
    }

    /// Stores bytes from `va` on.
    pub(in crate::cpu) fn store(&mut self, va: u64, data: &[u8], access: Access) -> Result<(), Stop> {
        let before = self.cpu.sys.clone_if(self.defect(&STORE_DROPPED_ASYNC));
        let reached = match self.reach(va, data.len() as u64, access) {
            Ok(reached) => reached,
            Err(stop) => {
                if self.defect(&STORE_DESPITE_FAULT) && stop.is_tag_check_fault() {
                    let unchecked = Access { checked: false, ..access };
                    let parts = self.memory(va, data.len() as u64, unchecked)?;
                    self.write_parts(&parts, data)?;
                }
                self.store_before(va, data, access, &stop)?;
                return Err(stop);
            }
        };
        match reached {
            Reached::Memory(_) if before.is_some_and(|before| before != self.cpu.sys) => Ok(()),
            Reached::Memory(_) if access.unknown => Err(UNKNOWN),
            Reached::Memory(parts) => self.write_parts(&parts, data),
            Reached::Device(map::UART_DR) if access.simple => Err(Stop::Doorbell { byte: data[0] }),
            Reached::Device(_) => Err(Stop::Unmodelled("a store to a device's register other than the UART's data")),
        }
    }

    /// Stores what lies before the fault of a store, if the CPU is one that does: all bytes, or whole elements or
    /// doublewords of them (pseudocode `Mem[]`, which goes byte by byte, or by halves).
    fn store_before(&mut self, va: u64, data: &[u8], access: Access, stop: &Stop) -> Result<(), Stop> {
        let Some(before) = stop.bytes_before(va, data.len() as u64).filter(|_| !access.read) else { return Ok(()) };
        let mut options = vec![before & !(access.element - 1), before & !7, before];
        options.retain(|bytes| *bytes > 0);
        options.dedup();
        let done = match self.env.choices.choose(1 + options.len() as u32) {
            0 => return Ok(()),
            n => options[n as usize - 1],
        };
        if access.unknown {
            return Err(UNKNOWN);
        }
        // It was reached, and what it may have been refused for counts no more.
        let plain = Access { checked: false, element: 1, atomic: false, tags: false, ..access };
        let parts = self.memory(va, done, plain)?;
        self.write_parts(&parts, &data[..done as usize])
    }

    /// Reads, lets `change` say what to write, and writes that, as one access.
    pub(in crate::cpu) fn modify(
        &mut self,
        va: u64,
        data: &mut [u8],
        access: Access,
        change: impl FnOnce(&[u8]) -> Option<[u8; 16]>,
    ) -> Result<(), Stop> {
        let parts = self.memory(va, data.len() as u64, access)?;
        self.read_parts(&parts, data)?;
        match change(data) {
            Some(new) => self.write_parts(&parts, &new[..data.len()]),
            None => Ok(()),
        }
    }
}

impl Stop {
    /// How many of an access's bytes lie before the address of its fault; `None` if there are none.
    fn bytes_before(&self, va: u64, bytes: u64) -> Option<u64> {
        let Self::Exception(Exception { far: Some(far), .. }) = self else { return None };
        Some(far.wrapping_sub(va)).filter(|before| (1..bytes).contains(before))
    }
}
