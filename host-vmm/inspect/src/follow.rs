//! Follows a machine: looks for the permitted outcome that it showed.

use fuzz::judge::search::{Candidate, Search, SearchResult};
use machine::Trace;
use model::cpu::watch::Watched;
use model_base::choice::Choices;
use program::compare::differences;
use program::observation::StepOutcome;
use program::{Observation, Program, Step};

use super::error::InspectError;
use super::model::{Model, Observed};
use super::ran::Agreement;
use super::state::State;

/// Most outcomes that are tried for one line.
const OUTCOMES: usize = 1 << 12;

/// The program of one block.
pub fn one_block(state: &State, words: &[u32], all: bool) -> Program {
    Program { steps: vec![Step::Run(Box::new(state.block(words, all)))] }
}

/// Returns what a block left in the registers.
pub fn block_trace(observation: &Observation) -> Option<Trace> {
    observation.seen.iter().find_map(|seen| match &seen.what {
        StepOutcome::Block(trace) => Some((**trace).clone()),
        _ => None,
    })
}

/// Adds to what a machine showed what the specification leaves UNKNOWN in it.
pub fn with_unknown(shown: &Observation, specified: &Observation) -> Vec<program::StepObservation> {
    let mut seen = shown.seen.clone();
    for (one, other) in seen.iter_mut().zip(&specified.seen) {
        one.unknown.clone_from(&other.unknown);
        (one.unknown_x, one.unknown_v, one.unknown_p) = (other.unknown_x, other.unknown_v, other.unknown_p);
    }
    seen
}

/// Looks for the permitted outcome that a machine showed, beginning with the one that the model has shown; leaves the model in the
/// one that is returned, or in any if there is none.
pub fn follow(
    model: &mut Model,
    before: &State,
    words: &[u32],
    mut first: Observed,
    found: &Observation,
    known: &errata::avoid::Avoided,
) -> Result<(Observed, Agreement), InspectError> {
    let program = one_block(before, words, true);
    fuzz::known::mask_known(known, &program, &mut first.outcome.observation);
    let shown_first = differences(&first.outcome.observation, found);
    if shown_first.is_empty() {
        return Ok((first, Agreement::Same));
    }
    let mut watched = Vec::new();
    let mut observe = |choices: Choices| {
        model.go_to(&before.memory)?;
        let Observed { mut outcome, watched: last } = model.observe(&program, choices)?;
        fuzz::known::mask_known(known, &program, &mut outcome.observation);
        watched = last;
        Ok(outcome)
    };
    let mut search = Search { observe: &mut observe, found, left: OUTCOMES };
    Ok(match search.run(first.outcome.clone())? {
        SearchResult::Permitted(outcome) => {
            (Observed { outcome: *outcome, watched }, Agreement::Permitted(shown_first))
        }
        SearchResult::Undecided => (first, Agreement::Undecided(shown_first)),
        SearchResult::Nothing(nearest) => {
            let Candidate { outcome, differences } = *nearest;
            let answers = outcome.choices.taken().iter().map(|(answer, _)| *answer).collect();
            let again = observe(Choices::answering(answers))?;
            let watched: Vec<Watched> = watched;
            (Observed { outcome: again, watched }, Agreement::Differs(differences))
        }
    })
}
