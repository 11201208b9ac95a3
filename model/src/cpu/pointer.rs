//! Tags made in registers: IRG and its generator, ADDG, SUBG, GMI, SUBP, SUBPS.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AArch64.RandomTag`, `AArch64.ChooseNonExcludedTag`,
//! `AArch64.AddressWithAllocationTag`. The arithmetic of tags itself is in [`isa`].

use isa::{Exclude, Reg, Rgsr, Tag, TaggedPtr};

use super::{Core, Executed};

crate::defects! {
    IRG_IGNORES_GCR "irg.ignores-gcr" "IRG does not look at GCR_EL1.Exclude";
    IRG_IGNORES_XM "irg.ignores-register" "IRG does not look at the exclusions in Xm";
    IRG_GCR_INTERSECTED "irg.exclusions-intersected" "IRG excludes only tags that both GCR_EL1 and Xm name";
    IRG_ALL_EXCLUDED "irg.all-excluded-keeps" "IRG with all tags excluded keeps the pointer's tag";
    IRG_TAPS "irg.wrong-tap" "the generator's feedback lacks bit 2";
    IRG_THREE_BITS "irg.three-bits" "IRG shifts the generator three times";
    IRG_REVERSED "irg.bits-reversed" "IRG takes the generator's bits highest first";
    IRG_TAG_STALE "irg.rgsr-tag-stale" "IRG does not keep its tag in RGSR_EL1";
    IRG_SEED_STALE "irg.rgsr-seed-stale" "IRG does not keep the shifted seed";
    IRG_STARTS_AT_POINTER "irg.starts-at-pointer" "IRG walks on from the pointer's tag and not from RGSR_EL1.TAG";
    IRG_CLEARS_TOP "irg.clears-top-bits" "IRG clears bits 63:60 of the pointer";
    IRG_EL0_FIXED "irg.el0-fixed" "IRG at EL0 gives the pointer as it is";
    IRG_ATA_IGNORED "irg.ignores-ata" "IRG gives a random tag also where tags cannot be accessed";
    RRND_EXCLUDED "irg.rrnd-ignores-exclusion" "IRG with GCR_EL1.RRND = 1 gives excluded tags too";
    ADDG_IGNORES_GCR "addg.ignores-gcr" "ADDG and SUBG do not look at GCR_EL1.Exclude";
    ADDG_TAG_CARRY "addg.tag-into-upper-bits" "ADDG's tag carries into bit 60";
    ADDG_OFFSET_BYTES "addg.offset-not-scaled" "ADDG and SUBG count bytes and not granules";
    SUBG_TAG_SUBTRACTED "subg.tag-subtracted" "SUBG steps the tag down";
    SUBG_ADDS "subg.adds-address" "SUBG adds to the address";
    GMI_REPLACES "gmi.replaces-mask" "GMI gives the bit of the tag alone";
    GMI_CLEARS "gmi.clears-bit" "GMI clears the tag's bit";
    GMI_32 "gmi.drops-upper-bits" "GMI clears the bits of the mask above 15";
    SUBP_TAGS "subp.includes-tags" "SUBP subtracts all 64 bits";
    SUBP_UNSIGNED "subp.zero-extends" "SUBP zero-extends addresses of 56 bits";
    SUBPS_FLAGS "subps.no-flags" "SUBPS leaves the flags";
    SUBPS_CARRY "subps.carry-inverted" "SUBPS inverts C";
}

impl Core<'_, '_> {
    /// IRG.
    pub(super) fn irg(&mut self, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let pointer = TaggedPtr::new(self.get(rn));
        let (gcr, xm) = (self.cpu.sys.gcr as u16, self.get(rm) as u16);
        let exclude = match (self.defect(&IRG_IGNORES_GCR), self.defect(&IRG_IGNORES_XM)) {
            (true, _) => xm,
            (_, true) => gcr,
            _ if self.defect(&IRG_GCR_INTERSECTED) => gcr & xm,
            _ => gcr | xm,
        };
        let exclude = Exclude::from_bits(exclude);
        let tag = if self.tag_access(self.cpu.el) || self.defect(&IRG_ATA_IGNORED) {
            self.random_tag(pointer.tag(), exclude)
        } else {
            Tag::ZERO
        };
        let mut result = pointer.with_tag(tag).bits();
        if self.defect(&IRG_CLEARS_TOP) {
            result &= !(0xf << 60);
        }
        if self.cpu.el == 0 && self.defect(&IRG_EL0_FIXED) {
            result = pointer.bits();
        }
        self.set(rd, result);
        Ok(())
    }

