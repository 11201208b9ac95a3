//! Ways to make a program smaller. Each lists its attempts by number: `None` when there is no such number, `Some(None)`
//! when that attempt changes nothing.

use arch::Tag;
use isa::Insn;

use super::super::register_role::LOOP;
use super::super::safety;
use machine::El;
use program::branch_target::{self, WORD};
use program::control::FIELDS;
use program::{Event, Program, Run, Step};

/// One way: the program and the number of the attempt.
pub type Reducer = fn(&Program, usize) -> Option<Option<Program>>;

/// All ways, those that take much away first.
pub const ALL: [Reducer; 8] = [steps, chunks, instructions, checkpoints, state, registers, vectors, memory];

/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// Leaves a step out, the last one first.
fn steps(program: &Program, at: usize) -> Option<Option<Program>> {
    let place = program.steps.len().checked_sub(at + 1)?;
    let mut smaller = program.clone();
    smaller.steps.remove(place);
    let runs = smaller.steps.iter().position(|step| matches!(step, Step::Run(_)));
    let again = smaller.steps.iter().position(|step| matches!(step, Step::Again { .. }));
    // `again` needs a block before it.
    Some(again.is_none_or(|again| runs.is_some_and(|run| run < again)).then_some(smaller))
}

/// Leaves a part of a block out: halves, quarters, eighths.
fn chunks(program: &Program, at: usize) -> Option<Option<Program>> {
    const PARTS: [usize; 3] = [2, 4, 8];
    let per_run = PARTS.iter().sum::<usize>();
    let (run, mut number) = (at / per_run, at % per_run);
    let count = nth_run(program, run)?.words.len();
    for parts in PARTS {
        if number < parts {
            let size = count.div_ceil(parts);
            let from = number * size;
            return Some(if size > 1 { without(program, run, from, size) } else { None });
        }
        number -= parts;
    }
    None
}

/// Leaves one instruction out, the last one first.
fn instructions(program: &Program, at: usize) -> Option<Option<Program>> {
    let mut left = at;
    for (number, run) in program.runs().enumerate() {
        match run.words.len().checked_sub(left + 1) {
            Some(place) => return Some(without(program, number, place, 1)),
            None => left -= run.words.len(),
        }
    }
    None
}

/// Leaves instructions of a block out, and aims the branches over them anew.
fn without(program: &Program, number: usize, from: usize, count: usize) -> Option<Program> {
    let run = nth_run(program, number)?;
    let to = (from + count).min(run.words.len());
    if from >= to || to - from == run.words.len() {
        return None;
    }
    // What counts a loop down stands before its branch, and goes with it.
    let ends_loop = |index: usize| run.words.get(index).is_some_and(|word| branch_target::is_backward_branch(*word));
    if ends_loop(to) {
        return None;
    }
    let moved = |index: usize| if index <= from { index } else { index.saturating_sub(to - from).max(from) };
    let mut words = Vec::with_capacity(run.words.len());
    for (index, word) in run.words.iter().enumerate().filter(|(index, _)| !(from..to).contains(index)) {
        words.push(match Insn::decode(*word) {
            Some(insn) => aimed(insn, index, &moved)?,
            None => *word,
        });
    }
    safety::is_safe_for_firmware(&words).then(|| with_run(program, number, |run| run.words = words))
}

/// Returns an instruction whose place and target moved.
fn aimed(insn: Insn, index: usize, moved: &dyn Fn(usize) -> usize) -> Option<u32> {
    let within = branch_target::distance(insn).filter(|distance| distance % WORD == 0);
    let goal = within.and_then(|distance| usize::try_from(index as i64 + distance / WORD).ok());
    let Some(goal) = goal else { return Some(insn.encode()) };
    let distance = (moved(goal) as i64 - moved(index) as i64) * WORD;
    // A branch forward to what is left out must not become a loop.
    if branch_target::branches(insn) && distance <= 0 && branch_target::distance(insn) > Some(0) {
        return None;
    }
    branch_target::with_distance(insn, distance).map(Insn::encode)
}

/// Leaves one event at a checkpoint out.
fn checkpoints(program: &Program, at: usize) -> Option<Option<Program>> {
    let places = program.runs().enumerate().flat_map(|(number, run)| {
        let events = run.at_checkpoint.iter().enumerate();
        events.flat_map(move |(bell, events)| (0..events.len()).map(move |event| (number, bell, event)))
    });
    let (number, bell, event) = places.into_iter().nth(at)?;
    Some(Some(with_run(program, number, |run| {
        run.at_checkpoint[bell].remove(event);
        while run.at_checkpoint.last().is_some_and(Vec::is_empty) {
            run.at_checkpoint.pop();
        }
    })))
}

