//! Errata of QEMU's tag checks: what is not checked, checked as something else, or shared.

use arch::{FaultStatus, Op};

use super::avoid::Avoid;
use super::erratum::{BLANK, Erratum, from, range, version};
use super::sign::{
    Far, InstructionSign, Numbers, Reaction, SCALABLE_LISTS, Sign, VECTOR_LISTS, abort, any_abort, direction, instead,
};

/// Atomics that are a single read-modify-write without a condition.
const ATOMICS: &[&str] = &["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp"];

/// Ordered loads and stores of general registers with an immediate that is not scaled.
const UNSCALED: &[&str] =
    &["ldapur w", "ldapur x", "ldapurb", "ldapurh", "ldapurs", "stlur w", "stlur x", "stlurb", "stlurh"];

const TAG_CHECK: &[FaultStatus] = &[FaultStatus::TAG_CHECK];
/// What a tag check finds before the access itself is made.
const FOUND_BY_CHECK: &[FaultStatus] = &[
    FaultStatus::TAG_CHECK,
    FaultStatus::TRANSLATION_L0,
    FaultStatus::TRANSLATION_L1,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
    FaultStatus::PERMISSION_L2,
    FaultStatus::PERMISSION_L3,
];

/// ESR_EL1 of CPYFE [x0]!, [x1]!, x2! whose registers no CPYFP has been at: EC 0b100111, IL, from an epilogue, FormatOption.
const COPY_NOT_BEGUN: u64 = 0x9e05_0022;

/// Stores of tags.
const TAG_STORES: &[&str] = &["stg", "stzg", "st2g", "stz2g", "stgp", "stgm", "stzgm", "dc gva", "dc gzva", "setg"];

const PERMISSION: &[FaultStatus] =
    &[FaultStatus::PERMISSION_L1, FaultStatus::PERMISSION_L2, FaultStatus::PERMISSION_L3];

/// ESR_EL1.DFSC is 0, as of an address size fault of level 0.
const NO_STATUS: &[FaultStatus] = &[FaultStatus::from_bits(0)];

