//! Errata of QEMU that are not of tag checks: alignment, the direction and the order of other faults, its own state.

use arch::{FaultStatus, Op};

use super::avoid::Avoid;
use super::erratum::{BLANK, Condition, CpuCount, Erratum, from, range, version};
use super::sign::{
    Far, InstructionSign, Numbers, Reaction, SCALABLE, Sign, VECTOR_LISTS, abort, any_abort, direction, instead,
};

/// Eight bytes of a vector above its first 128, as failures name them.
const ABOVE_128: &[&str] = &[
    "z* from byte 128 on *",
    "z* from byte 136 on *",
    "z* from byte 144 on *",
    "z* from byte 152 on *",
    "z* from byte 160 on *",
    "z* from byte 168 on *",
    "z* from byte 176 on *",
    "z* from byte 184 on *",
    "z* from byte 192 on *",
    "z* from byte 200 on *",
    "z* from byte 208 on *",
    "z* from byte 216 on *",
    "z* from byte 224 on *",
    "z* from byte 232 on *",
    "z* from byte 240 on *",
    "z* from byte 248 on *",
];
/// Atomic read-modify-writes.
const ATOMICS: &[&str] = &["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp", "cas"];

/// What an atomic takes where a load would take it, too. A permission fault may also be one for want of the permission to
/// write alone; then its WnR is 1 on all machines, and a campaign does not compare it either.
const UNREADABLE: &[FaultStatus] = &[
    FaultStatus::ALIGNMENT,
    FaultStatus::TRANSLATION_L0,
    FaultStatus::TRANSLATION_L1,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
    FaultStatus::PERMISSION_L2,
    FaultStatus::PERMISSION_L3,
];

const ALIGNMENT: &[FaultStatus] = &[FaultStatus::ALIGNMENT];
const UNTRANSLATED: &[FaultStatus] = &[
    FaultStatus::TRANSLATION_L0,
    FaultStatus::TRANSLATION_L1,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
];
/// What the granule or the page behind an address can take.
const BEHIND: &[FaultStatus] = &[
    FaultStatus::TAG_CHECK,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
    FaultStatus::PERMISSION_L2,
    FaultStatus::PERMISSION_L3,
];
const EXCLUSIVE_LOADS: &[&str] = &["ldxr", "ldaxr", "ldxp", "ldaxp"];
const EXCLUSIVE_STORES: &[&str] = &["stxr", "stlxr", "stxp", "stlxp"];
const EXCLUSIVE_PAIRS: &[&str] = &["stxp", "stlxp"];
/// Loads and stores of general registers and pairs.
const PLAIN: &[&str] = &["ldr", "str", "ldur", "stur", "ldp", "stp", "ldnp", "stnp", "ldtr", "sttr"];
/// All that load and store.
const ACCESSES: &[&str] = &["ld", "st", "cas", "swp"];

/// EC 0b100110, IL.
const SP_ALIGNMENT: u64 = 0x9a00_0000;

