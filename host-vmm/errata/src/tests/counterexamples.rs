//! Failures of the very cases that have an erratum, which it does not explain.

use isa::Insn;
use report::event::Failure;
use report::failure::{
    BlockMismatch, Exception, FailureKind, GuestError, Mismatch, Place, PlaceDifference, ProgramMismatch, TagMismatch,
};

use crate::all;

use crate::erratum::Erratum;

fn erratum(id: &str) -> &'static Erratum {
    all().find(|erratum| erratum.id == id).unwrap_or_else(|| panic!("there is no {id}"))
}

fn failure(what: &str, mismatch: Mismatch) -> Failure {
    Failure { kind: FailureKind::Mismatch(mismatch), ..Failure::described(what, "", "") }
}

fn words(text: &str) -> Vec<u32> {
    assembler::assemble(text).unwrap().into_iter().map(Insn::encode).collect()
}

fn exception(esr: u64) -> Exception {
    Exception { index: Some(0), esr, far: None, pstate: None }
}

/// What a case of one instruction shows, the promised exceptions and those that are taken by their syndromes.
fn block(text: &str, expected: &[u64], found: &[u64]) -> BlockMismatch {
    let exceptions = |esrs: &[u64]| esrs.iter().map(|esr| exception(*esr)).collect();
    let (expected, found) = (exceptions(expected), exceptions(found));
    BlockMismatch { words: words(text), expected, found, others: Vec::new(), from_before: true }
}

fn changed(place: Place) -> PlaceDifference {
    PlaceDifference { place, expected: "0x0".to_owned(), found: "0x77".to_owned() }
}

/// A syndrome with another bit, another instruction, a second exception, a register that changed: none is the erratum.
#[test]
fn a_block_that_differs_in_anything_else_is_not_explained() {
    for (id, case, text, expected, found) in [
        ("qemu.dc-zva-reads", "arch.zero.is-a-write", "dc zva, x0", vec![0x9600_0051], vec![0x9600_0011]),
        (
            "qemu.cas-writes",
            "arch.access.cas-fault-is-of-a-read",
            "cas x1, x2, [x0]",
            vec![0x9600_0011],
            vec![0x9600_0051],
        ),
        (
            "qemu.atomic-abort-writes",
            "arch.access.atomic-abort-is-of-a-read",
            "ldadd x1, x2, [x0]",
            vec![0x9600_0021],
            vec![0x9600_0061],
        ),
        ("qemu.sp-alignment", "arch.plain.sp-alignment", "ldr x1, [sp]", vec![0x9a00_0000], vec![]),
        ("qemu.device-alignment", "arch.plain.device-alignment", "ldr x1, [x0]", vec![0x9600_0021], vec![]),
        (
            "qemu.device-permission-first",
            "arch.plain.device-alignment",
            "ldr x1, [x0]",
            vec![0x9200_0021],
            vec![0x9200_000f],
        ),
        ("qemu.store-only-atomics", "arch.store-only.atomic", "swp x1, x2, [x0]", vec![0x9600_0051], vec![]),
        ("linux.protected-mode-mops", "arch.copy.set", "setp [x0]!, x1!, x2", vec![], vec![0x0200_0000]),
    ] {
        let erratum = erratum(id);
        let explains = |block: BlockMismatch| erratum.explains_case(case, &failure("", Mismatch::Block(block)));
        let right = || block(text, &expected, &found);
        assert!(explains(right()), "{id}");
        assert!(!erratum.explains_case("arch.irg.el0", &failure("", Mismatch::Block(right()))), "{id}: another case");

        // A firmware that answers with noise: every register, another syndrome, another end.
        let noise = (0..31).map(|number| changed(Place::X(number))).collect();
        assert!(!explains(BlockMismatch { others: noise, ..right() }), "{id}: registers");
        assert!(!explains(BlockMismatch { others: vec![changed(Place::X(9))], ..right() }), "{id}: x9");
        assert!(!explains(BlockMismatch { others: vec![changed(Place::End)], ..right() }), "{id}: its end");
        for esr in [0x0a0b_0c0d, 0x9600_0007, 0x5600_0000] {
            assert!(!explains(block(text, &expected, &[esr])), "{id}: {esr:#x}");
        }
        let twice = [&found[..], &[0x9600_0007]].concat();
        assert!(!explains(block(text, &expected, &twice)), "{id}: a second exception");
        assert!(!explains(block("nop", &expected, &found)), "{id}: another instruction");
        assert!(!explains(block(text, &expected, &expected)), "{id}: nothing is wrong");
    }
}

