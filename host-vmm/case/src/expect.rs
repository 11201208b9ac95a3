//! Comparisons whose failure says what was expected and what was found.

use std::fmt::Display;

use arch::{ExceptionClass, Syndrome, Tag, TaggedPtr};

use crate::case::{CaseError, CaseResult};
use crate::guest::Guest;
use abi::mailbox::{BlockEnd, Status};
use machine::tags::GRANULE;
use machine::{El, Fault, MachineError, RequestError, Trace};
use report::event::Failure;
use report::failure::{BlockMismatch, Exception, FailureKind, Mismatch, Place, PlaceDifference, TagMismatch};

/// Granules shown on either side of the first one that differs.
const CONTEXT: usize = 4;

/// Fails with an expectation and a finding.
///
/// # Errors
///
/// Always: the failure.
pub fn fail<T>(what: impl Into<String>, expected: impl Display, found: impl Display) -> Result<T, CaseError> {
    fail_with(what, expected, found, Vec::new())
}

/// Fails with more for a person to look at.
///
/// # Errors
///
/// Always: the failure.
pub fn fail_with<T>(
    what: impl Into<String>,
    expected: impl Display,
    found: impl Display,
    detail: Vec<String>,
) -> Result<T, CaseError> {
    fail_by(what, expected, found, detail, Mismatch::Described)
}

/// Fails with values that an erratum can be recognised by.
///
/// # Errors
///
/// Always: the failure.
pub fn fail_by<T>(
    what: impl Into<String>,
    expected: impl Display,
    found: impl Display,
    detail: Vec<String>,
    mismatch: Mismatch,
) -> Result<T, CaseError> {
    let kind = FailureKind::Mismatch(mismatch);
    let failure = Failure::described(what, expected.to_string(), found.to_string());
    Err(CaseError::Failed(Box::new(Failure { detail, kind, ..failure })))
}

/// Expects two values to be equal.
///
/// # Errors
///
/// They differ.
pub fn equal<T: PartialEq + Display>(what: &str, expected: &T, found: &T) -> CaseResult {
    if expected == found { Ok(()) } else { fail(what, expected, found) }
}

/// Expects two numbers to be equal, and prints them in hexadecimal.
///
/// # Errors
///
/// They differ.
pub fn equal_hex(what: &str, expected: u64, found: u64) -> CaseResult {
    if expected == found {
        return Ok(());
    }
    let mismatch = Mismatch::Number { expected, found };
    fail_by(what, format_args!("{expected:#x}"), format_args!("{found:#x}"), Vec::new(), mismatch)
}

/// Expects something to hold.
///
/// # Errors
///
/// It does not.
pub fn holds(what: &str, expected: impl Display, found: impl Display, condition: bool) -> CaseResult {
    if condition { Ok(()) } else { fail(what, expected, found) }
}

/// Expects that the firmware rejects the arguments of a request.
///
/// # Errors
///
/// It does not, or the machine fails otherwise.
pub fn rejected_by_firmware<T>(what: &str, answer: Result<T, MachineError>) -> CaseResult {
    match answer {
        Err(MachineError::Request(RequestError::FirmwareRefused { status: Status::BadArgument, .. })) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => fail(what, "bad arguments", "done"),
    }
}

/// Expects a pointer's logical tag.
///
/// # Errors
///
/// It has another.
pub fn pointer_tag(what: &str, expected: u8, pointer: u64) -> CaseResult {
    equal(what, &Tag::truncate(expected), &TaggedPtr::new(pointer).tag())
}

/// Expects the tags of consecutive granules from `ipa` on.
///
/// # Errors
///
/// They differ; the failure shows where, and the tags around.
pub fn tags(what: &str, ipa: u64, expected: &[u8], found: &[u8]) -> CaseResult {
    if expected == found {
        return Ok(());
    }
    let Some(first) = (0..expected.len().max(found.len())).find(|i| expected.get(*i) != found.get(*i)) else {
        return Ok(());
    };
    let wrong = expected.iter().zip(found).filter(|(a, b)| a != b).count();
    let mut detail = tag_lines(ipa, expected, found, first);
    detail.push(format!("{wrong} of {} granules differ", expected.len()));
    let show = |tags: &[u8]| tags.get(first).map_or("nothing".to_owned(), |tag| format!("tag {tag:#x}"));
    let what = format!("{what}, granule {first} at {:#x}", ipa + first as u64 * GRANULE);
    let mismatch = TagMismatch::new(ipa, expected, found).map_or(Mismatch::Described, Mismatch::Tags);
    fail_by(what, show(expected), show(found), detail, mismatch)
}

