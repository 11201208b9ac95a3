//! The tag check: which accesses are checked, and what a wrong tag does.
//!
//! Pseudocode `AArch64.AccessIsTagChecked`, `AArch64.CheckTag`, `AArch64.EffectiveTCF`,
//! `AArch64.TagCheckFault`. Whether an instruction's accesses are checked at all is its own rule.

use isa::{FaultStatus, Tag, TaggedPtr};

use super::access::Access;
use super::fault::Abort;
use super::system_registers::{ATA, ATA0, TCF_SHIFT, TCF0_SHIFT, TCMA0_SHIFT, TCSO, TCSO0};
use super::translate::{Memory, Place};
use super::{Core, Stop};

crate::defects! {
    NEVER "check.never" "no access is tag checked";
    LOADS_NEVER "check.loads-never" "loads are not tag checked";
    STORES_NEVER "check.stores-never" "stores are not tag checked";
    EL0_NEVER "check.el0-never" "accesses of EL0 are not tag checked";
    UPPER_NEVER "check.upper-half-never" "accesses to the upper half are not tag checked";
    ZERO_MATCHES "check.logical-zero-matches-all" "logical tag 0 matches every allocation tag";
    MEMORY_ZERO_MATCHES "check.allocation-zero-matches-all" "allocation tag 0 matches every logical tag";
    FIFTEEN_MATCHES "check.logical-fifteen-matches-all" "logical tag 15 matches every allocation tag";
    THREE_BITS "check.three-bits" "the check compares three bits of the tags";
    FIRST_ONLY "check.second-granule-ignored" "of an access across two granules only the first is checked";
    LAST_ONLY "check.first-granule-ignored" "of an access across two granules only the last is checked";
    PAGE_EDGE "check.second-page-ignored" "of an access across two pages only the first is checked";
    TCO_IGNORED "check.tco-ignored" "PSTATE.TCO has no effect";
    TCO_EL0_IGNORED "check.tco-ignored-at-el0" "PSTATE.TCO has no effect at EL0";
    TCO_LOADS "check.tco-stores-checked" "with PSTATE.TCO stores are still checked";
    TCMA_IGNORED "check.tcma-ignored" "TCR_EL1.TCMA has no effect";
    TCMA_ALWAYS "check.tcma-always" "tags 0b0000 and 0b1111 are exempt without TCR_EL1.TCMA";
    TCMA_SWAPPED "check.tcma-halves-swapped" "TCR_EL1.TCMA0 acts on the upper half and TCMA1 on the lower";
    TCMA_BOTH "check.tcma-any-half" "with TCR_EL1.TCMA both 0b0000 and 0b1111 are exempt in either half";
    TBI_OFF_CHECKED "check.tbi-off-checked" "accesses are checked where TCR_EL1.TBI is 0";
    ATA_IGNORED "check.ata-ignored" "SCTLR_EL1.ATA has no effect";
    ATA0_IGNORED "check.ata0-ignored" "SCTLR_EL1.ATA0 has no effect";
    HIDDEN_TAGS_USED "check.hidden-tags-used" "a VM without tags can store and load them: HCR_EL2.ATA has no effect";
    ATA_SWAPPED "check.ata-levels-swapped" "SCTLR_EL1.ATA is EL0's and ATA0 is EL1's";
    TCF_SWAPPED "check.tcf-levels-swapped" "SCTLR_EL1.TCF is EL0's and TCF0 is EL1's";
    IGNORED_FAULTS "check.ignored-is-synchronous" "with TCF = 0b00 a wrong tag takes an exception";
    SYNC_IS_ASYNC "check.synchronous-is-asynchronous" "with TCF = 0b01 a wrong tag is recorded in TFSR";
    ASYNC_IS_SYNC "check.asynchronous-is-synchronous" "with TCF = 0b10 a wrong tag takes an exception";
    ASYNC_IGNORED_LOADS "check.asynchronous-loads-ignored" "with TCF = 0b10 a load through a wrong tag is not recorded";
    STORE_ONLY_IGNORED "check.store-only-ignored" "SCTLR_EL1.TCSO has no effect: loads are checked";
    STORE_ONLY_SWAPPED "check.store-only-levels-swapped" "SCTLR_EL1.TCSO is EL0's and TCSO0 is EL1's";
    STORE_ONLY_STORES "check.store-only-stores-unchecked" "with SCTLR_EL1.TCSO stores are not checked either";
    STORE_ONLY_ATOMICS "check.store-only-atomics-unchecked" "with SCTLR_EL1.TCSO atomics are not checked";
    STORE_ONLY_READS "check.store-only-atomics-read" "with SCTLR_EL1.TCSO the tag check fault of an atomic is that of a read";
    ASYMMETRIC_SWAPPED "check.asymmetric-swapped" "with TCF = 0b11 stores are synchronous and loads asynchronous";
    ASYMMETRIC_SYNC "check.asymmetric-is-synchronous" "with TCF = 0b11 stores are synchronous too";
    ASYMMETRIC_ASYNC "check.asymmetric-is-asynchronous" "with TCF = 0b11 loads are asynchronous too";
}

