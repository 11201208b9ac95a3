//! A data access: alignment, translation, permission, tag check, bytes; in this order.
//!
//! Pseudocode `Mem[]`, `AArch64.MemSingle`, `AArch64.CheckAlignment`. An access that faults does nothing at all, but
//! for a store of several elements that faults behind the first: those before it may have been stored.

use abi::map;
use isa::FaultStatus;

use super::fault::Abort;
use super::system_registers::A;
use super::translate::{Memory, Place, Purpose};
use super::{Core, Stop};

crate::defects! {
    STORE_DESPITE_FAULT "store.despite-tag-fault" "a store that takes a synchronous tag check fault is performed";
    STORE_DROPPED_ASYNC "store.dropped-by-asynchronous-fault" "a store with an asynchronous fault is not performed";
    STORE_CLEARS_TAG "store.clears-tag" "an untagged store clears the tags of its granules";
    SECOND_PAGE_FAR "access.second-page-far" "FAR_EL1 of a fault on an access's second page is its first byte";
    ALIGNMENT_A_IGNORED "access.alignment-check-ignored" "SCTLR_EL1.A has no effect";
    ALIGNMENT_DEVICE_IGNORED "access.device-alignment-ignored" "unaligned accesses to Device memory are not refused";
    ALIGNMENT_LAST "access.tag-check-before-alignment" "a wrong tag is noticed before a wrong alignment";
    TAG_CHECK_FIRST "access.tag-check-before-permission" "a wrong tag is noticed before a missing permission";
}

/// DFSC of an unsupported exclusive or atomic access (Arm ARM, ESR_EL1, ISS encoding for a Data Abort).
const UNSUPPORTED: FaultStatus = FaultStatus::from_bits(0b11_0101);
/// Bytes in a page of the guest.
const PAGE: u64 = map::GUEST_PAGE;

/// When an address must be a multiple of an element's size (pseudocode `AArch64.CheckAlignment`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alignment {
    /// With SCTLR_EL1.A, and in Device memory.
    Configured,
    /// Always, but with FEAT_LSE2 only where the access is not within 16 bytes: exclusives, atomics, acquire and
    /// release.
    Ordered,
    /// Always: pairs of doublewords in exclusives and in CASP.
    Always,
}

/// What an instruction's access is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub read: bool,
    pub write: bool,
    /// The level whose rights count.
    pub el: u8,
    /// The level whose fields say what is tag checked, and how.
    pub checks_as: u8,
    /// The instruction lets it be tag checked.
    pub checked: bool,
    /// Bytes of which the address must be a multiple when alignment counts, a power of two.
    pub element: u64,
    pub alignment: Alignment,
    /// One register, no writeback: KVM can tell the VMM what was to be stored to a device (ESR_EL2.ISV).
    pub simple: bool,
    /// An exclusive or a read-modify-write: whether memory that is not cacheable can do it is the CPU's choice.
    pub atomic: bool,
    /// CAS and CASP, which only may write.
    pub compares: bool,
}

/// The pages of an access: address, place, bytes.
pub(super) struct Parts {
    list: [(u64, Place, u64); 2],
    count: usize,
}

impl Parts {
    pub(super) fn as_slice(&self) -> &[(u64, Place, u64)] {
        &self.list[..self.count]
    }

    fn memory(&self, memory: Memory) -> bool {
        self.as_slice().iter().any(|(_, place, _)| place.memory == memory)
    }
}

/// What an access found.
enum Reached {
    Memory(Parts),
    /// A device's register, where nothing but a simple store is specified.
    Device(u64),
}

impl Core<'_, '_> {
    /// The place of a byte, or the data abort.
    pub(super) fn place(&mut self, va: u64, access: Access) -> Result<Place, Stop> {
        if access.read
            && let Err(status) = self.translate(va, Purpose::Read, access.el)
        {
            return Err(self.unreadable(status, va, access));
        }
        let purpose = if access.write { Purpose::Write } else { Purpose::Read };
        self.translate(va, purpose, access.el)
            .map_err(|status| self.data_abort(Abort { status, va, write: access.write, cache: false }))
    }

    /// A read-modify-write that could not even read is reported as a read (Arm ARM, ESR_EL1.WnR); CPUs, and QEMU among
    /// them, differ on whether that is what happened.
    fn unreadable(&mut self, status: FaultStatus, va: u64, access: Access) -> Stop {
        let write = access.write && self.env.choices.choose(2) == 1;
        self.data_abort(Abort { status, va, write, cache: false })
    }

    pub(super) fn alignment_fault(&mut self, va: u64, access: Access) -> Stop {
        if access.read {
            return self.unreadable(FaultStatus::ALIGNMENT, va, access);
        }
        self.data_abort(Abort { status: FaultStatus::ALIGNMENT, va, write: access.write, cache: false })
    }

    /// Tells whether the alignment is wrong whatever the memory is.
    fn misaligned(&self, va: u64, bytes: u64, access: Access) -> bool {
        let natural = va & (access.element - 1) == 0;
        let configured = self.cpu.sys.sctlr & A != 0 && !self.defect(&ALIGNMENT_A_IGNORED);
        match access.alignment {
            _ if natural => false,
            Alignment::Configured => configured,
            Alignment::Ordered => configured || !self.env.features.lse2 || va & 15 > 16 - bytes,
            Alignment::Always => true,
        }
    }