pub(super) const ALL: &[Erratum] = &[
    Erratum {
        id: "qemu.granules-of-a-page-share-a-tag",
        title: "the granules of a page share a tag",
        versions: &[range(version(7, 2, 0), version(8, 0, 0))],
        shows: "the page offset is not applied to the address of a tag: all granules of a page have one",
        defeats: Some("arch.tag-store.separate-granules"),
        seen: "7.2.22 (Debian 12's default); fixed in 8.0",
        reference: "docs/errata.md",
        cases: &["arch.*", "kvm.copy-tags.*", "heap.*", "restore.*"],
        analysis: include_str!("../../../docs/errata/qemu.granules-of-a-page-share-a-tag.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.dc-zva-reads",
        title: "tag check faults of DC ZVA are those of a read",
        versions: &[from(version(8, 0, 0))],
        shows: "a tag check fault of DC ZVA is that of a read: ESR_EL1.WnR is 0, and asymmetric mode makes it synchronous",
        seen: "10.0.13 and 11.1.3, without Linux and in nested KVM; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, handle_sys(), builds the descriptor of ARM_CP_DC_ZVA without WRITE",
        cases: &["arch.zero.is-a-write"],
        signs: &[
            direction(&["dc zva"], TAG_CHECK, true),
            Sign::Instruction(instead(&["dc zva"], Reaction::Pending, abort(TAG_CHECK, false))),
        ],
        programs: &["qemu.dc-zva-reads", "qemu.dc-zva-reads-asymmetric"],
        avoid: &[Avoid::Direction, Avoid::AsymmetricZeros],
        analysis: include_str!("../../../docs/errata/qemu.dc-zva-reads.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.cas-writes",
        title: "tag check faults of CAS and CASP are those of a write",
        versions: &[from(version(8, 0, 0))],
        shows: "a tag check fault of CAS or CASP is that of a write: ESR_EL1.WnR is 1, and asymmetric mode makes it asynchronous",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, gen_compare_and_swap() and gen_compare_and_swap_pair() check a write",
        cases: &["arch.access.cas-fault-is-of-a-read"],
        signs: &[
            direction(&["cas"], TAG_CHECK, false),
            Sign::Instruction(instead(&["cas"], abort(TAG_CHECK, false), Reaction::Pending)),
        ],
        programs: &["qemu.cas-writes", "qemu.cas-writes-asymmetric"],
        avoid: &[Avoid::Direction, Avoid::AsymmetricSwaps],
        analysis: include_str!("../../../docs/errata/qemu.cas-writes.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.ldapur-stlur-unchecked",
        title: "LDAPUR and STLUR are not tag checked",
        versions: &[from(version(8, 0, 0))],
        shows: "LDAPUR, STLUR and their like are not tag checked",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, trans_LDAPR_i() and trans_STLR_i()",
        signs: &[Sign::Instruction(instead(UNSCALED, any_abort(TAG_CHECK), Reaction::Done))],
        programs: &["qemu.ldapur-stlur-unchecked"],
        avoid: &[Avoid::Ops(&[Op::Ldapur, Op::Stlur])],
        analysis: include_str!("../../../docs/errata/qemu.ldapur-stlur-unchecked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.vector-list-end-unchecked",
        title: "the end of a long list of vectors is not tag checked",
        versions: &[range(version(8, 2, 0), version(10, 1, 0))],
        shows: "of LD1 to LD4 and ST1 to ST4 of 48 or 64 bytes only the first 16 or 32 are tag checked, and of LDR and STR of a vector of SVE as many as are left above multiples of 32",
        seen: "10.0.13, not on 11.1.3; that 8.2 has it and 10.1 has not is read in the history",
        reference: "target/arm/internals.h, MTEDESC.SIZEM1 has five bits: fixed for 10.1",
        cases: &["arch.vector.structures-checked", "arch.sve.check-load"],
        signs: &[
            Sign::Instruction(InstructionSign {
                longer_than: Some(32),
                ..instead(VECTOR_LISTS, any_abort(TAG_CHECK), Reaction::Done)
            }),
            Sign::Instruction(instead(&["ldr z", "str z"], any_abort(TAG_CHECK), Reaction::Done)),
        ],
        programs: &["qemu.vector-list-end-unchecked"],
        avoid: &[Avoid::LongLists],
        analysis: include_str!("../../../docs/errata/qemu.vector-list-end-unchecked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.scalable-elements-unchecked",
        title: "of a contiguous load or store of SVE only the first address is tag checked",
        versions: &[from(version(8, 0, 0))],
        shows: "LD1B to LD4D, ST1B to ST4D and their like with consecutive elements check the tag of the first address for each",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_cont_ldst_mte_check() passes `addr`, not `addr + mem_off`",
        cases: &[
            "arch.sve.check-elements",
            "arch.sve-elements.load-checked",
            "arch.sve-elements.store-checked",
            "arch.sme.element-checked",
        ],
        signs: &[Sign::Instruction(instead(SCALABLE_LISTS, any_abort(TAG_CHECK), Reaction::Done))],
        programs: &["qemu.scalable-elements-unchecked"],
        avoid: &[Avoid::ScalableChecks],
        analysis: include_str!("../../../docs/errata/qemu.scalable-elements-unchecked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.several-vectors-fault",
        title: "with tag checks, loads and stores of several vectors by a counter fault",
        versions: &[from(version(10, 1, 0))],
        shows: "LD1B to STNT1D of two or four vectors by a predicate-as-counter check the tag of the address 1, 2, 4 or 8, the size of an element, and take its translation fault",
        seen: "11.1.3, in streaming mode and outside; 10.0.13 has no FEAT_SVE2p1 and no FEAT_SME2, and nothing between was measured",
        reference: "target/arm/tcg/sve_helper.c, sve2p1_ld1_c() and sve2p1_st1_c() call sve2p1_cont_ldst_mte_check() with `estride` and `addr` exchanged",
        signs: &[Sign::Instruction(InstructionSign {
            counted: true,
            ..instead(&["ld1", "ldnt1", "st1", "stnt1"], Reaction::Done, any_abort(&[FaultStatus::TRANSLATION_L2]))
        })],
        cases: &["arch.sme.several-checked"],
        programs: &["qemu.several-vectors-fault"],
        avoid: &[Avoid::ScalableChecks],
        analysis: include_str!("../../../docs/errata/qemu.several-vectors-fault.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.scalable-stack-checked",
        title: "loads and stores of SVE by the stack pointer and an immediate are tag checked",
        versions: &[from(version(8, 0, 0))],
        shows: "LD1RB and its like by the stack pointer and an immediate are tag checked, which they are not to be",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-sve.c, trans_LD1R_zpri() passes `true` for `tag_checked`; the pseudocode has `n != 31`",
        cases: &["arch.sve-elements.replicating-stack-unchecked"],
        signs: &[Sign::Instruction(instead(
            &["ld1rb", "ld1rh", "ld1rw", "ld1rd", "ld1rs"],
            Reaction::Done,
            any_abort(TAG_CHECK),
        ))],
        programs: &["qemu.scalable-stack-checked"],
        avoid: &[Avoid::ScalableByStack],
        analysis: include_str!("../../../docs/errata/qemu.scalable-stack-checked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.scalable-store-reads",
        title: "tag check faults of STR of a vector or predicate of SVE are those of a read",
        versions: &[from(version(8, 0, 0))],
        shows: "a tag check fault of STR (vector) or STR (predicate) is that of a read: ESR_EL1.WnR is 0, and asymmetric mode makes it synchronous",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-sve.c, gen_sve_str() passes `false` for `is_write` to gen_mte_checkN()",
        cases: &["arch.sve.check-store", "arch.sve-elements.whole-store-is-a-write", "arch.sme.store-is-a-write"],
        signs: &[
            direction(&["str z", "str p"], FOUND_BY_CHECK, true),
            Sign::Instruction(instead(&["str z", "str p"], Reaction::Pending, abort(TAG_CHECK, false))),
            Sign::Instruction(instead(
                &["str z", "str p"],
                abort(&[FaultStatus::PERMISSION_L2, FaultStatus::PERMISSION_L3], true),
                abort(TAG_CHECK, false),
            )),
        ],
        programs: &["qemu.scalable-store-reads"],
        avoid: &[Avoid::Direction, Avoid::WholeScalableStores],
        analysis: include_str!("../../../docs/errata/qemu.scalable-store-reads.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.first-fault-suppresses-first",
        title: "in asynchronous mode LDFF1 suppresses its first element",
        versions: &[from(version(8, 0, 0))],
        shows: "an asynchronous tag check fault of the first active element of LDFF1 makes that element false in FFR, and does not load it",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_ldnfff1_r() probes the tag of the first element once more, as of one that may not fault",
        cases: &["arch.sve-elements.first-fault-asynchronous"],
        signs: &[Sign::Number {
            what: &["x1 after setffr; ldff1d {z0.d}, p0/z, [x0]; rdffr p1.b; cntp x1, p0, p1.d"],
            values: Numbers::Pairs(&[(1, 0)]),
        }],
        avoid: &[Avoid::FirstFaultSynchronous],
        analysis: include_str!("../../../docs/errata/qemu.first-fault-suppresses-first.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.gather-crossing-unchecked",
        title: "the second page of an element of a gather or scatter is not tag checked if the first is not Tagged",
        versions: &[from(version(8, 0, 0))],
        shows: "an element of a gather or scatter that crosses from a page that is not Tagged into one that is goes unchecked",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_ld1_z() and sve_st1_z() look at `info.tagged`, not at `info2.tagged`",
        avoid: &[Avoid::ScalablePageKinds],
        analysis: include_str!("../../../docs/errata/qemu.gather-crossing-unchecked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.store-only-scalable",
        title: "loads of SVE are checked where checks are of stores alone",
        versions: &[from(version(11, 0, 0))],
        shows: "with store-only tag checks loads of SVE are checked",
        seen: "11.1.3; 10.0.13 has no FEAT_MTE_STORE_ONLY, and nothing between was measured",
        reference: "Arm ARM, pseudocode StoreOnlyTagCheckingEnabled",
        cases: &["arch.sve-elements.store-only"],
        signs: &[Sign::Instruction(instead(SCALABLE_LISTS, Reaction::Done, abort(TAG_CHECK, false)))],
        programs: &["qemu.store-only-scalable"],
        avoid: &[Avoid::StoreOnlyScalable],
        analysis: include_str!("../../../docs/errata/qemu.store-only-scalable.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.atomic-tag-check-first",
        title: "of an atomic on a read-only page the tag is checked first",
        versions: &[from(version(8, 0, 0))],
        shows: "LDADD, SWP and their like on a read-only page take the fault of a wrong tag, not the permission fault",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, do_atomic_ld() checks the tag as of a read",
        signs: &[Sign::Instruction(instead(
            ATOMICS,
            abort(&[FaultStatus::PERMISSION_L2, FaultStatus::PERMISSION_L3], true),
            abort(TAG_CHECK, false),
        ))],
        programs: &["qemu.atomic-tag-check-first"],
        avoid: &[Avoid::AtomicsOnReadOnly],
        analysis: include_str!("../../../docs/errata/qemu.atomic-tag-check-first.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.store-only-atomics",
        title: "atomics are not checked where checks are of stores alone",
        versions: &[from(version(11, 0, 0))],
        shows: "with store-only tag checks LDADD, SWP and their like are not checked at all",
        seen: "11.1.3, without Linux and in nested KVM; 10.0.13 has no FEAT_MTE_STORE_ONLY, and nothing between was measured",
        reference: "target/arm/tcg/translate-a64.c, do_atomic_ld() checks a read",
        cases: &["arch.store-only.atomic"],
        signs: &[Sign::Instruction(instead(ATOMICS, abort(TAG_CHECK, true), Reaction::Done))],
        programs: &["qemu.store-only-atomics"],
        avoid: &[Avoid::StoreOnlyAtomics],
        analysis: include_str!("../../../docs/errata/qemu.store-only-atomics.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.tag-check-esr-extended",
        title: "ESR_EL1 of a tag check fault is sign-extended",
        versions: &[from(version(11, 0, 0))],
        shows: "bits 63:32 of ESR_EL1 of a synchronous tag check fault are ones, not zeros",
        seen: "11.1.3, without Linux and in nested KVM; not on 10.0.13, and nothing between was measured",
        reference: "Arm ARM, ESR_EL1: bits 63:56 are RES0, and ISS2 tells of features that such a fault does not touch",
        cases: &["arch.check.syndrome-upper-half"],
        signs: &[Sign::Number { what: &["ESR_EL1 bits 63:32 of *"], values: Numbers::Pairs(&[(0, 0xffff_ffff)]) }],
        avoid: &[Avoid::SyndromeUpperHalf],
        analysis: include_str!("../../../docs/errata/qemu.tag-check-esr-extended.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.store-only-copies",
        title: "the loads of memory copies are checked where checks are of stores alone",
        versions: &[from(version(11, 0, 0))],
        shows: "with store-only tag checks CPYP, CPYM, CPYE and their like take tag check faults of their source",
        seen: "11.1.3; 10.0.13 has no FEAT_MTE_STORE_ONLY, and nothing between was measured",
        reference: "target/arm/tcg/translate-a64.c, do_CPY() asks for the check of the source without looking at TCSO (inferred for 11.1.3)",
        cases: &["arch.store-only.copy"],
        signs: &[
            Sign::Instruction(instead(&["cpy"], Reaction::Done, abort(TAG_CHECK, false))),
            // What follows finds registers that are not those of a copy's next part.
            Sign::Instruction(instead(&["cpyfe"], Reaction::Done, Reaction::Exception(COPY_NOT_BEGUN))),
        ],
        programs: &["qemu.store-only-copies"],
        avoid: &[Avoid::StoreOnlyCopies],
        analysis: include_str!("../../../docs/errata/qemu.store-only-copies.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.setg-without-ata",
        title: "SETG* stores tags where SCTLR_EL1.ATA forbids it",
        versions: &[from(version(8, 2, 0))],
        shows: "SETGP, SETGM and SETGE at EL1 store tags although SCTLR_EL1.ATA is 0",
        seen: "10.0.13 and 11.1.3, at EL1 only; that it begins with 8.2 was not measured",
        reference: "target/arm/tcg/translate-a64.c, do_SET(), and target/arm/tcg/mte_helper.c, mte_mops_set_tags()",
        signs: &[Sign::TagsStored(&["setg"])],
        programs: &["qemu.setg-without-ata"],
        avoid: &[Avoid::TagSetsWithoutAccess],
        analysis: include_str!("../../../docs/errata/qemu.setg-without-ata.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.dc-cvap-fault",
        title: "faults of DC CVAP and DC CVADP are those of a load",
        versions: &[from(version(8, 0, 0))],
        shows: "a fault of DC CVAP or DC CVADP is that of a load from the cache line's start: ESR_EL1.CM and WnR are 0",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/helper.c, dccvap_writefn()",
        // The architecture also permits that nothing is cleaned, and nothing faults.
        signs: &[
            Sign::Instruction(InstructionSign {
                far: Far::StartOfLine,
                ..instead(
                    &["dc cvap", "dc cvadp"],
                    Reaction::Abort { statuses: ABORTS, write: Some(true), maintenance: true },
                    abort(ABORTS, false),
                )
            }),
            Sign::Instruction(instead(&["dc cvap", "dc cvadp"], Reaction::Done, abort(ABORTS, false))),
        ],
        programs: &["qemu.dc-cvap-fault"],
        avoid: &[Avoid::CacheOps(&[arch::DataCacheOp::Cvap, arch::DataCacheOp::Cvadp])],
        analysis: include_str!("../../../docs/errata/qemu.dc-cvap-fault.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.canonical-unchecked",
        title: "memory copies and sets are not checked against canonical tags",
        versions: &[from(version(11, 0, 0))],
        shows: "CPY*, SET*, gathers and scatters by a pointer with a wrong tag to canonically tagged memory take no tag check fault",
        seen: "11.1.3; that it begins with 11.0 was not measured",
        reference: "Arm ARM, pseudocode AArch64.CheckTag: MemTag_CanonicallyTagged",
        signs: &[Sign::Instruction(InstructionSign {
            far: Far::Untagged,
            ..instead(&["cpy", "set"], any_abort(TAG_CHECK), Reaction::Done)
        })],
        programs: &["qemu.canonical-unchecked"],
        avoid: &[Avoid::CanonicalElsewhere],
        analysis: include_str!("../../../docs/errata/qemu.canonical-unchecked.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.canonical-store-status",
        title: "a refused store of a tag has no fault status",
        versions: &[from(version(11, 0, 0))],
        shows: "a store of a tag to canonically tagged memory has ESR_EL1.DFSC 0 instead of that of a permission fault",
        seen: "11.1.3; that it begins with 11.0 was not measured",
        reference: "docs/errata/qemu.canonical-store-status.md",
        cases: &["arch.extended.canonical-not-stored"],
        signs: &[Sign::Instruction(instead(TAG_STORES, abort(PERMISSION, true), abort(NO_STATUS, true)))],
        programs: &["qemu.canonical-store-status"],
        avoid: &[Avoid::StatusOfTagFault],
        analysis: include_str!("../../../docs/errata/qemu.canonical-store-status.md"),
        ..BLANK
    },
];

/// What maintenance by address takes.
const ABORTS: &[FaultStatus] = &[
    FaultStatus::TRANSLATION_L0,
    FaultStatus::TRANSLATION_L1,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
    FaultStatus::PERMISSION_L2,
    FaultStatus::PERMISSION_L3,
];