/// Makes one part of the state of a block what it is after boot.
fn state(program: &Program, at: usize) -> Option<Option<Program>> {
    let fixed: [fn(&mut Run); 11] = [
        |run| run.cpu = 0,
        |run| run.tco = false,
        |run| run.nzcv = 0,
        |run| run.v = None,
        |run| run.scalable = None,
        |run| run.sp = 0,
        |run| {
            let counter = if has_loop(run) { 1 } else { 0 };
            run.x = [0; 31];
            run.x[usize::from(LOOP)] = counter;
        },
        |run| run.sys = Run::default().sys,
        |run| run.sys.iter_mut().flatten().for_each(|value| *value = 0),
        |run| run.controls = Run::default().controls,
        |run| run.el = El::El1,
    ];
    let kinds = fixed.len() + FIELDS.len() + Run::default().sys.len();
    let (number, kind) = (at / kinds, at % kinds);
    nth_run(program, number)?;
    let smaller = with_run(program, number, |run| match fixed.get(kind) {
        Some(change) => change(run),
        None if kind < fixed.len() + FIELDS.len() => run.controls.clear(kind - fixed.len()),
        None => run.sys[kind - fixed.len() - FIELDS.len()] = None,
    });
    Some((smaller != *program).then_some(smaller))
}

/// Makes one general register 0; a loop's counter 1, with which it ends soonest.
fn registers(program: &Program, at: usize) -> Option<Option<Program>> {
    let (number, register) = (at / 31, at % 31);
    let run = nth_run(program, number)?;
    let least = u64::from(register == usize::from(LOOP) && has_loop(run));
    let needed = run.x[register] != least;
    Some(needed.then(|| with_run(program, number, |run| run.x[register] = least)))
}

fn has_loop(run: &Run) -> bool {
    run.words.iter().any(|word| branch_target::is_backward_branch(*word))
}

/// Vector registers, predicates and FFR.
const VECTORS: usize = 32 + 16 + 1;

/// Makes one SIMD register, predicate or FFR 0.
fn vectors(program: &Program, at: usize) -> Option<Option<Program>> {
    let (number, register) = (at / VECTORS, at % VECTORS);
    nth_run(program, number)?;
    let smaller = with_run(program, number, |run| {
        if let Some(v) = run.v.as_mut().filter(|_| register < 32) {
            v[register] = [0; 2];
        }
        match (&mut run.scalable, register) {
            (Some(values), 0..32) => values.z_mut(register).fill(0),
            (Some(values), 32..48) => values.p_mut(register - 32).fill(0),
            (Some(values), _) => values.ffr_mut().fill(0),
            (None, _) => {}
        }
    });
    Some((smaller != *program).then_some(smaller))
}

/// Cuts what events store: tags become 0 in halves and then in runs, data is halved.
fn memory(program: &Program, at: usize) -> Option<Option<Program>> {
    let mut left = at;
    for (step, what) in program.steps.iter().enumerate() {
        let attempts = match what {
            Step::Event(Event::Tags { offset, tags }) => cut_tags(*offset, tags),
            Step::Event(Event::Data { offset, bytes }) => cut_data(*offset, bytes),
            _ => Vec::new(),
        };
        match attempts.get(left) {
            Some(event) => {
                let mut smaller = program.clone();
                smaller.steps[step] = Step::Event(event.clone());
                return Some((smaller != *program).then_some(smaller));
            }
            None => left -= attempts.len(),
        }
    }
    None
}

/// Lists smaller stores of tags: one half, all the same, one run of equal tags 0, without zeros at the ends.
fn cut_tags(offset: u64, tags: &[Tag]) -> Vec<Event> {
    let half = tags.len() / 2;
    let event = |from: usize, tags: &[Tag]| Event::Tags { offset: offset + from as u64 * GRANULE, tags: tags.to_vec() };
    let mut all = Vec::new();
    if half > 0 {
        all.extend([event(0, &tags[..half]), event(half, &tags[half..])]);
        let zeros = |side: &[Tag]| side.iter().take_while(|tag| **tag == Tag::ZERO).count();
        let before = zeros(tags);
        let after = tags.iter().rev().take_while(|tag| **tag == Tag::ZERO).count();
        if before + after < tags.len() {
            all.push(event(before, &tags[before..tags.len() - after]));
        }
    }
    let mut from = 0;
    for run in tags.chunk_by(|a, b| a == b).filter(|_| tags.len() <= 1024) {
        let mut cleared = tags.to_vec();
        cleared[from..from + run.len()].fill(Tag::ZERO);
        from += run.len();
        all.push(event(0, &cleared));
    }
    all
}

fn cut_data(offset: u64, bytes: &[u8]) -> Vec<Event> {
    let half = bytes.len() / 2;
    let event = |from: usize, bytes: &[u8]| Event::Data { offset: offset + from as u64, bytes: bytes.to_vec() };
    let halves = [event(0, &bytes[..half]), event(half, &bytes[half..])];
    if half > 0 { halves.into() } else { Vec::new() }
}

fn nth_run(program: &Program, number: usize) -> Option<&Run> {
    program.runs().nth(number)
}

/// Returns the program with one block changed.
fn with_run(program: &Program, number: usize, change: impl FnOnce(&mut Run)) -> Program {
    let mut changed = program.clone();
    let runs = changed.steps.iter_mut().filter_map(|step| match step {
        Step::Run(run) => Some(run),
        _ => None,
    });
    if let Some(run) = runs.into_iter().nth(number) {
        change(run);
    }
    changed
}
