//! The replayed corpus: the programs of `tests/corpus` and `docs/errata`, and generated ones whose seeds never change.
//!
//! Each is known by what the unbroken specification says of it: that it is not covered, or every outcome that it permits,
//! with what of it is UNKNOWN. A machine that behaves as a mutant does is noticed by an outcome that is not among them, and a
//! specification that is one by an outcome that it lacks.

use std::path::{Path, PathBuf};

use fuzz::reference::{ModelReference, Reference};
use fuzz::{Profile, generate};
use machine::Deadline;
use model_base::choice::Choices;
use modelled::{ModelFactory, Settings};
use program::compare::differences;
use program::observation::StepObservation;
use program::{Event, Observation, Program, Step};

use super::variants::{VARIANTS, Variant};

/// The folders of programs that are checked in.
const FOLDERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errata"),
];
/// The folder of the programs that [`hunt`](super::hunt) found, with a folder for each model.
pub const FOUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../model/corpus");
/// The seed of the generated ones.
const SEED: u64 = 0x5eed;
/// Instructions that a block may take: bent programs may loop.
const BUDGET: u64 = 100_000;
/// A program with more outcomes is not replayed; a mutant may have a few more.
const OUTCOMES: usize = 64;
const MOST_OUTCOMES: usize = 128;

/// The models that programs are for.
pub struct Models([ModelFactory; VARIANTS.len()]);

impl Models {
    /// Makes the models.
    pub fn new() -> Self {
        Self(std::array::from_fn(|n| {
            let Variant { features, hypervisor, release, .. } = VARIANTS[n];
            ModelFactory::new(Settings {
                budget: BUDGET,
                features: features(),
                hypervisor,
                release,
                ..Settings::default()
            })
        }))
    }
}

/// Machines of the models, one program after the other.
pub struct Replay<'m> {
    models: &'m Models,
    references: [Option<ModelReference<'m>>; VARIANTS.len()],
}

impl<'m> Replay<'m> {
    /// Takes the models.
    pub fn on(models: &'m Models) -> Self {
        Self { models, references: [const { None }; VARIANTS.len()] }
    }

    /// Lists the outcomes that the model in its present state permits, up to `most`; whether there are more.
    fn outcomes(&mut self, prepared: &Prepared, most: usize) -> Result<(Vec<Observation>, bool), NotCovered> {
        let which = prepared.model;
        // Whatever becomes of this run, the next one begins anew unless it ends well.
        let mut reference = self.references[which].take().unwrap_or_else(|| {
            let factory = &self.models.0[which];
            if VARIANTS[which].tags { ModelReference::as_it_is(factory) } else { ModelReference::without_tags(factory) }
        });
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
    /// A place in [`VARIANTS`].
    model: usize,
    /// It was drawn, and is one of many.
    generated: bool,
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
    for folder in FOLDERS {
        all.extend(checked_in(Path::new(folder), 0));
    }
    for (model, variant) in VARIANTS.iter().enumerate() {
        all.extend(checked_in(&Path::new(FOUND).join(variant.name), model));
        for bent in [false, true] {
            let numbers = 0..variant.generated[usize::from(bent)];
            all.extend(numbers.map(|number| generated(SEED, number, model, bent)));
        }
    }
    all
}

/// Reads the programs of a folder.
fn checked_in(folder: &Path, model: usize) -> Vec<(String, Prepared)> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.into_iter().filter_map(|path| read(&path, model).ok()).collect()
}

fn read(path: &Path, model: usize) -> Result<(String, Prepared), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let program = text.parse().map_err(|error: program::TextError| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, Prepared::new(program, model)))
}

/// Reads programs, each for the model that its folder is called after, or else for the first.
///
/// # Errors
///
/// With the file and what is wrong with it.
pub fn from_files(paths: &[PathBuf]) -> Result<Vec<(String, Prepared)>, String> {
    let one = |path: &PathBuf| {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        let model = VARIANTS.iter().position(|variant| folder == variant.name).unwrap_or(0);
        read(path, model).map_err(|error| format!("{}: {error}", path.display()))
    };
    paths.iter().map(one).collect()
}

/// Draws program `number` of a seed for a model.
pub fn generated(seed: u64, number: u64, model: usize, bent: bool) -> (String, Prepared) {
    let features = (VARIANTS[model].features)();
    let profile = Profile {
        mops: features.mops,
        store_only: features.store_only,
        asymmetric: features.mte >= 3,
        scalable: VARIANTS[model].vectors && number % 4 == 1,
        matrix: VARIANTS[model].vectors && number % 4 == 2,
        ..Profile::default()
    };
    let seed = seed + 2 * model as u64 + u64::from(bent);
    let mut program = generate::program(seed, number, &profile);
    if bent {
        let mut rng = fastrand::Rng::with_seed(seed ^ number << 20);
        program = super::wild::bend(program, &mut rng);
    }
    if !VARIANTS[model].tags {
        without_tag_events(&mut program);
    }
    let word = if bent { "bent program" } else { "program" };
    let prepared = Prepared { generated: true, ..Prepared::new(program, model) };
    (format!("{word} {seed:#x}:{number} ({})", VARIANTS[model].name), prepared)
}

