//! What was seen of a program, as data that can be sent and kept.
//!
//! Only what is not 0 is there, since it may travel over an emulated UART. What a specification adds, which parts are UNKNOWN, is
//! left out: it is a machine's that is sent.

use abi::mailbox::{BlockEnd, SYS_REGS, Scalable};
use abi::map::GUEST_PAGE;
use arch::Syndrome;
use machine::tags::GRANULE;
use machine::{Fault, ScalableState, Trace};
use serde::{Deserialize, Serialize};

use crate::observation::{ObservedExtent, StepOutcome};
use crate::{Observation, StepObservation};

/// What was seen of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    steps: Vec<SentStep>,
    memory: Vec<SentExtent>,
    endless: Option<usize>,
    tagged_far: bool,
}

/// A register or a granule, by its number.
type Numbered = (usize, Vec<u8>);

/// What a block left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SentTrace {
    x: Vec<u64>,
    sp: u64,
    pstate: u64,
    sys: [u64; SYS_REGS],
    /// Registers that are not 0.
    v: Option<Vec<(usize, [u64; 2])>>,
    /// The vector length, and z0 to z31, p0 to p15 and FFR as far as they are not 0.
    scalable: Option<(u16, Vec<Numbered>)>,
    /// Instruction, ESR_EL1, FAR_EL1, SPSR_EL1.
    faults: Vec<(Option<usize>, u64, u64, u64)>,
    end: u64,
}

/// Pages, and the granules in them that are not zeros, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SentExtent {
    offset: u64,
    pages: u64,
    has_tags: bool,
    data: Vec<Numbered>,
    tags: Vec<(usize, u8)>,
}

/// The numbers under which p0 and FFR are sent.
const P: usize = 32;
const FFR: usize = 48;

impl SentTrace {
    fn of(trace: &Trace) -> Self {
        let v = trace.v.as_ref().map(|v| v.iter().copied().enumerate().filter(|(_, value)| *value != [0; 2]).collect());
        let scalable = trace.scalable.as_ref().map(|values| {
            let z = (0..32).map(|n| (n, values.z(n)));
            let all = z.chain((0..16).map(|n| (P + n, values.p(n)))).chain([(FFR, values.ffr())]);
            let some = all.filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
            (values.vector_bytes(), some.map(|(n, bytes)| (n, bytes.to_vec())).collect())
        });
        let faults = trace.faults.iter().map(|fault| (fault.index, fault.esr.bits(), fault.far, fault.spsr));
        Self {
            x: trace.x.to_vec(),
            sp: trace.sp,
            pstate: trace.pstate,
            sys: trace.sys,
            v,
            scalable,
            faults: faults.collect(),
            end: trace.end as u64,
        }
    }

    fn trace(&self) -> Option<Trace> {
        let v = match &self.v {
            Some(some) => {
                let mut v = Box::new([[0; 2]; 32]);
                some.iter().try_for_each(|(n, value)| v.get_mut(*n).map(|place| *place = *value))?;
                Some(v)
            }
            None => None,
        };
        let scalable = match &self.scalable {
            Some((length, some)) => {
                let mut values = ScalableState::new((*length).into(), Box::new(Scalable::ZERO));
                for (n, bytes) in some {
                    let place = match *n {
                        0..P => values.z_mut(*n),
                        P..FFR => values.p_mut(*n - P),
                        FFR => values.ffr_mut(),
                        _ => return None,
                    };
                    if place.len() != bytes.len() {
                        return None;
                    }
                    place.copy_from_slice(bytes);
                }
                Some(values)
            }
            None => None,
        };
        let fault = |(index, esr, far, spsr): &(Option<usize>, u64, u64, u64)| Fault {
            index: *index,
            esr: Syndrome::from_bits(*esr),
            far: *far,
            spsr: *spsr,
        };
        Some(Trace {
            x: self.x.as_slice().try_into().ok()?,
            sp: self.sp,
            pstate: self.pstate,
            sys: self.sys,
            v,
            scalable,
            faults: self.faults.iter().map(fault).collect(),
            end: BlockEnd::from_number(self.end)?,
        })
    }
}

