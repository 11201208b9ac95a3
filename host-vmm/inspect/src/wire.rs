//! A machine in another process: what is asked of it and what it answers, as data that can be sent.
//!
//! Programs are sent as their text, which says all of them. Of what was seen only what is not 0 is sent, since it may travel over an
//! emulated UART.

use std::collections::BTreeSet;

use abi::mailbox::{BlockEnd, BootReport, SYS_REGS, Scalable};
use abi::map::GUEST_PAGE;
use arch::Syndrome;
use machine::capability::MachineKind;
use machine::target::{Host, Target};
use machine::{Fault, MachineError, ScalableState, Trace};
use program::observation::{ObservedExtent, StepOutcome};
use program::{Observation, StepObservation};
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, IntoBytes};

use super::memory::GRANULE;
use super::subject::Subject;

/// What is asked of a machine: see [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run a program, and look at these pages.
    Run {
        /// Its text.
        program: String,
        /// Offsets into the arena.
        pages: Vec<u64>,
    },
    /// Start a new machine.
    Restart,
    /// Save it.
    Save,
    /// Restore what was saved.
    Restore,
}

/// What a machine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It has booted.
    Booted(Box<Booted>),
    /// It ran a program.
    Ran(Box<Seen>),
    /// It did what was asked.
    Done,
    /// It did not.
    Failed(String),
    /// There is no machine.
    NotOpened {
        /// Whether there could be one here.
        available: bool,
        /// Why there is none.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
}

/// What a machine is, of the kind `kvm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booted {
    kernel: String,
    kvm_mode: String,
    page_size: u64,
    boot: Vec<u8>,
}

impl Booted {
    /// Describes a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let Host { kernel, kvm_mode, .. } = target.host.clone();
        Self { kernel, kvm_mode, page_size: target.page_size, boot: target.boot.as_bytes().to_vec() }
    }

    /// Returns the target; `None` if the boot report is of another version.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let (kind, boot) = (MachineKind::Kvm, BootReport::read_from_bytes(&self.boot).ok()?);
        let host = Host { kernel: self.kernel.clone(), kvm_mode: self.kvm_mode.clone(), ..Host::default() };
        Some(Target { kind, capabilities: kind.capabilities(), host, boot, page_size: self.page_size })
    }
}

/// What was seen of a program of one block at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    block: Option<(usize, SentTrace)>,
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

impl Seen {
    /// Takes what was seen.
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        let block = observation.seen.iter().find_map(|seen| match &seen.what {
            StepOutcome::Block(trace) => Some((seen.step, SentTrace::of(trace))),
            _ => None,
        });
        let Observation { endless, tagged_far, .. } = *observation;
        Self { block, memory: observation.memory.iter().map(SentExtent::of).collect(), endless, tagged_far }
    }

    /// Returns what was seen; `None` if it is nonsense.
    #[must_use]
    pub fn observation(&self) -> Option<Observation> {
        let seen = match &self.block {
            Some((step, trace)) => {
                let what = StepOutcome::Block(Box::new(trace.trace()?));
                let none = Vec::new();
                vec![StepObservation { step: *step, what, unknown: none, unknown_v: 0, unknown_p: 0, unknown_x: 0 }]
            }
            None => Vec::new(),
        };
        let memory = self.memory.iter().map(SentExtent::extent).collect::<Option<_>>()?;
        Some(Observation { seen, memory, endless: self.endless, tagged_far: self.tagged_far })
    }
}

/// Does what is asked of a machine.
pub fn answer(subject: &mut dyn Subject, request: &Request) -> Reply {
    let done = |result: Result<(), MachineError>| result.map(|()| Reply::Done);
    let reply = match request {
        Request::Run { program, pages } => match program.parse() {
            Ok(program) => {
                let pages: BTreeSet<u64> = pages.iter().copied().collect();
                subject.run(&program, &pages).map(|observation| Reply::Ran(Box::new(Seen::of(&observation))))
            }
            Err(error) => return Reply::Failed(format!("not a program: {error}")),
        },
        Request::Restart => done(subject.restart()),
        Request::Save => done(subject.save()),
        Request::Restore => done(subject.restore()),
    };
    reply.unwrap_or_else(|error| Reply::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Local;
    use program::Program;

    fn local() -> Local {
        Local::open(&trace::model_of("max").unwrap()).unwrap()
    }

    #[test]
    fn what_was_seen_is_sent_whole() {
        let text = "granule program 1\ntags 0x20 3*4\nblock el=1 vl=32\n  x0 = tagged+0x20 tag 3\n  z1 = 0x1 0x2 0x3 0x4\ncode\n  str x0, [x0]\n  ldr x1, [x0, #64]\n  ptrue p0.b\nend\n";
        let plain = "granule program 1\nblock el=1 simd=1\n  v3 = 0x1 0x2\ncode\n  svc #1\nend\n";
        for text in [text, plain, "granule program 1\n"] {
            let program: Program = text.parse().unwrap();
            let mut expected = local().run(&program, &BTreeSet::from([0x5000])).unwrap();
            expected.memory.iter_mut().for_each(|extent| extent.unknown.clear());
            let request = Request::Run { program: text.to_owned(), pages: vec![0x5000] };
            let Reply::Ran(seen) = answer(&mut local(), &request) else { panic!("{text}") };
            assert_eq!(seen.observation(), Some(expected), "{text}");
        }
    }

    #[test]
    fn targets_are_sent_and_nonsense_is_rejected() {
        let local = local();
        let target = Booted::of(local.target()).target().unwrap();
        assert_eq!((target.mte(), target.page_size), (local.target().mte(), local.target().page_size));
        assert!(Booted { boot: vec![0; 3], ..Booted::of(local.target()) }.target().is_none());
        let extent = SentExtent { offset: 0, pages: u64::MAX, has_tags: true, data: Vec::new(), tags: Vec::new() };
        assert!(extent.extent().is_none());
        let extent = SentExtent { pages: 1, data: vec![(256, vec![1; 16])], ..extent };
        assert!(extent.extent().is_none());
    }

    #[test]
    fn a_machine_says_why_it_cannot() {
        let mut local = local();
        assert!(matches!(answer(&mut local, &Request::Restore), Reply::Failed(_)));
        assert_eq!(answer(&mut local, &Request::Save), Reply::Done);
        assert_eq!(answer(&mut local, &Request::Restore), Reply::Done);
        assert_eq!(answer(&mut local, &Request::Restart), Reply::Done);
        let wrong = Request::Run { program: "nonsense".to_owned(), pages: Vec::new() };
        assert!(matches!(answer(&mut local, &wrong), Reply::Failed(_)));
    }
}
