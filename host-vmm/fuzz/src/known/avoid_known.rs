//! Changes programs that would show a known divergence only because of what surrounds an instruction: the kinds of
//! pages, the control fields.

use abi::mailbox::PageKind;

use arch::{Arg, DataCacheOp, Op, ScalableAddress};
use errata::avoid::{Avoid, Avoided};
use isa::Insn;

use super::instructions::{EXCLUSIVE_LOADS, EXCLUSIVE_STORES, INSTRUCTION_KEYS, has, is_zva};
use crate::words::{NOP, doorbell_word};
use machine::ScalableState;
use machine::capability::{MachineKind, TagTransfer};
use program::control::Field;
use program::{Event, Program, Run, Step};

/// Changes a program so that it stays away from what its blocks show only where their surroundings let them, on a machine of this
/// kind.
pub fn avoid_known(known: &Avoided, kind: MachineKind, program: &mut Program) {
    let sees = |program: &Program, wanted| {
        program.steps.iter().any(|step| matches!(step, Step::Event(Event::Pages { kind, .. }) if *kind == wanted))
    };
    let saved = known.restores || is_saved(kind, program);
    let (device, read_only) = (sees(program, PageKind::Device), sees(program, PageKind::ReadOnly));
    let uncached = sees(program, PageKind::NonCacheable);
    for rule in &known.rules {
        for step in &mut program.steps {
            let Step::Run(run) = step else { continue };
            match *rule {
                Avoid::UnalignedDevice if device => set(run, "sctlr_el1.a", 1),
                Avoid::VectorsOnDevice if device => leave_out_lists(run),
                Avoid::AtomicsOnReadOnly if read_only => leave_out(run, ATOMICS),
                Avoid::MonitorAtCheckpoint if run.words.contains(&doorbell_word()) => leave_out(run, EXCLUSIVE_LOADS),
                Avoid::TagSetsWithoutAccess if has(&run.words, &["setg"]) => {
                    set(run, "sctlr_el1.ata", 1);
                    set(run, "sctlr_el1.ata0", 1);
                }
                Avoid::StripWithoutKey if has(&run.words, &["xpac"]) => set(run, "sctlr_el1.enda", 1),
                Avoid::SignInOneHalf if has(&run.words, &["pac"]) => {
                    let halves = ["tcr_el1.tbi0", "tcr_el1.tbi1"];
                    if halves.iter().any(|field| is_set_to(run, field, 0)) {
                        halves.iter().for_each(|field| set(run, field, 0));
                    }
                }
                Avoid::SignInstructionsWithoutExtendedChecks if has(&run.words, INSTRUCTION_KEYS) => {
                    no_extended_checks(run);
                }
                Avoid::ExclusiveStoresWiderThanLoads => leave_out_wider_stores(run),
                Avoid::AsymmetricZeros if run.words.iter().any(|word| is_zva(*word)) => synchronous(run),
                Avoid::AsymmetricSwaps if has(&run.words, &["cas"]) => synchronous(run),
                Avoid::ScalableChecks => contiguous(run),
                Avoid::ScalableAlignment if run.words.iter().any(|word| accesses_scalable(*word)) => {
                    if device {
                        leave_out_where(run, accesses_scalable);
                    } else {
                        set(run, "sctlr_el1.a", 0);
                    }
                }
                // Without a length vectors of SVE are as long as they were, and those of ZA as long as can be.
                Avoid::LongLists if run.scalable.as_ref().is_none_or(|values| values.vector_bytes() > 32) => {
                    leave_out_where(run, is_whole_vector);
                }
                Avoid::ScalablePageKinds if uncached => leave_out_where(run, accesses_scalable),
                Avoid::FirstFaultPredicates => govern_first_faults(run),
                Avoid::StoreOnlyScalable if run.words.iter().any(|word| accesses_scalable(*word)) => check_loads(run),
                Avoid::FirstFaultSynchronous if is_op(run, &[Op::SveLdff1]) => synchronous(run),
                Avoid::WholeScalableStores if run.words.iter().any(|word| is_whole_store(*word)) => {
                    synchronous(run);
                    check_loads(run);
                    // The check comes before the permission.
                    if read_only {
                        leave_out_where(run, is_whole_store);
                    }
                }
                Avoid::LanesWithScalable if run.scalable.is_some() => leave_out_where(run, loads_lane),
                Avoid::StoreOnlyAtomics if has(&run.words, ATOMICS) => check_loads(run),
                Avoid::SavedLongVectors if saved => shorten_vectors(run),
                Avoid::CanonicalElsewhere if run.words.iter().any(|word| is_canonical_elsewhere(*word)) => {
                    no_extended_checks(run);
                }
                Avoid::StoreOnlyCopies if has(&run.words, &["cpy"]) => check_loads(run),
                _ => {}
            }
        }
    }
}