/// Bytes that share a tag.
const GRANULE: u64 = isa::GRANULE_BYTES as u64;

/// What SCTLR_EL1.TCF and TCF0 make of a wrong tag (pseudocode `AArch64.EffectiveTCF`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Ignored,
    Synchronous,
    Asynchronous,
}

impl Core<'_, '_> {
    /// Tells whether allocation tags can be accessed at a level (pseudocode
    /// `AArch64.AllocationTagAccessIsEnabled`).
    pub(super) fn tag_access(&self, el: u8) -> bool {
        let el0 = (el == 0) != self.defect(&ATA_SWAPPED);
        let (bit, ignored) = if el0 { (ATA0, &ATA0_IGNORED) } else { (ATA, &ATA_IGNORED) };
        let hidden = self.env.features.tags_hidden && !self.defect(&HIDDEN_TAGS_USED);
        self.env.features.mte >= 2 && !hidden && (self.cpu.sys.sctlr & bit != 0 || self.defect(ignored))
    }

    /// Tells whether an access is exempt by its logical tag (pseudocode `EffectiveTCMA`): bits 59:55 all
    /// zeros or all ones.
    fn exempt(&self, pointer: TaggedPtr) -> bool {
        let upper = pointer.bit55();
        let other = upper != self.defect(&TCMA_SWAPPED);
        let on = self.cpu.sys.tcr >> (TCMA0_SHIFT + u32::from(other)) & 1 == 1;
        if self.defect(&TCMA_BOTH) && self.cpu.sys.tcr >> TCMA0_SHIFT & 3 != 0 {
            return matches!(pointer.tag(), Tag::ZERO | Tag::MAX);
        }
        let tag = if upper { Tag::MAX } else { Tag::ZERO };
        pointer.tag() == tag && (on || self.defect(&TCMA_ALWAYS)) && !self.defect(&TCMA_IGNORED)
    }

    /// Tells whether only stores of a level are checked (pseudocode `StoreOnlyTagCheckingEnabled`).
    fn store_only(&self, el: u8) -> bool {
        let el0 = (el == 0) != self.defect(&STORE_ONLY_SWAPPED);
        let on = self.cpu.sys.sctlr & if el0 { TCSO0 } else { TCSO } != 0;
        self.env.features.store_only && on && !self.defect(&STORE_ONLY_IGNORED)
    }

    /// Tells whether an access by this address is tag checked, its memory apart. Of an atomic the store is checked, also where
    /// loads are not; that of a CAS that stores nothing may be, which [`super::atomic`] leaves out.
    pub(super) fn is_checked(&self, va: u64, access: Access) -> bool {
        let pointer = TaggedPtr::new(va);
        let tco_ignored = self.defect(&TCO_IGNORED)
            || (self.cpu.el == 0 && self.defect(&TCO_EL0_IGNORED))
            || (access.write && self.defect(&TCO_LOADS));
        let overridden = self.cpu.tco && !tco_ignored;
        let unread = self.store_only(access.checks_as)
            && (!access.write || self.defect(&STORE_ONLY_STORES) || (access.read && self.defect(&STORE_ONLY_ATOMICS)));
        let skipped = self.defect(&NEVER)
            || (access.read && self.defect(&LOADS_NEVER))
            || (!access.read && self.defect(&STORES_NEVER))
            || (access.checks_as == 0 && self.defect(&EL0_NEVER))
            || (pointer.bit55() && self.defect(&UPPER_NEVER));
        access.checked
            && !overridden
            && !unread
            && !skipped
            && (self.tbi(va) || self.defect(&TBI_OFF_CHECKED))
            && self.tag_access(access.checks_as)
            && !self.exempt(pointer)
    }

    fn matches(&self, logical: Tag, allocation: Tag) -> bool {
        let bits = if self.defect(&THREE_BITS) { 0x7 } else { 0xf };
        (logical.value() ^ allocation.value()) & bits == 0
            || (logical == Tag::ZERO && self.defect(&ZERO_MATCHES))
            || (logical == Tag::MAX && self.defect(&FIFTEEN_MATCHES))
            || (allocation == Tag::ZERO && self.defect(&MEMORY_ZERO_MATCHES))
    }

