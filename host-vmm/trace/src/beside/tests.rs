use model_base::defect::{self, Injected};
use modelled::{ModelFactory, Settings};
use report::exit::Tally;

use super::*;
use crate::{Trace, write};
use fuzz::reference::ModelReference;

fn program(code: &str) -> Program {
    let text = format!("granule program 1\ntags 0x20 3\nblock el=1\n  x0 = tagged+0x20 tag 3\ncode\n{code}\nend\n");
    text.parse().unwrap()
}

/// Traces a program on the model beside the model with a defect.
fn beside_defect(program: &Program, name: Option<&str>) -> Trace {
    let defect = name.map(|name| model::catalogue::named(name).unwrap());
    let settings = defect.map_or(Settings::default(), |defect| Settings::default().injecting(Injected::only(defect)));
    let _active = defect::activate(defect);
    let mut events = Vec::new();
    beside(program, &settings, "", Deadline::NEVER, &mut events);
    let mut tally = Tally::default();
    events.iter().for_each(|event| tally.event(event.clone()));
    assert!(matches!(events.last(), Some(Event::Finished { .. })), "{events:?}");
    let answers: Vec<_> = events
        .into_iter()
        .filter_map(|event| if let Event::Answer(answer) = event { Some(answer) } else { None })
        .collect();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    serde_json::from_value(answer.clone()).unwrap()
}

fn agreements(trace: &Trace) -> Vec<Option<Agreement>> {
    trace.blocks[0].instructions.iter().map(|one| one.machine.as_ref().map(|it| it.agreement)).collect()
}

#[test]
fn a_machine_as_it_should_be_agrees_behind_each_instruction() {
    let trace = beside_defect(&program("irg x1, x0; stg x1, [x0]; ldr x2, [x0]; str x2, [x1]; svc #1"), None);
    assert_eq!(agreements(&trace), [Some(Agreement::Same); 5]);
    assert!(!trace.fails() && trace.machine.as_ref().is_some_and(|machine| machine.end.is_empty()));
}

#[test]
fn a_difference_is_shown_where_it_begins_and_once() {
    let trace = beside_defect(&program("nop; st2g x0, [x0]; nop"), Some("st2g.first-granule-only"));
    let found: Vec<_> = trace.blocks[0].instructions.iter().map(|one| one.machine.clone().unwrap()).collect();
    assert_eq!(agreements(&trace), [Some(Agreement::Same), Some(Agreement::Differs), Some(Agreement::Differs)]);
    let tag = Difference { place: "tag at 0x30".to_owned(), model: "3".to_owned(), machine: "0".to_owned() };
    assert_eq!((&found[1].differences[..], &found[2].differences[..]), (&[tag][..], &[][..]));
    assert!(trace.fails() && trace.machine.as_ref().is_some_and(|machine| machine.end.is_empty()));
    let mut text = Vec::new();
    write(&trace, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("tag at 0x30: expected 3, ") && text.contains('≠'), "{text}");
}

#[test]
fn registers_are_compared_as_pointers_and_expectations_too() {
    let program = program("nop\n  addg x1, x0, #16, #1\nend\nexpect x1 tag 5\nblock el=1\ncode\n  nop");
    let trace = beside_defect(&program, Some("addg.offset-not-scaled"));
    let first = &trace.blocks[0].instructions[1].machine.as_ref().unwrap().differences[0];
    assert_eq!((first.place.as_str(), first.model.as_str()), ("x1", "tagged+0x30 tag 4"));
    let end = trace.machine.unwrap().end;
    assert!(end.iter().any(|difference| difference.place == "expect x1 tag 5"), "{end:?}");
}

#[test]
fn loops_and_branches_are_compared_where_a_shorter_program_comes_there() {
    let program = program("mov x1, #2\nagain: sub x1, x1, #1\n cbnz x1, again\n b over\n nop\nover: nop");
    let trace = beside_defect(&program, None);
    let same = Some(Agreement::Same);
    // The loop as a whole, and what is behind the branch that jumps.
    assert_eq!(agreements(&trace), [same, same, None, None, same, None, same]);
}

#[test]
fn another_permitted_outcome_is_no_difference() {
    let model = ModelFactory::new(Settings::default());
    let mut judge = Judge::new(&model, Box::new(ModelReference::new(&model)));
    let program = program("ldxr x1, [x0]; stxr w2, x1, [x0]");
    let (agreement, differences) = compare_cut(&mut judge, &program, &[1], Deadline::NEVER).unwrap();
    assert_eq!(agreement, Agreement::Permitted);
    assert!(differences.iter().any(|one| (one.place.as_str(), one.model.as_str()) == ("x2", "0x1")), "{differences:?}");
    assert_eq!(compare_cut(&mut judge, &program, &[0], Deadline::NEVER).unwrap().0, Agreement::Same);
}

#[test]
fn what_a_machine_does_not_have_is_said() {
    let program = program(".inst 0x1e622820");
    let trace = beside_defect(&program, None);
    assert!(trace.stopped.is_some() && trace.machine.is_some_and(|machine| machine.stopped.is_some()));
}
