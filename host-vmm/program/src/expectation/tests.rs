use abi::mailbox::{BlockEnd, SYS_REGS, SysReg};
use arch::Syndrome;

use super::super::observation::{Observation, StepObservation, StepOutcome};
use super::super::{Program, Step};
use machine::{Fault, Trace};

const HEAD: &str = "granule program 1\nblock el=1 simd=1\n  x0 = tagged+0x20 tag 3\ncode\n";

fn program(code: &str, behind: &str) -> Program {
    format!("{HEAD}{code}end\n{behind}").parse().unwrap()
}

/// What a block of step 0 shows that ends like this.
fn block(change: impl FnOnce(&mut Trace)) -> StepObservation {
    let mut trace = Trace {
        x: [0; 31],
        sp: 0,
        pstate: 0x6000_03c4,
        sys: [0; SYS_REGS],
        v: Some(Box::new([[0; 2]; 32])),
        scalable: None,
        faults: Vec::new(),
        end: BlockEnd::Complete,
    };
    change(&mut trace);
    let what = StepOutcome::Block(Box::new(trace));
    StepObservation { step: 0, what, unknown: Vec::new(), unknown_v: 0, unknown_p: 0, unknown_x: 0 }
}

fn seen(what: StepObservation) -> Observation {
    Observation { seen: vec![what], ..Observation::default() }
}

/// A store to granule 2 through tag 3 that takes a tag check fault, at instruction 1.
fn tag_check_fault() -> Fault {
    Fault { index: Some(1), esr: Syndrome::from_bits(0x9600_0051), far: 0x0300_0001_4060_0020, spsr: 0 }
}

#[test]
fn what_is_expected_is_compared_with_what_was_seen() {
    let with_fault = |trace: &mut Trace| trace.faults = vec![tag_check_fault()];
    type Change = fn(&mut Trace);
    let cases: [(&str, Change, bool); 20] = [
        ("x1 = 0x10", |trace| trace.x[1] = 0x10, true),
        ("x1 = 0x10", |trace| trace.x[1] = 0x11, false),
        ("x1 tag 5", |trace| trace.x[1] = 5 << 56, true),
        ("x1 tag 5", |trace| trace.x[1] = 6 << 56, false),
        ("sp = tagged+0x10 tag 1", |trace| trace.sp = 0x0100_0001_4060_0010, true),
        ("nzcv 0110", |_| {}, true),
        ("nzcv 0100", |_| {}, false),
        ("tco = 0", |_| {}, true),
        ("tco = 1", |_| {}, false),
        ("v2 = 0x1 0x2", |trace| trace.v.as_mut().unwrap()[2] = [2, 1], true),
        ("v2 = 0x2 0x1", |trace| trace.v.as_mut().unwrap()[2] = [2, 1], false),
        ("gcr_el1 = 0x1ffff", |trace| trace.sys[SysReg::Gcr as usize] = 0x1_ffff, true),
        ("gcr_el1.rrnd = 0", |trace| trace.sys[SysReg::Gcr as usize] = 0x1_ffff, false),
        ("rgsr_el1.seed = 0x12", |trace| trace.sys[SysReg::Rgsr as usize] = 0x1205, true),
        ("rgsr_el1.tag = 5", |trace| trace.sys[SysReg::Rgsr as usize] = 0x1205, true),
        ("tfsr_el1.tf1 = 1", |trace| trace.sys[SysReg::Tfsr as usize] = 2, true),
        ("tfsr_el1.tf0 = 1", |trace| trace.sys[SysReg::Tfsr as usize] = 2, false),
        ("no fault", |_| {}, true),
        ("no fault", |trace| trace.faults = vec![tag_check_fault()], false),
        ("fault tag-check", |_| {}, false),
    ];
    let met = |text: &str, block: StepObservation| {
        let observation = seen(block);
        program("  nop\n", &format!("expect {text}\n")).unmet(&observation, &observation).is_empty()
    };
    for (text, change, expected) in cases {
        assert_eq!(met(text, block(change)), expected, "{text}");
    }
    for (text, expected) in [
        ("fault tag-check", true),
        ("fault tag-check write at 1 far tagged+0x20 tag 3", true),
        ("fault tag-check read", false),
        ("fault tag-check at 0", false),
        ("fault tag-check far tagged+0x30 tag 3", false),
        ("fault translation", false),
        ("fault permission", false),
        ("fault undefined", false),
    ] {
        assert_eq!(met(text, block(with_fault)), expected, "{text}");
    }
}

#[test]
fn bits_of_far_that_are_unknown_are_no_part_of_an_expectation() {
    let expecting = program("  nop\n", "expect fault tag-check far untagged+0x20 tag 3\n");
    let far = |far| seen(block(|trace| trace.faults = vec![Fault { far, ..tag_check_fault() }]));
    let other_bits = 0xf300_0003_4060_0020;
    let unmet = |observation: &Observation| expecting.unmet(observation, observation).len();
    assert_eq!(unmet(&far(other_bits)), 0, "63:60 are UNKNOWN");
    assert_eq!(unmet(&Observation { tagged_far: true, ..far(other_bits) }), 1);
    assert_eq!(unmet(&far(0x0400_0003_4060_0020)), 1);
}

