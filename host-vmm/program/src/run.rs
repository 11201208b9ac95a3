//! Runs a program on a machine, with as few requests as it takes, and observes it.

use std::collections::BTreeSet;

use abi::mailbox::{BootReport, Scalable};
use abi::map::{self, GUEST_PAGE};
use arch::Tag;

use super::observation::{Observation, ObservedExtent, StepObservation, StepOutcome};
use super::{Event, Expectation, Program, Run, Step};
use machine::tags::GRANULE;
use machine::{Block, Machine, MachineError, Outcome, RequestError, ScalableState, Trace};

/// Checkpoints that a block may ring before it counts as endless.
const MAX_CHECKPOINTS: usize = 256;

/// Bytes that are looked at together when changed pages are sought, a divisor of the arena's size.
const PART: usize = 1 << 16;

/// ID_AA64PFR1_EL1.MTE is 2 or 3: there are allocation tags.
const MTE: u64 = 1 << 9;

/// ID_AA64PFR2_EL1.MTEFAR: FEAT_MTE_TAGGED_FAR.
const MTEFAR_SHIFT: u32 = 8;

/// Runs a program on a machine that is as after boot and has the vCPUs that it needs.
///
/// A block that does not end is no error: it is what the observation says, and the machine is of no use after it.
///
/// When it has ended, data and tags are read of the pages that the program names ([`Program::reachable_pages`]), of those that
/// were touched, if the machine can tell, else of those that hold anything but zeros, and of `others`: what another machine
/// looked at. A machine that stores where the program did not tell it to is found out by the data, wherever in the arena it is;
/// tags that it stores without data are seen in these pages, and with [`Tags::OfArena`] wherever they are.
///
/// # Errors
///
/// When the machine cannot do what the program asks.
pub fn run(
    program: &Program,
    machine: &mut dyn Machine,
    others: &BTreeSet<u64>,
    tags: Tags,
) -> Result<Observation, MachineError> {
    let mut runner = Runner::new(program, machine, Progress::default());
    let end = runner.steps(program, 0)?;
    runner.observation(program, end, others, tags)
}

/// How far a program has come that stands at a checkpoint, whose events have not happened yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The step whose block stands there.
    pub step: usize,
    /// Which of the block's checkpoints it is, from 0 on.
    pub checkpoint: usize,
    /// What was seen so far.
    pub seen: Vec<StepObservation>,
    /// The vCPUs that have run a block of the program.
    pub begun: Vec<usize>,
    /// Whether the block reports v0 to v31 although the program did not ask for them.
    pub hides_vectors: bool,
}

/// Runs a program, as [`run`] does, to the checkpoint of this number, counted from 0 through all of its blocks. `Err` of the result is
/// how many it has come to, if it ended before.
///
/// # Errors
///
/// As [`run`].
pub fn run_to_checkpoint(
    program: &Program,
    machine: &mut dyn Machine,
    number: usize,
) -> Result<Result<Progress, usize>, MachineError> {
    let mut runner = Runner { pause: Some(number), ..Runner::new(program, machine, Progress::default()) };
    Ok(match runner.steps(program, 0)? {
        End::Paused(step, checkpoint) => Ok(Progress { step, checkpoint, ..runner.progress }),
        End::Complete | End::Endless(_) => Err(runner.passed),
    })
}

/// Goes on with a program on a machine whose block stands at a checkpoint, to the end, as [`run`] does.
///
/// # Errors
///
/// As [`run`], and when the program has no such block.
pub fn go_on(
    program: &Program,
    machine: &mut dyn Machine,
    progress: Progress,
    others: &BTreeSet<u64>,
    tags: Tags,
) -> Result<Observation, MachineError> {
    let (step, checkpoint) = (progress.step, progress.checkpoint);
    let mut runner = Runner::new(program, machine, progress);
    runner.last = program.steps.iter().take(step + 1).rev().find_map(|step| match step {
        Step::Run(run) => Some(&**run),
        _ => None,
    });
    let (cpu, events) = match program.steps.get(step) {
        Some(Step::Run(run)) => (run.cpu, &run.at_checkpoint[..]),
        Some(Step::Again { cpu }) => (*cpu, &[][..]),
        _ => return Err(RequestError::NothingToRepeat.into()),
    };
    let ended = runner.finish(step, cpu, Outcome::Checkpoint, events, checkpoint);
    let end = match End::of_block(step, ended)? {
        Some(end) => end,
        None => runner.steps(program, step + 1)?,
    };
    runner.observation(program, end, others, tags)
}