/// Returns whether a machine of this kind is saved in a program, or may save itself.
fn is_saved(kind: MachineKind, program: &Program) -> bool {
    let saves = |event: &Event, transfer| match event {
        Event::SaveRestore => true,
        Event::Tags { .. } | Event::Fetch { .. } => kind.may_save_itself_for(transfer),
        Event::Data { .. } | Event::Pages { .. } => false,
    };
    let mut transfer = TagTransfer::AtRest;
    program.steps.iter().any(|step| match step {
        Step::Event(Event::Pages { .. }) => {
            transfer = TagTransfer::Amid;
            false
        }
        Step::Event(event) => saves(event, transfer),
        Step::Run(run) => run.at_checkpoint.iter().flatten().any(|event| saves(event, TagTransfer::Amid)),
        Step::Again { .. } | Step::Expect(_) => false,
    })
}

/// Makes vectors of more than 128 bytes shorter.
fn shorten_vectors(run: &mut Run) {
    const LONGEST: u16 = 128;
    if let Some(values) = run.scalable.as_mut().filter(|values| values.vector_bytes() > LONGEST) {
        *values = ScalableState::new(LONGEST.into(), Box::new(*values.registers()));
    }
}

/// Leaves out the instructions whose mnemonics begin like one of these.
fn leave_out(run: &mut Run, prefixes: &[&str]) {
    run.words.iter_mut().filter(|word| has([&**word], prefixes)).for_each(|word| *word = NOP);
}

fn leave_out_where(run: &mut Run, shows: fn(u32) -> bool) {
    run.words.iter_mut().filter(|word| shows(**word)).for_each(|word| *word = NOP);
}

/// Leaves out exclusive stores of more bytes than the exclusive load before them in the block.
fn leave_out_wider_stores(run: &mut Run) {
    let mut loaded = u8::MAX;
    for word in &mut run.words {
        let Some(bytes) = Insn::decode(*word).and_then(Insn::access).map(isa::Access::total) else { continue };
        if has([&*word], EXCLUSIVE_LOADS) {
            loaded = bytes;
        } else if bytes > loaded && has([&*word], EXCLUSIVE_STORES) {
            *word = NOP;
        }
    }
}

/// Returns whether an instruction is a load or store of SVE or SME.
fn accesses_scalable(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| (insn.op().is_scalable() || insn.op().is_matrix()) && insn.access().is_some())
}

/// Clears TCR_EL1.MTX0 and MTX1 where a block sets them.
fn no_extended_checks(run: &mut Run) {
    for name in ["tcr_el1.mtx0", "tcr_el1.mtx1"] {
        if run.controls.iter().any(|(_, field, value)| field.name == name && value == 1) {
            set(run, name, 0);
        }
    }
}

/// Returns whether an instruction checks tags by other functions of QEMU than loads and stores.
fn is_canonical_elsewhere(word: u32) -> bool {
    let zeroes_tags = Insn::decode(word).is_some_and(|insn| {
        matches!(insn.args().first(), Some(Arg::DataCacheOp(DataCacheOp::Gva | DataCacheOp::Gzva)))
    });
    zeroes_tags || accesses_scalable(word) || has(&[word], &["cpy", "set"])
}

