//! A data access: alignment, translation, what its memory refuses, permission, tag check, bytes; in this order.
//!
//! Pseudocode `Mem[]`, `AArch64.MemSingle`, `AArch64.UnalignedAccessFaults`, `AArch64.S1HasAlignmentFault`. An access
//! that faults does nothing at all, but for a store that faults behind its first byte: what lies before may have been
//! stored.

use abi::map;
use arch::FaultStatus;

use super::fault::Abort;
use super::state::{Core, Stop};
use super::system_registers::A;
use super::translate::{Entry, Memory, Place, Purpose};
use model_base::memory::ByteMask;

mutants::defects!();

/// Bytes in a page of the guest.
const PAGE: u64 = map::GUEST_PAGE;

/// When an address must be a multiple of an element's size (pseudocode `AArch64.UnalignedAccessFaults`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alignment {
    /// With SCTLR_EL1.A, and in Device memory.
    Configured,
    /// Always, but with FEAT_LSE2 only where the access is not within 16 bytes: exclusives, atomics, acquire and
    /// release. So a pair of doublewords must be aligned on every CPU.
    Ordered,
    /// Always, wherever the access is: 64-byte accesses, read-check-write atomics, stores to a guarded control stack.
    Always,
}

/// Whose data an access moves. Of some it is IMPLEMENTATION DEFINED whether they are tag checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegisterFile {
    /// General registers, or none.
    General,
    /// SIMD&FP and SVE.
    Vectors,
    /// ZA and ZT0.
    Matrix,
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
    /// It stores tags, which Device memory may refuse.
    pub tags: bool,
    /// Whose data it moves.
    pub registers: RegisterFile,
    /// Which bytes of what it stores are UNKNOWN.
    pub unknown: ByteMask,
}

#[mutants::rules]
impl Access {
    /// Returns whether an address is a multiple of the element's size.
    fn fits(self, va: u64) -> bool {
        va & (self.element - 1) == 0
    }
}

/// The pages of an access: address, place, bytes.
pub(super) struct Parts {
    list: [(u64, Place, u64); 2],
    count: usize,
}

#[mutants::rules]
impl Parts {
    pub(super) fn as_slice(&self) -> &[(u64, Place, u64)] {
        &self.list[..self.count]
    }
}

/// An access that KVM does not tell the VMM enough of (ESR_EL2.ISV).
pub(super) const NOT_SIMPLE: Stop = Stop::Unmodelled("an access to a device that is no simple load or store");

/// What an access found.
pub(super) enum Reached {
    Memory(Parts),
    /// A device's register, where nothing but a simple load or store is specified; `None` where the firmware has it.
    Device(Option<u64>),
}

#[mutants::rules]
impl Core<'_, '_> {
    /// The place of a byte of a block's memory, or the data abort. The access is taken for aligned.
    pub(super) fn place(&mut self, va: u64, access: Access) -> Result<Place, Stop> {
        let entry = self.entry(va);
        // Device memory refuses tags by its type, so before permissions count (Unpredictable_DEVICETAGSTORE).
        if access.tags && entry.is_ok_and(Entry::is_device) && self.env.choices.choose(2) == 1 {
            return Err(self.alignment_fault(va, access));
        }
        if access.read
            && let Err(status) = entry.and_then(|entry| entry.place(Purpose::Read, access.el))
        {
            // A read-modify-write that could not even read is one that reads (Arm ARM, ESR_EL1.WnR).
            return Err(self.data_abort(Abort { status, va, write: false, cache: false }));
        }
        let purpose = if access.write { Purpose::Write } else { Purpose::Read };
        let place = entry
            .and_then(|entry| entry.place(purpose, access.el))
            .map_err(|status| self.data_abort(Abort { status, va, write: access.write, cache: false }))?;
        if access.tags && access.write {
            self.tags_can_be_stored(va, place, self.cpu.el)?;
        }
        // The code page holds the block, which is not to change; what else is in the firmware's memory is its own.
        let first = if access.write { map::ARENA_BASE } else { map::CODE_BASE };
        if (map::RAM_BASE..first).contains(&place.ipa) {
            return Err(Stop::Unmodelled("an access to the firmware's memory"));
        }
        Ok(place)
    }

    /// An alignment fault. Whatever reads, and be it to write, is reported as a read (pseudocode `AlignmentFault`).
    pub(super) fn alignment_fault(&mut self, va: u64, access: Access) -> Stop {
        self.data_abort(Abort { status: FaultStatus::ALIGNMENT, va, write: !access.read, cache: false })
    }

