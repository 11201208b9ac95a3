//! How campaigns of random programs get past an erratum, which would otherwise be all that they find.
//!
//! These are data; the generator of programs gives them their meaning.

use arch::{DataCacheOp, Op};

use crate::environment::Environment;
use crate::sign::{Direction, Sign};
use crate::{all, in_effect};

/// What programs do not contain, or what is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Avoid {
    /// None of these instructions.
    Ops(&'static [Op]),
    /// No stack pointer that is not a multiple of 16.
    UnalignedStack,
    /// No list of vectors of more than 32 bytes.
    LongLists,
    /// Programs that may see Device memory let SCTLR_EL1.A demand alignment everywhere.
    UnalignedDevice,
    /// No LD1 to LD4 and ST1 to ST4 in programs that may see Device memory.
    VectorsOnDevice,
    /// No atomic read-modify-writes in programs that may see memory that can only be read.
    AtomicsOnReadOnly,
    /// Blocks with SETG* let both levels access tags.
    TagSetsWithoutAccess,
    /// None of these data cache operations.
    CacheOps(&'static [DataCacheOp]),
    /// No exclusive loads in blocks that may ring a checkpoint.
    MonitorAtCheckpoint,
    /// Nothing is left out: whether a fault of EL0 at the device that only EL1 may use is one of alignment or of permission is
    /// not compared.
    PriorityOnDevice,
    /// Blocks with DC ZVA have no asymmetric tag check faults.
    AsymmetricZeros,
    /// Blocks with CAS or CASP have none either.
    AsymmetricSwaps,
    /// Blocks with atomic read-modify-writes check loads, too.
    StoreOnlyAtomics,
    /// Blocks with memory copies do, too.
    StoreOnlyCopies,
    /// No vectors of more than 128 bytes in programs in which the machine is saved, or may save itself.
    SavedLongVectors,
    /// Blocks with contiguous loads and stores of SVE, other than by the stack pointer and first-fault ones, have no effect of
    /// tag check faults; or such instructions are left out.
    ScalableChecks,
    /// Blocks with loads and stores of SVE demand no alignment; programs that may see Device memory have none of them.
    ScalableAlignment,
    /// Contiguous first-fault and non-fault loads are governed by p0, of which the lowest element is true, and which is not
    /// written.
    FirstFaultPredicates,
    /// No loads and stores of SVE by the stack pointer and an immediate.
    ScalableByStack,
    /// Blocks with loads of SVE check loads, too.
    StoreOnlyScalable,
    /// Blocks with contiguous first-fault loads have synchronous tag check faults.
    FirstFaultSynchronous,
    /// Blocks with stores of whole vectors or predicates of SVE have no asymmetric tag check faults, and check loads, too.
    WholeScalableStores,
    /// No LDNF1 of elements of more than a byte.
    NonFaultCrossing,
    /// No loads and stores of SVE in programs that may see Non-cacheable memory.
    ScalablePageKinds,
    /// No loads of vertical slices of ZA.
    VerticalSlices,
    /// Blocks with memory copies and sets, loads and stores of SVE, DC GVA or DC GZVA check no canonical tags.
    CanonicalElsewhere,
    /// No loads of single lanes in blocks with SVE.
    LanesWithScalable,
    /// Blocks with XPAC* enable a key.
    StripWithoutKey,
    /// Blocks with PAC* ignore the top byte in both halves of the address space, or in neither.
    SignInOneHalf,
    /// Blocks with PAC*, AUT* and XPAC* of instruction keys have no extended tag checks, or ignore the top byte.
    SignInstructionsWithoutExtendedChecks,
    /// No exclusive store of more bytes than the exclusive load before it in a block.
    ExclusiveStoresWiderThanLoads,
    /// Nothing is left out: bits 63:32 of ESR_EL1 of tag check faults are not compared, in programs that are given neither.
    SyndromeUpperHalf,
    /// Nothing is left out: ESR_EL1.DFSC of faults that are of a tag and not of data (TnD) is not compared.
    StatusOfTagFault,
    /// Nothing is left out: ESR_EL1.WnR of the faults that a sign of the erratum names is taken for what it should be.
    Direction,
}

impl Avoid {
    /// Returns what programs or comparisons leave out, as a sentence without its full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Ops(_) => "do not contain these instructions",
            Self::UnalignedStack => "keep the stack pointer at a multiple of 16",
            Self::LongLists => "have no lists of vectors of more than 32 bytes",
            Self::UnalignedDevice => "let SCTLR_EL1.A demand alignment where they may see Device memory",
            Self::VectorsOnDevice => "have no LD1 to LD4 and ST1 to ST4 where they may see Device memory",
            Self::AtomicsOnReadOnly => "have no atomics where they may see read-only memory",
            Self::TagSetsWithoutAccess => "let both levels access tags in blocks with SETG*",
            Self::CacheOps(_) => "do not contain these operations",
            Self::MonitorAtCheckpoint => "have no exclusive loads in blocks with a checkpoint",
            Self::PriorityOnDevice => "do not compare whether such a fault is one of alignment or of permission",
            Self::AsymmetricZeros => "have no asymmetric faults in blocks with DC ZVA",
            Self::AsymmetricSwaps => "have no asymmetric faults in blocks with CAS and CASP",
            Self::StoreOnlyAtomics => "check loads, too, in blocks with atomics",
            Self::StoreOnlyCopies => "check loads, too, in blocks with memory copies",
            Self::SavedLongVectors => "have no vectors of more than 128 bytes where the machine is saved",
            Self::ScalableChecks => {
                "leave out contiguous loads and stores of SVE, or let tag check faults have no effect"
            }
            Self::ScalableAlignment => {
                "demand no alignment in blocks with loads and stores of SVE, and have none where they may see Device memory"
            }
            Self::FirstFaultPredicates => {
                "let p0 govern contiguous first-fault and non-fault loads, and do not write it"
            }
            Self::ScalableByStack => "have no loads and stores of SVE by the stack pointer and an immediate",
            Self::StoreOnlyScalable => "check loads, too, in blocks with loads of SVE",
            Self::FirstFaultSynchronous => "have synchronous faults in blocks with contiguous first-fault loads",
            Self::WholeScalableStores => {
                "have synchronous faults and checks of loads in blocks with stores of whole vectors or predicates of SVE"
            }
            Self::NonFaultCrossing => "have no LDNF1 of elements of more than a byte",
            Self::ScalablePageKinds => "have no loads and stores of SVE where they may see Non-cacheable memory",
            Self::CanonicalElsewhere => {
                "check no canonical tags in blocks with memory copies and sets, SVE, DC GVA and DC GZVA"
            }
            Self::VerticalSlices => "do not load vertical slices of ZA",
            Self::LanesWithScalable => "have no loads of single lanes in blocks with SVE",
            Self::StripWithoutKey => "enable a key in blocks with XPACI, XPACD and XPACLRI",
            Self::SignInOneHalf => "ignore the top byte in both halves of the address space in blocks with PAC*",
            Self::SignInstructionsWithoutExtendedChecks => {
                "have no extended tag checks in blocks with PAC*, AUT* and XPACI of instruction pointers"
            }
            Self::ExclusiveStoresWiderThanLoads => "have no exclusive stores of more bytes than were loaded before",
            Self::SyndromeUpperHalf => "do not compare bits 63:32 of ESR_EL1 of tag check faults",
            Self::StatusOfTagFault => "do not compare ESR_EL1.DFSC of refused stores of tags",
            Self::Direction => "do not compare ESR_EL1.WnR of these faults",
        }
    }
}