/// Returns whether an instruction is LDR or STR of a vector of SVE or of ZA.
fn is_whole_vector(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| matches!(insn.op(), Op::SveLdr | Op::SveStr | Op::SmeLdr | Op::SmeStr))
}

/// Returns whether an instruction is STR of a vector or predicate of SVE, of a vector of ZA, or of ZT0.
fn is_whole_store(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| matches!(insn.op(), Op::SveStr | Op::SveStrP | Op::SmeStr | Op::SmeStrZt0))
}

/// Returns whether an instruction loads a lane of vector registers.
fn loads_lane(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| {
        insn.row().mnemonic().starts_with("ld") && insn.args().iter().any(|arg| matches!(arg, Arg::LaneList(_)))
    })
}

/// Returns whether an instruction is a contiguous load or store of SVE or of a slice of ZA that may take a tag check fault.
fn is_contiguous(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| {
        let elements = matches!(insn.args().first(), Some(Arg::ScalableList(_) | Arg::ZaSliceList(_)));
        let counted = matches!(insn.args().get(1), Some(Arg::PredicateCounter(_)));
        let checked = match insn.args().last() {
            // Those by a counter fault whatever their address is (qemu.several-vectors-fault).
            Some(_) if counted => true,
            Some(Arg::Indexed(_)) => true,
            Some(Arg::ScalableAddress(ScalableAddress::Multiple { base, .. })) => !base.is_sp(),
            // Of the replicating loads, those of several elements.
            Some(Arg::Address(address)) => !address.base.is_sp() && insn.op() != Op::SveLd1r,
            _ => false,
        };
        elements && checked && !matches!(insn.op(), Op::SveLdff1 | Op::SveLdnf1)
    })
}

/// Returns whether a block has one of these instructions.
fn is_op(run: &Run, ops: &[Op]) -> bool {
    run.words.iter().filter_map(|word| Insn::decode(*word)).any(|insn| ops.contains(&insn.op()))
}

/// Lets p0 govern contiguous first-fault and non-fault loads, and leaves out what writes it.
fn govern_first_faults(run: &mut Run) {
    /// Pg of loads.
    const GOVERNING: u32 = 0b111 << 10;
    let op = |word: u32| Insn::decode(word).map(Insn::op);
    let first_fault = |word: u32| matches!(op(word), Some(Op::SveLdff1 | Op::SveLdnf1));
    if !run.words.iter().any(|word| first_fault(*word)) {
        return;
    }
    run.words.iter_mut().filter(|word| first_fault(**word)).for_each(|word| *word &= !GOVERNING);
    leave_out_where(run, |word| {
        let written = Insn::decode(word).and_then(|insn| insn.args().first().copied());
        matches!(written, Some(Arg::Predicate(predicate)) if predicate.index() == 0)
    });
}

/// Leaves out contiguous loads and stores of SVE, or lets faults have no effect in their block: by a register of the block, so
/// that the same program always comes out the same.
fn contiguous(run: &mut Run) {
    if !run.words.iter().any(|word| is_contiguous(*word)) {
        return;
    }
    // Other rules make the faults of these synchronous.
    let synchronous = has(&run.words, &["cas"])
        || run.words.iter().any(|word| is_zva(*word))
        || is_op(run, &[Op::SveLdff1])
        || run.words.iter().any(|word| is_whole_store(*word));
    if synchronous || run.x[8] & 1 == 0 {
        return leave_out_where(run, is_contiguous);
    }
    for field in ["sctlr_el1.tcf", "sctlr_el1.tcf0"] {
        set(run, field, 0);
    }
    // What changes the fields on the way is left out.
    leave_out_where(run, |word| {
        Insn::decode(word)
            .is_some_and(|insn| insn.op() == Op::Msr && insn.args().contains(&Arg::SysReg(arch::SysReg::SctlrEl1)))
    });
}

