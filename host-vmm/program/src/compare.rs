//! Compares what two machines showed of one program, without the bits that the architecture leaves open.
//!
//! Left out is what the architecture makes UNKNOWN, and nothing else:
//!
//! | | where it is written (DDI 0487) |
//! |---|---|
//! | FAR_EL1 of exceptions that are no abort and no PC alignment fault, or where ESR_EL1.FnV is 1 | FAR_EL1 |
//! | bits 63:60 of FAR_EL1 of a tag check fault, without FEAT_MTE_TAGGED_FAR | FAR_EL1 |
//! | ESR_EL1.WnR of an unsupported exclusive or atomic access | ESR_EL1, ISS encoding for a Data Abort, WnR |
//! | registers and bytes that the model says to be UNKNOWN | the rule that says so |
//!
//! Everything else must be the same to the bit.

use abi::mailbox::SysReg;
use abi::map::GUEST_PAGE;
use arch::{ExceptionClass, FaultStatus};

use super::observation::{Observation, ObservedExtent, StepOutcome};
use super::scalable;
use machine::{Fault, Trace};

/// ESR_EL1.ISS of a data abort: it was a write.
const WNR: u64 = 1 << 6;
/// ESR_EL1.ISS of an abort: FAR_EL1 is not valid.
const FNV: u32 = 1 << 10;
/// FAR_EL1: what is UNKNOWN of a tag check fault's without FEAT_MTE_TAGGED_FAR.
const FAR_TAG: u64 = 0xf << 60;

/// The bit of FFR among p0 to p15 in [`super::observation::StepObservation::unknown_p`].
const FFR: u32 = 16;

/// Something in which two observations differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step; `None` for the memory at the end.
    pub step: Option<usize>,
    /// What differs.
    pub place: Location,
    /// What the first one shows.
    pub expected: String,
    /// What the second one shows.
    pub found: String,
}

/// Where two observations differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// One of them did not come so far.
    Progress,
    /// Why the block ended.
    End,
    /// The exception with this number.
    Fault(usize),
    /// A general register.
    X(usize),
    /// The stack pointer.
    Sp,
    /// A SIMD register.
    V(usize),
    /// A vector register of SVE.
    Z(usize),
    /// A predicate register.
    P(usize),
    /// FFR.
    Ffr,
    /// The vector length.
    VectorLength,
    /// Flags, TCO, level.
    Pstate,
    /// A system register.
    Sys(SysReg),
    /// The allocation tag of the granule at this offset.
    Tag(u64),
    /// The eight bytes at this offset.
    Data(u64),
}

impl Location {
    /// Returns whether two places are of one kind: the same thing goes wrong, perhaps elsewhere.
    #[must_use]
    pub fn is_same_kind(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Progress => f.write_str("how far it came"),
            Self::End => f.write_str("the block's end"),
            Self::Fault(n) => write!(f, "exception {}", n + 1),
            Self::X(n) => write!(f, "x{n}"),
            Self::Sp => f.write_str("sp"),
            Self::V(n) => write!(f, "v{n}"),
            Self::Z(n) => write!(f, "z{n}"),
            Self::P(n) => write!(f, "p{n}"),
            Self::Ffr => f.write_str("ffr"),
            Self::VectorLength => f.write_str("vl"),
            Self::Pstate => f.write_str("pstate"),
            Self::Sys(register) => f.write_str(register.name()),
            Self::Tag(offset) => write!(f, "tag at {offset:#x}"),
            Self::Data(offset) => write!(f, "data at {offset:#x}"),
        }
    }
}