    fn random_tag(&mut self, old: Tag, exclude: Exclude) -> Tag {
        if exclude == Exclude::ALL && self.defect(&IRG_ALL_EXCLUDED) {
            return old;
        }
        let before = Rgsr::from_bits(self.cpu.sys.rgsr);
        let start = if self.defect(&IRG_STARTS_AT_POINTER) { Rgsr::new(old, before.seed()) } else { before };
        let mut after = start;
        let mut tag = after.choose_random_tag(exclude);
        if self.odd_generator() {
            after = self.generate_wrongly(start, exclude);
            tag = after.tag();
        }
        let kept = Rgsr::new(
            if self.defect(&IRG_TAG_STALE) { before.tag() } else { tag },
            if self.defect(&IRG_SEED_STALE) { before.seed() } else { after.seed() },
        );
        if self.cpu.sys.gcr >> 16 & 1 == 1 {
            tag = self.implementations_tag(tag, exclude);
            self.cpu.sys.rgsr_unknown = true;
        }
        // It changes TAG and the lower 16 bits of SEED. The others have no effect without RRND: a CPU keeps them, or has them
        // not, and QEMU clears them.
        let others = self.cpu.sys.rgsr & !Rgsr::MASK;
        let cleared = others != 0 && !self.cpu.sys.rgsr_unknown && self.env.choices.choose(2) == 0;
        self.cpu.sys.rgsr = kept.bits() | if cleared { 0 } else { others };
        tag
    }

    /// Chooses as GCR_EL1.RRND = 1 lets the CPU do: any tag that is not excluded, 0 if there is none.
    fn implementations_tag(&mut self, first: Tag, exclude: Exclude) -> Tag {
        if self.defect(&RRND_EXCLUDED) {
            return Tag::truncate(self.cpu.sys.rgsr as u8 ^ 5);
        }
        let others: Vec<Tag> = Tag::all().filter(|tag| !exclude.contains(*tag) && *tag != first).collect();
        match self.env.choices.choose(1 + others.len() as u32) {
            0 => first,
            n => others[n as usize - 1],
        }
    }

    fn odd_generator(&self) -> bool {
        [&IRG_TAPS, &IRG_THREE_BITS, &IRG_REVERSED].into_iter().any(|defect| self.defect(defect))
    }

    fn generate_wrongly(&self, from: Rgsr, exclude: Exclude) -> Rgsr {
        let (mut seed, mut offset) = (from.seed(), 0);
        let steps = if self.defect(&IRG_THREE_BITS) { 3 } else { 4 };
        let tap = if self.defect(&IRG_TAPS) { 0 } else { 1 };
        for step in 0..steps {
            let bit = (seed >> 5 ^ seed >> 3 ^ ((seed >> 2) * tap) ^ seed) & 1;
            seed = bit << 15 | seed >> 1;
            offset |= (bit as u8) << if self.defect(&IRG_REVERSED) { 3 - step } else { step };
        }
        Rgsr::new(exclude.choose(from.tag(), offset), seed)
    }

    /// ADDG, and with `subtract` SUBG. `offset` is in bytes, a multiple of 16; `steps` is 0 to 15.
    pub(super) fn add_tag(&mut self, subtract: bool, rd: Reg, rn: Reg, offset: i64, steps: u8) -> Executed {
        let pointer = TaggedPtr::new(self.get(rn));
        let exclude = match self.defect(&ADDG_IGNORES_GCR) {
            true => Exclude::NONE,
            false => Exclude::from_bits(self.cpu.sys.gcr as u16),
        };
        let steps = if subtract && self.defect(&SUBG_TAG_SUBTRACTED) { (16 - steps) & 0xf } else { steps };
        let tag = if self.tag_access(self.cpu.el) { exclude.choose(pointer.tag(), steps) } else { Tag::ZERO };
        let offset = if self.defect(&ADDG_OFFSET_BYTES) { offset / 16 } else { offset };
        let offset = if subtract && !self.defect(&SUBG_ADDS) { -offset } else { offset };
        let mut result = pointer.wrapping_add(offset).with_tag(tag).bits();
        if self.defect(&ADDG_TAG_CARRY) && pointer.tag().value() + steps > 15 {
            result = result.wrapping_add(1 << 60);
        }
        self.set(rd, result);
        Ok(())
    }

    /// GMI.
    pub(super) fn gmi(&mut self, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let bit = 1 << TaggedPtr::new(self.get(rn)).tag().value();
        let mask = self.get(rm);
        let result = match () {
            () if self.defect(&GMI_REPLACES) => bit,
            () if self.defect(&GMI_CLEARS) => mask & !bit,
            () if self.defect(&GMI_32) => mask & 0xffff | bit,
            () => mask | bit,
        };
        self.set(rd, result);
        Ok(())
    }

    /// SUBP, and with `flags` SUBPS.
    pub(super) fn subtract_pointers(&mut self, flags: bool, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let address = |value: u64| match () {
            () if self.defect(&SUBP_TAGS) => value,
            () if self.defect(&SUBP_UNSIGNED) => value & (u64::MAX >> 8),
            () => TaggedPtr::new(value).untagged().bits(),
        };
        let (left, right) = (address(self.get(rn)), address(self.get(rm)));
        let (result, mut nzcv) = super::arithmetic::add_with_carry(left, !right, true, 64);
        if self.defect(&SUBPS_CARRY) {
            nzcv ^= 0b0010;
        }
        if flags && !self.defect(&SUBPS_FLAGS) {
            self.cpu.nzcv = nzcv;
        }
        self.set(rd, result);
        Ok(())
    }
}
