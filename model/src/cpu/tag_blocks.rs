//! Tags of whole blocks: LDGM, STGM, STZGM, DC ZVA, GVA and GZVA.
//!
//! Arm ARM C6.2 by instruction name and C5.3 by operation; pseudocode `AArch64.DataMemZero`, `AArch64.TagMemZero`. None
//! of these is tag checked but DC ZVA.

use isa::{Address, CacheOp, Reg, Tag, TaggedPtr};

use super::access::{Access, Alignment};
use super::fault::undefined;
use super::system_registers::DZE;
use super::tags::{Data, GRANULE};
use super::translate::Place;
use super::{Core, Exception, Executed, Stop};

crate::defects! {
    LDGM_EL0 "ldgm.defined-at-el0" "LDGM works at EL0";
    STGM_EL0 "stgm.defined-at-el0" "STGM works at EL0";
    STZGM_EL0 "stzgm.defined-at-el0" "STZGM works at EL0";
    LDGM_HALF "ldgm.half-block" "LDGM reads half of its block";
    LDGM_SHIFT "ldgm.not-shifted" "LDGM puts the first granule's tag lowest whatever its address";
    LDGM_REVERSED "ldgm.nibbles-reversed" "LDGM puts the lowest granule's tag highest";
    LDGM_KEEPS "ldgm.keeps-register" "LDGM keeps the register's other bits";
    STGM_HALF "stgm.half-block" "STGM stores half of its block";
    STGM_SWAPPED "stgm.nibbles-swapped" "STGM swaps the nibbles of each byte";
    STGM_UNALIGNED "stgm.block-from-address" "STGM begins at its address and not at its block";
    STZGM_TAG_BLOCK "stzgm.tag-block-size" "STZGM covers as much as STGM does";
    STZGM_KEEPS "stzgm.keeps-data" "STZGM does not zero";
    STZGM_TAG "stzgm.logical-tag" "STZGM stores the logical tag of its address";
    ZVA_UNCHECKED "dc-zva.unchecked" "DC ZVA is not tag checked";
    ZVA_FIRST_ONLY "dc-zva.first-granule-checked" "DC ZVA checks only the first granule of its block";
    ZVA_DESPITE_FAULT "dc-zva.despite-tag-fault" "DC ZVA zeroes its block although it takes a tag check fault";
    ZVA_TAGS "dc-zva.stores-tags" "DC ZVA stores tags too";
    ZVA_HALF "dc-zva.half-block" "DC ZVA zeroes half of its block";
    ZVA_UNALIGNED "dc-zva.block-from-address" "DC ZVA begins at its address and not at its block";
    GVA_ZEROES "dc-gva.zeroes" "DC GVA zeroes its block";
    GVA_HALF "dc-gva.half-block" "DC GVA tags half of its block";
    GVA_CHECKED "dc-gva.tag-checked" "DC GVA is tag checked";
    GZVA_KEEPS "dc-gzva.keeps-data" "DC GZVA does not zero";
    GZVA_NO_TAG "dc-gzva.stores-no-tags" "DC GZVA stores no tags";
    GZVA_FIRST "dc-gzva.first-granule-tagged" "DC GZVA tags only the first granule of its block";
}

/// LDGM and STGM number granules within 256 bytes.
const NIBBLES: u64 = 16;

impl Core<'_, '_> {
    /// LDGM, STGM and STZGM are for EL1 and up, of CPUs with tags.
    fn block_form(&self, at_el0: bool) -> Executed {
        if (self.cpu.el == 0 && !at_el0) || self.env.features.mte < 2 {
            return Err(undefined());
        }
        Ok(())
    }

