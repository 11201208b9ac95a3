//! Runs given programs on a machine and on the model, each as a case of its own.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::campaign::micros;
use super::contender::{KnownErrata, with_judge};
use super::finding::failure;
use super::judge::{Judge, Verdict};
use machine::Deadline;
use machine::target::Opener;
use program::Program;
use report::event::Verdict as CaseVerdict;
use report::event::{self, CaseInfo, Event, Sink, Skip};

/// What stands before a program's own name.
const NAME: &str = "program.";

/// A program with a name, as its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedProgram {
    /// What it is called: the stem of its file.
    pub name: String,
    /// Where it came from.
    pub path: String,
    /// Its text, which has been read once already.
    pub text: String,
}

impl NamedProgram {
    /// The case that it is.
    #[must_use]
    pub fn info(&self) -> CaseInfo {
        CaseInfo {
            name: format!("{NAME}{}", self.name),
            claim: "what the machine shows is what the model permits".to_owned(),
            cite: self.path.clone(),
        }
    }
}

/// Runs programs until the deadline; `around` is the emulator around the target, as in [`KnownErrata`]. Everything is reported to
/// the sink, from `Started` to the end.
pub fn run(
    programs: &[NamedProgram],
    opener: &dyn Opener,
    around: &str,
    seed: u64,
    deadline: Deadline,
    sink: &mut dyn Sink,
) {
    let began = Instant::now();
    let known = KnownErrata { avoided: false, restores: false, around: around.to_owned() };
    let result = with_judge(opener, &known, &mut |judge, opponent| {
        judge.want_purpose(true);
        event::started(&opponent.target, opponent.took, seed, programs.len(), sink);
        for named in programs {
            if let Err(late) = deadline.check() {
                return Err(Box::new(Event::broken(&late)));
            }
            let info = named.info();
            sink.event(Event::Begin(info.clone()));
            let case_began = Instant::now();
            let verdict = match named.text.parse::<Program>() {
                Ok(program) => match &judged(judge, program, deadline) {
                    (_, Verdict::Lost(error)) => return Err(Box::new(Event::broken(&**error))),
                    (_, Verdict::OutOfTime(late)) => return Err(Box::new(Event::broken(late))),
                    (program, verdict) => case_verdict(program, verdict),
                },
                Err(error) => {
                    CaseVerdict::Skipped(Skip::new("not-a-program", format!("{} is no program: {error}", named.path)))
                }
            };
            sink.event(Event::End { name: info.name, verdict, micros: micros(case_began) });
        }
        Ok(())
    });
    let micros = micros(began);
    sink.event(result.err().map_or(Event::Finished { micros }, |closing| *closing));
}

/// Judges a program and then, up to there, each place in a block where something is expected; returns what was not as it
/// should be, else the program itself.
fn judged(judge: &mut Judge<'_>, program: Program, deadline: Deadline) -> (Program, Verdict) {
    let verdict = judge.judge(&program, deadline);
    if !matches!(verdict, Verdict::Permitted(_)) {
        return (program, verdict);
    }
    for cut in program.cuts() {
        let verdict = judge.judge(&cut, deadline);
        if !matches!(verdict, Verdict::Permitted(_)) {
            return (cut, verdict);
        }
    }
    (program, verdict)
}

/// Returns the verdict that a report shows.
fn case_verdict(program: &Program, verdict: &Verdict) -> CaseVerdict {
    match verdict {
        Verdict::NotCovered(reason) => CaseVerdict::Skipped(Skip::new("not-covered", reason)),
        Verdict::Undecided => {
            CaseVerdict::Skipped(Skip::new("undecided", "the architecture permits more outcomes than could be tried"))
        }
        Verdict::OnlyFaults => CaseVerdict::Skipped(Skip::new(
            "only-faults",
            "each of its instructions took an exception; if that is meant, say so: `expect fault …`",
        )),
        verdict => failure(program, verdict).map_or(CaseVerdict::Passed, CaseVerdict::Failed),
    }
}