#[test]
fn what_is_unknown_meets_no_expectation() {
    let expecting = program("  nop\n", "expect x1 = 0\nexpect tfsr_el1 = 0x0\nexpect v3 = 0x0 0x0\n");
    let machine = seen(block(|_| {}));
    assert_eq!(expecting.unmet(&machine, &machine), []);
    let unknown =
        StepObservation { unknown: vec![SysReg::Tfsr], unknown_v: 1 << 3, unknown_x: 1 << 1, ..block(|_| {}) };
    let unmet = expecting.unmet(&seen(unknown), &machine);
    assert_eq!(unmet.len(), 3);
    assert_eq!((unmet[0].expected.as_str(), unmet[0].machine.as_str()), ("x1 = 0x0", "0x0"));
}

#[test]
fn memory_is_looked_at_where_the_expectation_stands() {
    let expecting = program("  nop\n", "expect tags 0x20 3*2 0\nexpect data 0x20 00ff\n");
    let look = |step, what| StepObservation { step, what, ..block(|_| {}) };
    let with = |tags: [u8; 3], bytes: [u8; 2], unknown| Observation {
        seen: vec![
            block(|_| {}),
            look(1, StepOutcome::Tags { offset: 0x20, tags: tags.to_vec() }),
            look(2, StepOutcome::Data { offset: 0x20, bytes: bytes.to_vec(), unknown }),
        ],
        ..Observation::default()
    };
    let unmet = |observation: Observation| expecting.unmet(&observation, &observation).len();
    assert_eq!(unmet(with([3, 3, 0], [0, 0xff], false)), 0);
    assert_eq!(unmet(with([3, 3, 1], [0, 0xff], false)), 1);
    assert_eq!(unmet(with([3, 3, 0], [0, 0], false)), 1);
    assert_eq!(unmet(with([3, 3, 0], [0, 0xff], true)), 1);
}

#[test]
fn a_program_is_cut_behind_each_instruction_that_something_is_expected_of() {
    let code = "  mov x1, #1\n  expect x1 = 0x1\n  expect no fault\n  mov x1, #2\n  mov x1, #3\n  expect x1 = 0x3\n";
    let whole = program(code, "expect x2 = 0x0\n");
    assert!(whole.expects());
    assert_eq!(whole.to_string().parse::<Program>().unwrap(), whole);
    let cuts = whole.cuts();
    let shape = |cut: &Program| (cut.runs().next().unwrap().words.len(), cut.steps.len());
    assert_eq!(cuts.iter().map(shape).collect::<Vec<_>>(), [(1, 3), (3, 2)]);
    for cut in cuts {
        assert!(cut.steps[1..].iter().all(|step| matches!(step, Step::Expect(_))));
        assert!(cut.runs().all(|run| run.expectations.is_empty()));
    }
}

#[test]
fn a_block_that_only_faults_is_told_apart() {
    let nothing = program("  nop\n  nop\n", "");
    let fault = tag_check_fault;
    let with = |faults: Vec<Fault>| seen(block(|trace| trace.faults = faults));
    assert!(with(vec![fault(), fault()]).is_all_faults(&nothing));
    assert!(!with(vec![fault()]).is_all_faults(&nothing));
    assert!(!Observation::default().is_all_faults(&nothing));
}

#[test]
fn mistakes_are_reported_where_they_are() {
    for (code, behind, line, column) in [
        ("  expect x1 = 0\n  nop\n", "", 5, 1),
        ("  cbz x0, over\n  nop\n  expect x1 = 0\n  nop\nover:\n  nop\n", "", 7, 1),
        ("  nop\n", "expect y1 = 0\n", 7, 8),
        ("  nop\n", "expect x1\n", 7, 10),
        ("  nop\n", "expect nzcv 012\n", 7, 13),
        ("  nop\n", "expect tfsr_el1.tf0 = 2\n", 7, 23),
        ("  nop\n", "expect fault tagcheck\n", 7, 14),
        ("  nop\n", "expect fault svc at 0 at 1\n", 7, 23),
        ("  nop\n", "expect z0 = 0\n", 7, 13),
        ("  nop\n", "expect tags 0x8 1\n", 7, 13),
        ("  nop\n", "expect no\n", 7, 10),
    ] {
        let error = format!("{HEAD}{code}end\n{behind}").parse::<Program>().unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{code}{behind}: {error}");
    }
    let error = "granule program 1\nexpect no fault\n".parse::<Program>().unwrap_err();
    assert_eq!((error.line, error.column), (2, 8));
}
