//! Tags of whole blocks: LDGM, STGM, STZGM, DC ZVA, GVA and GZVA.
//!
//! Arm ARM C6.2 by instruction name and C5.3 by operation; pseudocode `AArch64.DataMemZero`, `AArch64.TagMemZero`. None
//! of these is tag checked but DC ZVA.

use arch::{Address, DataCacheOp, Reg, Tag, TaggedPtr};

use super::access::Access;
use super::fault::Exception;
use super::fault::undefined;
use super::state::{Core, Executed, Stop};
use super::system_registers::DZE;
use super::tags::{Data, GRANULE};
use super::translate::Place;

mutants::defects!();

/// LDGM and STGM number granules within 256 bytes.
const NIBBLES: u64 = 16;

#[mutants::rules]
impl Core<'_, '_> {
    /// LDGM, STGM and STZGM are for EL1 and up, of CPUs with tags.
    fn block_form(&self) -> Executed {
        if self.cpu.el == 0 || self.env.features.mte < 2 {
            return Err(undefined());
        }
        Ok(())
    }

    /// LDGM: the tags of a block, each in the nibble that its address numbers.
    pub(super) fn load_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form()?;
        let block = self.env.features.tag_block();
        let va = self.address(address)?.0 & !(block - 1);
        let place = self.place(va, self.tag_load())?;
        let mut value = 0;
        for n in 0..block / GRANULE {
            let at = Place { ipa: place.ipa + n * GRANULE, ..place };
            let nibble = at.ipa / GRANULE % NIBBLES;
            value |= u64::from(self.read_tag(at)?.value()) << (4 * nibble);
        }
        self.set(rt, value);
        Ok(())
    }

    /// STGM: the nibbles of `rt` to the granules of a block.
    pub(super) fn store_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form()?;
        let block = self.env.features.tag_block();
        let va = self.address(address)?.0 & !(block - 1);
        let place = self.place(va, self.tag_store(Data::Kept))?;
        let value = self.get(rt);
        for n in 0..block / GRANULE {
            let at = Place { ipa: place.ipa + n * GRANULE, ..place };
            let nibble = at.ipa / GRANULE % NIBBLES;
            self.write_tag(at, Tag::truncate((value >> (4 * nibble)) as u8))?;
        }
        Ok(())
    }

    /// STZGM: the low nibble of `rt` to all granules of a block of DC ZVA's size, which is zeroed.
    pub(super) fn store_zero_tags(&mut self, rt: Reg, address: Address) -> Executed {
        self.block_form()?;
        let block = self.env.features.zero_block();
        let base = self.address(address)?.0;
        let place = self.zero_tags_place(base, base & !(block - 1))?;
        let tag = Tag::truncate(self.get(rt) as u8);
        for n in 0..block / GRANULE {
            self.write_tag(Place { ipa: place.ipa + n * GRANULE, ..place }, tag)?;
        }
        self.zero(place, block)
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
    pub(super) fn zero_block(&mut self, operation: DataCacheOp, rt: Reg) -> Executed {
        let (tags, zeroes) = (operation != DataCacheOp::Zva, operation != DataCacheOp::Gva);
        if tags && self.env.features.mte == 0 {
            return Err(undefined());
        }
        if self.cpu.el == 0 && self.cpu.sys.sctlr & DZE == 0 {
            return Err(super::system::trapped_operation(operation.encoding(), rt));
        }
        let pointer = self.get(rt);
        let block = self.env.features.zero_block();
        let start = pointer & !(block - 1);
        let access = self.plain(false, GRANULE, !tags);
        // Device memory refuses it before permissions count, if the CPU is one that does.
        if self.is_device(pointer) && self.env.choices.choose(2) == 0 {
            return Err(self.alignment_fault(pointer, access));
        }
        // What cannot be reached is reported by the address that the program gave.
        self.place(pointer, access)?;
        let place = self.place(start, access)?;
        if tags {
            self.tags_can_be_stored(pointer, place, self.cpu.el)?;
        }
        if place.ipa < abi::map::RAM_BASE {
            return Err(Stop::Unmodelled("a block of zeros to a device"));
        }
        self.check_block(pointer, start, place, access)?;
        if tags {
            let tag = TaggedPtr::new(pointer).tag();
            for n in 0..block / GRANULE {
                self.write_tag(Place { ipa: place.ipa + n * GRANULE, ..place }, tag)?;
            }
        }
        if zeroes { self.zero(place, block) } else { Ok(()) }
    }

    /// Checks a block. FAR_EL1 shows the lowest address that faults, or the operand (pseudocode
    /// `AArch64.DataMemZero`: "DC_ZVA tag fault reported with lowest faulting address"), or the block's start, which is what
    /// the pseudocode's own text passes for that lowest address. What lies below it may be zeroed already.
    fn check_block(&mut self, pointer: u64, start: u64, place: Place, access: Access) -> Executed {
        let block = self.env.features.zero_block();
        let Err(stop) = self.check_or_report(&[(start, place, block)], &[pointer, start], access) else {
            return Ok(());
        };
        let wrong = self.first_mismatch(start, place, block)?.unwrap_or(start);
        if wrong != start && self.env.choices.choose(2) == 1 {
            self.zero(place, wrong.wrapping_sub(start))?;
        }
        Err(stop)
    }
}
