//! The replayed corpus: the programs of `tests/corpus` and `docs/errata`, and generated ones whose seeds never change.
//!
//! Each is known by what the unbroken specification says of it: that it is not covered, or every outcome that it permits,
//! with what of it is UNKNOWN. A machine that behaves as a mutant does is noticed by an outcome that is not among them, and a
//! specification that is one by an outcome that it lacks.

use std::path::Path;

use fuzz::reference::{ModelReference, Reference};
use fuzz::{Profile, generate};
use machine::Deadline;
use model::choice::Choices;
use model::cpu::{Features, Hypervisor};
use modelled::{ModelFactory, Settings};
use program::compare::differences;
use program::observation::StepObservation;
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
const BENT: u64 = 4000;
/// Instructions that a block may take: bent programs may loop.
const BUDGET: u64 = 100_000;
/// A program with more outcomes is not replayed; a mutant may have a few more.
const OUTCOMES: usize = 24;
const MOST_OUTCOMES: usize = 48;

/// The models that programs are for.
pub struct Models([ModelFactory; 3]);

/// Which of them.
#[derive(Clone, Copy)]
enum Model {
    First,
    Smaller,
    Board,
}

impl Models {
    /// Makes the models.
    pub fn new() -> Self {
        let first = Settings { budget: BUDGET, ..Settings::default() };
        let smaller = Settings { features: Features::NEOVERSE_N2.clone(), ..first.clone() };
        let board = Settings { hypervisor: Hypervisor::Board, ..first.clone() };
        Self([first, smaller, board].map(ModelFactory::new))
    }
}

/// Machines of the models, one program after the other.
pub struct Replay<'m> {
    models: &'m Models,
    references: [Option<ModelReference<'m>>; 3],
}

impl<'m> Replay<'m> {
    /// Takes the models.
    pub fn on(models: &'m Models) -> Self {
        Self { models, references: [const { None }; 3] }
    }

    /// Lists the outcomes that the model in its present state permits, up to `most`; whether there are more.
    fn outcomes(&mut self, prepared: &Prepared, most: usize) -> Result<(Vec<Observation>, bool), NotCovered> {
        let which = prepared.model as usize;
        // Whatever becomes of this run, the next one begins anew unless it ends well.
        let mut reference =
            self.references[which].take().unwrap_or_else(|| ModelReference::as_it_is(&self.models.0[which]));
        let mut outcomes = Vec::new();
        let mut choices = Some(Choices::default());
        while let Some(next) = choices.take() {
            if outcomes.len() == most {
                return Ok((outcomes, true));
            }
            let outcome = reference.observe(&prepared.program, next, Deadline::NEVER).map_err(|_| NotCovered)?;
            choices = outcome.choices.next();
            outcomes.push(outcome.observation);
        }
        self.references[which] = Some(reference);
        Ok((outcomes, false))
    }
}

/// A program, the model that it is for, and what it may show.
pub struct Prepared {
    program: Program,
    /// It is one of those that are checked in.
    pub by_hand: bool,
    model: Model,
    permitted: Permitted,
}

enum Permitted {
    /// It was not looked at yet, or has too many outcomes.
    Unobserved,
    NotCovered,
    These(Vec<Observation>),
}

/// Lists all programs, by name.
pub fn programs() -> Vec<(String, Prepared)> {
    let mut all = Vec::new();
    let mut add = |name: String, program: Program, model: Model, by_hand: bool| {
        all.push((name, Prepared { program, by_hand, model, permitted: Permitted::Unobserved }));
    };
    for path in FOLDERS.iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path()) {
        let program = std::fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
        let name = path.file_name().unwrap_or(Path::new("").as_os_str()).to_string_lossy().into_owned();
        if let Some(program) = program {
            add(name, program, Model::First, true);
        }
    }
    let first = Profile::default();
    let smaller = Profile { mops: false, ..first.clone() };
    for number in 0..GENERATED {
        add(format!("program {SEED:#x}:{number}"), generate::program(SEED, number, &first), Model::First, false);
    }
    for number in 0..BENT {
        let seed = SEED + 3;
        let mut rng = fastrand::Rng::with_seed(seed ^ number << 20);
        let program = super::wild::bend(generate::program(seed, number, &first), &mut rng);
        // Few of them on a smaller CPU, which lacks some of it, and on a board.
        let model =
            [Model::First, Model::First, Model::First, Model::First, Model::Smaller, Model::Board][number as usize % 6];
        add(format!("bent program {seed:#x}:{number}"), program, model, false);
    }
    for number in 0..GENERATED_FOR_OTHERS {
        let (one, other) = (SEED + 1, SEED + 2);
        add(
            format!("program {one:#x}:{number} (neoverse-n2)"),
            generate::program(one, number, &smaller),
            Model::Smaller,
            false,
        );
        add(
            format!("program {other:#x}:{number} (board)"),
            generate::program(other, number, &first),
            Model::Board,
            false,
        );
    }
    all
}

