//! Allocation tags in memory: STG and its kin, STGP, LDG.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AArch64.MemTag[]`. None of these is tag checked.

use isa::{Address, Addressing, Reg, Tag, TaggedPtr};

use super::access::{Access, Alignment};
use super::fault::undefined;
use super::translate::{Memory, Place};
use super::{Core, Executed, Stop};

crate::defects! {
    STG_NOTHING "stg.stores-nothing" "STG stores no tag";
    STG_NEXT "stg.next-granule" "STG tags the granule behind its own";
    STG_PAIR "stg.both-of-pair" "STG tags both granules of an aligned pair";
    STG_ADDRESS_TAG "stg.tag-of-address" "STG stores the tag of its address and not that of Xt";
    STG_ZEROES "stg.zeroes-data" "STG zeroes its granule";
    ST2G_FIRST "st2g.first-granule-only" "ST2G tags only its first granule";
    ST2G_SECOND "st2g.second-granule-only" "ST2G tags only its second granule";
    ST2G_ALIGNED "st2g.aligned-pair" "ST2G rounds its address down to 32 bytes";
    ST2G_PAGE "st2g.stops-at-page" "ST2G does not tag a second granule in the next page";
    STZG_KEEPS "stzg.keeps-data" "STZG does not zero its granule";
    STZG_TOO_MUCH "stzg.zeroes-too-much" "STZG zeroes 32 bytes";
    STZG_NO_TAG "stzg.stores-no-tag" "STZG zeroes but stores no tag";
    STZ2G_HALF "stz2g.zeroes-half" "STZ2G zeroes only its first granule";
    STZ2G_TAG_HALF "stz2g.tags-half" "STZ2G tags only its first granule";
    STGP_TAG_XT "stgp.tag-of-register" "STGP stores the tag of its first register and not that of the address";
    STGP_SWAPPED "stgp.registers-swapped" "STGP stores its registers in the wrong order";
    STGP_FIRST "stgp.first-register-only" "STGP stores only its first register";
    STGP_NO_TAG "stgp.stores-no-tag" "STGP stores no tag";
    STG_ALIGNMENT "stg.alignment-ignored" "tag stores round a misaligned address down";
    STG_CHECKED "stg.tag-checked" "STG is tag checked";
    STG_WRITEBACK_LOST "stg.writeback-lost" "tag stores do not write their base back";
    STG_POST_AS_PRE "stg.post-index-as-pre-index" "tag stores add a post-index offset before the access";
    STG_WRITEBACK_FAULT "stg.writeback-on-fault" "a tag store that faults writes its base back";
    STG_READ_ONLY "stg.permission-ignored" "tag stores need only permission to read";
    STG_UNTAGGED "stg.through-untagged" "tag stores through an untagged mapping change tags";
    STG_ATA_IGNORED "stg.ignores-ata" "tag stores work where tags cannot be accessed";
    LDG_UNTAGGED "ldg.through-untagged" "LDG through an untagged mapping reads the tag";
    LDG_ATA_IGNORED "ldg.ignores-ata" "LDG reads tags where they cannot be accessed";
    LDG_NEXT "ldg.next-granule" "LDG of an address behind the granule's middle reads the next granule's tag";
    LDG_REPLACES "ldg.replaces-register" "LDG puts the address into Xt as well";
    LDG_TOP_BYTE "ldg.clears-top-byte" "LDG clears bits 63:60 of Xt";
    LDG_UNALIGNED "ldg.demands-alignment" "LDG demands an aligned address";
}

/// Bytes that share a tag (pseudocode `TAG_GRANULE`).
pub(super) const GRANULE: u64 = isa::GRANULE_BYTES as u64;

/// What a tag store does to its granules' data; STGP changes it, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Kept,
    Zeroed,
}

impl Core<'_, '_> {
    /// A store of tags, to data that is kept or changed. Device memory may refuse it: also where tags cannot be accessed,
    /// if it changes data (pseudocode `AArch64.MemTag[]` asks for access to tags, `Mem[]` does not).
    pub(super) fn tag_store(&self, data: Data) -> Access {
        let access = self.env.features.mte < 2 || self.tag_access(self.cpu.el);
        Access {
            read: self.defect(&STG_READ_ONLY),
            write: !self.defect(&STG_READ_ONLY),
            el: self.cpu.el,
            checks_as: self.cpu.el,
            checked: false,
            element: GRANULE,
            alignment: Alignment::Always,
            simple: false,
            atomic: false,
            tags: access || data == Data::Zeroed,
            unknown: 0,
        }
    }

