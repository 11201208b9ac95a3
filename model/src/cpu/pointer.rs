//! Tags made in registers: IRG and its generator, ADDG, SUBG, GMI, SUBP, SUBPS.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `AArch64.RandomTag`, `AArch64.ChooseNonExcludedTag`,
//! `AArch64.AddressWithAllocationTag`. The arithmetic of tags itself is in [`isa`].

use arch::{Exclude, Reg, Rgsr, Tag, TaggedPtr};

use super::state::{Core, Executed};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// IRG.
    pub(super) fn irg(&mut self, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let pointer = TaggedPtr::new(self.get(rn));
        let (gcr, xm) = (self.cpu.sys.gcr as u16, self.get(rm) as u16);
        let exclude = Exclude::from_bits(gcr | xm);
        let tag = if self.tag_access(self.cpu.el) { self.random_tag(exclude) } else { Tag::ZERO };
        self.set(rd, pointer.with_tag(tag).bits());
        Ok(())
    }

    /// Chooses a tag that is not excluded, and moves the generator on.
    fn random_tag(&mut self, exclude: Exclude) -> Tag {
        let mut generator = Rgsr::from_bits(self.cpu.sys.rgsr);
        let mut tag = generator.choose_random_tag(exclude);
        if self.cpu.sys.gcr >> 16 & 1 == 1 {
            self.cpu.sys.rgsr_unknown = true;
        }
        // What follows from a seed that is UNKNOWN is up to the CPU, too.
        if self.cpu.sys.rgsr_unknown {
            tag = self.implementations_tag(tag, exclude);
        }
        // It changes TAG and the lower 16 bits of SEED. The others have no effect without RRND: a CPU keeps them, or has them
        // not, and QEMU clears them.
        let others = self.cpu.sys.rgsr & !Rgsr::MASK;
        let cleared = others != 0 && !self.cpu.sys.rgsr_unknown && self.env.choices.choose(2) == 0;
        self.cpu.sys.rgsr = generator.bits() | if cleared { 0 } else { others };
        tag
    }

    /// Chooses as the CPU likes, which GCR_EL1.RRND = 1 lets it: any tag that is not excluded, 0 if there is none.
    fn implementations_tag(&mut self, first: Tag, exclude: Exclude) -> Tag {
        let others: Vec<Tag> = Tag::all().filter(|tag| !exclude.contains(*tag) && *tag != first).collect();
        match self.env.choices.choose(1 + others.len() as u32) {
            0 => first,
            n => others[n as usize - 1],
        }
    }

    /// ADDG, and with `subtract` SUBG. `offset` is in bytes, a multiple of 16; `steps` is 0 to 15.
    pub(super) fn add_tag(&mut self, subtract: bool, rd: Reg, rn: Reg, offset: i64, steps: u8) -> Executed {
        let pointer = TaggedPtr::new(self.get(rn));
        let exclude = Exclude::from_bits(self.cpu.sys.gcr as u16);
        let tag = if self.tag_access(self.cpu.el) {
            exclude.choose_non_excluded_tag(pointer.tag(), steps)
        } else {
            Tag::ZERO
        };
        let offset = if subtract { -offset } else { offset };
        self.set(rd, pointer.wrapping_add(offset).with_tag(tag).bits());
        Ok(())
    }

    /// GMI.
    pub(super) fn gmi(&mut self, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let bit = 1 << TaggedPtr::new(self.get(rn)).tag().value();
        let mask = self.get(rm);
        self.set(rd, mask | bit);
        Ok(())
    }

    /// SUBP, and with `flags` SUBPS.
    pub(super) fn subtract_pointers(&mut self, flags: bool, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let address = |value: u64| TaggedPtr::new(value).untagged().bits();
        let (left, right) = (address(self.get(rn)), address(self.get(rm)));
        let (result, nzcv) = super::arithmetic::add_with_carry(left, !right, true, 64);
        if flags {
            self.cpu.nzcv = nzcv;
        }
        self.set(rd, result);
        Ok(())
    }
}
