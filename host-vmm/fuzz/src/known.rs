//! Divergences that are known and reported: random programs stay away from them, or they would show nothing else.
//!
//! A row says what is wrong, where that is written, and how a campaign gets past it. `granule fuzz --known` leaves
//! nothing out.

use isa::{Arg, CacheOp, FaultStatus, Insn, Vectors};

mod avoid_known;
mod mask_known;

pub use avoid_known::avoid_known;
pub use mask_known::mask_known;

/// A known divergence of QEMU from the architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownDivergence {
    /// `subject.mistake`.
    pub name: &'static str,
    /// What is wrong, as a sentence without its full stop.
    pub what: &'static str,
    /// Where it can be read.
    pub cite: &'static str,
    /// How a campaign gets past it.
    pub avoid: Avoid,
}

/// How a campaign gets past a divergence: what programs do not contain, or what is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Avoid {
    /// No instruction whose mnemonic begins like one of these.
    Mnemonics(&'static [&'static str]),
    /// No stack pointer that is not a multiple of 16.
    UnalignedStack,
    /// No list of vectors of more than 32 bytes.
    LongLists,
    /// Programs that may see Device memory let SCTLR_EL1.A demand alignment everywhere.
    UnalignedDevice,
    /// No LD1 and ST1 in programs that may see Device memory.
    VectorsOnDevice,
    /// No atomic read-modify-writes in programs that may see memory that can only be read.
    AtomicsOnReadOnly,
    /// Blocks with SETG* let both levels access tags.
    TagSetsWithoutAccess,
    /// None of these data cache operations.
    CacheOps(&'static [CacheOp]),
    /// No exclusive loads in blocks that may ring a checkpoint.
    MonitorAtCheckpoint,
    /// Nothing is left out: whether a fault of EL0 at the device that only EL1 may use is one of alignment or of permission is not
    /// compared.
    PriorityOnDevice,
    /// Blocks with DC ZVA have no asymmetric tag check faults.
    AsymmetricZeros,
    /// Blocks with CAS or CASP have none either.
    AsymmetricSwaps,
    /// Nothing is left out: ESR_EL1.WnR of faults with one of these statuses of instructions whose mnemonic begins like one of
    /// these is taken for what it should be.
    Direction {
        /// The instructions.
        mnemonics: &'static [&'static str],
        /// Which of their faults.
        statuses: &'static [FaultStatus],
        /// What WnR should be.
        write: bool,
    },
}

