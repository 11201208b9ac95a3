//! What a program says should be seen, and whether it was.
//!
//! An expectation stands behind a block and is about its end, or behind an instruction of a block and is about the state when
//! that instruction has first been executed. For the latter the program runs once more, up to there ([`Program::cuts`]).

mod place;

use std::fmt;

use arch::{ExceptionClass, FaultStatus, Syndrome, Tag, TaggedPtr};

use super::compare::{exception, known_far};
use super::observation::{Observation, StepObservation, StepOutcome};
use super::value::{Hex, Value};
use super::{Event, Program, Run, Step, scalable};
use machine::{Fault, Trace};

pub use place::{FIELDS, Place, WidePlace};

/// Something that should be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A register of 64 bits, or a field of one, has a value.
    Value {
        /// Where.
        place: Place,
        /// The value.
        value: u64,
    },
    /// A general register holds a pointer with this logical tag.
    LogicalTag {
        /// The register.
        place: Place,
        /// The tag.
        tag: Tag,
    },
    /// A register of vectors or of predicates has a value.
    Wide {
        /// Which.
        place: WidePlace,
        /// Its bytes, the lowest first.
        bytes: Vec<u8>,
    },
    /// The block took such an exception.
    Fault(FaultPattern),
    /// The block took no exception.
    NoFault,
    /// Memory has these allocation tags.
    Tags {
        /// Where, in bytes from the arena's start: a multiple of 16.
        offset: u64,
        /// One a granule.
        tags: Vec<Tag>,
    },
    /// Memory has these bytes.
    Data {
        /// Where, in bytes from the arena's start.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// An exception, as far as it is described; what is left out may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPattern {
    /// What kind of exception: a place in [`FAULT_KINDS`].
    pub kind: usize,
    /// ESR_EL1.WnR: a write or a read. For data aborts only.
    pub write: Option<bool>,
    /// The number of the instruction in its block, from 0 on.
    pub at: Option<usize>,
    /// FAR_EL1.
    pub far: Option<u64>,
}

/// A kind of exception.
#[derive(Debug)]
pub struct FaultKind {
    /// What it is called.
    pub name: &'static str,
    /// Whether a syndrome is of the kind.
    is: fn(Syndrome) -> bool,
}

const fn kind(name: &'static str, is: fn(Syndrome) -> bool) -> FaultKind {
    FaultKind { name, is }
}

/// Kinds of exceptions, by name.
pub static FAULT_KINDS: &[FaultKind] = &[
    kind("tag-check", |esr| esr.is_tag_check_fault()),
    kind("translation", |esr| {
        let levels = FaultStatus::TRANSLATION_L0.bits()..=FaultStatus::TRANSLATION_L3.bits();
        esr.dfsc().is_some_and(|status| levels.contains(&status.bits()))
    }),
    kind("permission", |esr| {
        let levels = FaultStatus::PERMISSION_L1.bits()..=FaultStatus::PERMISSION_L3.bits();
        esr.dfsc().is_some_and(|status| levels.contains(&status.bits()))
    }),
    kind("alignment", |esr| esr.dfsc() == Some(FaultStatus::ALIGNMENT)),
    kind("undefined", |esr| esr.class() == ExceptionClass::UNKNOWN),
    kind("trapped-register", |esr| esr.class() == ExceptionClass::SYSTEM_TRAP),
    kind("pc-alignment", |esr| esr.class() == ExceptionClass::PC_ALIGNMENT),
    kind("sp-alignment", |esr| esr.class() == ExceptionClass::SP_ALIGNMENT),
    kind("svc", |esr| esr.class() == ExceptionClass::SVC64),
    kind("hvc", |esr| esr.class() == ExceptionClass::HVC64),
    kind("brk", |esr| esr.class() == ExceptionClass::BRK),
];

impl fmt::Display for FaultPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {}", FAULT_KINDS[self.kind].name)?;
        if let Some(write) = self.write {
            f.write_str(if write { " write" } else { " read" })?;
        }
        if let Some(at) = self.at {
            write!(f, " at {at}")?;
        }
        if let Some(far) = self.far {
            write!(f, " far {}", Value(far))?;
        }
        Ok(())
    }
}

impl fmt::Display for Expectation {
    /// Writes it as it is read, without the word `expect`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { place: Place::Nzcv, value } => write!(f, "nzcv {value:04b}"),
            Self::Value { place, value } => write!(f, "{place} = {}", shown(*place, *value)),
            Self::LogicalTag { place, tag } => write!(f, "{place} tag {}", tag.value()),
            Self::Wide { place: WidePlace::V(n), bytes } => write!(f, "v{n} = {}", halves(bytes)),
            Self::Wide { place, bytes } => write!(f, "{place} = {}", scalable::text(bytes)),
            Self::Fault(pattern) => pattern.fmt(f),
            Self::NoFault => f.write_str("no fault"),
            Self::Tags { offset, tags } => Event::Tags { offset: *offset, tags: tags.clone() }.fmt(f),
            Self::Data { offset, bytes } => Event::Data { offset: *offset, bytes: bytes.clone() }.fmt(f),
        }
    }
}

