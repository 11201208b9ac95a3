//! The machine beside the specification: what it shows behind each instruction, found by running the program cut there.

use std::time::Instant;

use fuzz::contender::{ClosingEvent, KnownErrata, with_judge};
use fuzz::judge::{Judge, Nearest, Verdict};
use machine::Deadline;
use machine::target::Opener;
use model::cpu::watch::{self, Watched};
use model_base::choice::Choices;
use program::compare::{self, Location};
use program::value::Value;
use program::{Observation, Program, Run};
use report::event::{self, Event, Sink};
use serde::{Deserialize, Serialize};

use super::{Trace, build};

/// What a machine showed of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The machine, with what it is; empty until the command that knows says so.
    pub name: String,
    /// What differs at the program's end, and behind no instruction before.
    pub end: Vec<Difference>,
    /// Why nothing more of it is shown, if it is so.
    pub stopped: Option<String>,
}

/// What a machine showed behind an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Whether it showed all that the trace shows, and if not, whether that is permitted.
    pub agreement: Agreement,
    /// Where it differs, if it did not differ there before.
    pub differences: Vec<Difference>,
}

/// How what a machine showed agrees with the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// It is what the trace shows.
    #[default]
    Same,
    /// It is another outcome that the architecture permits.
    Permitted,
    /// The architecture does not permit it.
    Differs,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where: a register, the tag or the data at an offset, an exception.
    pub place: String,
    /// What the specification has there.
    pub model: String,
    /// What the machine has there.
    pub machine: String,
}