/// Lists where two observations of one program differ, in the order in which it ran.
#[must_use]
pub fn differences(expected: &Observation, found: &Observation) -> Vec<Difference> {
    let mut list = Differences { tagged_far: expected.tagged_far && found.tagged_far, ..Differences::default() };
    for (a, b) in expected.seen.iter().zip(&found.seen) {
        list.step = Some(a.step);
        match (&a.what, &b.what) {
            (StepOutcome::Block(one), StepOutcome::Block(other)) => {
                list.traces(one, other, &[&*a.unknown, &*b.unknown].concat(), a.unknown_x | b.unknown_x);
                list.vectors(one, other, a.unknown_v | b.unknown_v);
                list.scalable(one, other, a.unknown_v | b.unknown_v, a.unknown_p | b.unknown_p);
            }
            (StepOutcome::Tags { offset, tags: a }, StepOutcome::Tags { tags: b, .. }) => list.tags(*offset, a, b),
            // It is an expectation's; memory is compared at the end.
            (StepOutcome::Data { .. }, StepOutcome::Data { .. }) => {}
            _ => list.add(Location::Progress, || ("another step".to_owned(), "this step".to_owned())),
        }
    }
    list.step = expected.endless.or(found.endless);
    let progress = |observation: &Observation| match observation.endless {
        Some(step) => format!("step {step} does not end"),
        None => format!("to the end, with {} results", observation.seen.len()),
    };
    if (expected.endless, expected.seen.len()) != (found.endless, found.seen.len()) {
        list.add(Location::Progress, || (progress(expected), progress(found)));
        return list.found;
    }
    list.step = None;
    for page in expected.pages().union(&found.pages()) {
        list.page(*page, expected.extent_at(*page), found.extent_at(*page));
    }
    list.found
}

/// Differences as they are found.
#[derive(Default)]
struct Differences {
    step: Option<usize>,
    found: Vec<Difference>,
    /// All bits of FAR_EL1 are known for a tag check fault.
    tagged_far: bool,
}

impl Differences {
    fn add(&mut self, place: Location, values: impl FnOnce() -> (String, String)) {
        let (expected, found) = values();
        self.found.push(Difference { step: self.step, place, expected, found });
    }

    fn numbers(&mut self, place: Location, a: u64, b: u64) {
        if a != b {
            self.add(place, || (format!("{a:#x}"), format!("{b:#x}")));
        }
    }

    fn traces(&mut self, a: &Trace, b: &Trace, unknown: &[SysReg], unknown_x: u32) {
        for n in 0..a.faults.len().max(b.faults.len()) {
            let (a, b) = (a.faults.get(n), b.faults.get(n));
            let comparable = |fault: Option<&Fault>| fault.map(|fault| comparable_fault(fault, self.tagged_far));
            if comparable(a) != comparable(b) {
                let tagged_far = self.tagged_far;
                self.add(Location::Fault(n), || (fault(a, tagged_far), fault(b, tagged_far)));
                // Those behind it are shifted, or follow from it.
                break;
            }
        }
        if a.end != b.end {
            self.add(Location::End, || (format!("{:?}", a.end), format!("{:?}", b.end)));
        }
        let counts = |n: usize| unknown_x >> n & 1 == 0;
        for n in (0..a.x.len()).filter(|n| counts(*n)) {
            self.numbers(Location::X(n), a.x[n], b.x[n]);
        }
        if counts(31) {
            self.numbers(Location::Sp, a.sp, b.sp);
        }
        self.numbers(Location::Pstate, a.pstate, b.pstate);
        for register in SysReg::ALL.into_iter().filter(|register| !unknown.contains(register)) {
            self.numbers(Location::Sys(register), a.sys(register), b.sys(register));
        }
    }

    fn vectors(&mut self, a: &Trace, b: &Trace, unknown: u32) {
        if let (Some(a), Some(b)) = (&a.v, &b.v) {
            let comparable_fault = a.iter().zip(b.iter()).enumerate().filter(|(n, _)| unknown >> n & 1 == 0);
            for (n, (a, b)) in comparable_fault.filter(|(_, (a, b))| a != b) {
                let value = |[low, high]: &[u64; 2]| format!("{high:#018x} {low:#018x}");
                self.add(Location::V(n), || (value(a), value(b)));
            }
        }
    }

    /// Compares the scalable registers; bytes above the shorter vector length do not count, since the lengths differ.
    fn scalable(&mut self, a: &Trace, b: &Trace, unknown_v: u32, unknown_p: u32) {
        let (Some(a), Some(b)) = (&a.scalable, &b.scalable) else { return };
        self.numbers(Location::VectorLength, a.vector_bytes().into(), b.vector_bytes().into());
        let mut registers = |place, a: &[u8], b: &[u8]| {
            if a.iter().zip(b).any(|(a, b)| a != b) {
                self.add(place, || (scalable::text(a), scalable::text(b)));
            }
        };
        for n in (0..32).filter(|n| unknown_v >> n & 1 == 0) {
            registers(Location::Z(n), a.z(n), b.z(n));
        }
        for n in (0..16).filter(|n| unknown_p >> n & 1 == 0) {
            registers(Location::P(n), a.p(n), b.p(n));
        }
        if unknown_p >> FFR & 1 == 0 {
            registers(Location::Ffr, a.ffr(), b.ffr());
        }
    }