/// What a campaign stays away from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avoided {
    /// What programs do not contain, and what is not compared.
    pub rules: Vec<Avoid>,
    /// Faults whose direction is not compared.
    pub directions: Vec<Direction>,
    /// Machines are saved and restored at every checkpoint, whatever programs say.
    pub restores: bool,
}

impl Avoided {
    /// Returns what the errata of these products ask for, in these versions.
    #[must_use]
    pub fn by(environment: &Environment) -> Self {
        Self::of(in_effect(environment))
    }

    /// Returns what all errata ask for, whichever versions have them.
    #[must_use]
    pub fn everything() -> Self {
        Self::of(all())
    }

    fn of(errata: impl Iterator<Item = &'static crate::erratum::Erratum>) -> Self {
        let mut this = Self::default();
        for erratum in errata {
            this.rules.extend(erratum.avoid.iter().filter(|rule| **rule != Avoid::Direction));
            if erratum.avoid.contains(&Avoid::Direction) {
                this.directions.extend(erratum.signs.iter().filter_map(Sign::direction));
            }
        }
        this
    }

    /// Returns what is overlooked even where known divergences are to be seen: it is in every program with a tag check fault.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.rules.retain(|rule| *rule == Avoid::SyndromeUpperHalf);
        self.directions.clear();
        self
    }

    /// Adds a rule that is no erratum's.
    #[must_use]
    pub fn and(mut self, rule: Avoid) -> Self {
        self.rules.push(rule);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_version_has_is_avoided() {
        let old = Avoided::by(&Environment::new("QEMU 10.0.13", "", ""));
        let new = Avoided::by(&Environment::new("QEMU 11.1.3", "", ""));
        assert!(old.rules.contains(&Avoid::LongLists) && !new.rules.contains(&Avoid::LongLists));
        assert!(old.rules.contains(&Avoid::VectorsOnDevice) && !new.rules.contains(&Avoid::VectorsOnDevice));
        for rule in [Avoid::UnalignedStack, Avoid::Ops(&[Op::Ldapur, Op::Stlur])] {
            assert!(old.rules.contains(&rule) && new.rules.contains(&rule), "{rule:?}");
        }
        assert_eq!(Avoided::by(&Environment::new("", "6.12.117", "VHE")), Avoided::default());
        assert_eq!(Avoided::by(&Environment::default()), Avoided::default());
    }

    #[test]
    fn each_rule_that_a_direction_is_not_compared_has_a_direction() {
        for erratum in all().filter(|erratum| erratum.avoid.contains(&Avoid::Direction)) {
            assert!(erratum.signs.iter().any(|sign| sign.direction().is_some()), "{}", erratum.id);
        }
    }
}
