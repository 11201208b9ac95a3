//! Programs that follow each other on one judge, and what one must not do to the next.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::reference::ModelReference;
use machine::capability::MachineKind;
use machine::{Config, Vm};
use modelled::{ModelFactory, Settings};
use program::compare::differences;

/// A factory that counts the machines that it boots.
struct Counting {
    factory: ModelFactory,
    booted: Cell<usize>,
}

impl Counting {
    fn new(settings: Settings) -> Self {
        Self { factory: ModelFactory::new(settings), booted: Cell::new(0) }
    }
}

impl Factory for Counting {
    fn kind(&self) -> MachineKind {
        self.factory.kind()
    }

    fn boot(&self, config: Config) -> Result<Box<dyn Machine>, MachineError> {
        self.booted.set(self.booted.get() + 1);
        self.factory.boot(config)
    }

    fn bare(&self) -> Result<Option<Box<dyn Vm>>, MachineError> {
        self.factory.bare()
    }
}

fn program(text: &str) -> Program {
    format!("granule program 1\n{text}").parse().unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// A block of this code, in front of which stands one that is covered.
fn behind_a_block(code: &str) -> Program {
    program(&format!("block el=1\ncode\n  nop\nend\nblock el=1\n  x0 = 0x300000\ncode\n  {code}\nend\n"))
}

/// FADD D0, D1, D2.
const ADDS_FLOATS: &str = ".inst 0x1e622820";
/// MSR CPACR_EL1, X0.
const WRITES_CPACR: &str = ".inst 0xd5181040";

#[test]
fn a_program_that_the_model_does_not_cover_never_reaches_the_machine() {
    let uses_simd = program("block el=1 simd=1\n  x0 = tagged+0x40 tag 0\ncode\n  ldr q0, [x0]\nend\n");
    for code in [ADDS_FLOATS, WRITES_CPACR] {
        let subject = Counting::new(Settings::default());
        let model = ModelFactory::new(Settings::default());
        let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&model)));
        let verdict = judge.judge(&behind_a_block(code), Deadline::NEVER);
        assert!(matches!(verdict, Verdict::NotCovered(_)), "{code}: {verdict:?}");
        assert_eq!(subject.booted.get(), 0, "{code}");
        let verdict = judge.judge(&uses_simd, Deadline::NEVER);
        assert!(matches!(verdict, Verdict::Permitted(_)), "{code}: {verdict:?}");
    }
}

#[test]
fn a_machine_is_handed_on_after_a_permitted_program_only() {
    let defect = model::catalogue::all().find(|defect| defect.name == "addg.offset-not-scaled").unwrap();
    // Of the machine; the judge's own model never has one.
    let _active = model_base::defect::activate(Some(defect));
    let subject = Counting::new(Settings::default());
    let model = ModelFactory::new(Settings::default());
    let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&model)));
    let fine = program("block el=1\ncode\n  nop\nend\n");
    let diverges = program("block el=1\n  x0 = tagged+0x40 tag 14\ncode\n  addg x2, x0, #16, #5\nend\n");
    for (program, permitted, booted) in
        [(&fine, true, 1), (&fine, true, 1), (&diverges, false, 1), (&fine, true, 2), (&fine, true, 2)]
    {
        let verdict = judge.judge(program, Deadline::NEVER);
        assert_eq!(matches!(verdict, Verdict::Permitted(_)), permitted, "{defect:?}: {verdict:?}");
        assert_eq!(subject.booted.get(), booted);
    }
}

#[test]
fn vectors_and_code_of_a_program_are_gone_for_the_next() {
    let first = program(
        "data 0x40 000102030405060708090a0b0c0d0e0f\nblock el=1 simd=1\n  x0 = tagged+0x40 tag 0\ncode\n  \
         ldr q7, [x0]\n  nop\n  nop\n  nop\n  nop\n  nop\nend\n",
    );
    // Stores v7, and loads what stands behind the block's own end.
    let behind = abi::map::code_va(0) + 12;
    let second = program(&format!(
        "block el=1\n  x0 = tagged+0x80 tag 0\n  x1 = {behind:#x}\ncode\n  str q7, [x0]\n  ldr x2, [x1]\nend\n"
    ));
    let model = ModelFactory::new(Settings::default());
    let mut reference = ModelReference::new(&model);
    let mut shown =
        |program: &Program| reference.observe(program, Choices::default(), Deadline::NEVER).unwrap().observation;
    let alone = shown(&second);
    assert_ne!(shown(&first).memory, alone.memory);
    let after = shown(&second);
    assert!(differences(&alone, &after).is_empty(), "{:?}", differences(&alone, &after));
    assert_eq!(after.memory, alone.memory);
}

#[test]
fn no_search_and_no_loop_outlives_the_deadline() {
    // It ends, but not soon.
    let long = program("block el=1\n  x28 = 0x100000000\ncode\n  sub x28, x28, #1\n  cbnz x28, .-4\nend\n");
    let subject = Counting::new(Settings { budget: u64::MAX, ..Settings::default() });
    let model = ModelFactory::new(Settings { budget: u64::MAX, ..Settings::default() });
    let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&model)));
    let verdict = judge.judge(&long, Deadline::after(Duration::from_millis(50)));
    assert!(matches!(verdict, Verdict::OutOfTime(_)), "{verdict:?}");
    assert_eq!(subject.booted.get(), 0);
    // The time is over before anything begins.
    let fine = program("block el=1\ncode\n  nop\nend\n");
    let verdict = judge.judge(&fine, Deadline::after(Duration::ZERO));
    assert!(matches!(verdict, Verdict::OutOfTime(_)), "{verdict:?}");
    assert!(matches!(judge.judge(&fine, Deadline::NEVER), Verdict::Permitted(_)));
}

#[test]
fn what_a_program_reaches_far_from_its_first_pointers_is_compared() {
    let defect = model::catalogue::all().find(|defect| defect.name == "st2g.first-granule-only").unwrap();
    let _active = model_base::defect::activate(Some(defect));
    let (subject, model) = (ModelFactory::new(Settings::default()), ModelFactory::new(Settings::default()));
    let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&model)));
    let far = "block el=1\n  x0 = tagged+0x40 tag 14\ncode\n  add x0, x0, #64, lsl #12\n  st2g x0, [x0]\nend\n";
    let verdict = judge.judge(&program(far), Deadline::NEVER);
    let Verdict::Diverged(divergence) = verdict else { panic!("{verdict:?}") };
    assert_eq!(divergence.differences[0].place, program::compare::Location::Tag(0x4_0050));
}
