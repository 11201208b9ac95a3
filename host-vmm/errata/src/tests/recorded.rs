//! Failures as runs reported them, each with the erratum that explains it: `recorded.jsonl` has one a line, with what was
//! under test.

use std::collections::BTreeSet;

use report::event::{Event, Sink, Target, Verdict};

use crate::all;
use crate::erratum::Condition;
use crate::filter::ErrataFilter;

/// Events of a run with `--strict`, cut down to what was under test and what failed: `Booted`, `Started`, `End`, and the
/// next `Booted`.
const RECORDED: &str = include_str!("recorded.jsonl");

fn events() -> Vec<Event> {
    RECORDED.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Passes recorded runs through the filter; returns each case's verdict with what it was in.
fn filtered() -> Vec<(String, Verdict)> {
    let mut runs: Vec<Vec<Event>> = Vec::new();
    for event in events() {
        if matches!(event, Event::Booted { .. }) {
            runs.push(Vec::new());
        }
        runs.last_mut().expect("a run begins with what booted").push(event);
    }
    let mut ends = Vec::new();
    for run in runs {
        let mut seen = Vec::new();
        let mut filter = ErrataFilter::new(&mut seen, false);
        run.into_iter().for_each(|event| filter.event(event));
        let mut subject = String::new();
        for event in seen {
            match event {
                Event::Booted { emulator, .. } => subject = emulator,
                Event::Started(Target { kernel, kvm_mode, .. }) => subject = format!("{subject} {kernel} {kvm_mode}"),
                Event::End { name, verdict, .. } => ends.push((format!("{name} in {subject}"), verdict)),
                _ => {}
            }
        }
    }
    ends
}

#[test]
fn every_recorded_failure_is_explained() {
    for (name, verdict) in filtered() {
        assert!(matches!(verdict, Verdict::Known { .. }), "{name}: {verdict:?}");
    }
}

/// An erratum that excuses failures has one here that it explains, or nobody has seen it.
#[test]
fn every_erratum_that_was_measured_was_recorded() {
    let mut explained = BTreeSet::new();
    for (_, verdict) in filtered() {
        if let Verdict::Known { erratum, .. } = verdict {
            explained.insert(erratum);
        }
    }
    for erratum in all() {
        let measured = erratum.evidence == crate::erratum::Evidence::Measured && erratum.can_excuse();
        let shown = !erratum.cases.is_empty() || !erratum.programs.is_empty();
        assert!(!(measured && shown) || explained.contains(erratum.id), "{} is not recorded", erratum.id);
    }
}

/// A condition that can be seen is looked at: without it the same failure is new.
#[test]
fn a_recorded_failure_of_protected_mode_is_new_without_it() {
    let mut seen = Vec::new();
    let mut filter = ErrataFilter::new(&mut seen, false);
    for event in events() {
        filter.event(match event {
            Event::Started(target) if target.kvm_mode == "protected" => {
                Event::Started(Target { kvm_mode: "VHE".to_owned(), ..target })
            }
            event => event,
        });
    }
    let protected =
        |erratum: &str| all().any(|one| one.id == erratum && one.conditions.contains(&Condition::Mode("protected")));
    let still = seen.iter().filter(
        |event| matches!(event, Event::End { verdict: Verdict::Known { erratum, .. }, .. } if protected(erratum)),
    );
    assert_eq!(still.count(), 0);
}
