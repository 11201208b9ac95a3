//! What a CPU has: the features and sizes that the rules ask about, and the ID registers that tell of them.
//!
//! Presets mirror CPUs of QEMU 10, which granule is measured against: their ID registers are those that a guest of
//! Linux 6.12 reads on them, but for CLIDR_EL1, which is the CPU's. Nothing here depends on the host.

mod presets;

use arch::SysReg;
use isa::Feature;

/// A CPU's features. The ID registers follow from these fields and from the rest that no rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// What the CPU is called, as QEMU's `-cpu` does.
    pub name: &'static str,
    /// ID_AA64PFR1_EL1.MTE: 0 none, 1 the instructions alone, 2 tags in memory, 3 asymmetric faults too.
    pub mte: u8,
    /// HCR_EL2.ATA is 0: a hypervisor keeps tags from the guest, and hides in the ID registers that the CPU has them. The
    /// instructions are there all the same, without access to tags, and MTE's registers are UNDEFINED.
    pub tags_hidden: bool,
    /// HCR_EL2.TID5 traps GMID_EL1, which is UNDEFINED then.
    pub gmid_trapped: bool,
    /// GMID_EL1.BS, 2 to 6: LDGM and STGM cover `4 << BS` bytes.
    pub tag_block_bs: u8,
    /// DCZID_EL0.BS, 2 to 9: DC ZVA covers `4 << BS` bytes.
    pub dczid: u8,
    /// FEAT_LSE: atomic read-modify-write instructions.
    pub atomics: bool,
    /// FEAT_LSE128: those of quadwords.
    pub lse128: bool,
    /// FEAT_LSE2: unaligned atomics that stay within 16 bytes.
    pub lse2: bool,
    /// FEAT_MOPS: memory copies and sets.
    pub mops: bool,
    /// FEAT_MTE_TAGGED_FAR: FAR_ELx bits 63:60 are known for a tag check fault.
    pub tagged_far: bool,
    /// FEAT_MTE_STORE_ONLY: SCTLR_EL1.TCSO and TCSO0 limit tag checks to stores.
    pub store_only: bool,
    /// FEAT_IDST: reads of ID registers at EL0 are reported with class 0x18.
    pub idst: bool,
    /// The vector lengths of SVE, bit n for `16 * (n + 1)` bytes; 0 without FEAT_SVE.
    pub vector_lengths: u16,
    /// The streaming vector lengths of SME, bit n for `16 * (n + 1)` bytes; 0 without FEAT_SME.
    pub streaming_lengths: u16,
    /// A hypervisor keeps SVE from the guest and hides it in the ID registers, but the CPU has it: what CPACR_EL1.ZEN traps is
    /// trapped.
    pub sve_hidden: bool,
    /// ID_AA64PFR0_EL1 without its SVE field.
    pub pfr0: u64,
    /// ID_AA64PFR1_EL1 without its MTE field.
    pub pfr1: u64,
    /// ID_AA64DFR0_EL1.
    pub dfr0: u64,
    /// ID_AA64ISAR0_EL1 without its Atomic field.
    pub isar0: u64,
    /// ID_AA64ISAR1_EL1.
    pub isar1: u64,
    /// ID_AA64ISAR2_EL1 without its MOPS field.
    pub isar2: u64,
    /// ID_AA64ISAR3_EL1.
    pub isar3: u64,
    /// ID_AA64MMFR0_EL1.
    pub mmfr0: u64,
    /// ID_AA64MMFR1_EL1.
    pub mmfr1: u64,
    /// ID_AA64MMFR2_EL1 without its AT and IDS fields.
    pub mmfr2: u64,
    /// ID_AA64ZFR0_EL1, which is read as 0 without FEAT_SVE.
    pub zfr0: u64,
    /// ID_AA64SMFR0_EL1.
    pub smfr0: u64,
    /// MIDR_EL1.
    pub midr: u64,
    /// MPIDR_EL1 of the first CPU, without its Aff0 field, which is a CPU's number.
    pub mpidr: u64,
    /// REVIDR_EL1.
    pub revidr: u64,
    /// CLIDR_EL1.
    pub clidr: u64,
    /// CTR_EL0.
    pub ctr: u64,
}

