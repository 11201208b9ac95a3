//! The kill matrix of one case: which defects it catches, and which of these no other case does.

use model_base::defect::{Defect, Injected};

use super::{STAGES, Stage, catalogue, check, check_cases, on_threads};

/// What one case catches.
#[derive(Clone, Debug)]
pub struct CaseKills {
    /// The model on which it was tried: the first of the matrix on which it is not skipped.
    pub stage: &'static str,
    /// The defects that it catches there, each with whether it alone does.
    pub caught: Vec<(&'static Defect, bool)>,
}

/// Tries a case on each defect, and all others on those that it catches, on `jobs` threads; `None` if it is skipped on all models.
#[must_use]
pub fn of_case(case: &'static str, seed: u64, jobs: usize) -> Option<CaseKills> {
    let names = || vec![case.to_owned()];
    let passes = |stage: &&Stage| check_cases(**stage, names(), Injected::NONE, seed).passed;
    let stage = *STAGES.iter().find(passes)?;
    let defects: Vec<_> = catalogue().collect();
    let catches = on_threads(&defects, jobs, &|_| {}, |defect| {
        !check_cases(stage, names(), Injected::only(defect), seed).cases.is_empty()
    });
    let caught: Vec<_> = defects.into_iter().zip(catches).filter(|(_, catches)| *catches).map(|(it, _)| it).collect();
    let alone = on_threads(&caught, jobs, &|_| {}, |defect| {
        check(stage, Injected::only(defect), seed).cases.iter().all(|(name, _)| *name == case)
    });
    Some(CaseKills { stage: stage.name, caught: caught.into_iter().zip(alone).collect() })
}
