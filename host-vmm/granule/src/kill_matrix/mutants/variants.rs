//! The models that programs are replayed on: CPUs, kernels, and who answers a guest's calls.

use kvm_model::contract::Release;
use model_base::{Features, Hypervisor};

/// A model that programs are replayed on.
pub struct Variant {
    /// What it is called, as is the folder of its programs in `model/corpus`.
    pub name: &'static str,
    /// What its CPU has.
    pub features: fn() -> Features,
    /// Who answers calls.
    pub hypervisor: Hypervisor,
    /// The kernel under it.
    pub release: Release,
    /// VMs have KVM_CAP_ARM_MTE.
    pub tags: bool,
    /// Generated programs of its own, plain and bent.
    pub generated: [u64; 2],
    /// Of its programs one in four is about SVE, and one about SME.
    pub vectors: bool,
}

const fn variant(name: &'static str, features: fn() -> Features, generated: [u64; 2]) -> Variant {
    let release = Release::new(6, 12, Release::NEWEST);
    Variant { name, features, hypervisor: Hypervisor::Kvm, release, tags: true, generated, vectors: false }
}

const fn without_tags(name: &'static str, features: fn() -> Features, generated: [u64; 2]) -> Variant {
    Variant { tags: false, ..variant(name, features, generated) }
}

/// No kernel beneath, so nothing is hidden.
const fn with_vectors(name: &'static str, features: fn() -> Features, generated: [u64; 2]) -> Variant {
    Variant { hypervisor: Hypervisor::Board, vectors: true, ..variant(name, features, generated) }
}

/// The models, the first of which has all that there is in a VM.
pub static VARIANTS: [Variant; 15] = [
    variant("max", || Features::MAX, [2000, 2700]),
    variant("neoverse-n2", || Features::NEOVERSE_N2, [300, 650]),
    // No kernel is beneath the board, so what the kernel has must not matter.
    Variant {
        hypervisor: Hypervisor::Board,
        release: Release::new(7, 2, Release::NEWEST),
        ..variant("board", || Features::MAX, [300, 650])
    },
    Variant { release: Release::new(5, 15, Release::NEWEST), ..variant("linux-5.15", || Features::MAX, [0, 100]) },
    Variant { release: Release::new(7, 2, Release::NEWEST), ..variant("linux-7.2", || Features::MAX, [0, 100]) },
    // What a level of MTE brings, and FEAT_MOPS with it. The instructions alone: QEMU's board without memory for tags.
    without_tags("mte0", || Features::MAX.with_mte(0), [0, 0]),
    Variant { hypervisor: Hypervisor::Board, ..without_tags("mte1", || Features::MAX.with_mte(1), [0, 200]) },
    variant("mte2", || Features::MAX.with_mte(2), [0, 0]),
    // A CPU that has tags, and a kernel that traps GMID_EL1.
    Variant { release: Release::new(7, 2, Release::NEWEST), ..without_tags("hidden", || Features::MAX, [0, 200]) },
    // A CPU without MTE, whose other fields differ from those of the first.
    without_tags(
        "least",
        || Features {
            mte: 0,
            atomics: false,
            lse2: false,
            mops: false,
            store_only: false,
            idst: false,
            // No floating point, no AArch32, no FEAT_AFP, no FEAT_EBF16.
            pfr0: 0x1101_0010_20ff_0111,
            mmfr1: 0x0000_1120_1031_2122,
            isar1: 0x0111_0111_1021_1002,
            ..Features::MAX
        },
        [0, 200],
    ),
    // Tags and floating point of another kind: ID_AA64PFR0_EL1.FP, ID_AA64ISAR1_EL1.BF16 and blocks of other sizes.
    variant(
        "other",
        || Features {
            tagged_far: true,
            lse2: false,
            idst: false,
            gmid_trapped: true,
            tag_block_bs: 5,
            dczid: 5,
            pfr0: 0x1101_0010_2010_0111,
            isar1: 0x0111_1111_1021_1002,
            mmfr1: 0x0010_0000_1031_2122,
            ..Features::MAX
        },
        [0, 200],
    ),
    with_vectors("everything", || Features::EVERYTHING, [400, 800]),
    // The first version of SME, the second of SVE, few lengths, and no SVE2.1.
    with_vectors(
        "sme1",
        || Features {
            pfr1: Features::MAX.pfr1 | 1 << 24,
            smfr0: Features::MAX_SME.smfr0 & !(0xf << 56),
            vector_lengths: 0b101,
            streaming_lengths: 0b1010,
            ..Features::MAX
        },
        [100, 200],
    ),
    // SVE2.1 without SME.
    with_vectors("sve2p1", || Features { zfr0: Features::MAX_SME.zfr0, ..Features::MAX }, [100, 200]),
    // SME2 without SVE, and without its second version.
    with_vectors(
        "sme2-alone",
        || Features { vector_lengths: 0, smfr0: Features::MAX_SME.smfr0 & !(0xf << 56), ..Features::MAX_SME },
        [100, 200],
    ),
];