    fn tags(&mut self, offset: u64, a: &[u8], b: &[u8]) {
        if a == b {
            return;
        }
        for (at, (a, b)) in (offset..).step_by(arch::GRANULE_BYTES).zip(a.iter().zip(b)) {
            self.numbers(Location::Tag(at), u64::from(*a), u64::from(*b));
        }
    }

    /// Compares a page of memory. A side that did not look at it has zeros there.
    fn page(&mut self, offset: u64, a: Option<&ObservedExtent>, b: Option<&ObservedExtent>) {
        let ((data, tags), (other_data, other_tags)) = (page_of(a, offset, b), page_of(b, offset, a));
        // A VM without tags has none to show.
        if a.is_none_or(|extent| !extent.tags.is_empty()) && b.is_none_or(|extent| !extent.tags.is_empty()) {
            self.tags(offset, tags, other_tags);
        }
        if data == other_data {
            return;
        }
        let words = |data: &[u8]| -> Vec<u64> {
            let (words, _) = data.as_chunks::<8>();
            words.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        for (at, (a, b)) in (offset..).step_by(8).zip(words(&data).into_iter().zip(words(&other_data))) {
            self.numbers(Location::Data(at), a, b);
        }
    }
}

/// Returns data and tags of a page as one side shows it, without what is UNKNOWN on either.
fn page_of<'a>(extent: Option<&'a ObservedExtent>, offset: u64, other: Option<&ObservedExtent>) -> (Vec<u8>, &'a [u8]) {
    match extent {
        Some(extent) => extent.page(offset, other),
        None => (vec![0; GUEST_PAGE as usize], &[0; TAGS]),
    }
}

/// Granules of a page.
const TAGS: usize = GUEST_PAGE as usize / arch::GRANULE_BYTES;

/// Returns what must be the same of an exception: its instruction, and the known bits of ESR_EL1, FAR_EL1 and SPSR_EL1.
#[must_use]
pub fn comparable_fault(fault: &Fault, tagged_far: bool) -> (Option<usize>, u64, Option<u64>, u64) {
    (fault.index, comparable_esr(fault), known_far(fault, tagged_far), fault.spsr)
}

/// Returns the known bits of ESR_EL1 (Arm ARM, ESR_EL1.WnR: UNKNOWN for an unsupported exclusive or atomic access).
fn comparable_esr(fault: &Fault) -> u64 {
    let unsupported = fault.esr.dfsc() == Some(FaultStatus::UNSUPPORTED_ATOMIC);
    fault.esr.bits() & !if unsupported { WNR } else { 0 }
}

/// Returns the known bits of FAR_EL1 (Arm ARM, FAR_EL1: UNKNOWN but for aborts and PC alignment faults).
pub(crate) fn known_far(fault: &Fault, tagged_far: bool) -> Option<u64> {
    let class = fault.esr.class();
    let abort = class.is_data_abort() || class.is_instruction_abort();
    if !abort && class != ExceptionClass::PC_ALIGNMENT || abort && fault.esr.iss() & FNV != 0 {
        return None;
    }
    Some(if fault.esr.is_tag_check_fault() && !tagged_far { fault.far & !FAR_TAG } else { fault.far })
}

/// Describes an exception, or that there is none.
#[must_use]
pub fn fault(fault: Option<&Fault>, tagged_far: bool) -> String {
    let Some(fault) = fault else { return "no exception".to_owned() };
    let place = fault.index.map_or_else(|| "outside the block".to_owned(), |index| format!("instruction {index}"));
    format!("{place}: {}", exception(fault, tagged_far))
}

/// Describes an exception without its place.
#[must_use]
pub fn exception(fault: &Fault, tagged_far: bool) -> String {
    let syndrome = fault.esr;
    let far = known_far(fault, tagged_far).map(|far| format!(" at {far:#018x}")).unwrap_or_default();
    format!("{syndrome}{far}, pstate {:#x}", fault.spsr)
}

#[cfg(test)]
mod tests;