const MTE_SHIFT: u32 = 8;
const SVE_SHIFT: u32 = 32;
const STORE_ONLY_SHIFT: u32 = 4;
const TAGGED_FAR_SHIFT: u32 = 8;
const SME_SHIFT: u32 = 24;
/// ID_AA64SMFR0_EL1.SMEver.
const SME_VERSION_SHIFT: u32 = 56;
const BT: u64 = 0xf;
const LO_SHIFT: u32 = 16;
const MTEX_SHIFT: u32 = 52;
const ATOMIC_SHIFT: u32 = 20;
const MOPS_SHIFT: u32 = 16;
const AT_SHIFT: u32 = 32;
const IDS_SHIFT: u32 = 36;
/// MPIDR_EL1.Aff0.
const AFF0: u64 = 0xff;

impl Features {
    /// The vector lengths of SVE in bytes, in ascending order.
    pub fn vector_lengths(&self) -> impl Iterator<Item = u16> {
        let lengths = self.vector_lengths;
        (0..16).filter(move |n| lengths >> n & 1 == 1).map(|n| 16 * (n + 1))
    }

    /// Returns the same with another level of MTE, 0 to 3.
    #[must_use]
    pub fn with_mte(self, mte: u8) -> Self {
        Self { mte, ..self }
    }
}

#[mutants::rules]
impl Features {
    /// ID_AA64PFR0_EL1.
    #[must_use]
    pub fn id_aa64pfr0(&self) -> u64 {
        self.pfr0 | (self.has_sve() as u64) << SVE_SHIFT
    }

    /// ID_AA64ZFR0_EL1.
    #[must_use]
    pub fn id_aa64zfr0(&self) -> u64 {
        if self.has_sve() { self.zfr0 } else { 0 }
    }

    /// Returns whether there is SVE (ID_AA64PFR0_EL1.SVE, FEAT_SVE).
    #[must_use]
    pub fn has_sve(&self) -> bool {
        self.vector_lengths != 0
    }

    /// Returns whether SVE has vectors of so many bytes.
    #[must_use]
    pub fn has_vector_bytes(&self, bytes: u64) -> bool {
        let number = bytes / 16;
        bytes.is_multiple_of(16) && (1..=16).contains(&number) && self.vector_lengths >> (number - 1) & 1 == 1
    }

    /// The largest vector length in bytes, 0 without SVE.
    #[must_use]
    pub fn max_vector_bytes(&self) -> u16 {
        16 * (16 - self.vector_lengths.leading_zeros() as u16)
    }

    /// Returns the vector length in bytes that a value of ZCR_EL1.LEN selects: the longest that there is up to `16 * (len + 1)`
    /// bytes, else the shortest (Arm ARM, ZCR_EL1.LEN).
    #[must_use]
    pub fn selected_vector_bytes(&self, len: u64) -> u16 {
        let up_to = self.vector_lengths().take_while(|bytes| u64::from(*bytes) <= 16 * (len + 1));
        up_to.last().or(self.vector_lengths().next()).unwrap_or(0)
    }

    /// Returns whether there is SME (ID_AA64PFR1_EL1.SME, FEAT_SME).
    #[must_use]
    pub fn has_sme(&self) -> bool {
        self.pfr1 >> SME_SHIFT & 0xf >= 1
    }

    /// Returns whether there is SME2 (ID_AA64PFR1_EL1.SME, FEAT_SME2).
    #[must_use]
    pub fn has_sme2(&self) -> bool {
        self.pfr1 >> SME_SHIFT & 0xf >= 2
    }

    /// Returns whether there is SME2.1 (ID_AA64SMFR0_EL1.SMEver, FEAT_SME2p1).
    #[must_use]
    pub fn has_sme2p1(&self) -> bool {
        self.has_sme() && self.smfr0 >> SME_VERSION_SHIFT & 0xf >= 2
    }