    /// Checks an access and finds its places.
    fn reach(&mut self, va: u64, bytes: u64, access: Access) -> Result<Reached, Stop> {
        let misaligned = self.misaligned(va, bytes, access);
        if misaligned && !self.defect(&ALIGNMENT_LAST) {
            return Err(self.alignment_fault(va, access));
        }
        if self.defect(&TAG_CHECK_FIRST) {
            self.check_unpermitted(va, bytes, access)?;
        }
        let first = (PAGE - va % PAGE).min(bytes);
        let place = self.place(va, access)?;
        let mut parts = Parts { list: [(va, place, first); 2], count: 1 };
        if first < bytes {
            let next = va.wrapping_add(first);
            let far_defect = self.defect(&SECOND_PAGE_FAR) && self.place(next, access).is_err();
            if far_defect {
                return Err(self.refused_at(va, next, access));
            }
            match self.place(next, access) {
                Ok(place) => parts.list[1] = (next, place, bytes - first),
                // The parts of an access are ordered by nobody: the first may be checked before the second is translated.
                Err(stop) => {
                    if self.is_checked(va, access)
                        && self.first_mismatch(va, place, first)?.is_some()
                        && self.env.choices.choose(2) == 1
                    {
                        self.check(parts.as_slice(), access)?;
                    }
                    return Err(stop);
                }
            }
            parts.count = 2;
        }
        if parts.memory(Memory::Device) {
            if va & (access.element - 1) != 0 && !self.defect(&ALIGNMENT_DEVICE_IGNORED) {
                return Err(self.alignment_fault(va, access));
            }
            if parts.as_slice().iter().any(|(_, place, _)| place.ipa < map::RAM_BASE) {
                // The firmware's own address of the register is not for blocks.
                let own = va & ((1 << map::VA_BITS) - 1) != parts.list[0].1.ipa;
                return Ok(Reached::Device(if own { 0 } else { parts.list[0].1.ipa }));
            }
        }
        let uncacheable = parts.memory(Memory::Device) || parts.memory(Memory::NonCacheable);
        if access.atomic && uncacheable && self.env.choices.choose(2) == 1 {
            return Err(self.data_abort(Abort { status: UNSUPPORTED, va, write: !access.read, cache: false }));
        }
        self.check(parts.as_slice(), access)?;
        if misaligned {
            return Err(self.alignment_fault(va, access));
        }
        Ok(Reached::Memory(parts))
    }

    /// The tag check as a CPU makes it that looks at permissions last.
    fn check_unpermitted(&mut self, va: u64, bytes: u64, access: Access) -> Result<(), Stop> {
        let read = Access { read: true, write: false, ..access };
        match self.translate(va, Purpose::Read, access.el) {
            Ok(place) => self.check(&[(va, place, bytes.min(PAGE - va % PAGE))], access),
            Err(_) => self.place(va, read).map(|_| ()),
        }
    }

    fn refused_at(&mut self, va: u64, next: u64, access: Access) -> Stop {
        match self.place(next, access) {
            Err(Stop::Exception(exception)) => Stop::Exception(super::Exception { far: Some(va), ..exception }),
            Err(stop) => stop,
            Ok(_) => Stop::Unmodelled("a fault that went away"),
        }
    }

    /// Tells whether an access could be made.
    pub(super) fn reachable(&mut self, va: u64, bytes: u64, access: Access) -> Result<(), Stop> {
        self.reach(va, bytes, access).map(|_| ())
    }

    fn memory(&mut self, va: u64, bytes: u64, access: Access) -> Result<Parts, Stop> {
        match self.reach(va, bytes, access)? {
            Reached::Memory(parts) => Ok(parts),
            Reached::Device(_) => Err(Stop::Unmodelled("an access to a device that is not a simple store")),
        }
    }

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
    pub(super) fn load(&mut self, va: u64, out: &mut [u8], access: Access) -> Result<(), Stop> {
        let parts = self.memory(va, out.len() as u64, access)?;
        self.read_parts(&parts, out)
    }

    /// Stores bytes from `va` on.
    pub(super) fn store(&mut self, va: u64, data: &[u8], access: Access) -> Result<(), Stop> {
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
            Reached::Memory(parts) => self.write_parts(&parts, data),
            Reached::Device(map::UART_DR) if access.simple => Err(Stop::Doorbell { byte: data[0] }),
            Reached::Device(_) => Err(Stop::Unmodelled("a store to a device's register other than the UART's data")),
        }
    }

    /// Stores what lies before the fault of a store of several elements, if the CPU is one that does: whole elements, or
    /// doublewords of them.
    fn store_before(&mut self, va: u64, data: &[u8], access: Access, stop: &Stop) -> Result<(), Stop> {
        let Stop::Exception(super::Exception { far: Some(far), .. }) = stop else { return Ok(()) };
        let before = far.wrapping_sub(va);
        if access.read || before == 0 || before >= data.len() as u64 || data.len() as u64 <= access.element {
            return Ok(());
        }
        let mut options = vec![0, before & !(access.element - 1), before & !7];
        options.dedup();
        options.retain(|bytes| *bytes > 0);
        let done = match self.env.choices.choose(1 + options.len() as u32) {
            0 => return Ok(()),
            n => options[n as usize - 1],
        };
        let parts = self.memory(va, done, Access { checked: false, ..access })?;
        self.write_parts(&parts, &data[..done as usize])
    }

    /// Reads, lets `change` say what to write, and writes that, as one access.
    pub(super) fn modify(
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
    pub(super) fn is_tag_check_fault(&self) -> bool {
        matches!(self, Self::Exception(exception) if exception.esr.is_tag_check_fault())
    }
}