/// Writes a value as that of its place is written.
fn shown(place: Place, value: u64) -> String {
    match place {
        Place::X(_) | Place::Sp => Value(value).to_string(),
        Place::Nzcv => format!("{value:04b}"),
        _ => Hex(value).to_string(),
    }
}

/// Writes the two halves of v0 to v31, the upper one first.
fn halves(bytes: &[u8]) -> String {
    let half = |bytes: &[u8]| Hex(bytes.iter().rev().fold(0, |half, byte| half << 8 | u64::from(*byte))).to_string();
    let (low, high) = bytes.split_at(bytes.len().min(8));
    format!("{} {}", half(high), half(low))
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The expectation, as it is written.
    pub expected: String,
    /// What the model has.
    pub model: String,
    /// What the machine has.
    pub machine: String,
}

impl Program {
    /// Returns whether it expects anything.
    #[must_use]
    pub fn expects(&self) -> bool {
        self.runs().any(|run| !run.expectations.is_empty())
            || self.steps.iter().any(|step| matches!(step, Step::Expect(_)))
    }

    /// Makes the programs that end where an expectation stands behind an instruction, with those expectations at their end.
    #[must_use]
    pub fn cuts(&self) -> Vec<Self> {
        let mut cuts = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let Step::Run(run) = step else { continue };
            let mut expectations = run.expectations.as_slice();
            while let Some((length, _)) = expectations.first() {
                let (here, later) = expectations.split_at(expectations.partition_point(|(other, _)| other <= length));
                let mut steps = self.cut(number, run, *length);
                steps.extend(here.iter().map(|(_, expectation)| Step::Expect(expectation.clone())));
                cuts.push(Self { steps });
                expectations = later;
            }
        }
        cuts
    }

    /// Makes the program that ends when the block of a step has come behind its first instructions, so many, and that expects
    /// nothing; `None` if the step is not the beginning of a block.
    #[must_use]
    pub fn cut_behind(&self, step: usize, length: usize) -> Option<Self> {
        match self.steps.get(step)? {
            Step::Run(run) => Some(Self { steps: self.cut(step, run, length) }),
            _ => None,
        }
    }

    /// Lists the steps of a program that ends behind the first `length` instructions of the block of a step.
    fn cut(&self, step: usize, run: &Run, length: usize) -> Vec<Step> {
        let mut cut = Box::new(run.clone());
        cut.words.truncate(length);
        let mut steps = self.steps[..step].to_vec();
        steps.retain(|step| !matches!(step, Step::Expect(_)));
        steps.push(Step::Run(cut));
        for step in &mut steps {
            if let Step::Run(run) = step {
                run.expectations.clear();
            }
        }
        steps
    }

    /// Lists the expectations behind blocks that the model or the machine does not meet. What is UNKNOWN meets none.
    #[must_use]
    pub fn unmet(&self, model: &Observation, machine: &Observation) -> Vec<Unmet> {
        let mut block = None;
        let mut unmet = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let expectation = match step {
                Step::Run(_) | Step::Again { .. } => {
                    block = Some(number);
                    continue;
                }
                Step::Expect(expectation) => expectation,
                Step::Event(_) => continue,
            };
            let place = if expectation.is_of_memory() { Some(number) } else { block };
            let [of_model, of_machine] = [model, machine]
                .map(|seen| expectation.outcome(place.and_then(|place| seen.at(place)), seen.tagged_far));
            if of_model.is_err() || of_machine.is_err() {
                let text = |outcome: Result<String, String>| outcome.unwrap_or_else(|found| found);
                let (model, machine) = (text(of_model), text(of_machine));
                unmet.push(Unmet { expected: expectation.to_string(), model, machine });
            }
        }
        unmet
    }
}

impl Observation {
    /// Returns what a step showed at its end.
    fn at(&self, step: usize) -> Option<&StepObservation> {
        self.seen.iter().rfind(|seen| seen.step == step)
    }

    /// Returns whether each instruction of each block that ended took an exception, and there is one.
    #[must_use]
    pub fn is_all_faults(&self, program: &Program) -> bool {
        let mut blocks = self.seen.iter().filter_map(|seen| match (&seen.what, program.steps.get(seen.step)) {
            (StepOutcome::Block(trace), Some(Step::Run(run))) => Some((trace, run)),
            _ => None,
        });
        let mut any = false;
        blocks.all(|(trace, run)| {
            any = true;
            trace.faults.len() >= run.words.len()
        }) && any
    }
}

