//! A program that two machines do not agree on, as a commented listing: what was expected and what was found stand
//! beside each other, and the whole is still the text of the program.

use super::compare::{Difference, exception};
use super::observation::{Observation, StepOutcome};
use super::text::{HEADER, VERSION, instruction};
use super::{Program, Run, Step};
use machine::Fault;

/// Columns of instructions, of names and of values.
const INSTRUCTION: usize = 34;
const NAME: usize = 18;
const VALUE: usize = 22;
/// Differences that are listed for a step; of more, only the count is printed.
const MOST: usize = 24;

/// Lists a program with the differences between what was expected and what was found.
#[must_use]
pub fn side_by_side(
    program: &Program,
    expected: &Observation,
    found: &Observation,
    differences: &[Difference],
) -> Vec<String> {
    let tagged_far = expected.tagged_far && found.tagged_far;
    let mut lines = vec![format!("{} {} {VERSION}", HEADER[0], HEADER[1])];
    for (number, step) in program.steps.iter().enumerate() {
        match step {
            Step::Event(event) => lines.push(event.to_string()),
            Step::Again { cpu } => lines.push(format!("again cpu={cpu}")),
            Step::Expect(expectation) => lines.push(format!("expect {expectation}")),
            Step::Run(run) => {
                block(&mut lines, run, faults(expected, number), faults(found, number), tagged_far);
            }
        }
        table(&mut lines, differences, Some(number), "after this step");
    }
    table(&mut lines, differences, None, "memory at the end");
    lines
}

/// Lists a block; an instruction that takes an exception says so.
fn block(lines: &mut Vec<String>, run: &Run, expected: &[Fault], found: &[Fault], tagged_far: bool) {
    lines.push(run.heading());
    lines.extend(run.settings().into_iter().map(|line| format!("  {line}")));
    lines.push("code".to_owned());
    for (index, word) in run.words.iter().enumerate() {
        let text = instruction(*word);
        let (expected, found) = (fault_text(expected, index, tagged_far), fault_text(found, index, tagged_far));
        lines.push(match (expected == found, expected.is_empty()) {
            (true, true) => format!("  {text}"),
            (true, false) => format!("  {text:INSTRUCTION$} // {found}"),
            _ => format!("  {text:INSTRUCTION$} // expected {}; found {}", or_none(&expected), or_none(&found)),
        });
    }
    lines.push("end".to_owned());
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "no exception" } else { text }
}

/// Describes the exceptions of one instruction: one that is in a loop can have several.
fn fault_text(faults: &[Fault], index: usize, tagged_far: bool) -> String {
    let own = faults.iter().filter(|fault| fault.index == Some(index));
    let mut all: Vec<_> = own.map(|fault| exception(fault, tagged_far)).collect();
    all.dedup();
    let more = all.len().saturating_sub(2);
    all.truncate(2);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{rest}", all.join(", then "))
}

/// Returns the exceptions of a step's block.
fn faults(observation: &Observation, step: usize) -> &[Fault] {
    let trace = observation.seen.iter().find_map(|seen| match &seen.what {
        StepOutcome::Block(trace) if seen.step == step => Some(trace),
        _ => None,
    });
    trace.map_or(&[], |trace| &trace.faults)
}

/// Lists the differences of one step as a table of comments.
fn table(lines: &mut Vec<String>, differences: &[Difference], step: Option<usize>, title: &str) {
    let of_step: Vec<_> = differences.iter().filter(|difference| difference.step == step).collect();
    if of_step.is_empty() {
        return;
    }
    lines.push(format!("// {title:NAME$} {:VALUE$} found", "expected"));
    for Difference { place, expected, found, .. } in of_step.iter().take(MOST) {
        lines.push(format!("//   {:<16} {expected:VALUE$} {found}", place.to_string()));
    }
    if of_step.len() > MOST {
        lines.push(format!("//   and {} more", of_step.len() - MOST));
    }
}