/// What is known of QEMU, system emulation and its own KVM guests alike.
pub static QEMU: &[KnownDivergence] = &[
    KnownDivergence {
        name: "ldapur-stlur.unchecked",
        what: "LDAPUR*, STLUR* and their signed forms are not tag checked",
        cite: "QEMU target/arm/tcg/translate-a64.c, trans_LDAPR_i and trans_STLR_i",
        avoid: Avoid::Mnemonics(&["ldapur", "stlur"]),
    },
    KnownDivergence {
        name: "sp.alignment-unchecked",
        what: "a stack pointer that is not aligned raises no SP alignment fault",
        cite: "QEMU target/arm/tcg/translate-a64.c, gen_check_sp_alignment",
        avoid: Avoid::UnalignedStack,
    },
    KnownDivergence {
        name: "exclusive-load.alignment-fault-of-a-write",
        what: "ESR_EL1.WnR of an alignment fault of LDXR, LDXP and their like is 1",
        cite: "QEMU target/arm/tcg/translate-a64.c, check_atomic_align",
        avoid: Avoid::Direction { mnemonics: EXCLUSIVE_LOADS, statuses: &[FaultStatus::ALIGNMENT], write: false },
    },
    KnownDivergence {
        name: "exclusive-store.alignment-fault-of-a-read",
        what: "ESR_EL1.WnR of an alignment fault of STXP and STLXP is 0 with one CPU, where nothing is tag checked",
        cite: "QEMU tcg/tcg-op-ldst.c, tcg_gen_nonatomic_cmpxchg_i128; docs/errata.md",
        avoid: Avoid::Direction { mnemonics: EXCLUSIVE_PAIRS, statuses: &[FaultStatus::ALIGNMENT], write: true },
    },
    KnownDivergence {
        name: "dc-zva.tag-check-fault-of-a-read",
        what: "ESR_EL1.WnR of a tag check fault of DC ZVA is 0",
        cite: "QEMU target/arm/tcg/translate-a64.c, handle_sys and ARM_CP_DC_ZVA",
        avoid: Avoid::Direction { mnemonics: &["dc"], statuses: &[FaultStatus::TAG_CHECK], write: true },
    },
    KnownDivergence {
        name: "dc-zva.asymmetric-synchronous",
        what: "a tag check fault of DC ZVA is synchronous in asymmetric mode",
        cite: "QEMU target/arm/tcg/translate-a64.c, handle_sys and ARM_CP_DC_ZVA",
        avoid: Avoid::AsymmetricZeros,
    },
    KnownDivergence {
        name: "cas.tag-check-fault-of-a-write",
        what: "ESR_EL1.WnR of a tag check fault of CAS and CASP is 1",
        cite: "QEMU target/arm/tcg/translate-a64.c, gen_compare_and_swap and gen_compare_and_swap_pair",
        avoid: Avoid::Direction { mnemonics: &["cas"], statuses: &[FaultStatus::TAG_CHECK], write: false },
    },
    KnownDivergence {
        name: "cas.asymmetric-asynchronous",
        what: "a tag check fault of CAS and CASP is asynchronous in asymmetric mode",
        cite: "QEMU target/arm/tcg/translate-a64.c, gen_compare_and_swap and gen_compare_and_swap_pair",
        avoid: Avoid::AsymmetricSwaps,
    },
    KnownDivergence {
        name: "atomic.unreadable-is-a-write",
        what: "ESR_EL1.WnR of a fault of an atomic that could not even read is 1",
        cite: "QEMU target/arm/tcg/translate-a64.c, check_atomic_align; accel/tcg/cputlb.c, atomic_mmu_lookup",
        avoid: Avoid::Direction { mnemonics: ALL_ATOMICS, statuses: UNREADABLE, write: false },
    },
    KnownDivergence {
        name: "dc-cvap.fault-of-a-load",
        what: "a fault of DC CVAP and DC CVADP is that of a load from the cache line's start: ESR_EL1.CM and WnR are 0",
        cite: "QEMU target/arm/helper.c, dccvap_writefn",
        avoid: Avoid::CacheOps(&[CacheOp::Cvap, CacheOp::Cvadp]),
    },
    KnownDivergence {
        name: "vector-list.end-unchecked",
        what: "of LD1 and ST1 with more than 32 bytes only the first 16 or 32 are tag checked, until 10.1",
        cite: "QEMU target/arm/internals.h, MTEDESC.SIZEM1 has five bits",
        avoid: Avoid::LongLists,
    },
    KnownDivergence {
        name: "device.alignment-unchecked",
        what: "an unaligned access to Device memory is no fault, or the fault is that of an element",
        cite: "QEMU target/arm/ptw.c; docs/errata.md",
        avoid: Avoid::UnalignedDevice,
    },
    KnownDivergence {
        name: "device.permission-before-alignment",
        what: "an unaligned access to Device memory that EL0 may not access takes the permission fault, and not the alignment fault",
        cite: "Arm ARM, pseudocode AArch64.S1Translate; docs/errata.md",
        avoid: Avoid::PriorityOnDevice,
    },
    KnownDivergence {
        name: "vector-list.aligned-as-a-whole",
        what: "LD1 and ST1 of Device memory must be aligned to 8 bytes and not to an element, at least in 10.0",
        cite: "QEMU target/arm/tcg/translate-a64.c, trans_ST_mult: elements are promoted to a larger operation",
        avoid: Avoid::VectorsOnDevice,
    },
    KnownDivergence {
        name: "atomic.tag-check-before-permission",
        what: "an atomic on a page that can only be read takes the fault of a wrong tag, and not the permission fault",
        cite: "QEMU target/arm/tcg/translate-a64.c, do_atomic_ld checks the tag as of a read",
        avoid: Avoid::AtomicsOnReadOnly,
    },
    KnownDivergence {
        name: "checkpoint.keeps-monitor",
        what: "without a hypervisor a checkpoint is no exception, so the exclusive monitor survives it; no mistake",
        cite: "host-vmm/src/machine/tcg; Arm ARM, pseudocode AArch64.ExceptionReturn",
        avoid: Avoid::MonitorAtCheckpoint,
    },
    KnownDivergence {
        name: "setg.without-ata",
        what: "SETG* at EL1 store tags where SCTLR_EL1.ATA does not let them",
        cite: "QEMU target/arm/tcg/translate-a64.c, do_SET, and mte_helper.c, mte_mops_set_tags",
        avoid: Avoid::TagSetsWithoutAccess,
    },
];

/// Returns whether an instruction shows a known divergence.
#[must_use]
pub fn shows(known: &[KnownDivergence], insn: Insn) -> bool {
    let mnemonic = insn.row().mnemonic();
    known.iter().any(|known| match known.avoid {
        Avoid::Mnemonics(prefixes) => prefixes.iter().any(|prefix| mnemonic.starts_with(prefix)),
        Avoid::UnalignedStack => moves_stack(insn),
        Avoid::LongLists => insn.args().iter().any(|arg| matches!(arg, Arg::Vectors(list) if bytes(*list) > 32)),
        Avoid::CacheOps(these) => {
            insn.args().iter().any(|arg| matches!(arg, Arg::CacheOp(operation) if these.contains(operation)))
        }
        _ => false,
    })
}

/// Mnemonics of atomic read-modify-writes.
const ALL_ATOMICS: &[&str] =
    &["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp", "cas"];