    /// Returns the streaming vector length in bytes that a value of SMCR_EL1.LEN selects: the longest that there is up to
    /// `16 * (len + 1)` bytes, else the shortest (pseudocode `ImplementedSMEVectorLength`); 0 without SME.
    #[must_use]
    pub fn selected_streaming_bytes(&self, len: u64) -> u16 {
        let lengths = || (1..=16_u16).filter(|n| self.streaming_lengths >> (n - 1) & 1 == 1).map(|n| 16 * n);
        let up_to = lengths().take_while(|bytes| u64::from(*bytes) <= 16 * (len + 1));
        up_to.last().or(lengths().next()).unwrap_or(0)
    }

    /// ID_AA64PFR1_EL1.
    #[must_use]
    pub fn id_aa64pfr1(&self) -> u64 {
        let shown = if self.tags_hidden { 0 } else { self.mte as u64 };
        self.pfr1 | shown << MTE_SHIFT
    }

    /// Returns whether there is floating point (ID_AA64PFR0_EL1.FP).
    #[must_use]
    pub fn has_floating_point(&self) -> bool {
        self.pfr0 >> 16 & 0xf != 0xf
    }

    /// Returns whether there is half-precision arithmetic (ID_AA64PFR0_EL1.FP, FEAT_FP16).
    #[must_use]
    pub fn has_half_precision(&self) -> bool {
        self.pfr0 >> 16 & 0xf == 1
    }

    /// Returns whether FPCR has alternative behaviour (ID_AA64MMFR1_EL1.AFP, FEAT_AFP).
    #[must_use]
    pub fn has_alternative_float(&self) -> bool {
        self.mmfr1 >> 44 & 0xf != 0
    }

    /// Returns whether FPCR has EBF (ID_AA64ISAR1_EL1.BF16, FEAT_EBF16).
    #[must_use]
    pub fn has_extended_bfloat(&self) -> bool {
        self.isar1 >> 44 & 0xf >= 2
    }

    /// Returns whether EL0 can use AArch32 (ID_AA64PFR0_EL1.EL0).
    #[must_use]
    pub fn has_aarch32(&self) -> bool {
        self.pfr0 & 0xf == 2
    }

    /// Returns whether there is pointer authentication of addresses (ID_AA64ISAR1_EL1.{APA, API}, ID_AA64ISAR2_EL1.APA3).
    #[must_use]
    pub fn has_address_authentication(&self) -> bool {
        self.isar1 & 0xff << 4 != 0 || self.id_aa64isar2() & 0xf << 12 != 0
    }

    /// Returns whether there is PACGA (ID_AA64ISAR1_EL1.{GPA, GPI}, ID_AA64ISAR2_EL1.GPA3).
    #[must_use]
    pub fn has_generic_authentication(&self) -> bool {
        self.isar1 & 0xff << 24 != 0 || self.id_aa64isar2() & 0xf << 8 != 0
    }