/// Whose tags are looked at when a program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// Those of the pages whose data are looked at.
    OfPages,
    /// Those of the whole arena, in which a machine may have stored some that nothing told it to. Where that takes a request for
    /// each granule it takes more than a second.
    OfArena,
}

/// How far a program came.
enum End {
    Complete,
    /// The block of this step does not end.
    Endless(usize),
    /// The block of this step stands at this checkpoint.
    Paused(usize, usize),
}

impl End {
    /// Returns whether the program stops at this step, by how the step ended.
    fn of_block(step: usize, ended: Result<BlockEnd, MachineError>) -> Result<Option<Self>, MachineError> {
        match ended {
            Ok(BlockEnd::Ended) => Ok(None),
            Ok(BlockEnd::Paused(checkpoint)) => Ok(Some(Self::Paused(step, checkpoint))),
            Ok(BlockEnd::Endless) | Err(MachineError::Silent { .. }) => Ok(Some(Self::Endless(step))),
            Err(error) => Err(error),
        }
    }
}

/// How a block came back.
enum BlockEnd {
    Ended,
    Endless,
    /// It stands at this checkpoint.
    Paused(usize),
}

struct Runner<'a> {
    machine: &'a mut dyn Machine,
    /// What was seen, who has run blocks, and whether the block at work hides its vectors.
    progress: Progress,
    /// The last block that was started.
    last: Option<&'a Run>,
    /// The longest vector in bytes, where the program uses SVE and the machine has it.
    longest_vector: Option<u64>,
    /// The number of the checkpoint at which to stop.
    pause: Option<usize>,
    /// How many checkpoints it has come to.
    passed: usize,
}

impl<'a> Runner<'a> {
    fn new(program: &Program, machine: &'a mut dyn Machine, progress: Progress) -> Self {
        let uses = program.uses_scalable_vectors();
        let longest_vector = uses.then(|| longest_vector(machine.boot_report(0))).flatten();
        Self { machine, progress, last: None, longest_vector, pause: None, passed: 0 }
    }

    /// Runs the steps from this one on.
    fn steps(&mut self, program: &'a Program, from: usize) -> Result<End, MachineError> {
        for (step, what) in program.steps.iter().enumerate().skip(from) {
            let ended = match what {
                Step::Event(event) => self.event(step, event).map(|()| BlockEnd::Ended),
                Step::Run(run) => self.block(step, run),
                Step::Again { cpu } => self.resume_block(step, *cpu),
                Step::Expect(expectation) => self.look(step, expectation).map(|()| BlockEnd::Ended),
            };
            if let Some(end) = End::of_block(step, ended)? {
                return Ok(end);
            }
        }
        Ok(End::Complete)
    }

    /// Looks at what the program left.
    fn observation(
        mut self,
        program: &Program,
        end: End,
        others: &BTreeSet<u64>,
        tags: Tags,
    ) -> Result<Observation, MachineError> {
        let tagged_far = self.machine.boot_report(0).pfr2 >> MTEFAR_SHIFT & 0xf != 0;
        let (memory, endless) = match end {
            End::Complete => (self.memory(program, others, tags)?, None),
            End::Endless(step) | End::Paused(step, _) => (Vec::new(), Some(step)),
        };
        Ok(Observation { seen: self.progress.seen, memory, endless, tagged_far })
    }

    fn event(&mut self, step: usize, event: &Event) -> Result<(), MachineError> {
        match event {
            Event::Tags { offset, tags } => {
                let tags: Vec<u8> = tags.iter().copied().map(Tag::value).collect();
                self.machine.store_tags(map::ARENA_BASE + offset, &tags)
            }
            Event::Data { offset, bytes } => self.machine.write(map::ARENA_BASE + offset, bytes),
            Event::Pages { window, offset, bytes, kind } => {
                self.machine.set_pages(*window, map::ARENA_BASE + offset, *bytes, *kind)
            }
            Event::Fetch { offset, bytes } => {
                let tags = self.tags(*offset, *bytes)?;
                self.see(step, StepOutcome::Tags { offset: *offset, tags });
                Ok(())
            }
            Event::SaveRestore => {
                let snapshot = self.machine.save()?;
                self.machine.replace_by(&snapshot)
            }
        }
    }

    fn block(&mut self, step: usize, run: &'a Run) -> Result<BlockEnd, MachineError> {
        let boot = self.machine.boot_report(run.cpu);
        if let Some(values) = &run.scalable {
            check_vector_length(values.vector_bytes(), boot.vector_lengths)?;
        }
        let block = run.block(boot);
        let outcome = self.start(run.cpu, block)?;
        self.last = Some(run);
        self.finish(step, run.cpu, outcome, &run.at_checkpoint, 0)
    }