/// Leaves out what a host cannot do in a VM without MTE: store and fetch tags, and save it with them.
fn without_tag_events(program: &mut Program) {
    let can = |event: &Event| !matches!(event, Event::Tags { .. } | Event::Fetch { .. } | Event::SaveRestore);
    program.steps.retain(|step| !matches!(step, Step::Event(event) if !can(event)));
    for step in &mut program.steps {
        if let Step::Run(run) = step {
            run.at_checkpoint.iter_mut().for_each(|events| events.retain(can));
        }
    }
}

impl Prepared {
    /// Takes a program for a model.
    fn new(program: Program, model: usize) -> Self {
        Self { program, model, generated: false, permitted: Permitted::Unobserved }
    }

    /// Takes another program for the same model.
    pub fn with(&self, program: Program) -> Self {
        Self::new(program, self.model)
    }

    /// Returns the program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Returns whether it was drawn, and is one of many.
    pub fn is_generated(&self) -> bool {
        self.generated
    }

    /// Returns how many outcomes are permitted; 0 where nothing is.
    pub fn outcomes(&self) -> usize {
        match &self.permitted {
            Permitted::These(all) => all.len(),
            Permitted::Unobserved | Permitted::NotCovered => 0,
        }
    }

    /// Returns what its model is called.
    pub fn variant(&self) -> &'static str {
        VARIANTS[self.model].name
    }

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
            // Of a program that is not covered some outcomes may be.
            Permitted::NotCovered => return matches!(replay.outcomes(self, MOST_OUTCOMES), Ok((_, false))),
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
    let unknown = |seen: &StepObservation| (seen.unknown.clone(), seen.unknown_x, seen.unknown_v, seen.unknown_p);
    a.seen.iter().map(unknown).eq(b.seen.iter().map(unknown))
        && a.memory.iter().map(|extent| &extent.unknown).eq(b.memory.iter().map(|extent| &extent.unknown))
        && differences(a, b).is_empty()
}

/// The model does not cover a program.
struct NotCovered;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_that_was_found_is_replayed() {
        let mut files = 0;
        for folder in std::fs::read_dir(FOUND).unwrap().map(|folder| folder.unwrap().path()) {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let model = VARIANTS.iter().position(|variant| variant.name == name);
            let read = checked_in(&folder, model.unwrap_or_else(|| panic!("{name}: no such model"))).len();
            assert_eq!(read, std::fs::read_dir(&folder).unwrap().count(), "{name}: a file is no program");
            files += read;
        }
        assert!(files > 50, "{files} files");
    }
    use model_base::mutant;

    /// Finds the number of a mutant by what it changes.
    fn number(function: &str, original: &str, mutated: &str) -> u32 {
        let is = |mutant: &mutant::Mutant| {
            (mutant.function, mutant.original, mutant.mutated) == (function, original, mutated)
        };
        kvm_model::mutant::all().position(is).unwrap() as u32 + 1
    }

    #[test]
    fn a_program_notices_a_mutant_and_not_the_specification() {
        let text = "granule program 1\ntags 0x20 5\nblock el=1\n  x0 = tagged+0x20 tag 6\n  x1 = 7\ncode\n  str x1, [x0]\nend\n";
        let program = text.parse().unwrap();
        let prepared = Prepared::new(program, 0);
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
    fn a_program_with_an_outcome_that_is_not_covered_notices_nothing_by_the_others() {
        // A CPU that keeps a reserved bit gets to the word that is no instruction.
        let text = "granule program 1\nblock el=1\n  x0 = 0x8000_0000_0000_0000\ncode\n  msr gcr_el1, x0\n  mrs x1, gcr_el1\n  \
                    tbz x1, #63, .+8\n  .inst 0xffffffff\nend\n";
        let models = Models::new();
        let mut replay = Replay::on(&models);
        let prepared = Prepared::new(text.parse().unwrap(), 0);
        assert!(replay.outcomes(&prepared, 1).is_ok());
        let prepared = prepared.observed(&mut replay);
        assert!(matches!(prepared.permitted, Permitted::NotCovered));
        assert!(!prepared.notices(&mut replay));
    }

    #[test]
    fn a_program_that_is_not_covered_notices_that_it_is() {
        let text = "granule program 1\nblock el=1\n  x0 = 0x84000008\ncode\n  hvc #0\nend\n";
        let prepared = Prepared::new(text.parse().unwrap(), 0);
        let models = Models::new();
        let mut replay = Replay::on(&models);
        let prepared = prepared.observed(&mut replay);
        assert!(matches!(prepared.permitted, Permitted::NotCovered));
        assert!(!prepared.notices(&mut replay));
        let permitted = Permitted::These(Vec::new());
        assert!(Prepared { permitted, ..prepared }.notices(&mut replay));
    }
}
