//! The replayed corpus: the programs of `tests/corpus` and `docs/errata`, and generated ones whose seeds never change.
//!
//! Each is known by what the unbroken specification permits of it: a list of outcomes, or that it is not covered. A mutant
//! is noticed in two ways. As the machine, it shows something that is not permitted, or cannot run what is covered. As the
//! reference, it rejects what a right machine shows, or covers what is not.

use std::path::Path;

use fuzz::reference::{ModelReference, Reference};
use fuzz::session::Session;
use fuzz::{Profile, generate};
use model::choice::Choices;
use model::cpu::{Features, Hypervisor};
use modelled::{ModelFactory, Settings};
use program::compare::differences;
use program::{Observation, Program};

/// The folders of programs that are checked in.
const FOLDERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errata"),
];
/// The seed of the generated ones.
const SEED: u64 = 0x5eed;
/// How many there are for the first model, and for each of the others.
const GENERATED: u64 = 2000;
const GENERATED_FOR_OTHERS: u64 = 300;
/// A program with more outcomes is not replayed; a mutant may have a few more.
const OUTCOMES: usize = 16;
const MOST_OUTCOMES: usize = 64;

/// A program, the model that it is for, and what it may show.
pub struct Prepared {
    program: Program,
    settings: Settings,
    permitted: Permitted,
}

enum Permitted {
    /// It was not looked at yet.
    Unobserved,
    /// It has too many outcomes.
    Many,
    NotCovered,
    These(Vec<Observation>),
}

/// Lists all programs, by name.
pub fn programs() -> Vec<(String, Prepared)> {
    let mut all = Vec::new();
    let mut add = |name: String, program: Program, settings: &Settings| {
        all.push((name, Prepared { program, settings: settings.clone(), permitted: Permitted::Unobserved }));
    };
    let first = Settings::default();
    for path in FOLDERS.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path()) {
        let program = std::fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
        let name = path.file_name().unwrap_or(Path::new("").as_os_str()).to_string_lossy().into_owned();
        if let Some(program) = program {
            add(name, program, &first);
        }
    }
    for number in 0..GENERATED {
        add(format!("program {SEED:#x}:{number}"), generate::program(SEED, number, &Profile::default()), &first);
    }
    let others = [
        ("neoverse-n2", Settings { features: Features::NEOVERSE_N2.clone(), ..Settings::default() }),
        ("board", Settings { hypervisor: Hypervisor::Board, ..Settings::default() }),
    ];
    for ((name, settings), seed) in others.iter().zip(SEED + 1..) {
        let profile =
            Profile { mops: settings.features.mops, asymmetric: settings.features.mte >= 3, ..Profile::default() };
        for number in 0..GENERATED_FOR_OTHERS {
            let program = generate::program(seed, number, &profile);
            add(format!("program {seed:#x}:{number} ({name})"), program, settings);
        }
    }
    all
}

impl Prepared {
    /// Looks at what the specification permits.
    pub fn observed(&self) -> Self {
        let permitted = match self.outcomes(OUTCOMES) {
            Ok(Some(outcomes)) => Permitted::These(outcomes),
            Ok(None) => Permitted::Many,
            Err(NotCovered) => Permitted::NotCovered,
        };
        Self { program: self.program.clone(), settings: self.settings.clone(), permitted }
    }

    /// Lists the outcomes that the model in its present state permits; `None` if there are more than `most`.
    fn outcomes(&self, most: usize) -> Result<Option<Vec<Observation>>, NotCovered> {
        let factory = ModelFactory::new(self.settings.clone());
        let mut reference = ModelReference::as_it_is(&factory);
        let mut outcomes = Vec::new();
        let mut choices = Some(Choices::default());
        while let Some(next) = choices {
            if outcomes.len() == most {
                return Ok(None);
            }
            let outcome = reference.observe(&self.program, next).map_err(|_| NotCovered)?;
            choices = outcome.choices.next();
            outcomes.push(outcome.observation);
        }
        Ok(Some(outcomes))
    }

    /// Returns whether the program tells the model in its present state from the specification.
    pub fn notices(&self) -> bool {
        let permitted = match &self.permitted {
            Permitted::Unobserved | Permitted::Many => return false,
            Permitted::NotCovered => return self.outcomes(1).is_ok(),
            Permitted::These(permitted) => permitted,
        };
        let factory = ModelFactory::new(self.settings.clone());
        let Ok(found) = Session::new(&factory).run(&self.program) else { return true };
        let is_one_of = |list: &[Observation], found: &Observation| {
            list.iter().any(|expected| differences(expected, found).is_empty())
        };
        if !is_one_of(permitted, &found) {
            return true;
        }
        match self.outcomes(MOST_OUTCOMES) {
            Err(NotCovered) => true,
            Ok(None) => false,
            Ok(Some(mutated)) => !permitted.iter().all(|right| is_one_of(&mutated, right)),
        }
    }
}

/// The model does not cover a program.
struct NotCovered;