    pub(super) fn tag_load(&self) -> Access {
        let store = self.tag_store(Data::Kept);
        Access { read: true, write: false, tags: false, alignment: Alignment::Configured, ..store }
    }

    /// Reads a granule's tag (pseudocode `AArch64.MemTag[]`): 0 where there are no tags.
    pub(super) fn read_tag(&mut self, place: Place) -> Result<Tag, Stop> {
        let tagged = place.memory == Memory::Tagged || self.defect(&LDG_UNTAGGED);
        let accessible = self.tag_access(self.cpu.el) || self.defect(&LDG_ATA_IGNORED);
        if !tagged || !accessible {
            return Ok(Tag::ZERO);
        }
        self.env.bus.tag(place.ipa & !(GRANULE - 1)).map_err(Stop::NoMemory)
    }

    /// Writes a granule's tag; without effect where there are no tags.
    pub(super) fn write_tag(&mut self, place: Place, tag: Tag) -> Executed {
        self.write_tag_as(place, tag, self.cpu.el)
    }

    /// The same with the access of a level.
    pub(super) fn write_tag_as(&mut self, place: Place, tag: Tag, el: u8) -> Executed {
        let tagged = place.memory == Memory::Tagged || self.defect(&STG_UNTAGGED);
        let accessible = self.tag_access(el) || self.defect(&STG_ATA_IGNORED);
        if !tagged || !accessible {
            return Ok(());
        }
        self.env.bus.set_tag(place.ipa & !(GRANULE - 1), tag).map_err(Stop::NoMemory)
    }

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
        let (mut va, writeback) = self.tag_address(address)?;
        let mut tag = TaggedPtr::new(self.get(rt)).tag();
        if self.defect(&STG_ADDRESS_TAG) {
            tag = TaggedPtr::new(va).tag();
        }
        let executed = self.store_tag_at(&mut va, tag, granules, data);
        if executed.is_ok() || self.defect(&STG_WRITEBACK_FAULT) {
            self.write_back(address.base, writeback);
        }
        executed
    }

    fn store_tag_at(&mut self, va: &mut u64, tag: Tag, granules: u64, data: Data) -> Executed {
        let access = self.tag_store(data);
        if *va & (GRANULE - 1) != 0 {
            if !self.defect(&STG_ALIGNMENT) {
                return Err(self.alignment_fault(*va, access));
            }
            *va &= !(GRANULE - 1);
        }
        if granules == 2 && self.defect(&ST2G_ALIGNED) {
            *va &= !(2 * GRANULE - 1);
        }
        let first = *va;
        let mut places = [self.place(first, access)?; 2];
        if granules == 2 {
            let second = first.wrapping_add(GRANULE);
            // A page that took one tag takes the other.
            let tags = access.tags && second.is_multiple_of(abi::map::GUEST_PAGE);
            places[1] = match self.place(second, Access { tags, ..access }) {
                Ok(place) => place,
                // Both are reached before either is stored, or one after the other; data comes before tags.
                Err(stop) => {
                    match self.env.choices.choose(2) {
                        0 => {}
                        _ if data == Data::Zeroed => self.zero(places[0], GRANULE)?,
                        _ => self.write_tag(places[0], tag)?,
                    }
                    return Err(stop);
                }
            };
        }
        if granules == 1 && data == Data::Kept && self.defect(&STG_CHECKED) {
            let checked = Access { checked: true, ..access };
            self.check(&[(first, places[0], GRANULE)], checked)?;
        }
        for (n, place) in places.into_iter().enumerate().take(granules as usize) {
            if self.skips_tag(granules, n, data, first) {
                continue;
            }
            let mut place = place;
            if granules == 1 && data == Data::Kept && self.defect(&STG_NEXT) {
                place.ipa += GRANULE;
            }
            self.write_tag(place, tag)?;
            if granules == 1 && data == Data::Kept && self.defect(&STG_PAIR) {
                self.write_tag(Place { ipa: place.ipa ^ GRANULE, ..place }, tag)?;
            }
        }
        for (n, place) in places.into_iter().enumerate().take(granules as usize) {
            let zeroed = match data {
                Data::Kept => granules == 1 && self.defect(&STG_ZEROES),
                Data::Zeroed if granules == 1 => !self.defect(&STZG_KEEPS),
                Data::Zeroed => n == 0 || !self.defect(&STZ2G_HALF),
            };
            if zeroed {
                let wide = granules == 1 && self.defect(&STZG_TOO_MUCH);
                self.zero(place, if wide { 2 * GRANULE } else { GRANULE })?;
            }
        }
        Ok(())
    }

    /// Tells whether a defect leaves granule `n` of a tag store without its tag.
    fn skips_tag(&self, granules: u64, n: usize, data: Data, first: u64) -> bool {
        match (granules, data) {
            (1, Data::Kept) => self.defect(&STG_NOTHING),
            (1, Data::Zeroed) => self.defect(&STZG_NO_TAG),
            (_, Data::Kept) => {
                (n == 1 && self.defect(&ST2G_FIRST))
                    || (n == 0 && self.defect(&ST2G_SECOND))
                    || (n == 1 && self.defect(&ST2G_PAGE) && first.wrapping_add(GRANULE).is_multiple_of(4096))
            }
            (_, Data::Zeroed) => n == 1 && self.defect(&STZ2G_TAG_HALF),
        }
    }

    fn tag_address(&self, address: Address) -> Result<(u64, Option<u64>), Stop> {
        let (va, writeback) = self.address(address)?;
        let moved = self.get(address.base).wrapping_add_signed(address.offset);
        let va = match address.addressing {
            Addressing::PostIndex if self.defect(&STG_POST_AS_PRE) => moved,
            _ => va,
        };
        Ok((va, if self.defect(&STG_WRITEBACK_LOST) { None } else { writeback }))
    }

    /// STGP: two registers and the tag of the address.
    pub(super) fn store_tag_pair(&mut self, rt: Reg, rt2: Reg, address: Address) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let (mut va, writeback) = self.tag_address(address)?;
        let (mut low, mut high) = (self.get(rt), self.get(rt2));
        if va & (GRANULE - 1) != 0 {
            if !self.defect(&STG_ALIGNMENT) {
                return Err(self.alignment_fault(va, self.tag_store(Data::Zeroed)));
            }
            va &= !(GRANULE - 1);
        }
        let place = self.place(va, self.tag_store(Data::Zeroed))?;
        let tag = TaggedPtr::new(if self.defect(&STGP_TAG_XT) { low } else { va }).tag();
        if self.defect(&STGP_SWAPPED) {
            (low, high) = (high, low);
        }
        let unknown = [(rt, 0xff), (rt2, 0xff00)].into_iter().filter(|(register, _)| self.is_unknown(*register));
        let unknown = unknown.fold(0, |mask, (_, half)| mask | half);
        let data = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
        let data = if self.defect(&STGP_FIRST) { &data[..8] } else { &data[..] };
        self.env.bus.write(place.ipa, data).map_err(Stop::NoMemory)?;
        if unknown != 0 {
            self.env.bus.make_unknown(place.ipa, unknown);
        }
        if !self.defect(&STGP_NO_TAG) {
            self.write_tag(place, tag)?;
        }
        self.write_back(address.base, writeback);
        Ok(())
    }

    /// LDG: the granule's tag into bits 59:56 of `rt`.
    pub(super) fn load_tag(&mut self, rt: Reg, address: Address) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let (va, _) = self.address(address)?;
        if va & (GRANULE - 1) != 0 && self.defect(&LDG_UNALIGNED) {
            return Err(self.alignment_fault(va, self.tag_load()));
        }
        let late = if self.defect(&LDG_NEXT) { GRANULE / 2 } else { 0 };
        let aligned = va.wrapping_add(late) & !(GRANULE - 1);
        let place = self.place(aligned, self.tag_load())?;
        let tag = self.read_tag(place)?;
        let old = if self.defect(&LDG_REPLACES) { va } else { self.get(rt) };
        let mut new = TaggedPtr::new(old).with_tag(tag).bits();
        if self.defect(&LDG_TOP_BYTE) {
            new &= !(0xf << 60);
        }
        self.set(rt, new);
        Ok(())
    }
}
