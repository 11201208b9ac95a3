//! CPUs of QEMU that programs are judged by, and one with every feature at once.

use super::{Features, MTEX_SHIFT, SME_SHIFT, SME_VERSION_SHIFT};

const GCS_SHIFT: u32 = 44;
const THE_SHIFT: u32 = 48;
const LRCPC_SHIFT: u32 = 20;
const LS64_SHIFT: u32 = 60;
const APA_SHIFT: u32 = 4;
const GPA_SHIFT: u32 = 24;
const GPI_SHIFT: u32 = 28;
const LSFE_SHIFT: u32 = 16;
const LSUI_SHIFT: u32 = 24;

impl Features {
    /// QEMU's `max` (target/arm/tcg/cpu64.c, `aarch64_max_tcg_initfn`): MTE3, tag blocks of 256 bytes. Besides it has
    /// FEAT_MTE_TAGGED_FAR and FEAT_MTE_STORE_ONLY, which not every version of QEMU has.
    pub const MAX: Self = Self {
        name: "max",
        mte: 3,
        tags_hidden: false,
        gmid_trapped: false,
        tag_block_bs: 6,
        dczid: 4,
        atomics: true,
        lse128: false,
        lse2: true,
        mops: true,
        tagged_far: true,
        store_only: true,
        idst: true,
        vector_lengths: 0xffff,
        streaming_lengths: 0,
        sve_hidden: false,
        pfr0: 0x1101_0010_2011_0222,
        pfr1: 0x21,
        dfr0: 0x1030_500a,
        isar0: 0x1221_1111_1001_2120,
        isar1: 0x0111_2111_1021_1002,
        isar2: 0x0010_0012,
        isar3: 0,
        mmfr0: 0x2100_0323_1020_1126,
        mmfr1: 0x0010_1120_1031_2122,
        mmfr2: 0x1221_0100_1201_1011,
        zfr0: 0x0110_1101_0021_0021,
        smfr0: 0,
        midr: 0x000f_0510,
        mpidr: 1 << 31,
        revidr: 0,
        clidr: 0x0200_0023,
        ctr: 0xb444_c004,
    };

    /// QEMU's `neoverse-n2` (`aarch64_neoverse_n2_initfn`): MTE2, tag blocks of 64 bytes.
    pub const NEOVERSE_N2: Self = Self {
        name: "neoverse-n2",
        mte: 2,
        tags_hidden: false,
        gmid_trapped: false,
        tag_block_bs: 4,
        dczid: 4,
        atomics: true,
        lse128: false,
        lse2: true,
        mops: false,
        tagged_far: false,
        store_only: false,
        idst: true,
        vector_lengths: 1,
        streaming_lengths: 0,
        sve_hidden: false,
        pfr0: 0x1101_0010_2011_0112,
        pfr1: 0x21,
        dfr0: 0xf0_1030_5009,
        isar0: 0x1221_1111_1001_2120,
        isar1: 0x0011_1111_0121_1052,
        isar2: 0,
        isar3: 0,
        mmfr0: 0x0222_0010_1125,
        mmfr1: 0x1021_2122,
        mmfr2: 0x1221_0100_1200_1011,
        zfr0: 0x1101_0011_0021,
        smfr0: 0,
        midr: 0x410f_d493,
        mpidr: 1 << 31,
        revidr: 0,
        clidr: 0x14_8200_0023,
        ctr: 0x4_b444_c004,
    };

    /// `max` as it is without a kernel, which would hide SME: SME2 with vectors of 16 to 256 bytes, and FEAT_SVE2p1.
    pub const MAX_SME: Self = Self {
        name: "max-sme",
        pfr1: Self::MAX.pfr1 | 2 << SME_SHIFT,
        zfr0: Self::MAX.zfr0 & !0xf | 2,
        smfr0: 0x86fd_1300_0000_0000 | 1 << SME_VERSION_SHIFT,
        streaming_lengths: 0x808b,
        ..Self::MAX
    };

    /// No CPU that there is: `max` with every feature that instructions of the table need, and extended tag checks.
    pub const EVERYTHING: Self = Self {
        name: "everything",
        lse128: true,
        pfr1: Self::MAX_SME.pfr1 | 1 << GCS_SHIFT | 1 << THE_SHIFT | 1 << MTEX_SHIFT,
        // FEAT_FPACCOMBINE and PACGA by QARMA5.
        isar1: Self::MAX.isar1 & !(0xf << LRCPC_SHIFT | 0xf << LS64_SHIFT | 0xf << GPI_SHIFT)
            | 3 << LRCPC_SHIFT
            | 3 << LS64_SHIFT
            | 5 << APA_SHIFT
            | 1 << GPA_SHIFT,
        isar3: 1 << LSFE_SHIFT | 1 << LSUI_SHIFT,
        ..Self::MAX_SME
    };

    /// All presets.
    pub const ALL: [&'static Self; 4] = [&Self::MAX, &Self::NEOVERSE_N2, &Self::MAX_SME, &Self::EVERYTHING];

    /// Finds a preset by its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|features| features.name == name)
    }
}