    /// LDGM: the tags of a block, each in the nibble that its address numbers.
    pub(super) fn load_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form(self.defect(&LDGM_EL0))?;
        let block = self.env.features.tag_block();
        let va = self.address(address)?.0 & !(block - 1);
        let place = self.place(va, self.tag_load())?;
        let mut value = if self.defect(&LDGM_KEEPS) { self.get(rt) } else { 0 };
        let count = block / GRANULE / if self.defect(&LDGM_HALF) { 2 } else { 1 };
        for n in 0..count {
            let at = Place { ipa: place.ipa + n * GRANULE, ..place };
            let tag = u64::from(self.read_tag(at)?.value());
            let nibble = match () {
                () if self.defect(&LDGM_SHIFT) => n,
                () if self.defect(&LDGM_REVERSED) => NIBBLES - 1 - at.ipa / GRANULE % NIBBLES,
                () => at.ipa / GRANULE % NIBBLES,
            };
            value = value & !(0xf << (4 * nibble)) | tag << (4 * nibble);
        }
        self.set(rt, value);
        Ok(())
    }

    /// STGM: the nibbles of `rt` to the granules of a block.
    pub(super) fn store_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form(self.defect(&STGM_EL0))?;
        let block = self.env.features.tag_block();
        let base = self.address(address)?.0;
        let va = if self.defect(&STGM_UNALIGNED) { base & !(GRANULE - 1) } else { base & !(block - 1) };
        let place = self.place(va, self.tag_store(Data::Kept))?;
        let value = self.get(rt);
        let count = block / GRANULE / if self.defect(&STGM_HALF) { 2 } else { 1 };
        for n in 0..count {
            let at = Place { ipa: place.ipa + n * GRANULE, ..place };
            let nibble = (at.ipa / GRANULE % NIBBLES) ^ u64::from(self.defect(&STGM_SWAPPED));
            self.write_tag(at, Tag::truncate((value >> (4 * nibble)) as u8))?;
        }
        Ok(())
    }

    /// STZGM: the low nibble of `rt` to all granules of a block of DC ZVA's size, which is zeroed.
    pub(super) fn store_zero_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form(self.defect(&STZGM_EL0))?;
        let features = self.env.features;
        let block = if self.defect(&STZGM_TAG_BLOCK) { features.tag_block() } else { features.zero_block() };
        let base = self.address(address)?.0;
        let place = self.zero_tags_place(base, base & !(block - 1))?;
        let tag = if self.defect(&STZGM_TAG) { TaggedPtr::new(base).tag() } else { Tag::truncate(self.get(rt) as u8) };
        for at in (0..block).step_by(GRANULE as usize) {
            self.write_tag(Place { ipa: place.ipa + at, ..place }, tag)?;
        }
        if self.defect(&STZGM_KEEPS) { Ok(()) } else { self.zero(place, block) }
    }

    /// The place of the block of STZGM. FAR_EL1 of a fault shows its start, or the operand (Arm ARM, FAR_EL1).
    fn zero_tags_place(&mut self, operand: u64, start: u64) -> Result<Place, Stop> {
        let place = self.place(start, self.tag_store(Data::Zeroed));
        match place {
            Err(Stop::Exception(exception)) if operand != start && self.env.choices.choose(2) == 1 => {
                Err(Stop::Exception(Exception { far: exception.far.map(|_| operand), ..exception }))
            }
            place => place,
        }
    }

    /// DC ZVA, GVA and GZVA. Of these only ZVA is tag checked.
    pub(super) fn zero_block(&mut self, operation: CacheOp, rt: Reg) -> Executed {
        let (tags, zeroes) = (operation != CacheOp::Zva, operation != CacheOp::Gva);
        if tags && self.env.features.mte == 0 {
            return Err(undefined());
        }
        if self.cpu.el == 0 && self.cpu.sys.sctlr & DZE == 0 {
            return Err(super::system::trapped_operation(operation.encoding(), rt));
        }
        let pointer = self.get(rt);
        let block = self.env.features.zero_block();
        let start = if self.defect(&ZVA_UNALIGNED) { pointer & !(GRANULE - 1) } else { pointer & !(block - 1) };
        let access = Access {
            checked: if tags { self.defect(&GVA_CHECKED) } else { !self.defect(&ZVA_UNCHECKED) },
            alignment: Alignment::Configured,
            tags: false,
            ..self.tag_store(Data::Zeroed)
        };
        // Device memory refuses it before permissions count, if the CPU is one that does.
        if self.is_device(pointer) && self.env.choices.choose(2) == 0 {
            return Err(self.alignment_fault(pointer, access));
        }
        // What cannot be reached is reported by the address that the program gave.
        self.place(pointer, access)?;
        let place = self.place(start, access)?;
        if place.ipa < abi::map::RAM_BASE {
            return Err(Stop::Unmodelled("a block of zeros to a device"));
        }
        self.check_block(pointer, start, place, access)?;
        if tags {
            let tag = TaggedPtr::new(pointer).tag();
            let count = self.tagged_granules(operation, block / GRANULE);
            for n in 0..count {
                self.write_tag(Place { ipa: place.ipa + n * GRANULE, ..place }, tag)?;
            }
        } else if self.defect(&ZVA_TAGS) {
            self.write_tag(place, TaggedPtr::new(pointer).tag())?;
        }
        let zeroed = match operation {
            CacheOp::Gva => self.defect(&GVA_ZEROES),
            CacheOp::Gzva => !self.defect(&GZVA_KEEPS),
            _ => zeroes,
        };
        let half = operation == CacheOp::Zva && self.defect(&ZVA_HALF);
        if zeroed { self.zero(place, if half { block / 2 } else { block }) } else { Ok(()) }
    }

    fn tagged_granules(&self, operation: CacheOp, all: u64) -> u64 {
        match operation {
            CacheOp::Gva if self.defect(&GVA_HALF) => all / 2,
            CacheOp::Gzva if self.defect(&GZVA_NO_TAG) => 0,
            CacheOp::Gzva if self.defect(&GZVA_FIRST) => 1,
            _ => all,
        }
    }

    /// Checks a block. FAR_EL1 shows the lowest address that faults, or the operand (pseudocode
    /// `AArch64.DataMemZero`: "DC_ZVA tag fault reported with lowest faulting address"), or the block's start, which is what
    /// the pseudocode's own text passes for that lowest address. What lies below it may be zeroed already.
    fn check_block(&mut self, pointer: u64, start: u64, place: Place, access: Access) -> Executed {
        let block = if self.defect(&ZVA_FIRST_ONLY) { GRANULE } else { self.env.features.zero_block() };
        let top = pointer & !(u64::MAX >> 8);
        let start = start & (u64::MAX >> 8) | top;
        let Err(stop) = self.check_or_report(&[(start, place, block)], &[pointer, start], access) else {
            return Ok(());
        };
        let wrong = self.first_mismatch(start, place, block)?.unwrap_or(start);
        if self.defect(&ZVA_DESPITE_FAULT) {
            self.zero(place, block)?;
        } else if wrong != start && self.env.choices.choose(2) == 1 {
            self.zero(place, wrong.wrapping_sub(start))?;
        }
        Err(stop)
    }
}
