//! Allocation tags in memory: STG and its kin, STGP, LDG.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AArch64.MemTag[]`. None of these is tag checked.

use arch::{Address, Addressing, Reg, Syndrome, Tag, TaggedPtr};

use super::access::Access;
use super::fault::{Abort, Exception, undefined};
use super::state::{Core, Executed, Stop};
use super::translate::{Memory, Place};
use super::watch;

mutants::defects!();

/// Bytes that share a tag (pseudocode `TAG_GRANULE`).
pub(super) const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// ESR_EL1.ISS2.TnD: the fault is of the tag and not of the data.
const TND: u64 = 1 << 42;

/// What a tag store does to its granules' data; STGP changes it, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Kept,
    Zeroed,
}

#[mutants::rules]
impl Core<'_, '_> {
    /// A store of tags, to data that is kept or changed. Device memory may refuse it: also where tags cannot be accessed,
    /// if it changes data (pseudocode `AArch64.MemTag[]` asks for access to tags, `Mem[]` does not).
    pub(super) fn tag_store(&self, data: Data) -> Access {
        let access = self.env.features.mte < 2 || self.tag_access(self.cpu.el);
        Access { tags: access || data == Data::Zeroed, ..self.plain(false, GRANULE, false) }
    }

    pub(super) fn tag_load(&self) -> Access {
        self.plain(true, GRANULE, false)
    }

    /// Reads a granule's tag (pseudocode `AArch64.MemTag[]`): 0 where there are no tags.
    pub(super) fn read_tag(&mut self, place: Place) -> Result<Tag, Stop> {
        if let Some(canonical) = place.canonical
            && self.tag_access(self.cpu.el)
        {
            return Ok(canonical);
        }
        if place.memory != Memory::Tagged || !self.tag_access(self.cpu.el) {
            return Ok(Tag::ZERO);
        }
        let tag = self.env.bus.tag(place.ipa).map_err(Stop::NoMemory)?;
        watch::tag_load(place, tag);
        Ok(tag)
    }

    /// Refuses a store of tags, with the access of a level, to memory that is canonically tagged (pseudocode
    /// `AArch64.S1CheckPermissions`: a permission fault, with ESR_EL1.TnD).
    pub(super) fn tags_can_be_stored(&self, va: u64, place: Place, el: u8) -> Executed {
        if place.canonical.is_none() || !self.tag_access(el) {
            return Ok(());
        }
        let status = match self.entry(va) {
            Ok(entry) => entry.permission_fault(),
            Err(status) => status,
        };
        match self.data_abort(Abort { status, va, write: true, cache: false }) {
            Stop::Exception(abort) => {
                let esr = Syndrome::from_bits(abort.esr.bits() | TND);
                Err(Stop::Exception(Exception { esr, ..abort }))
            }
            other => Err(other),
        }
    }

    /// Writes a granule's tag; without effect where there are no tags.
    pub(super) fn write_tag(&mut self, place: Place, tag: Tag) -> Executed {
        self.write_tag_as(place, tag, self.cpu.el)
    }

    /// The same with the access of a level.
    pub(super) fn write_tag_as(&mut self, place: Place, tag: Tag, el: u8) -> Executed {
        if place.memory != Memory::Tagged || !self.tag_access(el) {
            return Ok(());
        }
        watch::tag_store(self, place, tag);
        self.env.bus.set_tag(place.ipa, tag).map_err(Stop::NoMemory)
    }

    /// Zeroes whole granules.
    pub(super) fn zero(&mut self, place: Place, bytes: u64) -> Executed {
        const ZEROS: [u8; GRANULE as usize] = [0; GRANULE as usize];
        for at in (0..bytes).step_by(GRANULE as usize) {
            self.env.bus.write(place.ipa + at, &ZEROS).map_err(Stop::NoMemory)?;
        }
        Ok(())
    }