impl From<&compare::Difference> for Difference {
    fn from(difference: &compare::Difference) -> Self {
        let shown = |text: &String| match difference.place {
            Location::X(_) | Location::Sp => pointer(text),
            Location::Tag(_) => text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        let text = |text: &String| match (difference.place, shown(text)) {
            (Location::Tag(_), Some(tag)) => tag.to_string(),
            (_, Some(value)) => Value(value).to_string(),
            (_, None) => text.clone(),
        };
        let (model, machine) = (text(&difference.expected), text(&difference.found));
        Self { place: difference.place.to_string(), model, machine }
    }
}

fn pointer(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// Runs a program on a machine, whole and cut behind each instruction, and on the specification of the same CPU with the choices
/// that the machine took. `around` is the emulator around the machine, as in [`KnownErrata`]. The trace is the
/// [`Event::Answer`]; everything else is reported, too, from `Started` to the end.
pub fn beside(program: &Program, opener: &dyn Opener, around: &str, deadline: Deadline, sink: &mut dyn Sink) {
    let began = Instant::now();
    let known = KnownErrata { avoided: false, restores: false, around: around.to_owned() };
    let result = with_judge(opener, &known, &mut |judge, opponent| {
        event::started(&opponent.target, opponent.took, 0, 0, sink);
        let traced = with_machine(program, judge, deadline)?;
        let answer = serde_json::to_value(&traced).map_err(|error| closing(&error.to_string()))?;
        sink.event(Event::Answer(answer));
        Ok(())
    });
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    sink.event(result.err().map_or(Event::Finished { micros }, |closing| *closing));
}

fn closing(reason: &str) -> ClosingEvent {
    Box::new(Event::Broken { reason: reason.to_owned(), remedy: String::new() })
}

/// Traces a program with what the judge's machine shows.
fn with_machine(program: &Program, judge: &mut Judge<'_>, deadline: Deadline) -> Result<Trace, ClosingEvent> {
    let whole = judge.nearest(program, Choices::default(), deadline);
    let script = whole.as_ref().map(script).unwrap_or_default();
    let (outcome, watched) = watch::record(|| judge.observe(program, Choices::answering(script.clone()), deadline));
    let (mut trace, executed) = build(program, outcome, &watched).map_err(|error| Box::new(Event::broken(&error)))?;
    let mut machine = Beside::default();
    let whole = match whole {
        Ok(whole) => whole,
        Err(verdict) => {
            machine.stopped = Some(reason(&verdict).map_err(|why| closing(&why))?);
            trace.machine = Some(machine);
            return Ok(trace);
        }
    };
    let mut shown = Vec::new();
    for (block, executed) in trace.blocks.iter_mut().zip(executed) {
        for (place, instruction) in block.instructions.iter_mut().enumerate() {
            let Some(length) = cut_length(executed.run, executed.watched, executed.cpu, place) else { continue };
            let Some(cut) = program.cut_behind(block.step, length) else { continue };
            match compare_cut(judge, &cut, &script, deadline) {
                Ok((agreement, differences)) => {
                    instruction.machine = Some(Compared { agreement, differences: fresh(differences, &mut shown) });
                }
                Err(verdict) => {
                    machine.stopped = Some(reason(&verdict).map_err(|why| closing(&why))?);
                    trace.machine = Some(machine);
                    return Ok(trace);
                }
            }
        }
    }
    let end = whole.differences.iter().map(Difference::from).collect();
    let expected = program.unmet(&whole.outcome.observation, &whole.found);
    machine.end = fresh(end, &mut shown);
    machine.end.extend(expected.into_iter().map(|unmet| Difference {
        place: format!("expect {}", unmet.expected),
        model: unmet.model,
        machine: unmet.machine,
    }));
    trace.machine = Some(machine);
    Ok(trace)
}

/// Lists the answers to choices of an outcome.
fn script(nearest: &Nearest) -> Vec<u32> {
    nearest.outcome.choices.taken().iter().map(|(answer, _)| *answer).collect()
}

/// Keeps the differences that were not shown yet.
fn fresh(differences: Vec<Difference>, shown: &mut Vec<Difference>) -> Vec<Difference> {
    let fresh: Vec<_> = differences.iter().filter(|difference| !shown.contains(difference)).cloned().collect();
    *shown = differences;
    fresh
}

/// Compares what a machine shows of the beginning of a program with the outcome of these answers, and if it is another, with all
/// that are permitted.
fn compare_cut(
    judge: &mut Judge<'_>,
    cut: &Program,
    script: &[u32],
    deadline: Deadline,
) -> Result<(Agreement, Vec<Difference>), Box<Verdict>> {
    let Nearest { outcome, found, differences } = judge.nearest(cut, Choices::answering(script.to_vec()), deadline)?;
    let list = |differences: &[compare::Difference]| differences.iter().map(Difference::from).collect();
    if !differences.is_empty() {
        return Ok((Agreement::Differs, list(&differences)));
    }
    let answers = outcome.choices.taken().iter().map(|(answer, _)| answer);
    if answers.eq(script.iter().take(outcome.choices.made())) {
        return Ok((Agreement::Same, Vec::new()));
    }
    let shown = judge.observe(cut, Choices::answering(script.to_vec()), deadline);
    let shown: Observation = shown.map_err(|error| Box::new(Verdict::NotCovered(error.to_string())))?.observation;
    let differences: Vec<_> = list(&compare::differences(&shown, &found));
    Ok((if differences.is_empty() { Agreement::Same } else { Agreement::Permitted }, differences))
}

/// Returns how many instructions of the block a program has that ends where this one was executed; `None` where no such program
/// comes there: the instruction branched, or the block has been further.
fn cut_length(run: &Run, executed: &[Watched], cpu: usize, place: usize) -> Option<usize> {
    let index = |step: &Watched| super::index_of(step, run, cpu);
    let length = index(executed.get(place)?)? + 1;
    let so_far = executed[..=place].iter().all(|step| index(step).is_some_and(|index| index < length));
    let next = match executed.get(place + 1) {
        Some(next) => index(next)?,
        None => run.words.len(),
    };
    (so_far && next == length).then_some(length)
}

/// Says why a machine shows no more of a program; `Err` if there is no machine any more.
fn reason(verdict: &Verdict) -> Result<String, String> {
    Ok(match verdict {
        Verdict::NotCovered(reason) => reason.clone(),
        Verdict::Failed(reason, _) => format!("the machine failed: {reason}"),
        Verdict::Undecided => "the architecture permits more outcomes than could be tried".to_owned(),
        Verdict::OutOfTime(late) => late.to_string(),
        Verdict::Lost(error) => return Err(error.to_string()),
        other => format!("{other:?}"),
    })
}

#[cfg(test)]
mod tests;
