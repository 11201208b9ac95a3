//! The tag check: which accesses are checked, and what a wrong tag does.
//!
//! Pseudocode `AArch64.AccessIsTagChecked`, `AArch64.CheckTag`, `AArch64.EffectiveTCF`,
//! `AArch64.TagCheckFault`. Whether an instruction's accesses are checked at all is its own rule.

use arch::{FaultStatus, Tag, TaggedPtr};

use super::access::{Access, RegisterFile};
use super::fault::Abort;
use super::state::{Core, Stop};
use super::system_registers::{ATA, ATA0, TCF_SHIFT, TCF0_SHIFT, TCMA0_SHIFT, TCSO, TCSO0};
use super::translate::{Memory, Place};
use super::watch;

mutants::defects!();

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// What SCTLR_EL1.TCF and TCF0 make of a wrong tag (pseudocode `AArch64.EffectiveTCF`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Ignored,
    Synchronous,
    Asynchronous,
}

/// Why an access is not tag checked (pseudocode `AArch64.AccessIsTagChecked`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// The instruction's accesses are not: those by the stack pointer and an immediate, and those of tags.
    Instruction,
    /// PSTATE.TCO is 1.
    Overridden,
    /// SCTLR_EL1.TCSO or TCSO0 limits checks to stores.
    StoreOnly,
    /// The top byte of the address is not ignored (TCR_EL1.TBI), nor is it checked (MTX).
    TopByte,
    /// SCTLR_EL1.ATA or ATA0 is 0.
    NoTagAccess,
    /// TCR_EL1.TCMA exempts the logical tag.
    Exempt,
    /// The memory is not Tagged.
    Untagged,
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Returns whether allocation tags can be accessed at a level (pseudocode
    /// `AArch64.AllocationTagAccessIsEnabled`).
    pub(super) fn tag_access(&self, el: u8) -> bool {
        let bit = if el == 0 { ATA0 } else { ATA };
        self.env.features.mte >= 2 && !self.env.features.tags_hidden && self.cpu.sys.sctlr & bit != 0
    }

    /// Returns whether an access is exempt by its logical tag (pseudocode `EffectiveTCMA`): bits 59:55 all
    /// zeros or all ones.
    fn exempt(&self, pointer: TaggedPtr) -> bool {
        let upper = pointer.bit55();
        let on = self.cpu.sys.tcr >> (TCMA0_SHIFT + u32::from(upper)) & 1 == 1;
        let tag = if upper { Tag::MAX } else { Tag::ZERO };
        on && pointer.tag() == tag
    }

    /// Returns whether only stores of a level are checked (pseudocode `StoreOnlyTagCheckingEnabled`).
    fn store_only(&self, el: u8) -> bool {
        let bit = if el == 0 { TCSO0 } else { TCSO };
        self.env.features.store_only && self.cpu.sys.sctlr & bit != 0
    }

    /// Returns whether an access by this address is tag checked, if its memory is Tagged.
    pub(super) fn is_checked(&self, va: u64, access: Access) -> bool {
        self.unchecked(va, access).is_none()
    }

    /// Returns why an access by this address is not tag checked, even if its memory is Tagged. Of an atomic the store is
    /// checked, also where loads are not; that of a CAS that stores nothing may be, which [`super::atomic`] leaves out.
    pub(super) fn unchecked(&self, va: u64, access: Access) -> Option<Unchecked> {
        if !access.checked {
            return Some(Unchecked::Instruction);
        }
        if self.cpu.tco {
            return Some(Unchecked::Overridden);
        }
        if self.store_only(access.checks_as) && !access.write {
            return Some(Unchecked::StoreOnly);
        }
        if !(self.tbi(va) || self.mtx(va)) {
            return Some(Unchecked::TopByte);
        }
        if !self.tag_access(access.checks_as) {
            return Some(Unchecked::NoTagAccess);
        }
        self.exempt(TaggedPtr::new(va)).then_some(Unchecked::Exempt)
    }

    /// Finds the first byte of an access within one page whose granule has another tag.
    pub(super) fn first_mismatch(&mut self, va: u64, place: Place, bytes: u64) -> Result<Option<u64>, Stop> {
        let logical = TaggedPtr::new(va).tag();
        if let Some(canonical) = place.canonical {
            return Ok((bytes != 0 && logical != canonical).then_some(va));
        }
        if place.memory != Memory::Tagged || bytes == 0 {
            return Ok(None);
        }
        let first = place.ipa & !(GRANULE - 1);
        let last = place.ipa + bytes - 1;
        let mut granule = first;
        while granule <= last {
            let allocation = self.env.bus.tag(granule).map_err(Stop::NoMemory)?;
            if allocation != logical {
                return Ok(Some(va + granule.saturating_sub(place.ipa)));
            }
            granule += GRANULE;
        }
        Ok(None)
    }

    /// Checks an access whose pages are `parts`: address, place, bytes. Returns a synchronous fault as an error.
    ///
    /// The address reported is the first byte accessed in the first granule that does not match, or that of
    /// the whole access: which part of an unaligned access or of a pair is checked alone is the CPU's choice.
    pub(super) fn check(&mut self, parts: &[(u64, Place, u64)], access: Access) -> Result<(), Stop> {
        match parts.first() {
            Some(&(va, ..)) => self.check_or_report(parts, &[va], access),
            None => Ok(()),
        }
    }

    /// Checks an access whose fault may also be reported at one of `others`.
    pub(super) fn check_or_report(
        &mut self,
        parts: &[(u64, Place, u64)],
        others: &[u64],
        access: Access,
    ) -> Result<(), Stop> {
        watch::access(self, parts, access);
        if !parts.first().is_some_and(|(va, ..)| self.is_checked(*va, access)) {
            return Ok(());
        }
        for &(part, place, bytes) in parts {
            if let Some(wrong) = self.first_mismatch(part, place, bytes)? {
                return self.wrong_tag(wrong, others, access);
            }
        }
        Ok(())
    }

    /// Takes or records the fault of a wrong tag that is found at `wrong`, and may be reported at one of `others`.
    fn wrong_tag(&mut self, wrong: u64, others: &[u64], access: Access) -> Result<(), Stop> {
        match self.effect(access) {
            Effect::Ignored => Ok(()),
            _ if !self.checks_file(access) => Ok(()),
            Effect::Asynchronous => {
                self.record_fault(access.checks_as, TaggedPtr::new(wrong).bit55());
                Ok(())
            }
            Effect::Synchronous => {
                let mut fars = vec![wrong];
                others.iter().for_each(|other| {
                    if !fars.contains(other) {
                        fars.push(*other);
                    }
                });
                let at = fars[self.env.choices.choose(fars.len() as u32) as usize];
                // With store-only checks it is the store that faults. Else a read-modify-write, CAS too, reports a write only
                // if reading alone would not have faulted (pseudocode `CreateAccDescAtomicOp`).
                Err(self.data_abort(Abort {
                    status: FaultStatus::TAG_CHECK,
                    va: at,
                    write: !self.faults_as_read(access),
                    cache: false,
                }))
            }
        }
    }

    /// Returns whether a CPU checks what an access moves: in streaming mode accesses of SIMD&FP registers and of SVE, and
    /// always those of ZA and ZT0, may be Tag Unchecked. It is IMPLEMENTATION DEFINED, so a CPU has one answer each, which is
    /// asked for when it first matters (pseudocode `CreateAccDescASIMD`, `CreateAccDescSVE`, `CreateAccDescSME`).
    fn checks_file(&mut self, access: Access) -> bool {
        let file = match access.registers {
            RegisterFile::Vectors if self.cpu.matrix.streaming => 0,
            RegisterFile::Matrix => 1,
            _ => return true,
        };
        let checks = &mut self.cpu.matrix.checks[file];
        *checks.get_or_insert_with(|| self.env.choices.choose(2) == 0)
    }

    /// Returns whether a tag check fault of an access is that of a read.
    fn faults_as_read(&self, access: Access) -> bool {
        access.read && !self.store_only(access.checks_as)
    }

    /// Returns whether a tag check fault of this access has no effect.
    pub(super) fn ignores_mismatch(&mut self, access: Access) -> bool {
        self.effect(access) == Effect::Ignored
    }

    /// Returns what a tag check fault of this access does. Without FEAT_MTE3 the value 0b11 is reserved: it acts as one of the
    /// others, each time as the CPU likes (Unpredictable_RESTCF), so also as in QEMU, where it acts as with FEAT_MTE3.
    fn effect(&mut self, access: Access) -> Effect {
        let shift = if access.checks_as == 0 { TCF0_SHIFT } else { TCF_SHIFT };
        let mut mode = self.cpu.sys.sctlr >> shift & 0b11;
        if mode == 0b11 && self.env.features.mte < 3 {
            let others = if access.read { [0b01, 0b10, 0b00] } else { [0b10, 0b01, 0b00] };
            mode = others[self.env.choices.choose(3) as usize];
        }
        match mode {
            0b00 => Effect::Ignored,
            0b01 => Effect::Synchronous,
            0b10 => Effect::Asynchronous,
            _ if self.faults_as_read(access) => Effect::Synchronous,
            _ => Effect::Asynchronous,
        }
    }
}