    /// Finds the first byte of an access within one page whose granule has another tag.
    pub(super) fn first_mismatch(&mut self, va: u64, place: Place, bytes: u64) -> Result<Option<u64>, Stop> {
        if place.memory != Memory::Tagged || bytes == 0 {
            return Ok(None);
        }
        let logical = TaggedPtr::new(va).tag();
        let first = place.ipa & !(GRANULE - 1);
        let last = (place.ipa + bytes - 1) & !(GRANULE - 1);
        let mut granule = first;
        while granule <= last {
            let skipped =
                (granule != first && self.defect(&FIRST_ONLY)) || (granule != last && self.defect(&LAST_ONLY));
            if !skipped {
                let allocation = self.env.bus.tag(granule).map_err(Stop::NoMemory)?;
                if !self.matches(logical, allocation) {
                    return Ok(Some(va + granule.saturating_sub(place.ipa)));
                }
            }
            granule += GRANULE;
        }
        Ok(None)
    }

    /// Checks an access whose pages are `parts`: address, place, bytes. Gives an error for a synchronous fault.
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
        if !parts.first().is_some_and(|(va, ..)| self.is_checked(*va, access)) {
            return Ok(());
        }
        for (n, &(part, place, bytes)) in parts.iter().enumerate() {
            if n > 0 && self.defect(&PAGE_EDGE) {
                continue;
            }
            if let Some(wrong) = self.first_mismatch(part, place, bytes)? {
                return self.wrong_tag(wrong, others, access);
            }
        }
        Ok(())
    }

    /// What a wrong tag does that is found at `wrong`, and may be reported at one of `others`.
    fn wrong_tag(&mut self, wrong: u64, others: &[u64], access: Access) -> Result<(), Stop> {
        match self.effect(access) {
            Effect::Ignored => Ok(()),
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
                let at = if fars.len() > 1 { fars[self.env.choices.choose(fars.len() as u32) as usize] } else { wrong };
                // With store-only checks it is the store that faults. Else a read-modify-write, CAS too, reports a write only if reading alone would not have faulted (pseudocode
                // `CreateAccDescAtomicOp`).
                Err(self.data_abort(Abort {
                    status: FaultStatus::TAG_CHECK,
                    va: at,
                    write: !self.faults_as_read(access),
                    cache: false,
                }))
            }
        }
    }

    /// Tells whether a tag check fault of an access is that of a read.
    fn faults_as_read(&self, access: Access) -> bool {
        let store_only = access.write && self.store_only(access.checks_as) && !self.defect(&STORE_ONLY_READS);
        access.read && !store_only
    }

    /// What a tag check fault of this access does. Without FEAT_MTE3 the value 0b11 is reserved: it acts as one of the
    /// others, each time as the CPU likes (Unpredictable_RESTCF), so also as in QEMU, where it acts as with FEAT_MTE3.
    fn effect(&mut self, access: Access) -> Effect {
        let el0 = (access.checks_as == 0) != self.defect(&TCF_SWAPPED);
        let mut mode = self.cpu.sys.sctlr >> if el0 { TCF0_SHIFT } else { TCF_SHIFT } & 0b11;
        if mode == 0b11 && self.env.features.mte < 3 {
            let others = if access.read { [0b01, 0b10, 0b00] } else { [0b10, 0b01, 0b00] };
            mode = others[self.env.choices.choose(3) as usize];
        }
        let load = self.faults_as_read(access) != self.defect(&ASYMMETRIC_SWAPPED);
        match mode {
            0b00 if self.defect(&IGNORED_FAULTS) => Effect::Synchronous,
            0b00 => Effect::Ignored,
            0b01 if self.defect(&SYNC_IS_ASYNC) => Effect::Asynchronous,
            0b01 => Effect::Synchronous,
            0b10 if self.defect(&ASYNC_IS_SYNC) => Effect::Synchronous,
            0b10 if access.read && self.defect(&ASYNC_IGNORED_LOADS) => Effect::Ignored,
            0b10 => Effect::Asynchronous,
            _ if self.defect(&ASYMMETRIC_SYNC) => Effect::Synchronous,
            _ if self.defect(&ASYMMETRIC_ASYNC) => Effect::Asynchronous,
            _ if load => Effect::Synchronous,
            _ => Effect::Asynchronous,
        }
    }
}