/// Prints the tags around a granule, expected above found.
fn tag_lines(ipa: u64, expected: &[u8], found: &[u8], around: usize) -> Vec<String> {
    let range = around.saturating_sub(CONTEXT)..(around + CONTEXT + 1).min(expected.len().max(found.len()));
    let line = |tags: &[u8]| {
        range
            .clone()
            .map(|i| tags.get(i).map_or(" -".to_owned(), |tag| format!("{tag:2x}")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    vec![
        format!("tags from {:#x} on:", ipa + range.start as u64 * GRANULE),
        format!("  expected {}", line(expected)),
        format!("  found    {}", line(found)),
    ]
}

/// Expects bytes of memory.
///
/// # Errors
///
/// They differ; the failure shows where.
pub fn bytes(what: &str, ipa: u64, expected: &[u8], found: &[u8]) -> CaseResult {
    if expected == found {
        return Ok(());
    }
    let Some(first) = expected.iter().zip(found).position(|(a, b)| a != b) else {
        return fail(what, format!("{} bytes", expected.len()), format!("{} bytes", found.len()));
    };
    let word = |bytes: &[u8]| {
        let start = first & !7;
        bytes[start..(start + 8).min(bytes.len())].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    fail(format!("{what}, byte {first} at {:#x}", ipa + first as u64), word(expected), word(found))
}

/// Expects that a block took no exception.
///
/// # Errors
///
/// It took one.
pub fn no_fault(guest: &Guest, what: &str, trace: &Trace) -> CaseResult {
    match trace.faults.first() {
        None => Ok(()),
        Some(fault) => {
            let mismatch = block_mismatch(guest, Vec::new(), trace);
            fail_by(what, "no exception", fault, guest.listing(), mismatch)
        }
    }
}

/// Expects tag check faults at exactly these instructions.
///
/// # Errors
///
/// It took others, or none.
pub fn faults_at(guest: &Guest, what: &str, expected: &[usize], trace: &Trace) -> CaseResult {
    let found: Vec<_> = trace
        .faults
        .iter()
        .filter_map(|fault| fault.esr.is_tag_check_fault().then_some(fault.index).flatten())
        .collect();
    if found == expected && found.len() == trace.faults.len() {
        return Ok(());
    }
    let show = trace.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    fail_with(
        what,
        format!("tag check faults at instructions {expected:?}"),
        if show.is_empty() { "none" } else { &show },
        guest.listing(),
    )
}

/// Expects exactly one exception, with this syndrome.
///
/// # Errors
///
/// It took another, several or none.
pub fn one_exception(guest: &Guest, what: &str, esr: u64, trace: &Trace) -> CaseResult {
    one_exception_of(guest, what, None, esr, trace)
}

/// Expects exactly one exception, with this syndrome, of an instruction by its place in the block.
///
/// # Errors
///
/// It took another, several or none.
pub fn one_exception_at(guest: &Guest, what: &str, index: usize, esr: u64, trace: &Trace) -> CaseResult {
    one_exception_of(guest, what, Some(index), esr, trace)
}

fn one_exception_of(guest: &Guest, what: &str, index: Option<usize>, esr: u64, trace: &Trace) -> CaseResult {
    let mismatch = || block_mismatch(guest, vec![promised(guest, index, esr, None)], trace);
    match trace.faults.as_slice() {
        [fault] if known_esr(fault) == esr && (index.is_none() || fault.index == index) => Ok(()),
        [fault] => {
            let what = format!("ESR_EL1 of {what}");
            let found = known_esr(fault);
            fail_by(what, format_args!("{esr:#x}"), format_args!("{found:#x}"), guest.listing(), mismatch())
        }
        other => fail_by(what, "one exception", format!("{other:?}"), guest.listing(), mismatch()),
    }
}

/// Returns ESR_EL1. Bits 63:32 of a tag check fault's are one case's business, `arch.check.syndrome-upper-half`.
fn known_esr(fault: &Fault) -> u64 {
    const LOWER_HALF: u64 = 0xffff_ffff;
    fault.esr.bits() & if fault.esr.is_tag_check_fault() { LOWER_HALF } else { u64::MAX }
}

/// An exception that is promised; in a block of one instruction it is that one's.
fn promised(guest: &Guest, index: Option<usize>, esr: u64, far: Option<u64>) -> Exception {
    let only = guest.last_block().is_some_and(|block| block.words().len() == 1).then_some(0);
    Exception { index: index.or(only), esr, far, pstate: None }
}

/// Describes what the last block did instead of taking these exceptions: its own, and which registers it changed.
fn block_mismatch(guest: &Guest, expected: Vec<Exception>, trace: &Trace) -> Mismatch {
    let Some(block) = guest.last_block() else { return Mismatch::Described };
    let before = block.record(false);
    let taken = |fault: &Fault| {
        let far = fault.esr.class().is_data_abort().then_some(known_far(fault));
        Exception { index: fault.index, esr: known_esr(fault), far, pstate: None }
    };
    let mut others = Vec::new();
    let mut changed = |place: Place, expected: u64, found: u64| {
        if expected != found {
            others.push(PlaceDifference { place, expected: format!("{expected:#x}"), found: format!("{found:#x}") });
        }
    };
    for (number, (expected, found)) in before.x.iter().zip(&trace.x).enumerate() {
        changed(Place::X(number), *expected, *found);
    }
    changed(Place::Sp, before.sp, trace.sp);
    changed(Place::End, BlockEnd::Complete as u64, trace.end as u64);
    let found = trace.faults.iter().map(taken).collect();
    Mismatch::Block(BlockMismatch { words: block.words().to_vec(), expected, found, others, from_before: true })
}

/// Returns the bits of FAR_EL1 that are known.
fn known_far(fault: &Fault) -> u64 {
    if fault.esr.is_tag_check_fault() { fault.far & KNOWN } else { fault.far }
}

/// Bits of FAR_EL1 of a tag check fault that are known.
const KNOWN: u64 = u64::MAX >> 4;

/// Whether an access was a load or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It read.
    Load,
    /// It wrote.
    Store,
}

/// Returns the syndrome of a synchronous tag check fault (DDI 0487, ESR_EL1, DFSC 0b010001).
pub fn tag_check_syndrome(el: El, direction: Direction) -> Syndrome {
    let class = if el == El::El0 { ExceptionClass::DATA_ABORT_LOWER } else { ExceptionClass::DATA_ABORT_SAME };
    let write = if direction == Direction::Store { 1 << 6 } else { 0 };
    Syndrome::new(class, 0b01_0001 | write)
}

/// A tag check fault that must be taken.
#[derive(Clone, Copy, Debug)]
pub struct TagCheckFault {
    /// Level of the access.
    pub el: El,
    /// Load or store.
    pub direction: Direction,
    /// Index of the instruction.
    pub index: usize,
    /// The pointer used; FAR_EL1 shows it, bits 63:60 apart, which are UNKNOWN.
    pub pointer: u64,
}

/// Expects exactly one exception: this tag check fault.
///
/// # Errors
///
/// It took another, several or none.
pub fn one_tag_check_fault(guest: &Guest, what: &str, expected: TagCheckFault, trace: &Trace) -> CaseResult {
    let mismatch = || {
        let esr = tag_check_syndrome(expected.el, expected.direction).bits();
        let promised = promised(guest, Some(expected.index), esr, Some(expected.pointer & KNOWN));
        block_mismatch(guest, vec![promised], trace)
    };
    match trace.faults.as_slice() {
        [fault] => tag_check_fault(guest, what, expected, fault),
        [] => fail_by(what, "a tag check fault", "no exception", guest.listing(), mismatch()),
        [_, second, ..] => {
            let found = format!("{}, the second {second}", trace.faults.len());
            fail_by(what, "one exception", found, guest.listing(), mismatch())
        }
    }
}

/// Expects exactly these tag check faults, in this order.
///
/// # Errors
///
/// It took others, more or less.
pub fn tag_check_faults(guest: &Guest, what: &str, expected: &[TagCheckFault], trace: &Trace) -> CaseResult {
    let is = |expected: &TagCheckFault, fault: &Fault| {
        known_esr(fault) == tag_check_syndrome(expected.el, expected.direction).bits()
            && fault.index == Some(expected.index)
            && fault.far & KNOWN == expected.pointer & KNOWN
    };
    if expected.len() == trace.faults.len() && expected.iter().zip(&trace.faults).all(|(one, other)| is(one, other)) {
        return Ok(());
    }
    let exception = |expected: &TagCheckFault| {
        let esr = tag_check_syndrome(expected.el, expected.direction).bits();
        promised(guest, Some(expected.index), esr, Some(expected.pointer & KNOWN))
    };
    let show = |expected: &TagCheckFault| format!("instruction {} at {:#x}", expected.index, expected.pointer & KNOWN);
    let all = expected.iter().map(show).collect::<Vec<_>>().join("; ");
    let found = trace.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    fail_by(
        what,
        format!("tag check faults of {all}"),
        if found.is_empty() { "none" } else { &found },
        guest.listing(),
        block_mismatch(guest, expected.iter().map(exception).collect(), trace),
    )
}

/// Expects one exception to be this tag check fault.
fn tag_check_fault(guest: &Guest, what: &str, expected: TagCheckFault, fault: &Fault) -> CaseResult {
    let listing = || guest.listing();
    let syndrome = tag_check_syndrome(expected.el, expected.direction);
    if known_esr(fault) != syndrome.bits() {
        return fail_with(format!("{what}: ESR_EL1"), syndrome, fault.esr, listing());
    }
    if fault.index != Some(expected.index) {
        let found = fault.index.map_or("outside the block".to_owned(), |index| index.to_string());
        return fail_with(format!("{what}: the instruction that faults"), expected.index, found, listing());
    }
    if fault.far & KNOWN != expected.pointer & KNOWN {
        let show = |address: u64| format!("{:#x} (bits 59:0)", address & KNOWN);
        return fail_with(format!("{what}: FAR_EL1"), show(expected.pointer), show(fault.far), listing());
    }
    Ok(())
}