#[test]
fn a_fault_elsewhere_is_not_explained() {
    let erratum = erratum("qemu.dc-zva-reads");
    let at = |far| Exception { far: Some(far), ..exception(0x9600_0011) };
    let promised = Exception { far: Some(0x1_4060_0040), ..exception(0x9600_0051) };
    let explains = |found: Exception| {
        let block = BlockMismatch { expected: vec![promised], found: vec![found], ..block("dc zva, x0", &[], &[]) };
        erratum.explains_case("arch.zero.is-a-write", &failure("", Mismatch::Block(block)))
    };
    assert!(explains(at(0x1_4060_0040)) && !explains(at(0x1_4060_0080)));
    assert!(!explains(Exception { index: Some(1), ..at(0x1_4060_0040) }));
}

#[test]
fn other_numbers_and_other_registers_are_not_explained() {
    let number = |expected, found| Mismatch::Number { expected, found };
    let tfsr = erratum("linux.protected-mode-tfsr");
    let explains = |what: &str, expected, found| {
        tfsr.explains_case("restore.registers.two-vcpus", &failure(what, number(expected, found)))
    };
    assert!(explains("Tfsr of vCPU 0", 1, 2));
    assert!(!explains("Tfsr of vCPU 0", 1, 0x77) && !explains("Gcr of vCPU 0", 1, 2));
    // The vCPU's thread was moved to another CPU.
    let moved = |what: &str, found| tfsr.explains_case("restore.sve.checks-go-on", &failure(what, number(1, found)));
    assert!(moved("Tfsr with 256 bytes by tag 12", 0) && !moved("RDVL after a restore", 0));
    // What the VMM stored last, or nobody did.
    for found in [0, 0x1de7_ec7e_dbad_c0de] {
        assert!(
            explains("KVM_GET_ONE_REG of TFSR_EL1", 1, found) && explains("KVM_GET_ONE_REG of TFSRE0_EL1", 2, found)
        );
        assert!(!explains("KVM_GET_ONE_REG of GCR_EL1", 1, found));
    }
    assert!(!explains("KVM_GET_ONE_REG of TFSR_EL1", 1, 4));
    let line = erratum("linux.ctr-without-tag-lines");
    let explains = |found| {
        let failure = failure("CTR_EL0.TminLine of the guest", number(0, found));
        line.explains_case("kvm.registers.tag-line", &failure)
    };
    assert!(explains(4 << 32) && !explains(5 << 32) && !explains(1));
}

#[test]
fn other_tags_are_not_explained() {
    let tags = |expected: &[u8], found: &[u8]| TagMismatch::new(0, expected, found).map(Mismatch::Tags).unwrap();
    for (id, case, right, wrong) in [
        (
            "linux.split-overwrites-tag-flags",
            "kvm.life.split-with-untagged-first",
            tags(&[0, 3, 5], &[0, 0, 0]),
            tags(&[0, 3, 5], &[0, 0, 4]),
        ),
        (
            "linux.split-overwrites-tag-flags",
            "kvm.life.split-with-tagged-first",
            tags(&[3, 0, 0], &[3, 15, 15]),
            tags(&[3, 0, 0], &[4, 15, 15]),
        ),
        ("linux.hugetlb-store-exposes-stale-tags", "kvm.backing.hugetlb-parts", tags(&[0], &[15]), tags(&[0], &[7])),
        ("linux.hugetlb-store-exposes-stale-tags", "kvm.backing.hugetlb-parts", tags(&[0], &[15]), tags(&[4], &[15])),
        (
            "linux.hugetlb-logging-exposes-stale-tags",
            "kvm.backing.hugetlb-touched",
            tags(&[0], &[15]),
            tags(&[0], &[1]),
        ),
        ("linux.hugetlb-keeps-tags-of-last-owner", "kvm.backing.hugetlb-parts", tags(&[0], &[15]), tags(&[0], &[1])),
    ] {
        let erratum = erratum(id);
        assert!(erratum.explains_case(case, &failure("", right)), "{id}");
        assert!(!erratum.explains_case(case, &failure("", wrong)), "{id}");
    }
}