impl Prepared {
    /// Looks at what the specification permits.
    pub fn observed(&self, replay: &mut Replay<'_>) -> Self {
        let permitted = match replay.outcomes(self, OUTCOMES) {
            Ok((outcomes, false)) => Permitted::These(outcomes),
            Ok((_, true)) => Permitted::Unobserved,
            Err(NotCovered) => Permitted::NotCovered,
        };
        Self { program: self.program.clone(), permitted, ..*self }
    }

    /// Returns whether the program tells the model in its present state from the specification.
    pub fn notices(&self, replay: &mut Replay<'_>) -> bool {
        let permitted = match &self.permitted {
            Permitted::Unobserved => return false,
            Permitted::NotCovered => return replay.outcomes(self, 1).is_ok(),
            Permitted::These(permitted) => permitted,
        };
        let Ok((outcomes, more)) = replay.outcomes(self, MOST_OUTCOMES) else { return true };
        let is_in = |list: &[Observation], one: &Observation| list.iter().any(|other| are_alike(one, other));
        if outcomes.len() == permitted.len() && outcomes.iter().zip(permitted).all(|(a, b)| are_alike(a, b)) {
            return false;
        }
        let missing = !more && permitted.iter().any(|right| !is_in(&outcomes, right));
        missing || outcomes.iter().any(|outcome| !is_in(permitted, outcome))
    }
}

/// Returns whether two outcomes are the same, but for values that are UNKNOWN in both.
fn are_alike(a: &Observation, b: &Observation) -> bool {
    let unknown = |seen: &StepObservation| (seen.unknown.clone(), seen.unknown_x, seen.unknown_v);
    a.seen.iter().map(unknown).eq(b.seen.iter().map(unknown))
        && a.memory.iter().map(|extent| &extent.unknown).eq(b.memory.iter().map(|extent| &extent.unknown))
        && differences(a, b).is_empty()
}

/// The model does not cover a program.
struct NotCovered;

#[cfg(test)]
mod tests {
    use super::*;
    use model::mutant;

    /// Finds the number of a mutant by what it changes.
    fn number(function: &str, original: &str, mutated: &str) -> u32 {
        let is = |mutant: &mutant::Mutant| {
            (mutant.function, mutant.original, mutant.mutated) == (function, original, mutated)
        };
        mutant::ALL.iter().position(is).unwrap() as u32 + 1
    }

    #[test]
    fn a_program_notices_a_mutant_and_not_the_specification() {
        let text = "granule program 1\ntags 0x20 5\nblock el=1\n  x0 = tagged+0x20 tag 6\n  x1 = 7\ncode\n  str x1, [x0]\nend\n";
        let program = text.parse().unwrap();
        let prepared = Prepared { program, by_hand: true, model: Model::First, permitted: Permitted::Unobserved };
        let models = Models::new();
        let mut replay = Replay::on(&models);
        let prepared = prepared.observed(&mut replay);
        assert!(matches!(&prepared.permitted, Permitted::These(outcomes) if outcomes.len() == 1));
        assert!(!prepared.notices(&mut replay));
        let checked = number("Core::first_mismatch", "allocation != logical", "allocation == logical");
        {
            let _active = mutant::activate(checked, u64::MAX);
            assert!(prepared.notices(&mut replay));
        }
        assert!(!prepared.notices(&mut replay));
        // What it does not do makes no difference.
        let load = number("Core::load_tag", "va & !(GRANULE - 1)", "va | !(GRANULE - 1)");
        let _active = mutant::activate(load, u64::MAX);
        assert!(!prepared.notices(&mut replay));
    }

    #[test]
    fn a_program_that_is_not_covered_notices_that_it_is() {
        let text = "granule program 1\nblock el=1\n  x0 = 0x84000008\ncode\n  hvc #0\nend\n";
        let prepared = Prepared {
            program: text.parse().unwrap(),
            by_hand: true,
            model: Model::First,
            permitted: Permitted::Unobserved,
        };
        let models = Models::new();
        let mut replay = Replay::on(&models);
        let prepared = prepared.observed(&mut replay);
        assert!(matches!(prepared.permitted, Permitted::NotCovered));
        assert!(!prepared.notices(&mut replay));
        let permitted = Permitted::These(Vec::new());
        assert!(Prepared { permitted, ..prepared }.notices(&mut replay));
    }
}
