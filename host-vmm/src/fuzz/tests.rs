//! The fuzzer can fail: the model with a defect diverges from the model, and what is left of the program is small.

use std::time::{Duration, Instant};

use model::defect::{Defect, Injected};

use super::campaign::{self, Options};
use super::contender::{Contender, Kind};
use super::judge::{Judge, Verdict};
use super::reference::ModelReference;
use super::{Profile, generate, shrink};
use crate::event::Event;
use crate::machine::model::{ModelFactory, Settings};

const SEED: u64 = 0x5eed;

fn defect(name: &str) -> &'static Defect {
    model::defect::all().find(|defect| defect.name == name).unwrap_or_else(|| panic!("there is no defect {name}"))
}

fn contender(injected: Injected) -> Contender {
    let settings = Settings::default().injecting(injected);
    let hour = Duration::from_secs(3600);
    Contender {
        kind: Kind::Model(Box::new(settings)),
        firmware: None,
        patience: hour,
        deadline: Instant::now() + hour,
        known: &[],
    }
}

/// The programs of docs/errata.md diverge on an emulator with the erratum; on the model each is one that it permits.
#[test]
fn programs_of_the_errata_are_programs_that_the_model_covers() {
    let model = ModelFactory::new(Settings::default());
    let mut judge = Judge::new(&model, Box::new(ModelReference::new(&model)));
    let mut count = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errata")).unwrap() {
        let path = entry.unwrap().path();
        let program =
            std::fs::read_to_string(&path).unwrap().parse().unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let verdict = judge.judge(&program);
        assert!(matches!(verdict, Verdict::Permitted), "{path:?}: {verdict:?}");
        count += 1;
    }
    assert!(count > 5, "{count} programs");
}

#[test]
fn the_model_agrees_with_itself() {
    let mut events = Vec::new();
    let options = Options { seed: SEED, first: 0, programs: 2000, time: Duration::from_secs(600), jobs: 2, most: 3 };
    campaign::run(&options, &contender(Injected::NONE), &mut events, &mut |_, _| ());
    let summary = events.iter().find_map(|event| match event {
        Event::Fuzzed(summary) => Some(summary.clone()),
        _ => None,
    });
    let summary = summary.unwrap();
    assert_eq!((summary.programs, summary.diverged, summary.undecided), (2000, 0, 0), "{events:#?}");
    // What is not covered is not compared, so there must be little of it.
    assert!(summary.not_covered.values().sum::<u64>() < 60, "{summary:?}");
}

#[test]
fn a_defect_is_found_and_shrunk_to_a_few_instructions() {
    for (name, most) in DEFECTS {
        let subject = ModelFactory::new(Settings::default().injecting(Injected::only(defect(name))));
        let model = ModelFactory::new(Settings::default());
        let mut judge = Judge::new(&subject, Box::new(ModelReference::new(&model)));
        let found = (0..20_000).find_map(|number| {
            let program = generate::program(SEED, number, &Profile::default());
            match judge.judge(&program) {
                Verdict::Permitted | Verdict::NotCovered(_) => None,
                verdict => Some((number, program, verdict)),
            }
        });
        let (number, program, verdict) = found.unwrap_or_else(|| panic!("{name} is not found, seed {SEED:#x}"));
        assert!(matches!(verdict, Verdict::Diverged(_)), "{name}: {verdict:?}");
        let deadline = Instant::now() + Duration::from_secs(60);
        let shrunk = shrink::shrink(program, verdict, deadline, &mut |program| judge.judge(program));
        let left: usize = shrunk.program.runs().map(|run| run.words.len()).sum();
        let text = campaign::failure(&shrunk.program, &shrunk.verdict).unwrap().detail.join("\n");
        assert!(left <= *most, "{name}, seed {SEED:#x}, number {number}: {left} instructions\n{text}");
        assert_eq!(text.parse(), Ok(shrunk.program), "the listing is the program:\n{text}");
    }
}

/// Defects, and how many instructions it takes at most to show them.
const DEFECTS: &[(&str, usize)] = &[
    ("st2g.second-granule-only", 3),
    ("irg.ignores-gcr", 3),
    ("stzg.keeps-data", 3),
    ("ldg.next-granule", 3),
    ("tfsr.upper-half-lost", 4),
    ("fpcr.rmode-lost", 3),
    ("hvc.x4-clobbered", 3),
];