pub(super) const ALL: &[Erratum] = &[
    Erratum {
        id: "qemu.sp-alignment",
        title: "a misaligned stack pointer is no fault",
        versions: &[from(version(8, 0, 0))],
        shows: "a misaligned stack pointer is no fault, whatever SCTLR_EL1.SA and SA0 say",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, gen_check_sp_alignment() leaves it out on purpose",
        cases: &["arch.plain.sp-alignment"],
        signs: &[Sign::Instruction(instead(ACCESSES, Reaction::Exception(SP_ALIGNMENT), Reaction::Done))],
        programs: &["qemu.sp-alignment"],
        avoid: &[Avoid::UnalignedStack],
        analysis: include_str!("../../../docs/errata/qemu.sp-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.matrix-alignment",
        title: "LDR and STR of ZA are not checked for alignment",
        versions: &[range(version(8, 0, 0), version(11, 0, 0))],
        shows: "LDR and STR of ZA at an address that is no multiple of 16 are done with SCTLR_EL1.A, and in Device memory",
        seen: "10.0.13, not on 11.1.3; that it begins with 8.0, and where between these two it ends, was not measured",
        reference: "Arm ARM, pseudocode of LDR (array vector): the address must be a multiple of 16 where alignment is enforced",
        cases: &["arch.sme.alignment"],
        signs: &[Sign::Instruction(instead(&["ldr za", "str za"], any_abort(ALIGNMENT), Reaction::Done))],
        programs: &["qemu.matrix-alignment"],
        avoid: &[Avoid::ScalableAlignment],
        analysis: include_str!("../../../docs/errata/qemu.matrix-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.device-alignment",
        title: "unaligned accesses to Device memory are no fault",
        versions: &[range(version(8, 0, 0), version(11, 1, 0))],
        shows: "an unaligned access to Device memory is no fault if it stays within 16 bytes",
        seen: "10.0.13 with `-cpu max`; on 11.1.3 only in a guest of KVM, see below; not measured between; that it begins with 8.0 was not measured",
        reference: "target/arm/ptw.c looks at the atomicity of an access, which FEAT_LSE2 makes that of a byte",
        cases: &["arch.plain.device-alignment"],
        signs: &[Sign::Instruction(instead(PLAIN, any_abort(ALIGNMENT), Reaction::Done))],
        programs: &["qemu.device-alignment"],
        avoid: &[Avoid::UnalignedDevice],
        analysis: include_str!("../../../docs/errata/qemu.device-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.device-alignment-in-kvm-guest",
        title: "unaligned accesses to Device memory are no fault in a guest of KVM",
        versions: &[from(version(11, 1, 0))],
        conditions: &[Condition::KvmGuest],
        shows: "an unaligned access to memory that is Device by stage 1 alone is no fault in a guest of KVM",
        seen: "11.1.3 with Linux 6.12.117 and 7.3-rc7, where the same QEMU without Linux takes the fault; older versions have \
               `qemu.device-alignment`",
        reference: "Arm ARM, pseudocode AArch64.S1Translate: stage 1 decides; the cause was not looked for",
        cases: &["arch.plain.device-alignment"],
        signs: &[Sign::Instruction(instead(PLAIN, any_abort(ALIGNMENT), Reaction::Done))],
        avoid: &[Avoid::UnalignedDevice],
        ..BLANK
    },
    Erratum {
        id: "qemu.device-vector-alignment",
        title: "LD1 and ST1 of unaligned elements of Device memory are no fault",
        versions: &[from(version(8, 0, 0))],
        shows: "LD1 and ST1 of elements at an address that is no multiple of an element's size are done in Device memory",
        seen: "11.1.3 and 10.0.13; that it begins with 8.0 was not measured",
        reference: "Arm ARM, pseudocode of LD1 and ST1: each element is an access of its own",
        signs: &[Sign::Instruction(instead(&["ld1", "st1"], any_abort(ALIGNMENT), Reaction::Done))],
        programs: &["qemu.device-vector-alignment"],
        avoid: &[Avoid::UnalignedDevice],
        analysis: include_str!("../../../docs/errata/qemu.device-vector-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.scalable-alignment",
        title: "elements of SVE are not checked for alignment",
        versions: &[from(version(8, 0, 0))],
        shows: "loads and stores of SVE at an address that is no multiple of an element's size are done with SCTLR_EL1.A, and in Device memory",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "Arm ARM, pseudocode of LD1W (scalar plus scalar): each element is an access by Mem[]",
        cases: &[
            "arch.sve-elements.alignment",
            "arch.sve-elements.whole-alignment",
            "arch.sve-data.first-fault-alignment",
        ],
        signs: &[
            Sign::Instruction(instead(SCALABLE, any_abort(ALIGNMENT), Reaction::Done)),
            Sign::Number {
                what: &["elements that FFR says LDNF1H loaded by an address that is not aligned"],
                values: Numbers::Pairs(&[(0, 16), (0, 32)]),
            },
        ],
        programs: &["qemu.scalable-alignment"],
        avoid: &[Avoid::ScalableAlignment],
        analysis: include_str!("../../../docs/errata/qemu.scalable-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.first-fault-misreads-predicate",
        title: "first-fault and non-fault loads misread their predicate",
        versions: &[from(version(8, 0, 0))],
        shows: "LDFF1 and LDNF1 with consecutive elements leave out active ones if the first active element is not the first of 64 bytes",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_ldnfff1_r() reads the predicate at byte `reg_off >> 3`, not at the word of `reg_off`",
        cases: &["arch.sve-elements.first-fault-predicate"],
        signs: &[Sign::Number {
            what: &["x1 after setffr; ptrue p1.s, vl3; ptrue p2.s, vl2; bic p3.b, p0/z, p1.b, p2.b; ldff1w *"],
            values: Numbers::Pairs(&[(0x0403_0201, 0)]),
        }],
        avoid: &[Avoid::FirstFaultPredicates],
        analysis: include_str!("../../../docs/errata/qemu.first-fault-misreads-predicate.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.non-fault-reads-device",
        title: "LDNF1 reads Device memory that is RAM",
        versions: &[from(version(8, 0, 0))],
        shows: "LDNF1 and the later elements of LDFF1 are read from Device memory if RAM is behind it",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_ldnfff1_r(): a comment says that attributes are not looked at",
        conditions: &[Condition::Board],
        cases: &["arch.sve-elements.first-fault-device"],
        signs: &[Sign::Number {
            what: &["elements that FFR says LDNF1B loaded from Device memory"],
            values: Numbers::Pairs(&[(0, 16), (0, 32)]),
        }],
        avoid: &[Avoid::ScalableAlignment],
        analysis: include_str!("../../../docs/errata/qemu.non-fault-reads-device.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.non-fault-faults",
        title: "LDNF1 faults where its first element crosses into a page that does",
        versions: &[from(version(8, 0, 0))],
        shows: "LDNF1 takes the fault of the second page if its first active element crosses into it",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sve_helper.c, sve_cont_ldst_pages() compares `<` where `==` is meant: see the comment above it",
        signs: &[Sign::Instruction(instead(
            &["ldnf1"],
            Reaction::Done,
            any_abort(&[FaultStatus::TRANSLATION_L1, FaultStatus::TRANSLATION_L2, FaultStatus::TRANSLATION_L3]),
        ))],
        programs: &["qemu.non-fault-faults"],
        avoid: &[Avoid::NonFaultCrossing],
        analysis: include_str!("../../../docs/errata/qemu.non-fault-faults.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.vertical-slice-keeps-end",
        title: "a load of a vertical slice of ZA keeps elements behind the last active one",
        versions: &[from(version(8, 0, 0))],
        shows: "LD1B to LD1Q of a vertical slice leave elements as they are that come after the last active one; they are to become 0",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/sme_helper.c, sme_ld1() clears elements that are not active up to the last active one, and no others",
        cases: &["arch.sme.vertical-inactive"],
        signs: &[Sign::Number {
            what: &["x3 after smstart; ptrue p0.b; ptrue p1.b, vl8; ld1b {za0v*"],
            values: Numbers::Pairs(&[(0, 0x0f0e_0d0c_0b0a_0908)]),
        }],
        avoid: &[Avoid::VerticalSlices],
        analysis: include_str!("../../../docs/errata/qemu.vertical-slice-keeps-end.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.lane-load-keeps-scalable",
        title: "a load of a lane keeps what is above the vector register",
        versions: &[from(version(8, 0, 0))],
        shows: "LD1 to LD4 of a single lane leave bits 128 and up of the scalable registers, which an AdvSIMD write clears",
        seen: "10.0.13; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, trans_LD_single() does not call clear_vec_high()",
        cases: &["arch.sve-elements.lane-clears-above"],
        signs: &[Sign::Number {
            what: &["eight bytes of z1 above v1 after ld1 {v1.b}[3], [x0]"],
            values: Numbers::Pairs(&[(0, 0x2021_2223_2425_2627)]),
        }],
        avoid: &[Avoid::LanesWithScalable],
        analysis: include_str!("../../../docs/errata/qemu.lane-load-keeps-scalable.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.device-permission-first",
        title: "at a Device page the permission fault comes before the alignment fault",
        versions: &[from(version(8, 0, 0))],
        shows: "an unaligned access to Device memory without permission takes the permission fault, although the alignment fault has priority",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "Arm ARM, pseudocode AArch64.S1Translate",
        cases: &["arch.plain.device-alignment"],
        signs: &[Sign::Instruction(instead(
            ACCESSES,
            any_abort(ALIGNMENT),
            any_abort(&[FaultStatus::PERMISSION_L2, FaultStatus::PERMISSION_L3]),
        ))],
        programs: &["qemu.device-permission-first"],
        avoid: &[Avoid::PriorityOnDevice],
        analysis: include_str!("../../../docs/errata/qemu.device-permission-first.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.exclusive-load-alignment",
        title: "alignment faults of exclusive loads are those of a write",
        versions: &[from(version(8, 1, 0))],
        shows: "an alignment fault of LDXR, LDXP and their like is that of a write: ESR_EL1.WnR is 1",
        seen: "10.0.13 and 11.1.3; that it begins with 8.1 was not measured",
        reference: "target/arm/tcg/translate-a64.c, check_atomic_align()",
        signs: &[direction(EXCLUSIVE_LOADS, ALIGNMENT, false)],
        programs: &["qemu.exclusive-load-alignment"],
        avoid: &[Avoid::Direction],
        analysis: include_str!("../../../docs/errata/qemu.exclusive-load-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.exclusive-store-alignment",
        title: "alignment faults of exclusive stores of pairs can be those of a read",
        versions: &[from(version(8, 1, 0))],
        conditions: &[Condition::Cpus(CpuCount::One)],
        shows: "an alignment fault of STXP and STLXP that are not tag checked is that of a read: ESR_EL1.WnR is 0",
        seen: "10.0.13 and 11.1.3 with one CPU, not with two; that it begins with 8.1 was not measured",
        reference: "tcg/tcg-op-ldst.c, tcg_gen_nonatomic_cmpxchg_i128()",
        // The architecture also permits that the store fails without a look at the address.
        signs: &[
            direction(EXCLUSIVE_PAIRS, ALIGNMENT, true),
            Sign::Instruction(instead(EXCLUSIVE_PAIRS, Reaction::Done, abort(ALIGNMENT, false))),
        ],
        programs: &["qemu.exclusive-store-alignment"],
        avoid: &[Avoid::Direction],
        analysis: include_str!("../../../docs/errata/qemu.exclusive-store-alignment.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.exclusive-store-wider",
        title: "an exclusive store of more bytes than were loaded does not look at its alignment",
        versions: &[from(version(8, 1, 0))],
        shows: "STXR, STXP and their like of 2 to 8 bytes that cross 16 bytes, behind an exclusive load of fewer bytes from the same \
                address, take a fault of the granule or page behind instead of an alignment fault: of its tag, or of its address, as of a read",
        seen: "10.0.13 and 11.1.3; that it begins with 8.1, where FEAT_LSE2 came, was not measured",
        reference: "target/arm/tcg/translate-a64.c, gen_store_exclusive(): \"For now, we assume no size change\"",
        signs: &[Sign::Instruction(InstructionSign {
            far: Far::NextGranule,
            ..instead(EXCLUSIVE_STORES, abort(ALIGNMENT, true), any_abort(BEHIND))
        })],
        programs: &["qemu.exclusive-store-wider"],
        avoid: &[Avoid::ExclusiveStoresWiderThanLoads],
        analysis: include_str!("../../../docs/errata/qemu.exclusive-store-wider.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.exclusive-store-without-load",
        title: "an exclusive store to the last byte of the address space passes a monitor that is clear",
        versions: &[from(version(8, 0, 0))],
        conditions: &[Condition::Cpus(CpuCount::One)],
        shows: "STXR and its like to 0xffff_ffff_ffff_ffff without a load before take a translation fault: that of a read, or where tags are checked of a write",
        seen: "10.0.13 and 11.1.3 with one CPU; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, gen_store_exclusive(): exclusive_addr is -1 while there is none",
        signs: &[
            Sign::Instruction(InstructionSign {
                far: Far::LastByte,
                ..instead(EXCLUSIVE_STORES, abort(ALIGNMENT, true), any_abort(UNTRANSLATED))
            }),
            Sign::Instruction(InstructionSign {
                far: Far::LastByte,
                ..instead(EXCLUSIVE_STORES, Reaction::Done, any_abort(UNTRANSLATED))
            }),
        ],
        programs: &["qemu.exclusive-store-without-load", "qemu.exclusive-store-without-load-checked"],
        avoid: &[],
        analysis: include_str!("../../../docs/errata/qemu.exclusive-store-without-load.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.atomic-abort-writes",
        title: "an atomic that cannot even read is reported as a write",
        versions: &[from(version(8, 0, 0))],
        shows: "an alignment, translation or permission fault of an atomic that could not even read is that of a write",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, check_atomic_align(), and accel/tcg/cputlb.c, atomic_mmu_lookup()",
        cases: &["arch.access.atomic-abort-is-of-a-read"],
        signs: &[direction(ATOMICS, UNREADABLE, false)],
        programs: &["qemu.atomic-abort-writes"],
        avoid: &[Avoid::Direction],
        analysis: include_str!("../../../docs/errata/qemu.atomic-abort-writes.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.vector-list-aligned-as-a-whole",
        title: "LD1 and ST1 of Device memory must be aligned to 8 bytes",
        versions: &[range(version(8, 0, 0), version(11, 1, 0))],
        conditions: &[Condition::Cpus(CpuCount::Several)],
        shows: "LD1 and ST1 of Device memory are alignment faults unless the address is a multiple of 8 bytes, whatever an element has",
        seen: "10.0.13 with two CPUs, not with one; not on 11.1.3, and not between; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, trans_ST_mult(): elements are promoted to a larger operation",
        signs: &[Sign::Instruction(instead(VECTOR_LISTS, Reaction::Done, any_abort(ALIGNMENT)))],
        programs: &["qemu.vector-list-aligned-as-a-whole"],
        avoid: &[Avoid::VectorsOnDevice],
        analysis: include_str!("../../../docs/errata/qemu.vector-list-aligned-as-a-whole.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.xpac-without-key",
        title: "XPACI, XPACD and XPACLRI do nothing while no key is enabled",
        versions: &[from(version(8, 0, 0))],
        shows: "XPACI, XPACD and XPACLRI strip nothing while SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB} are all 0",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "Arm ARM, XPACI: Strip() has no condition; target/arm/tcg/translate-a64.c asks for pauth_active",
        cases: &["arch.code.strip-keeps-tag"],
        signs: &[Sign::Number {
            what: &["x0 after xpac*", "x30 after xpaclri*"],
            // Bits 54:39, where an address of 39 bits has its code.
            values: Numbers::Bits(0xffff << 39),
        }],
        avoid: &[Avoid::StripWithoutKey],
        analysis: include_str!("../../../docs/errata/qemu.xpac-without-key.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.pac-half-by-bit-63",
        title: "PAC* takes the half of the address space from bit 63 where the top byte is ignored in the other half",
        versions: &[from(version(8, 0, 0))],
        shows: "with TCR_EL1.TBIn = 0 for a pointer's half and 1 for the other, PAC* signs it for the half that bit 63 says and not \
                bit 55",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "Arm ARM, pseudocode AddPAC: selbit; target/arm/tcg/pauth_helper.c, pauth_addpac() asks for TBI of this half alone",
        cases: &["arch.pauth.half-by-bit-55"],
        signs: &[Sign::Number { what: &["bit 55 after pac*"], values: Numbers::Bits(1 << 55) }],
        avoid: &[Avoid::SignInOneHalf],
        analysis: include_str!("../../../docs/errata/qemu.pac-half-by-bit-63.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.pac-keeps-instruction-tag",
        title: "MTX keeps bits 59:56 out of the codes of instruction pointers, too",
        versions: &[from(version(11, 0, 0))],
        shows: "with TCR_EL1.MTXn = 1 and TBIn = 0, PACIA and PACIB leave bits 59:56 of a pointer as they are, and AUT* does not \
                look at them",
        seen: "11.1.3; that it begins with 11.0 was not measured",
        reference: "Arm ARM, pseudocode EffectiveMTX(): 0 for instructions",
        cases: &["arch.extended.instruction-code-over-tag"],
        signs: &[Sign::Number {
            what: &["bits 59:56 of a pointer that pacia changes", "bits 59:56 of a pointer that pacib changes"],
            values: Numbers::Bits(0xf << 56),
        }],
        avoid: &[Avoid::SignInstructionsWithoutExtendedChecks],
        analysis: include_str!("../../../docs/errata/qemu.pac-keeps-instruction-tag.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.sb-keeps-branch-type",
        title: "SB leaves PSTATE.BTYPE as it was",
        versions: &[from(version(8, 0, 0))],
        shows: "behind BR or BLR to an SB the instruction after that still has their branch type in PSTATE.BTYPE",
        seen: "10.0.13 and 11.1.3; that it begins with 8.0 was not measured",
        reference: "target/arm/tcg/translate-a64.c, trans_SB() ends the block without reset_btype(), which trans_ISB() calls (inferred for these versions)",
        cases: &["arch.code.barrier-clears-branch-type"],
        signs: &[Sign::Number {
            what: &["SPSR_EL1.BTYPE behind sb: *"],
            values: Numbers::Pairs(&[(0, 0b01), (0, 0b10)]),
        }],
        avoid: &[Avoid::Ops(&[Op::Sb])],
        analysis: include_str!("../../../docs/errata/qemu.sb-keeps-branch-type.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.saved-vectors-truncated",
        title: "of a machine that is saved and loaded, vectors of SVE have their first 128 bytes alone",
        versions: &[from(version(8, 0, 0))],
        conditions: &[Condition::Board],
        shows: "after a migration z0 to z31 are 0 above their first 128 bytes",
        seen: "10.0.13 and 11.1.3. The line that is wrong was read in a source of 2018: no version is known without it",
        reference: "target/arm/machine.c, vmstate_zreg_hi_reg",
        cases: &["restore.sve.every-length", "restore.sve.two-vcpus"],
        signs: &[Sign::Number { what: ABOVE_128, values: Numbers::Lost }],
        avoid: &[Avoid::SavedLongVectors],
        analysis: include_str!("../../../docs/errata/qemu.saved-vectors-truncated.md"),
        ..BLANK
    },
    Erratum {
        id: "qemu.saved-while-debugged",
        title: "a machine that was saved while a debugger held it cannot be loaded",
        versions: &[from(version(8, 0, 0))],
        conditions: &[Condition::Unseen("a watchpoint of the gdb port holds the guest, and it is migrated to a file")],
        shows: "loading such a file ends in `invalid runstate transition: 'inmigrate' -> 'debug'`",
        seen: "10.0.13 and 11.1.3",
        reference: "system/runstate.c, runstate_transitions_def",
        analysis: include_str!("../../../docs/errata/qemu.saved-while-debugged.md"),
        ..BLANK
    },
];