impl SentExtent {
    fn of(extent: &ObservedExtent) -> Self {
        let granules = extent.data.chunks(GRANULE as usize).enumerate();
        let data = granules.filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
        let tags = extent.tags.iter().copied().enumerate().filter(|(_, tag)| *tag != 0);
        Self {
            offset: extent.offset,
            pages: extent.data.len() as u64 / GUEST_PAGE,
            has_tags: !extent.tags.is_empty(),
            data: data.map(|(n, bytes)| (n, bytes.to_vec())).collect(),
            tags: tags.collect(),
        }
    }

    fn extent(&self) -> Option<ObservedExtent> {
        let end = self.pages.checked_mul(GUEST_PAGE)?.checked_add(self.offset)?;
        if end > abi::map::ARENA_SIZE {
            return None;
        }
        let mut data = vec![0; (self.pages * GUEST_PAGE) as usize];
        let mut tags = vec![0; if self.has_tags { data.len() / GRANULE as usize } else { 0 }];
        for (n, bytes) in &self.data {
            let at = n.checked_mul(GRANULE as usize)?;
            data.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        }
        self.tags.iter().try_for_each(|(n, tag)| tags.get_mut(*n).map(|place| *place = *tag))?;
        Some(ObservedExtent { offset: self.offset, data, tags, unknown: Vec::new() })
    }
}

/// What a step showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentStep {
    step: usize,
    what: SentOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SentOutcome {
    Block(Box<SentTrace>),
    Tags { offset: u64, tags: Vec<u8> },
    Data { offset: u64, bytes: Vec<u8> },
}

impl SentStep {
    /// Takes what a step showed.
    #[must_use]
    pub fn of(seen: &StepObservation) -> Self {
        let what = match &seen.what {
            StepOutcome::Block(trace) => SentOutcome::Block(Box::new(SentTrace::of(trace))),
            StepOutcome::Tags { offset, tags } => SentOutcome::Tags { offset: *offset, tags: tags.clone() },
            StepOutcome::Data { offset, bytes, .. } => SentOutcome::Data { offset: *offset, bytes: bytes.clone() },
        };
        Self { step: seen.step, what }
    }

    /// Returns what the step showed; `None` if it is nonsense.
    #[must_use]
    pub fn observation(&self) -> Option<StepObservation> {
        let what = match &self.what {
            SentOutcome::Block(trace) => StepOutcome::Block(Box::new(trace.trace()?)),
            SentOutcome::Tags { offset, tags } => StepOutcome::Tags { offset: *offset, tags: tags.clone() },
            SentOutcome::Data { offset, bytes } => {
                StepOutcome::Data { offset: *offset, bytes: bytes.clone(), unknown: false }
            }
        };
        let unknown = Vec::new();
        Some(StepObservation { step: self.step, what, unknown, unknown_v: 0, unknown_p: 0, unknown_x: 0 })
    }
}

impl Seen {
    /// Takes what was seen.
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        let Observation { endless, tagged_far, .. } = *observation;
        let steps = observation.seen.iter().map(SentStep::of).collect();
        Self { steps, memory: observation.memory.iter().map(SentExtent::of).collect(), endless, tagged_far }
    }

    /// Returns what was seen; `None` if it is nonsense.
    #[must_use]
    pub fn observation(&self) -> Option<Observation> {
        let seen = self.steps.iter().map(SentStep::observation).collect::<Option<_>>()?;
        let memory = self.memory.iter().map(SentExtent::extent).collect::<Option<_>>()?;
        Some(Observation { seen, memory, endless: self.endless, tagged_far: self.tagged_far })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_rejected() {
        let extent = SentExtent { offset: 0, pages: u64::MAX, has_tags: true, data: Vec::new(), tags: Vec::new() };
        assert!(extent.extent().is_none());
        let extent = SentExtent { pages: 1, data: vec![(256, vec![1; 16])], ..extent };
        assert!(extent.extent().is_none());
    }
}