    /// Returns whether the alignment is wrong whatever the memory is.
    pub(super) fn misaligned(&self, va: u64, bytes: u64, access: Access) -> bool {
        let natural = access.fits(va);
        let configured = self.cpu.sys.sctlr & A != 0;
        match access.alignment {
            _ if natural => false,
            Alignment::Always => true,
            Alignment::Configured => configured,
            Alignment::Ordered => configured || !self.env.features.lse2 || va & 15 > 16 - bytes,
        }
    }

    /// Checks an access and finds its places.
    pub(super) fn reach(&mut self, va: u64, bytes: u64, access: Access) -> Result<Reached, Stop> {
        if self.misaligned(va, bytes, access) {
            return Err(self.alignment_fault(va, access));
        }
        let first = (PAGE - va % PAGE).min(bytes);
        // The type of memory counts before the permission does (Arm ARM, D8 priority of MMU faults).
        if !access.fits(va) && self.is_device(va) {
            return Err(self.alignment_fault(va, access));
        }
        let place = self.place(va, access)?;
        let mut parts = Parts { list: [(va, place, first); 2], count: 1 };
        if first < bytes {
            let next = va.wrapping_add(first);
            match self.second_page(va, next, bytes, access) {
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
        // Beside a page of a device there is none of memory.
        if place.ipa < map::RAM_BASE {
            self.check(parts.as_slice(), access)?;
            // The firmware's own address of the register is not for blocks.
            let for_blocks = va & ((1 << map::VA_BITS) - 1) == place.ipa;
            return Ok(Reached::Device(for_blocks.then_some(place.ipa)));
        }
        // What memory may refuse lies within 16 bytes, so in one page.
        if matches!(place.memory, Memory::Device | Memory::NonCacheable) {
            self.uncacheable(va, access)?;
        }
        self.check(parts.as_slice(), access)?;
        Ok(Reached::Memory(parts))
    }

    /// The place of an access's second page.
    ///
    /// One that is not aligned may be refused where it enters Device memory, or there where an element begins, or as a
    /// whole, or not at all (pseudocode `Mem[]`, Unpredictable_DEVPAGE2; Arm ARM, Crossing a page boundary with different
    /// memory types).
    fn second_page(&mut self, va: u64, next: u64, bytes: u64, access: Access) -> Result<Place, Stop> {
        if !access.fits(va) && self.is_device(next) {
            let element = next.wrapping_sub(va).next_multiple_of(access.element);
            let refused = match self.env.choices.choose(if element < bytes { 4 } else { 3 }) {
                0 => Some(va),
                1 => Some(next),
                2 => None,
                _ => Some(va.wrapping_add(element)),
            };
            if let Some(far) = refused {
                return Err(self.alignment_fault(far, access));
            }
        }
        self.place(next, access)
    }

    /// Memory that is not Normal Write-Back may refuse exclusives and atomics, and ordered accesses that are not aligned
    /// (pseudocode `AArch64.MemSingle`, Unpredictable_MISALIGNEDATOMIC; of read-modify-writes it does not ask).
    fn uncacheable(&mut self, va: u64, access: Access) -> Result<(), Stop> {
        let modifies = access.read && access.write;
        let unaligned = access.alignment == Alignment::Ordered && !access.fits(va) && !modifies;
        let options = 1 + u32::from(access.atomic) + u32::from(unaligned);
        match self.env.choices.choose(options) {
            0 => Ok(()),
            1 if access.atomic => {
                // ESR_EL1.WnR is UNKNOWN then.
                let status = FaultStatus::UNSUPPORTED_ATOMIC;
                Err(self.data_abort(Abort { status, va, write: !access.read, cache: false }))
            }
            _ => Err(self.alignment_fault(va, access)),
        }
    }

    /// Returns whether an access could be made.
    pub(super) fn reachable(&mut self, va: u64, bytes: u64, access: Access) -> Result<(), Stop> {
        self.reach(va, bytes, access).map(|_| ())
    }

    pub(super) fn memory(&mut self, va: u64, bytes: u64, access: Access) -> Result<Parts, Stop> {
        match self.reach(va, bytes, access)? {
            Reached::Memory(parts) => Ok(parts),
            Reached::Device(_) => Err(NOT_SIMPLE),
        }
    }
}

#[mutants::rules]
impl Stop {
    pub(super) fn is_tag_check_fault(&self) -> bool {
        matches!(self, Self::Exception(exception) if exception.esr.is_tag_check_fault())
    }

    /// Returns how many bytes from an address on lie before the one that an abort names. A tag check fault has none: no byte of an
    /// access whose check fails is stored.
    pub(super) fn reached_from(&self, va: u64) -> Option<usize> {
        match self {
            Self::Exception(exception) if !self.is_tag_check_fault() => {
                usize::try_from(exception.far?.wrapping_sub(va)).ok()
            }
            _ => None,
        }
    }
}