    /// Returns whether there are the registers of the keys (Arm ARM, APIAKeyLo_EL1).
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.has_address_authentication() || self.has_generic_authentication()
    }

    /// Returns whether PSTATE has BTYPE (ID_AA64PFR1_EL1.BT, FEAT_BTI).
    #[must_use]
    pub fn has_branch_types(&self) -> bool {
        self.pfr1 & BT != 0
    }

    /// Returns whether tag checks can be extended to memory without allocation tags (ID_AA64PFR1_EL1.MTEX,
    /// FEAT_MTE_CANONICAL_TAGS and FEAT_MTE_NO_ADDRESS_TAGS).
    #[must_use]
    pub fn has_extended_checks(&self) -> bool {
        self.pfr1 >> MTEX_SHIFT & 0xf != 0
    }

    /// Returns whether there are LDLAR and STLLR (ID_AA64MMFR1_EL1.LO, FEAT_LOR).
    #[must_use]
    pub fn has_limited_ordering(&self) -> bool {
        self.mmfr1 >> LO_SHIFT & 0xf != 0
    }

    /// ID_AA64PFR2_EL1, of which only MTEFAR and MTESTOREONLY matter here.
    #[must_use]
    pub fn id_aa64pfr2(&self) -> u64 {
        (self.store_only as u64) << STORE_ONLY_SHIFT | (self.tagged_far as u64) << TAGGED_FAR_SHIFT
    }

    /// ID_AA64ISAR0_EL1.
    #[must_use]
    pub fn id_aa64isar0(&self) -> u64 {
        match self.atomics {
            true => self.isar0 | (2 + self.lse128 as u64) << ATOMIC_SHIFT,
            false => self.isar0,
        }
    }

    /// Returns whether the ID registers have a feature that instructions need.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        let register = match feature.field().0 {
            SysReg::IdAa64isar0El1 => self.id_aa64isar0(),
            SysReg::IdAa64isar1El1 => self.isar1,
            SysReg::IdAa64isar3El1 => self.isar3,
            SysReg::IdAa64pfr1El1 => self.id_aa64pfr1(),
            _ => 0,
        };
        feature.is_in(register)
    }

    /// ID_AA64ISAR2_EL1.
    #[must_use]
    pub fn id_aa64isar2(&self) -> u64 {
        self.isar2 | (self.mops as u64) << MOPS_SHIFT
    }

    /// ID_AA64MMFR2_EL1.
    #[must_use]
    pub fn id_aa64mmfr2(&self) -> u64 {
        self.mmfr2 | (self.lse2 as u64) << AT_SHIFT | (self.idst as u64) << IDS_SHIFT
    }

    /// MPIDR_EL1 of a CPU. KVM and QEMU number the first eight by Aff0 alone, and the firmware relies on it.
    #[must_use]
    pub fn mpidr_el1(&self, cpu: usize) -> u64 {
        self.mpidr & !AFF0 | cpu as u64 & AFF0
    }

    /// Bytes that one LDGM, STGM or STZGM's sibling covers.
    #[must_use]
    pub fn tag_block(&self) -> u64 {
        4 << self.tag_block_bs
    }

    /// Bytes that one DC ZVA, GVA or GZVA covers, and STZGM.
    #[must_use]
    pub fn zero_block(&self) -> u64 {
        4 << self.dczid
    }

    /// Returns whether programs have allocation tags: FEAT_MTE2, and no hypervisor that keeps them back.
    #[must_use]
    pub fn has_tags(&self) -> bool {
        self.mte >= 2 && !self.tags_hidden
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_registers_follow_from_the_features() {
        let n2 = &Features::NEOVERSE_N2;
        assert_eq!(n2.id_aa64pfr1(), 0x221);
        assert_eq!(n2.id_aa64isar0(), 0x1221_1111_1021_2120);
        assert_eq!(n2.id_aa64isar2() >> 16 & 0xf, 0);
        assert_eq!(Features::MAX.id_aa64isar2() >> 16 & 0xf, 1);
        assert_eq!(n2.id_aa64mmfr2(), 0x1221_0111_1200_1011);
        assert_eq!(Features { lse2: false, idst: false, ..Features::MAX }.id_aa64mmfr2(), 0x1221_0100_1201_1011);
        assert_eq!((n2.mpidr_el1(0), n2.mpidr_el1(7)), (0x8000_0000, 0x8000_0007));
        assert_eq!(Features::MAX.with_mte(1).id_aa64pfr1(), 0x121);
        assert_eq!((Features::MAX.tag_block(), n2.tag_block(), n2.zero_block()), (256, 64, 64));
        assert_eq!(Features::by_name("neoverse-n2"), Some(n2));
        assert_eq!(Features::by_name("cortex-a53"), None);
        for feature in Feature::ALL {
            assert!(Features::EVERYTHING.has(*feature) && !Features::MAX.has(*feature), "{feature}");
        }
        assert_eq!(Features::EVERYTHING.id_aa64isar0() >> 20 & 0xf, 3);
    }
}
