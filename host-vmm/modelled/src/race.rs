//! Races on the model: one thread, and an order of blocks and of the VMM's steps that the race's seed chooses.
//!
//! A block runs as a whole, and so does a step: nothing is interleaved within them. What a real machine does in between must
//! still be, granule by granule, what some order gives, and that is what the cases ask. Signals do nothing here: the
//! ioctl is not interrupted by them.

use model::defects;

use super::ModelMachine;
use machine::tags::GRANULE;
use machine::{HostStep, Machine as _, MachineError, Outcome, Race, RaceReport, StepResult, Vm as _};

defects! {
    TOUCH_CLEARS_AGAIN "race.second-touch-clears"
        "a vCPU that touches a page beside another one, which was first, clears the tags that are there by then";
    FETCH_STALE "race.flagged-before-cleared" "a page is flagged as tagged before its tags are cleared: a fetch beside the \
        guest's first touch gives those of its last owner";
    FETCH_TORN "race.fetch-torn" "a fetch beside the guest's tag stores gives tags that are neither old nor new";
    STORE_LOST "race.store-lost" "a store to pages that the guest touches meanwhile is lost";
    UNLOCKED "race.copies-not-serialised" "copies, and changes of slots, run beside each other: page by page, without slots_lock";
    DATA_LOST "race.data-lost" "data that the VMM writes beside the guest's first touch is lost";
    DISCARD_STALE "race.discard-stale" "a page that is given back beside the guest comes again with its old tags";
    EVENT_CLEARS "race.page-event-clears" "a page that moves, or goes to swap, while the guest tags it loses its tags";
    PROTECT_CLEARS "race.prot-mte-clears" "mprotect(PROT_MTE) beside the guest's first touch clears what the guest has stored";
    DIRTY_LOST "race.dirty-log-lost" "a page that the guest tags while the dirty log is taken is not in it, nor in the next one";
    SIGNAL_STOPS "race.signal-stops" "a signal stops a copy, which counts what was not copied";
    SIGNAL_FAILS "race.signal-is-efault" "a signal makes a copy fail with EFAULT";
}

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

impl ModelMachine {
    /// Runs a race; see [`machine::Machine::race`].
    pub(super) fn run_race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        race.check()?;
        let injected = self.shared.settings.injected;
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
                if injected.is(&TOUCH_CLEARS_AGAIN) && traces.iter().any(Option::is_some) {
                    self.clear_arena_tags()?;
                }
                match self.start(*cpu, block)? {
                    Outcome::Done(trace) => traces[actor] = Some(*trace),
                    Outcome::Checkpoint => {
                        return Err(MachineError::BadRequest("a block of a race rang a checkpoint".to_owned()));
                    }
                }
            } else if let Some(action) = waiting[actor - blocks].next() {
                let result = match action.part {
                    Part::Step(step) => self.take(&step, race.signals)?,
                    Part::Move(from, to) => StepResult::done(self.move_memory(from, to))?,
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

    /// Takes a step apart into what happens at once. Copies are whole, as long as slots_lock is taken; a slot is away for a
    /// moment.
    fn parts(&self, step: &HostStep) -> Vec<Part> {
        let page = self.page_size();
        let unlocked = self.shared.settings.injected.is(&UNLOCKED);
        let steps: Vec<HostStep> = match step {
            HostStep::Fetch { ipa, length } if unlocked => {
                (0..length / page).map(|number| HostStep::Fetch { ipa: ipa + number * page, length: page }).collect()
            }
            HostStep::Store { ipa, tags } if unlocked => (0..)
                .zip(tags.chunks((page / GRANULE) as usize))
                .map(|(number, tags)| HostStep::Store { ipa: ipa + number * page, tags: tags.to_vec() })
                .collect(),
            HostStep::MoveSlot { ipa, to } => return vec![Part::Move(*ipa, *to), Part::Move(*to, *ipa)],
            // The memory behind it stays what it is.
            HostStep::ReplaceSlot { ipa } => return vec![Part::Move(*ipa, AWAY), Part::Move(AWAY, *ipa)],
            step => vec![step.clone()],
        };
        steps.into_iter().map(Part::Step).collect()
    }

    /// What sanitising a page again does to tags that are there.
    fn clear_arena_tags(&mut self) -> Result<(), MachineError> {
        let tags = vec![0; (abi::map::ARENA_SIZE / GRANULE) as usize];
        match StepResult::store(&*self, abi::map::ARENA_BASE, &tags) {
            StepResult::Copied(Err(errno), _) => Err(errno.into()),
            _ => Ok(()),
        }
    }

    fn take(&mut self, step: &HostStep, signals: bool) -> Result<StepResult, MachineError> {
        let injected = self.shared.settings.injected;
        match step {
            HostStep::Fetch { .. } | HostStep::Store { .. } if signals && injected.is(&SIGNAL_FAILS) => {
                Ok(StepResult::Copied(Err(machine::Errno::EFAULT), Vec::new()))
            }
            HostStep::Fetch { ipa, length } => {
                let StepResult::Copied(result, mut tags) = StepResult::fetch(&*self, *ipa, *length) else {
                    return Err(MachineError::BadRequest("a fetch gives tags".to_owned()));
                };
                match injected {
                    defect if defect.is(&FETCH_STALE) => {
                        tags.iter_mut().filter(|tag| **tag == 0).for_each(|tag| *tag = 0xd);
                    }
                    defect if defect.is(&FETCH_TORN) => tags.iter_mut().for_each(|tag| *tag ^= 4),
                    _ => {}
                }
                Ok(StepResult::Copied(result, tags))
            }
            HostStep::Store { tags, .. } if injected.is(&STORE_LOST) => {
                Ok(StepResult::Copied(Ok(tags.len() as u64 * GRANULE), tags.clone()))
            }
            HostStep::Store { ipa, tags } if signals && injected.is(&SIGNAL_STOPS) => {
                StepResult::store(&*self, *ipa, &tags[..tags.len() / 2]);
                Ok(StepResult::Copied(Ok(tags.len() as u64 * GRANULE), tags.clone()))
            }
            HostStep::Store { ipa, tags } => Ok(StepResult::store(&*self, *ipa, tags)),
            HostStep::Write { .. } if injected.is(&DATA_LOST) => StepResult::done(Ok(())),
            HostStep::Write { ipa, bytes } => StepResult::done(self.write(*ipa, bytes)),
            HostStep::Event { ipa, length, event } => self.event(*ipa, *length, *event),
            // These are taken apart into moves.
            HostStep::MoveSlot { .. } | HostStep::ReplaceSlot { .. } => StepResult::done(Ok(())),
            HostStep::TakeDirty { ipa } => {
                let mut dirty = self.take_dirty(*ipa)?;
                if injected.is(&DIRTY_LOST) {
                    dirty.pop();
                }
                Ok(StepResult::Dirty(dirty))
            }
        }
    }

    fn event(&mut self, ipa: u64, length: u64, event: machine::PageEvent) -> Result<StepResult, MachineError> {
        use machine::{PageEvent, Protection};
        let injected = self.shared.settings.injected;
        let cleared = match event {
            PageEvent::Discard if injected.is(&DISCARD_STALE) => return StepResult::done(Ok(())),
            PageEvent::PageOut | PageEvent::Migrate | PageEvent::Collapse => injected.is(&EVENT_CLEARS),
            PageEvent::Protect(Protection::Tagged) => injected.is(&PROTECT_CLEARS),
            _ => false,
        };
        let result = StepResult::done(self.page_event(ipa, length, event));
        if cleared {
            StepResult::store(&*self, ipa, &vec![0; (length / GRANULE) as usize]);
        }
        result
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