    /// STG, STZG, ST2G, STZ2G: one or two granules get the tag of `rt`.
    pub(super) fn store_tag(&mut self, rt: Reg, address: Address, granules: u64, data: Data) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let (va, writeback) = self.address(address)?;
        let executed = self.store_tag_at(va, TaggedPtr::new(self.get(rt)).tag(), granules, data);
        if executed.is_ok() {
            self.write_back(address.base, writeback);
        }
        executed
    }

    fn store_tag_at(&mut self, va: u64, tag: Tag, granules: u64, data: Data) -> Executed {
        let access = self.tag_store(data);
        if va & (GRANULE - 1) != 0 {
            return Err(self.alignment_fault(va, access));
        }
        let (first, second) = (self.place(va, access), va.wrapping_add(GRANULE));
        let crosses = granules == 2 && second.is_multiple_of(abi::map::GUEST_PAGE);
        let first = match first {
            Ok(place) => place,
            // Faults of several accesses of an instruction have no order (Arm ARM, prioritization of synchronous exceptions).
            Err(stop) if crosses => return Err(self.one_of_two_faults(stop, second, access)),
            Err(stop) => return Err(stop),
        };
        let mut places = [first; 2];
        if granules == 2 {
            // A page that took one tag takes the other.
            let tags = access.tags && crosses;
            places[1] = match self.place(second, Access { tags, ..access }) {
                Ok(place) => place,
                // Both are reached before either is stored, or one after the other; data comes before tags.
                Err(stop) => {
                    match self.env.choices.choose(2) {
                        0 => {}
                        _ if data == Data::Zeroed => self.zero(first, GRANULE)?,
                        _ => self.write_tag(first, tag)?,
                    }
                    return Err(stop);
                }
            };
        }
        let reached = &places[..granules as usize];
        for place in reached {
            self.write_tag(*place, tag)?;
        }
        if data == Data::Zeroed {
            for place in reached {
                self.zero(*place, GRANULE)?;
            }
        }
        Ok(())
    }

    /// The fault of an instruction whose first granule faults: that fault, or that of the second granule if it faults, too.
    fn one_of_two_faults(&mut self, stop: Stop, second: u64, access: Access) -> Stop {
        match self.place(second, access) {
            Err(other) if self.env.choices.choose(2) == 1 => other,
            _ => stop,
        }
    }

    /// STGP: two registers and the tag of the address.
    pub(super) fn store_tag_pair(&mut self, rt: Reg, rt2: Reg, address: Address) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let (va, writeback) = self.address(address)?;
        if va & (GRANULE - 1) != 0 {
            return Err(self.alignment_fault(va, self.tag_store(Data::Zeroed)));
        }
        let access = self.tag_store(Data::Zeroed);
        let place = match self.place(va, access) {
            Ok(place) => place,
            // Of several accesses of an instruction those that are not refused may have been made (Arm ARM, D1, Definition of a
            // precise exception). The data are stored first.
            Err(Stop::Exception(refused)) if refused.esr.bits() & TND != 0 => {
                if self.env.choices.choose(2) == 1 {
                    let place = self.place(va, Access { tags: false, ..access })?;
                    self.store_pair_data(place, rt, rt2)?;
                }
                return Err(Stop::Exception(refused));
            }
            Err(stop) => return Err(stop),
        };
        self.store_pair_data(place, rt, rt2)?;
        self.write_tag(place, TaggedPtr::new(va).tag())?;
        self.write_back(address.base, writeback);
        Ok(())
    }

    /// The data of STGP.
    fn store_pair_data(&mut self, place: Place, rt: Reg, rt2: Reg) -> Executed {
        let (low, high) = (self.get(rt), self.get(rt2));
        let unknown = [(rt, 0xff), (rt2, 0xff00)].into_iter().filter(|(register, _)| self.is_unknown(*register));
        let unknown = unknown.fold(0, |mask, (_, half)| mask | half);
        let data = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        self.env.bus.write(place.ipa, &data).map_err(Stop::NoMemory)?;
        if unknown != 0 {
            self.env.bus.make_unknown(place.ipa, unknown);
        }
        Ok(())
    }

    /// LDG: the granule's tag into bits 59:56 of `rt`.
    pub(super) fn load_tag(&mut self, rt: Reg, address: Address) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let (va, _) = self.address(address)?;
        let place = self.place(va & !(GRANULE - 1), self.tag_load())?;
        let tag = self.read_tag(place)?;
        self.set(rt, TaggedPtr::new(self.get(rt)).with_tag(tag).bits());
        Ok(())
    }
}
