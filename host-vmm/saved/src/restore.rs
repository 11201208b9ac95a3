//! Restores a guest from a file, and lets its program go on.

use std::time::Instant;

use fuzz::contender::{KnownErrata, judge_of};
use fuzz::finding::failure;
use fuzz::judge::Verdict;
use fuzz::session;
use machine::target::{Opened, Opener};
use machine::{Deadline, Explain};
use mte_snapshot::Snapshot;
use program::run::{self, Tags};
use report::event::Verdict as CaseVerdict;
use report::event::{self, CaseInfo, Event, Sink, Skip};

use super::convert::{self, Origin};
use super::error::SavedError;
use super::note::Standing;
use super::save::{Deliver, close, writable_bits};

/// What a restored program is called among cases.
pub const CASE: &str = "snapshot.goes-on";

/// Returns what it is as a case, restored from this file.
#[must_use]
pub fn info(path: &str) -> CaseInfo {
    CaseInfo {
        name: CASE.to_owned(),
        claim: "a program that was saved and restored shows what the model permits".to_owned(),
        cite: path.to_owned(),
    }
}

/// What is done with a restored guest.
pub enum Then<'a> {
    /// Its program goes on to the end, and is judged.
    GoOn,
    /// It is saved once more, as it is.
    SaveAgain(&'a mut Deliver<'a>),
}

/// Restores a guest into a new VM, and does with it what is wanted. Everything is reported to the sink, from `Started` to the end. Saved again, the
/// file's summary is the [`Event::Answer`].
pub fn restore(
    file: &[u8],
    then: Then<'_>,
    opener: &dyn Opener,
    origin: &Origin,
    deadline: Deadline,
    sink: &mut dyn Sink,
) {
    let began = Instant::now();
    let result = restored(file, then, opener, origin, deadline, sink);
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    sink.event(result.err().map_or(Event::Finished { micros }, |closing| *closing));
}

fn restored(
    file: &[u8],
    then: Then<'_>,
    opener: &dyn Opener,
    origin: &Origin,
    deadline: Deadline,
    sink: &mut dyn Sink,
) -> Result<(), Box<Event>> {
    let broken = |error: SavedError| Box::new(Event::broken(&error));
    let snapshot = Snapshot::decode(file).map_err(|error| broken(error.into()))?;
    let standing = Standing::of(&snapshot).map_err(broken)?;
    let opened = opener.open(session::config(standing.program.cpus())).and_then(Opened::with_tags);
    let opened = opened.map_err(|error| Box::new(Event::from(error)))?;
    let cases = usize::from(matches!(then, Then::GoOn));
    event::started(&opened.target, opened.took, 0, cases, sink);
    let state = standing.state(&snapshot, &opened.target).map_err(broken)?;
    let Opened { factory, mut machine, target, .. } = opened;
    machine.replace_by(&state).map_err(|error| broken(error.into()))?;
    let again = match then {
        Then::GoOn => {
            sink.event(Event::Begin(info("")));
            let began = Instant::now();
            let known = KnownErrata { avoided: false, restores: false, around: origin.emulator.clone() };
            let verdict = judge_of(&*factory, &target, &known, |judge| {
                let mut machine = machine;
                judge.judge_by(&standing.program, deadline, &mut |pages| {
                    run::go_on(&standing.program, &mut *machine, standing.progress.clone(), pages, Tags::OfArena)
                })
            });
            let verdict = case_verdict(&standing, &verdict)?;
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            sink.event(Event::End { name: CASE.to_owned(), verdict, micros });
            return Ok(());
        }
        Then::SaveAgain(deliver) => deliver,
    };
    let state = machine.save().map_err(|error| broken(error.into()))?;
    let standing = Standing { writable: writable_bits(&mut *machine, &state), ..standing };
    let application = Some(standing.application().map_err(broken)?);
    let snapshot = convert::snapshot(&state, &target, origin, application).map_err(broken)?;
    close(&snapshot, &standing, again, sink)
}

/// Returns the verdict that a report shows; `Err` closes the run.
fn case_verdict(standing: &Standing, verdict: &Verdict) -> Result<CaseVerdict, Box<Event>> {
    Ok(match verdict {
        Verdict::Lost(error) => return Err(Box::new(Event::broken(&**error))),
        Verdict::OutOfTime(late) => return Err(Box::new(Event::broken(late))),
        Verdict::NotCovered(reason) => CaseVerdict::Skipped(Skip::new("not-covered", reason)),
        Verdict::Undecided => {
            CaseVerdict::Skipped(Skip::new("undecided", "the architecture permits more outcomes than could be tried"))
        }
        verdict => failure(&standing.program, verdict).map_or(CaseVerdict::Passed, CaseVerdict::Failed),
    })
}

/// Says why a file is no snapshot that can be restored, before a machine is opened.
///
/// # Errors
///
/// What is wrong, and what to do.
pub fn check(file: &[u8]) -> Result<(), String> {
    let checked = Snapshot::decode(file).map_err(SavedError::from).and_then(|snapshot| Standing::of(&snapshot));
    checked.map(|_| ()).map_err(|error| error.sentence())
}
