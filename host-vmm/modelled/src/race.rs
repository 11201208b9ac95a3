//! Races on the model: one thread, and an order of blocks and of the VMM's steps that the race's seed chooses.
//!
//! A block runs as a whole, and so does a step: nothing is interleaved within them. What a real machine does in between must
//! still be, granule by granule, what some order gives, and that is what the cases ask. Signals do nothing here: the
//! ioctl is not interrupted by them.

use machine::capability::MemorySlots as _;
use machine::session::{KernelBackend as _, RunReason};
use machine::tags::GRANULE;
use machine::{HostStep, MachineError, Outcome, Race, RaceReport, RequestError, StepResult, Vm as _};

use super::backend::ModelBackend;
use super::faulty::race::{before_a_later_block, faulty_take, parts};

/// What happens at once.
enum Part {
    /// All of a step, or a page of it.
    Step(HostStep),
    /// A slot moves.
    Move(u64, u64),
}

/// What a thread does next.
struct Action {
    thread: usize,
    part: Part,
    /// Its result goes to this place of the thread's; the parts of one step share it.
    place: usize,
}

/// Where a slot is while it is not there.
const AWAY: u64 = 1 << 38;

impl ModelBackend {
    /// Runs a race; see [`machine::capability::Races`].
    pub(super) fn run_race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        let injected = self.settings().injected;
        let mut waiting: Vec<std::vec::IntoIter<Action>> =
            (0..race.threads.len()).map(|thread| self.actions(race, thread).into_iter()).collect();
        // Who acts, as often as it has something to do.
        let blocks = race.blocks.len();
        let mut order: Vec<usize> = (0..blocks).collect();
        for (number, actions) in waiting.iter().enumerate() {
            order.extend(std::iter::repeat_n(blocks + number, actions.len()));
        }
        fastrand::Rng::with_seed(race.seed).shuffle(&mut order);

        let mut traces = vec![None; blocks];
        let mut threads: Vec<Vec<StepResult>> = vec![Vec::new(); race.threads.len()];
        for actor in order {
            if let Some((cpu, block)) = race.blocks.get(actor) {
                if traces.iter().any(Option::is_some) {
                    before_a_later_block(self.owned(), injected)?;
                }
                match self.run(*cpu, RunReason::Start(block))? {
                    Outcome::Done(trace) => traces[actor] = Some(*trace),
                    Outcome::Checkpoint => {
                        return Err(RequestError::UnexpectedCheckpoint { cpu: *cpu }.into());
                    }
                }
            } else if let Some(action) = waiting[actor - blocks].next() {
                let vm = self.owned_mut();
                let result = match action.part {
                    Part::Step(step) => faulty_take(vm, &step, race.signals, injected)?,
                    Part::Move(from, to) => StepResult::done(vm.move_memory(from, to))?,
                };
                let results = &mut threads[action.thread];
                match results.get_mut(action.place) {
                    Some(whole) => join(whole, result),
                    None => results.push(result),
                }
            }
        }
        Ok(RaceReport { traces: traces.into_iter().flatten().collect(), threads })
    }

    /// Lists what a thread does, in its order.
    fn actions(&self, race: &Race, thread: usize) -> Vec<Action> {
        let steps = &race.threads[thread];
        let all = (0..race.rounds.max(1)).flat_map(|_| steps).enumerate();
        all.flat_map(|(place, step)| self.parts(step).into_iter().map(move |part| Action { thread, part, place }))
            .collect()
    }

    /// Takes a step apart into what happens at once. Copies are whole, as slots_lock is taken; a slot is away for a moment.
    fn parts(&self, step: &HostStep) -> Vec<Part> {
        match step {
            HostStep::MoveSlot { ipa, to } => vec![Part::Move(*ipa, *to), Part::Move(*to, *ipa)],
            // The memory behind it stays what it is.
            HostStep::ReplaceSlot { ipa } => vec![Part::Move(*ipa, AWAY), Part::Move(AWAY, *ipa)],
            step => {
                let page = self.owned().page_size();
                parts(step, page, self.settings().injected).into_iter().map(Part::Step).collect()
            }
        }
    }
}

/// Puts the result of a part behind that of the parts before it, as one call that stops at its first failure.
fn join(whole: &mut StepResult, part: StepResult) {
    let (whole, tags, part, more) = match (whole, part) {
        (StepResult::Copied(whole, tags), StepResult::Copied(part, more)) => (whole, tags, part, more),
        (StepResult::Done(whole), StepResult::Done(part)) => {
            *whole = whole.and(part);
            return;
        }
        _ => return,
    };
    let complete = matches!(*whole, Ok(covered) if covered == tags.len() as u64 * GRANULE);
    if complete && let (Ok(covered), Ok(next)) = (*whole, part) {
        *whole = Ok(covered + next);
    }
    tags.extend(more);
}