/// Leaves out the loads and stores of lists of vectors and of their lanes.
fn leave_out_lists(run: &mut Run) {
    let lists = |word: u32| {
        Insn::decode(word)
            .is_some_and(|insn| insn.args().iter().any(|arg| matches!(arg, Arg::VectorList(_) | Arg::LaneList(_))))
    };
    run.words.iter_mut().filter(|word| lists(**word)).for_each(|word| *word = NOP);
}

/// SCTLR_EL1.TCF and TCF0.
const SYNCHRONOUS: u8 = 0b01;

/// Mnemonics of atomic read-modify-writes without a condition.
const ATOMICS: &[&str] = &["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp"];

/// Makes tag check faults synchronous, unless they have no effect. What flips TCF's lowest bit on the way makes asymmetric of asynchronous, so that will
/// not do.
fn synchronous(run: &mut Run) {
    for field in ["sctlr_el1.tcf", "sctlr_el1.tcf0"] {
        if !is_set_to(run, field, 0) {
            set(run, field, SYNCHRONOUS);
        }
    }
}

/// Lets loads be tag checked as stores are.
fn check_loads(run: &mut Run) {
    for field in ["sctlr_el1.tcso", "sctlr_el1.tcso0"] {
        if let Some(field) = Field::by_name(field) {
            run.controls.clear(field);
        }
    }
}

fn is_set_to(run: &Run, field: &str, value: u8) -> bool {
    Field::by_name(field).is_some_and(|field| run.controls.get(field) == Some(value))
}