    /// Runs the last block once more.
    fn resume_block(&mut self, step: usize, cpu: usize) -> Result<BlockEnd, MachineError> {
        let run = self.last.ok_or(RequestError::NothingToRepeat)?;
        let block = without_registers(run).block(self.machine.boot_report(run.cpu));
        let outcome = self.start(cpu, block)?;
        self.finish(step, cpu, outcome, &[], 0)
    }

    /// Starts a block. The program's first on a vCPU finds the vector registers as after boot, whatever ran there before: v0 to
    /// v31, and those of SVE with the longest vectors if the program uses them.
    fn start(&mut self, cpu: usize, block: Block) -> Result<Outcome, MachineError> {
        let first = !self.progress.begun.contains(&cpu);
        self.progress.hides_vectors = first && block.initial_vectors().is_none() && block.initial_scalable().is_none();
        if first {
            self.progress.begun.push(cpu);
        }
        let block = match self.longest_vector {
            _ if !self.progress.hides_vectors => block,
            None => block.vectors([[0; 2]; 32]),
            Some(bytes) => block.scalable(ScalableState::new(bytes, Box::new(Scalable::ZERO))),
        };
        self.machine.start(cpu, &block)
    }

    /// Continues a block, which has come to its checkpoint `from` if it is at one, until it ends.
    fn finish(
        &mut self,
        step: usize,
        cpu: usize,
        mut outcome: Outcome,
        events: &[Vec<Event>],
        from: usize,
    ) -> Result<BlockEnd, MachineError> {
        for checkpoint in from..MAX_CHECKPOINTS {
            match outcome {
                Outcome::Done(trace) => {
                    self.done(step, trace);
                    return Ok(BlockEnd::Ended);
                }
                Outcome::Checkpoint if self.pause == Some(self.passed) => return Ok(BlockEnd::Paused(checkpoint)),
                Outcome::Checkpoint => {
                    self.passed += 1;
                    for event in events.get(checkpoint).into_iter().flatten() {
                        self.event(step, event)?;
                    }
                    outcome = self.machine.resume(cpu)?;
                }
            }
        }
        Ok(BlockEnd::Endless)
    }

    fn done(&mut self, step: usize, mut trace: Box<Trace>) {
        if self.progress.hides_vectors {
            (trace.v, trace.scalable) = (None, None);
        }
        self.see(step, StepOutcome::Block(trace));
    }

    /// Looks at the memory that an expectation is about.
    fn look(&mut self, step: usize, expectation: &Expectation) -> Result<(), MachineError> {
        match expectation {
            Expectation::Tags { offset, tags } => {
                let tags = self.tags(*offset, tags.len() as u64 * GRANULE)?;
                self.see(step, StepOutcome::Tags { offset: *offset, tags });
            }
            Expectation::Data { offset, bytes } => {
                let (ipa, mut found) = (map::ARENA_BASE + offset, vec![0; bytes.len()]);
                self.machine.read(ipa, &mut found)?;
                let length = bytes.len() as u64;
                let unknown = self.machine.unknown_memory().map(|known| known.unknown_memory(ipa, length));
                let unknown = unknown.into_iter().flatten().next().is_some();
                self.see(step, StepOutcome::Data { offset: *offset, bytes: found, unknown });
            }
            _ => {}
        }
        Ok(())
    }

    fn see(&mut self, step: usize, what: StepOutcome) {
        self.progress.seen.push(StepObservation {
            step,
            what,
            unknown: Vec::new(),
            unknown_v: 0,
            unknown_p: 0,
            unknown_x: 0,
        });
    }

    /// Fetches tags. Memory of a VM without MTE has none.
    fn tags(&mut self, offset: u64, bytes: u64) -> Result<Vec<u8>, MachineError> {
        if self.machine.boot_report(0).pfr1 & MTE == 0 {
            return Ok(Vec::new());
        }
        let mut tags = vec![0xff; (bytes / GRANULE) as usize];
        self.machine.fetch_tags(map::ARENA_BASE + offset, &mut tags)?;
        Ok(tags)
    }

