//! Programs of many choices: what is permitted is found, and what is not is known not to be.

use abi::mailbox::{BlockEnd, SYS_REGS};
use arch::Syndrome;

use super::*;
use crate::judge::OUTCOMES;
use crate::reference::Block;
use machine::{Fault, Trace};
use program::observation::{StepObservation, StepOutcome};

/// Choices that a step makes.
const CHOICES: usize = 4;

/// What a step of [`reference`] shows in x0: no two lists of choices the same, and none nearer to another one.
fn shown(step: usize, answers: &[u32]) -> u64 {
    let next = |all: u64, answer: &u32| all.wrapping_mul(3).wrapping_add(u64::from(*answer) + 1);
    let number = answers.iter().fold(step as u64 + 1, next);
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn observation(steps: impl Iterator<Item = (u64, Vec<Fault>)>) -> Observation {
    let trace = |x0, faults| {
        let mut x = [0; 31];
        x[0] = x0;
        Trace { x, sp: 0, pstate: 0, sys: [0; SYS_REGS], v: None, scalable: None, faults, end: BlockEnd::Complete }
    };
    let seen = steps.enumerate().map(|(step, (x0, faults))| StepObservation {
        step,
        what: StepOutcome::Block(Box::new(trace(x0, faults))),
        unknown: Vec::new(),
        unknown_v: 0,
        unknown_p: 0,
        unknown_x: 0,
    });
    Observation { seen: seen.collect(), ..Observation::default() }
}

/// A program of `steps` steps with [`CHOICES`] choices each, all of which count.
fn reference(steps: usize, mut choices: Choices) -> Outcome {
    let mut blocks = Vec::new();
    let mut values = Vec::new();
    for step in 0..steps {
        let answers: Vec<u32> = (0..CHOICES).map(|_| choices.choose(2)).collect();
        values.push((shown(step, &answers), Vec::new()));
        blocks.push(Block { step, at_faults: Vec::new(), at_end: choices.made(), executed: Vec::new() });
    }
    Outcome { observation: observation(values.into_iter()), choices, blocks }
}

/// A program of one step whose instructions choose whether they fault, `count` of them.
fn faulting(count: usize, mut choices: Choices) -> Outcome {
    let (mut faults, mut at_faults) = (Vec::new(), Vec::new());
    for index in 0..count {
        let far = u64::from(choices.choose(2)) << 4 | u64::from(choices.choose(2));
        faults.push(Fault { index: Some(index), esr: Syndrome::from_bits(0x9600_0011), far, spsr: 4 });
        at_faults.push(choices.made());
    }
    let blocks = vec![Block { step: 0, at_faults, at_end: choices.made(), executed: Vec::new() }];
    Outcome { observation: observation([(0, faults)].into_iter()), choices, blocks }
}

fn search(found: &Observation, observe: &mut dyn FnMut(Choices) -> Outcome) -> (SearchResult, usize) {
    let first = observe(Choices::default());
    let mut search = Search { observe: &mut |choices| Ok(observe(choices)), found, left: OUTCOMES - 1 };
    let result = search.run(first).unwrap();
    (result, OUTCOMES - search.left)
}

/// Asks all outcomes in order, as many as may be tried.
fn by_enumeration(found: &Observation, observe: &mut dyn FnMut(Choices) -> Outcome) -> Option<bool> {
    let mut next = Some(Choices::default());
    for _ in 0..OUTCOMES {
        let Some(choices) = next else { return Some(false) };
        let outcome = observe(choices);
        if differences(&outcome.observation, found).is_empty() {
            return Some(true);
        }
        next = outcome.choices.next();
    }
    None
}

#[test]
fn what_is_permitted_is_found_step_by_step() {
    let hidden: Vec<u32> = (0..8 * CHOICES).map(|n| (n * n / 3 % 2) as u32).collect();
    let found = reference(8, Choices::answering(hidden)).observation;
    assert_eq!(by_enumeration(&found, &mut |choices| reference(8, choices)), None);
    let (result, tried) = search(&found, &mut |choices| reference(8, choices));
    assert!(matches!(result, SearchResult::Permitted(_)), "{result:?}");
    assert!(tried < 8 << CHOICES << 2, "{tried}");
}

#[test]
fn what_is_not_permitted_is_known_not_to_be() {
    for wrong in [0, 7] {
        let mut found = reference(8, Choices::answering(vec![1; 8 * CHOICES])).observation;
        let StepOutcome::Block(trace) = &mut found.seen[wrong].what else { panic!() };
        trace.x[0] ^= 1;
        assert_eq!(by_enumeration(&found, &mut |choices| reference(8, choices)), None);
        let (result, tried) = search(&found, &mut |choices| reference(8, choices));
        let SearchResult::Nothing(best) = result else { panic!("{result:?}") };
        // The nearest one agrees up to what is wrong.
        assert_eq!(best.differences[0].step, Some(wrong));
        assert!(tried < 8 << CHOICES << 2, "{tried}");
    }
}

#[test]
fn exceptions_are_an_order_within_a_step() {
    let hidden: Vec<u32> = (0..40).map(|n| n / 2 % 2).collect();
    let mut found = faulting(20, Choices::answering(hidden)).observation;
    assert_eq!(by_enumeration(&found, &mut |choices| faulting(20, choices)), None);
    let (result, _) = search(&found, &mut |choices| faulting(20, choices));
    assert!(matches!(result, SearchResult::Permitted(_)), "{result:?}");
    let StepOutcome::Block(trace) = &mut found.seen[0].what else { panic!() };
    trace.faults[19].far = 0x22;
    let (result, tried) = search(&found, &mut |choices| faulting(20, choices));
    let SearchResult::Nothing(best) = result else { panic!("{result:?}") };
    assert_eq!(best.differences[0].place, Location::Fault(19));
    assert!(tried < 1000, "{tried}");
}

#[test]
fn the_answers_behind_a_changed_one_are_all_tried() {
    // The third choice comes nearer by itself, the first two only together.
    let observe = |mut choices: Choices| {
        let (first, second, third) = (choices.choose(2), choices.choose(2), choices.choose(2));
        let values = [u64::from(first & second), u64::from(third)];
        let mut observation = observation([(values[0], Vec::new())].into_iter());
        if let StepOutcome::Block(trace) = &mut observation.seen[0].what {
            (trace.x[1], trace.x[2]) = (values[1], values[0] & values[1]);
        }
        let blocks = vec![Block { step: 0, at_faults: Vec::new(), at_end: choices.made(), executed: Vec::new() }];
        Outcome { observation, choices, blocks }
    };
    let found = observe(Choices::answering(vec![1; 3])).observation;
    let (result, tried) = search(&found, &mut |choices| observe(choices));
    assert!(matches!(result, SearchResult::Permitted(_)), "{result:?}");
    assert!(tried < 16, "{tried}");
}

#[test]
fn more_than_may_be_tried_is_undecided() {
    // All choices are of one step, and none comes nearer.
    let observe = |mut choices: Choices| {
        let answers: Vec<u32> = (0..40).map(|_| choices.choose(2)).collect();
        let observation = observation([(shown(0, &answers), Vec::new())].into_iter());
        let blocks = vec![Block { step: 0, at_faults: Vec::new(), at_end: choices.made(), executed: Vec::new() }];
        Outcome { observation, choices, blocks }
    };
    let found = observation([(1, Vec::new())].into_iter());
    let (result, tried) = search(&found, &mut |choices| observe(choices));
    assert!(matches!(result, SearchResult::Undecided), "{result:?}");
    assert_eq!(tried, OUTCOMES);
}
