//! Compares what two machines showed of one program, without the bits that the architecture leaves open.
//!
//! Left out are FAR_EL1 of exceptions that are no abort, bits 63:60 of FAR_EL1 of tag check faults (UNKNOWN without
//! FEAT_MTE_TAGGED_FAR), ISS2 of ESR_EL1, its WnR for an unsupported exclusive or atomic access, the fields of SPSR_EL1 that are not the program's, the fields of
//! SCTLR_EL1 and TCR_EL1 that no program sets, and registers and bytes that the model says to be UNKNOWN. Everything else must be the same to the bit.

use abi::mailbox::SysReg;
use isa::{ExceptionClass, FaultStatus, Syndrome};

use super::control;
use super::observation::{Observation, ObservedExtent, StepOutcome};
use machine::{Fault, Trace};

/// SPSR_EL1: N, Z, C, V, TCO, and the level.
const PSTATE: u64 = 0xf << 28 | 1 << 25 | 0xf;
/// ESR_EL1 without ISS2.
const ESR: u64 = 0xffff_ffff;
/// ESR_EL1.ISS of a data abort: it was a write.
const WNR: u64 = 1 << 6;
/// ESR_EL1.ISS of an abort: FAR_EL1 is not valid.
const FNV: u32 = 1 << 10;
/// GCR_EL1: Exclude and RRND. RGSR_EL1: TAG and what the generator uses of SEED. TFSR_ELx: TF0 and TF1.
const MTE_FIELDS: [(SysReg, u64); 4] =
    [(SysReg::Gcr, 0x1_ffff), (SysReg::Rgsr, 0xff_ff0f), (SysReg::Tfsr, 3), (SysReg::Tfsre0, 3)];

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
            Self::Pstate => f.write_str("pstate"),
            Self::Sys(register) => f.write_str(match register {
                SysReg::Sctlr => "sctlr_el1",
                SysReg::Tcr => "tcr_el1",
                SysReg::Gcr => "gcr_el1",
                SysReg::Rgsr => "rgsr_el1",
                SysReg::Tfsr => "tfsr_el1",
                SysReg::Tfsre0 => "tfsre0_el1",
            }),
            Self::Tag(offset) => write!(f, "tag at {offset:#x}"),
            Self::Data(offset) => write!(f, "data at {offset:#x}"),
        }
    }
}

/// Lists where two observations of one program differ, in the order in which it ran.
#[must_use]
pub fn differences(expected: &Observation, found: &Observation) -> Vec<Difference> {
    let mut list = Differences::default();
    for (a, b) in expected.seen.iter().zip(&found.seen) {
        list.step = Some(a.step);
        match (&a.what, &b.what) {
            (StepOutcome::Block(one), StepOutcome::Block(other)) => {
                list.traces(one, other, &[&*a.unknown, &*b.unknown].concat(), a.unknown_x | b.unknown_x);
                list.vectors(one, other, a.unknown_v | b.unknown_v);
            }
            (StepOutcome::Tags { offset, tags: a }, StepOutcome::Tags { tags: b, .. }) => list.tags(*offset, a, b),
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
    for (a, b) in expected.memory.iter().zip(&found.memory) {
        list.extents(a, b);
    }
    list.found
}

/// Differences as they are found.
#[derive(Default)]
struct Differences {
    step: Option<usize>,
    found: Vec<Difference>,
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
            if a.map(comparable_fault) != b.map(comparable_fault) {
                self.add(Location::Fault(n), || (fault(a), fault(b)));
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
        self.numbers(Location::Pstate, a.pstate & PSTATE, b.pstate & PSTATE);
        for register in [SysReg::Sctlr, SysReg::Tcr] {
            let mask = control::owned(register);
            self.numbers(Location::Sys(register), a.sys(register) & mask, b.sys(register) & mask);
        }
        for (register, mask) in MTE_FIELDS.into_iter().filter(|(register, _)| !unknown.contains(register)) {
            self.numbers(Location::Sys(register), a.sys(register) & mask, b.sys(register) & mask);
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

    fn tags(&mut self, offset: u64, a: &[u8], b: &[u8]) {
        if a == b {
            return;
        }
        for (at, (a, b)) in (offset..).step_by(isa::GRANULE_BYTES).zip(a.iter().zip(b)) {
            self.numbers(Location::Tag(at), u64::from(*a), u64::from(*b));
        }
    }

    fn extents(&mut self, a: &ObservedExtent, b: &ObservedExtent) {
        self.tags(a.offset, &a.tags, &b.tags);
        if a.data == b.data {
            return;
        }
        let words = |extent: &ObservedExtent| -> Vec<u64> {
            let mut data = extent.data.clone();
            for range in a.unknown.iter().chain(&b.unknown) {
                data[(range.start - extent.offset) as usize..(range.end - extent.offset) as usize].fill(0);
            }
            let (words, _) = data.as_chunks::<8>();
            words.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        for (at, (a, b)) in (a.offset..).step_by(8).zip(words(a).into_iter().zip(words(b))) {
            self.numbers(Location::Data(at), a, b);
        }
    }
}

/// Returns what must be the same of an exception: its instruction, and the known bits of ESR_EL1, FAR_EL1 and SPSR_EL1.
#[must_use]
pub fn comparable_fault(fault: &Fault) -> (Option<usize>, u64, Option<u64>, u64) {
    (fault.index, comparable_esr(fault), comparable_far(fault), fault.spsr & PSTATE)
}

/// Returns the known bits of ESR_EL1 (Arm ARM, ESR_EL1.WnR: UNKNOWN for an unsupported exclusive or atomic access).
fn comparable_esr(fault: &Fault) -> u64 {
    let unsupported = fault.esr.dfsc() == Some(FaultStatus::UNSUPPORTED_ATOMIC);
    fault.esr.bits() & ESR & !if unsupported { WNR } else { 0 }
}

/// Returns the known bits of FAR_EL1 (Arm ARM, FAR_EL1: UNKNOWN but for aborts and PC alignment faults).
fn comparable_far(fault: &Fault) -> Option<u64> {
    let class = fault.esr.class();
    let abort = class.is_data_abort() || class.is_instruction_abort();
    if !abort && class != ExceptionClass::PC_ALIGNMENT || abort && fault.esr.iss() & FNV != 0 {
        return None;
    }
    Some(if fault.esr.is_tag_check_fault() { fault.far & !(0xf << 60) } else { fault.far })
}

/// Describes an exception, or that there is none.
#[must_use]
pub fn fault(fault: Option<&Fault>) -> String {
    let Some(fault) = fault else { return "no exception".to_owned() };
    let place = fault.index.map_or_else(|| "outside the block".to_owned(), |index| format!("instruction {index}"));
    format!("{place}: {}", exception(fault))
}

/// Describes an exception without its place.
#[must_use]
pub fn exception(fault: &Fault) -> String {
    let syndrome = Syndrome::from_bits(fault.esr.bits() & ESR);
    let far = comparable_far(fault).map(|far| format!(" at {far:#018x}")).unwrap_or_default();
    format!("{syndrome}{far}, pstate {:#x}", fault.spsr & PSTATE)
}

#[cfg(test)]
mod tests;