/// What an atomic takes where a load would take it, too. A permission fault may also be one for want of the permission to
/// write alone; then its WnR is 1 on all machines, and not compared either.
const UNREADABLE: &[FaultStatus] = &[
    FaultStatus::ALIGNMENT,
    FaultStatus::TRANSLATION_L0,
    FaultStatus::TRANSLATION_L1,
    FaultStatus::TRANSLATION_L2,
    FaultStatus::TRANSLATION_L3,
    FaultStatus::PERMISSION_L2,
    FaultStatus::PERMISSION_L3,
];

/// Mnemonics of exclusive loads.
const EXCLUSIVE_LOADS: &[&str] = &["ldxr", "ldaxr", "ldxp", "ldaxp"];

/// Mnemonics of exclusive stores of two registers.
const EXCLUSIVE_PAIRS: &[&str] = &["stxp", "stlxp"];

/// Returns whether an instruction's mnemonic begins like one of these.
fn has<'w>(words: impl IntoIterator<Item = &'w u32>, prefixes: &[&str]) -> bool {
    let like = |insn: Insn| prefixes.iter().any(|prefix| insn.row().mnemonic().starts_with(prefix));
    words.into_iter().filter_map(|word| Insn::decode(*word)).any(like)
}

fn is_zva(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| insn.args().iter().any(|arg| matches!(arg, Arg::CacheOp(CacheOp::Zva))))
}

/// Returns the bytes of a list of vectors.
const fn bytes(list: Vectors) -> u8 {
    list.count() * list.arrangement().vector_bytes()
}

/// Returns whether an instruction may leave the stack pointer at what is not a multiple of 16.
fn moves_stack(insn: Insn) -> bool {
    /// Instructions whose first operand is written, and may be the stack pointer.
    const WRITERS: [&str; 5] = ["add", "sub", "irg", "addg", "subg"];
    let args = insn.args();
    let sp = |arg: Option<&Arg>| matches!(arg, Some(Arg::Reg(register)) if register.is_sp());
    let steps = args.iter().any(|arg| match arg {
        Arg::Imm(value) => value % 16 != 0 && matches!(insn.row().mnemonic(), "add" | "sub"),
        Arg::Shift(_) => false,
        Arg::Extend(_) => true,
        _ => false,
    });
    let written = WRITERS.contains(&insn.row().mnemonic()) && sp(args.first()) && (!sp(args.get(1)) || steps);
    written
        || args.iter().any(|arg| match arg {
            Arg::Address(address) => address.base.is_sp() && address.writes_back() && address.offset % 16 != 0,
            Arg::PostIndexed(address) => address.base.is_sp(),
            _ => false,
        })
}

/// Returns whether the stack pointer is to be aligned.
#[must_use]
pub fn aligns_stack(known: &[KnownDivergence]) -> bool {
    known.iter().any(|known| known.avoid == Avoid::UnalignedStack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, generate};

    #[test]
    fn programs_avoid_known_divergences() {
        let (seed, profile) = (0x5eed, Profile { known: QEMU, ..Profile::default() });
        for number in 0..2000 {
            for run in generate::program(seed, number, &profile).runs() {
                let shown = run.words.iter().filter_map(|word| Insn::decode(*word)).find(|insn| shows(QEMU, *insn));
                assert_eq!(shown, None, "seed {seed:#x}, number {number}");
                assert_eq!(run.sp % 16, 0, "seed {seed:#x}, number {number}");
            }
        }
    }

    #[test]
    fn the_stack_pointer_is_moved_by_whole_granules_only() {
        for (text, moves) in [
            ("str x0, [sp, #-16]!", false),
            ("str x0, [sp], #8", true),
            ("str x0, [sp, #8]", false),
            ("add sp, sp, #32", false),
            ("add sp, sp, #8", true),
            ("addg sp, x0, #16, #1", true),
            ("irg sp, sp", false),
            ("ld1 {v0.16b}, [sp], x1", true),
        ] {
            assert_eq!(moves_stack(isa::assemble(text).unwrap()[0]), moves, "{text}");
        }
    }

    #[test]
    fn long_lists_and_cache_operations_are_avoided_one_by_one() {
        for (text, shown) in [
            ("ld1 {v0.16b-v1.16b}, [x0]", false),
            ("ld1 {v0.16b-v2.16b}, [x0]", true),
            ("st1 {v0.8b-v3.8b}, [x0]", false),
            ("dc cvap, x0", true),
            ("dc cvac, x0", false),
        ] {
            assert_eq!(shows(QEMU, isa::assemble(text).unwrap()[0]), shown, "{text}");
        }
    }

    #[test]
    fn every_mnemonic_that_is_avoided_exists() {
        for known in QEMU {
            if let Avoid::Mnemonics(prefixes) | Avoid::Direction { mnemonics: prefixes, .. } = known.avoid {
                for prefix in prefixes {
                    assert!(isa::rows().iter().any(|row| row.mnemonic().starts_with(prefix)), "{prefix}");
                }
            }
        }
    }
}