    /// Lists the pages that may not be as after boot.
    fn changed_pages(&mut self, looked_at: Tags) -> Result<Vec<u64>, MachineError> {
        if let Some(known) = self.machine.unknown_memory() {
            let arena = map::ARENA_BASE..map::ARENA_BASE + map::ARENA_SIZE;
            let touched = known.touched_memory().into_iter().flat_map(|range| {
                (range.start.max(arena.start)..range.end.min(arena.end)).step_by(GUEST_PAGE as usize)
            });
            return Ok(touched.map(|ipa| ipa - map::ARENA_BASE).collect());
        }
        // A part at a time, so that it stays in the cache.
        let mut part = vec![0; PART];
        let mut changed = Vec::new();
        for offset in (0..map::ARENA_SIZE).step_by(PART) {
            self.machine.read(map::ARENA_BASE + offset, &mut part)?;
            changed.extend(not_zero(offset, &part, [0; GUEST_PAGE as usize]));
        }
        if looked_at == Tags::OfArena {
            changed.extend(not_zero(0, &self.tags(0, map::ARENA_SIZE)?, [0; (GUEST_PAGE / GRANULE) as usize]));
        }
        Ok(changed)
    }

    /// Reads the pages that are to be looked at.
    fn memory(
        &mut self,
        program: &Program,
        others: &BTreeSet<u64>,
        tags: Tags,
    ) -> Result<Vec<ObservedExtent>, MachineError> {
        let mut pages = program.reachable_pages();
        pages.extend(self.changed_pages(tags)?);
        pages.extend(others);
        let pages: Vec<u64> = pages.into_iter().collect();
        let mut memory = Vec::new();
        for run in pages.chunk_by(|a, b| a + GUEST_PAGE == *b) {
            let (offset, bytes) = (run[0], run.len() as u64 * GUEST_PAGE);
            let mut data = vec![0; bytes as usize];
            self.machine.read(map::ARENA_BASE + offset, &mut data)?;
            let unknown =
                self.machine.unknown_memory().map(|known| known.unknown_memory(map::ARENA_BASE + offset, bytes));
            let unknown = unknown
                .into_iter()
                .flatten()
                .map(|range| range.start - map::ARENA_BASE..range.end - map::ARENA_BASE)
                .collect();
            memory.push(ObservedExtent { offset, data, tags: self.tags(offset, bytes)?, unknown });
        }
        Ok(memory)
    }
}

/// Refuses a vector length that a CPU has not; `lengths` is that of its boot report.
fn check_vector_length(bytes: u16, lengths: u64) -> Result<(), RequestError> {
    let lengths: Vec<u16> = machine::vector_lengths(lengths).collect();
    if lengths.contains(&bytes) { Ok(()) } else { Err(RequestError::VectorLength { bytes, lengths }) }
}

/// Returns the longest vector of a machine in bytes; `None` without SVE.
fn longest_vector(boot: &BootReport) -> Option<u64> {
    boot.vector_lengths.checked_ilog2().map(|number| 16 * (u64::from(number) + 1))
}

/// Lists the pages, the first of them at `offset`, whose share of `bytes` is not `zeros`.
fn not_zero<const SHARE: usize>(offset: u64, bytes: &[u8], zeros: [u8; SHARE]) -> impl Iterator<Item = u64> {
    let pages = (offset..).step_by(GUEST_PAGE as usize).zip(bytes.chunks(SHARE));
    pages.filter(move |(_, share)| *share != zeros).map(|(page, _)| page)
}

/// Returns a run whose tag registers stay as they are: for `resume_block`, which must see what the first run left in them.
fn without_registers(run: &Run) -> Run {
    Run { sys: Run::default().sys, ..run.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::Explain;

    #[test]
    fn a_vector_length_that_a_cpu_has_not_is_refused_with_those_that_it_has() {
        assert_eq!(check_vector_length(32, 0b1011), Ok(()));
        let error = check_vector_length(48, 0b1011).unwrap_err();
        assert_eq!(error.reason(), "the program wants vectors of 48 bytes; this CPU has 16, 32, 64");
        assert!(error.remedy().is_some_and(|remedy| remedy.contains("vl=")));
        let none = check_vector_length(16, 0).unwrap_err();
        assert_eq!(none.reason(), "the program wants vectors of 16 bytes; this CPU has no SVE");
        assert!(none.remedy().is_some_and(|remedy| !remedy.contains("vl=")));
    }

    #[test]
    fn a_page_with_nothing_but_a_tag_is_looked_at() {
        const TAGS: [u8; 256] = [0; 256];
        let mut tags = vec![0; 3 * TAGS.len()];
        assert_eq!(not_zero(0, &tags, TAGS).next(), None);
        tags[2 * TAGS.len() + 255] = 1;
        assert_eq!(not_zero(GUEST_PAGE, &tags, TAGS).collect::<Vec<_>>(), [3 * GUEST_PAGE]);
    }
}