fn set(run: &mut Run, field: &str, value: u8) {
    if let Some(field) = Field::by_name(field) {
        run.controls.set(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_short_where_a_machine_may_save_itself_for_tags() {
        let longest = |kind, steps: &str, setting: &str| {
            let text = format!("granule program 1\n{steps}block el=1 vl=256\n  {setting}\ncode\n  nop\nend\n");
            let mut program = text.parse::<Program>().unwrap();
            avoid_known(&Avoided::everything(), kind, &mut program);
            program.runs().next().and_then(|run| run.scalable.as_ref()).map(ScalableState::vector_bytes)
        };
        let pages = "pages tagged 0x0 0x1000 device\n";
        for (steps, setting, long_on_tcg) in [
            ("tags 0x20 1\n", "checkpoint 1 data 0x0 01", true),
            ("", "checkpoint 1 tags 0x20 1", false),
            ("", "checkpoint 2 fetch 0x20 0x10", false),
            (&format!("tags 0x20 1\n{pages}"), "x0 = 0x1", true),
            (&format!("{pages}tags 0x20 1\n"), "x0 = 0x1", false),
        ] {
            for kind in [MachineKind::Kvm, MachineKind::Model] {
                assert_eq!(longest(kind, steps, setting), Some(256), "{kind}: {steps}{setting}");
            }
            let expected = if long_on_tcg { 256 } else { 128 };
            assert_eq!(longest(MachineKind::Tcg, steps, setting), Some(expected), "{steps}{setting}");
        }
        assert_eq!(longest(MachineKind::Kvm, "save-restore\n", "x0 = 0x1"), Some(128));
    }

    #[test]
    fn programs_avoid_divergences_that_depend_on_context() {
        let program = |text: &str| text.parse::<Program>().unwrap();
        let block = |controls: &str, code: &str| format!("block el=1\n{controls}code\n  {code}\nend\n");
        for (before, after) in [
            (
                format!("granule program 1\npages tagged 0x0 0x1000 device\n{}", block("", "ldr x0, [x1]")),
                format!(
                    "granule program 1\npages tagged 0x0 0x1000 device\n{}",
                    block("  sctlr_el1.a = 1\n", "ldr x0, [x1]")
                ),
            ),
            (
                format!("granule program 1\npages tagged 0x0 0x1000 device\n{}", block("", "st1 {v0.4h}, [x1]")),
                format!("granule program 1\npages tagged 0x0 0x1000 device\n{}", block("  sctlr_el1.a = 1\n", "nop")),
            ),
            (
                format!(
                    "granule program 1\npages tagged 0x0 0x1000 device\n{}",
                    block("", "st2 {v0.b, v1.b}[3], [x1]")
                ),
                format!("granule program 1\npages tagged 0x0 0x1000 device\n{}", block("  sctlr_el1.a = 1\n", "nop")),
            ),
            (
                "granule program 1\nsave-restore\nblock el=1 vl=256\n  z0 = 0x1 0x0*16\n  ffr = 0xffffffff\ncode\n  nop\nend\n".to_owned(),
                "granule program 1\nsave-restore\nblock el=1 vl=128\n  ffr = 0xffffffff\ncode\n  nop\nend\n".to_owned(),
            ),
            // ST2G begins with the same letters and stores no vectors.
            (
                format!("granule program 1\npages tagged 0x0 0x1000 device\n{}", block("", "st2g x0, [x1]")),
                format!(
                    "granule program 1\npages tagged 0x0 0x1000 device\n{}",
                    block("  sctlr_el1.a = 1\n", "st2g x0, [x1]")
                ),
            ),
            (
                format!("granule program 1\npages tagged 0x0 0x1000 read-only\n{}", block("", "swp x0, x1, [x2]")),
                format!("granule program 1\npages tagged 0x0 0x1000 read-only\n{}", block("", "nop")),
            ),
            (
                format!("granule program 1\n{}", block("  sctlr_el1.ata = 0\n", "setgp [x0]!, x1!, x2")),
                format!(
                    "granule program 1\n{}",
                    block("  sctlr_el1.ata = 1\n  sctlr_el1.ata0 = 1\n", "setgp [x0]!, x1!, x2")
                ),
            ),
            (
                format!("granule program 1\n{}", block("  sctlr_el1.tcf = asymm\n", "dc zva, x0")),
                format!(
                    "granule program 1\n{}",
                    block("  sctlr_el1.tcf = sync\n  sctlr_el1.tcf0 = sync\n", "dc zva, x0")
                ),
            ),
            (
                format!("granule program 1\n{}", block("  sctlr_el1.tcf0 = asymm\n", "caspl x0, x1, x2, x3, [x4]")),
                format!(
                    "granule program 1\n{}",
                    block("  sctlr_el1.tcf = sync\n  sctlr_el1.tcf0 = sync\n", "caspl x0, x1, x2, x3, [x4]")
                ),
            ),
            (
                format!("granule program 1\n{}", block("", "xpaci x0")),
                format!("granule program 1\n{}", block("  sctlr_el1.enda = 1\n", "xpaci x0")),
            ),
            (
                format!("granule program 1\n{}", block("  tcr_el1.mtx0 = 1\n", "pacia x0, x1")),
                format!("granule program 1\n{}", block("  tcr_el1.mtx0 = 0\n", "pacia x0, x1")),
            ),
            (
                format!("granule program 1\n{}", block("", "ldxr w0, [x1]\n  stxr w2, w0, [x1]\n  stlxp w2, w3, w4, [x1]")),
                format!("granule program 1\n{}", block("", "ldxr w0, [x1]\n  stxr w2, w0, [x1]\n  nop")),
            ),
            (
                format!("granule program 1\n{}", block("  tcr_el1.tbi1 = 0\n", "pacda x0, x1")),
                format!("granule program 1\n{}", block("  tcr_el1.tbi0 = 0\n  tcr_el1.tbi1 = 0\n", "pacda x0, x1")),
            ),
            (
                format!("granule program 1\n{}", block("  sctlr_el1.ata = 0\n", "swp x0, x1, [x2]")),
                format!("granule program 1\n{}", block("  sctlr_el1.ata = 0\n", "swp x0, x1, [x2]")),
            ),
        ] {
            let mut changed = program(&before);
            avoid_known(&Avoided::everything(), MachineKind::Tcg, &mut changed);
            assert_eq!(changed, program(&after), "{before}");
            let mut again = changed.clone();
            avoid_known(&Avoided::everything(), MachineKind::Tcg, &mut again);
            assert_eq!(again, changed, "{before}");
        }
    }
}