/// A kernel that hangs is recognised by a thread that does not come back, and by nothing else.
#[test]
fn what_is_no_mismatch_is_never_explained() {
    for erratum in all() {
        for case in erratum.cases.iter().map(|glob| glob.replace('*', "x")) {
            for kind in [
                FailureKind::Guest(GuestError::Misbehaved),
                FailureKind::Guest(GuestError::Panicked),
                FailureKind::Guest(GuestError::Silent),
                FailureKind::Guest(GuestError::Storm),
                FailureKind::MachineLost,
                FailureKind::Kernel { errno: 22 },
                FailureKind::KernelWarning,
                FailureKind::KernelDied,
                FailureKind::Request,
                FailureKind::default(),
            ] {
                let failure = Failure { kind, ..Failure::default() };
                assert!(!erratum.explains_case(&case, &failure), "{}: {failure:?}", erratum.id);
            }
        }
    }
    let blocked = failure("", Mismatch::Blocked);
    assert!(erratum("linux.buffer-fault-deadlock").explains_case("kvm.hazard.touched-meanwhile", &blocked));
}

fn program(blocks: Vec<BlockMismatch>, memory: Vec<PlaceDifference>) -> ProgramMismatch {
    let words = blocks.iter().flat_map(|block| block.words.clone()).collect();
    ProgramMismatch { blocks, memory, words, complete: true }
}

#[test]
fn a_program_is_explained_whole_or_not_at_all() {
    let erratum = erratum("qemu.ldapur-stlur-unchecked");
    let explains = |mismatch: ProgramMismatch| erratum.explains_program(&failure("", Mismatch::Program(mismatch)));
    let text = "ldapur x1, [x0]; stlur x1, [x0]";
    let fault = |index, esr| Exception { index: Some(index), esr, far: Some(0x1_4060_0020), pstate: Some(5) };
    let first = || BlockMismatch {
        words: words(text),
        expected: vec![fault(0, 0x9600_0011), fault(1, 0x9600_0051)],
        found: vec![],
        others: vec![changed(Place::X(1))],
        from_before: false,
    };
    let data = |offset| vec![changed(Place::Data(offset))];
    assert!(explains(program(vec![first()], data(0x20))));
    assert!(!explains(program(vec![first()], data(0x2000))), "data elsewhere");
    assert!(!explains(program(vec![first()], vec![changed(Place::Tag(0x20))])), "a tag");
    for place in [Place::X(2), Place::Sp, Place::Pstate, Place::Register("tfsr_el1".to_owned()), Place::End] {
        let block = BlockMismatch { others: vec![changed(place.clone())], ..first() };
        assert!(!explains(program(vec![block], vec![])), "{place:?}");
    }
    let one = BlockMismatch { expected: vec![fault(0, 0x9600_0011)], found: vec![fault(1, 0x9600_0007)], ..first() };
    assert!(!explains(program(vec![first(), one], vec![])), "another exception in another block");
    assert!(!explains(ProgramMismatch { complete: false, ..program(vec![first()], vec![]) }), "more than is listed");
    assert!(!explains(program(vec![], vec![])), "nothing");
}

#[test]
fn only_one_tag_is_stored_by_a_set_without_access() {
    let erratum = erratum("qemu.setg-without-ata");
    let set = words("setgp [x0]!, x1!, x2");
    let tag = |offset, found: &str| PlaceDifference {
        place: Place::Tag(offset),
        expected: "0x0".to_owned(),
        found: found.to_owned(),
    };
    let explains = |words: &[u32], memory| {
        let mismatch = ProgramMismatch { words: words.to_vec(), ..program(vec![], memory) };
        erratum.explains_program(&failure("", Mismatch::Program(mismatch)))
    };
    assert!(explains(&set, vec![tag(0x20, "0x1"), tag(0x30, "0x1")]));
    assert!(!explains(&set, vec![tag(0x20, "0x1"), tag(0x30, "0x2")]));
    assert!(!explains(&words("stg x0, [x0]"), vec![tag(0x20, "0x1")]));
    assert!(!explains(&set, vec![tag(0x20, "0x1"), changed(Place::Data(0x20))]));
}

#[test]
fn only_canonical_checks_of_copies_are_missing() {
    let erratum = erratum("qemu.canonical-unchecked");
    let explains = |far| {
        let expected = vec![Exception { index: Some(0), esr: 0x9600_0011, far, pstate: Some(5) }];
        let words = words("cpyfp [x0]!, [x1]!, x2!");
        let block = BlockMismatch { words, expected, found: vec![], others: vec![], from_before: false };
        erratum.explains_program(&failure("", Mismatch::Program(program(vec![block], vec![]))))
    };
    assert!(explains(Some(0x0600_0003_4060_0200)));
    assert!(!explains(Some(0x0600_0001_4060_0200)), "memory with tags");
    assert!(!explains(None));
}