impl Expectation {
    /// Returns whether it is about memory, which is looked at where it stands.
    pub(crate) fn is_of_memory(&self) -> bool {
        matches!(self, Self::Tags { .. } | Self::Data { .. })
    }

    /// Returns what was found: in `Ok` as it is expected, in `Err` otherwise.
    fn outcome(&self, seen: Option<&StepObservation>, tagged_far: bool) -> Result<String, String> {
        let Some(seen) = seen else { return Err("it did not come so far".to_owned()) };
        match (self, &seen.what) {
            (Self::Tags { tags, .. }, StepOutcome::Tags { tags: found, .. }) => {
                let found: Vec<_> = found.iter().copied().map(Tag::truncate).collect();
                verdict(found == *tags, tag_list(&found))
            }
            (Self::Data { bytes, .. }, StepOutcome::Data { bytes: found, unknown, .. }) => match unknown {
                true => Err(format!("{}, of which some bytes are UNKNOWN", hex_bytes(found))),
                false => verdict(found == bytes, hex_bytes(found)),
            },
            (_, StepOutcome::Block(trace)) => self.outcome_of_block(seen, trace, tagged_far),
            _ => Err("nothing".to_owned()),
        }
    }

    fn outcome_of_block(&self, seen: &StepObservation, trace: &Trace, tagged_far: bool) -> Result<String, String> {
        match self {
            Self::Value { place, value } => {
                let found = place.of(trace);
                match place.is_unknown(seen) {
                    true => Err(format!("UNKNOWN ({})", shown(*place, found))),
                    false => verdict(found == *value, shown(*place, found)),
                }
            }
            Self::LogicalTag { place, tag } => {
                let found = TaggedPtr::new(place.of(trace)).tag();
                match place.is_unknown(seen) {
                    true => Err("UNKNOWN".to_owned()),
                    false => verdict(found == *tag, format!("tag {}", found.value())),
                }
            }
            Self::Wide { place, bytes } => match place.of(trace) {
                None => Err("not shown: the block does not bring such registers".to_owned()),
                Some(_) if place.is_unknown(seen) => Err("UNKNOWN".to_owned()),
                Some(found) => {
                    let text = if matches!(place, WidePlace::V(_)) { halves(&found) } else { scalable::text(&found) };
                    verdict(found == *bytes, text)
                }
            },
            Self::Fault(pattern) => {
                let meets = trace.faults.iter().any(|fault| pattern.is_met_by(fault, tagged_far));
                verdict(meets, faults(&trace.faults, tagged_far))
            }
            _ => verdict(trace.faults.is_empty(), faults(&trace.faults, tagged_far)),
        }
    }
}

fn verdict(met: bool, found: String) -> Result<String, String> {
    if met { Ok(found) } else { Err(found) }
}

/// Describes the exceptions of a block.
fn faults(faults: &[Fault], tagged_far: bool) -> String {
    if faults.is_empty() {
        return "no fault".to_owned();
    }
    let one = |fault: &Fault| match fault.index {
        Some(index) => format!("at {index}: {}", exception(fault, tagged_far)),
        None => format!("outside the block: {}", exception(fault, tagged_far)),
    };
    faults.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn tag_list(tags: &[Tag]) -> String {
    tags.iter().map(|tag| format!("{:x}", tag.value())).collect::<Vec<_>>().join(" ")
}

fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FaultPattern {
    /// Describes an exception as far as it is known; `None` if it is of none of the kinds.
    #[must_use]
    pub fn of(fault: &Fault, tagged_far: bool) -> Option<Self> {
        let kind = FAULT_KINDS.iter().position(|kind| (kind.is)(fault.esr))?;
        let write = fault.esr.wnr().filter(|_| fault.esr.class().is_data_abort());
        Some(Self { kind, write, at: fault.index, far: known_far(fault, tagged_far) })
    }

    fn is_met_by(&self, fault: &Fault, tagged_far: bool) -> bool {
        let far = self.far.is_none_or(|far| {
            let expected = Fault { far, ..*fault };
            known_far(&expected, tagged_far).is_some_and(|far| known_far(fault, tagged_far) == Some(far))
        });
        (FAULT_KINDS[self.kind].is)(fault.esr)
            && self.write.is_none_or(|write| fault.esr.wnr() == Some(write))
            && self.at.is_none_or(|at| fault.index == Some(at))
            && far
    }
}

#[cfg(test)]
mod tests;
