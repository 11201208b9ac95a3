//! The scalable registers of SVE: drawn for a block, and compared with what it left.

use abi::mailbox::Scalable;
use machine::{ScalableState, Trace};

use crate::case::CaseResult;
use crate::case_context::CaseContext;
use crate::expect::{equal, equal_hex, fail_with};
use crate::guest::Guest;

/// Draws z0 to z31, p0 to p15 and FFR, whose set bits are those from bit 0 on (Arm ARM, WRFFR), at a vector length in bytes.
pub fn random_state(cx: &mut CaseContext<'_>, vector_bytes: u16) -> ScalableState {
    let mut registers = Box::new(Scalable::ZERO);
    registers.z.iter_mut().for_each(|z| cx.random().fill(z));
    registers.p.iter_mut().for_each(|p| cx.random().fill(p));
    let bits = cx.random().usize(1..usize::from(vector_bytes));
    (0..bits).for_each(|bit| registers.ffr[bit / 8] |= 1 << (bit % 8));
    ScalableState::new(vector_bytes.into(), registers)
}

/// Returns registers of which p0 is true and all others are 0.
#[must_use]
pub fn all_true(vector_bytes: u16) -> ScalableState {
    let mut state = ScalableState::new(vector_bytes.into(), Box::new(Scalable::ZERO));
    state.p_mut(0).fill(0xff);
    state
}

/// Expects the scalable registers after a block, and their length.
///
/// # Errors
///
/// They differ; the failure names the first, and the place in it.
pub fn same_state(guest: &Guest, what: &str, expected: &ScalableState, trace: &Trace) -> CaseResult {
    let Some(found) = &trace.scalable else {
        return fail_with(what, "z0 to z31, p0 to p15 and FFR", "none", guest.listing());
    };
    equal(&format!("the vector length {what}"), &expected.vector_bytes(), &found.vector_bytes())?;
    let vectors = (0..32).map(|n| (format!("z{n}"), expected.z(n), found.z(n)));
    let predicates = (0..16).map(|n| (format!("p{n}"), expected.p(n), found.p(n)));
    let first_fault = [("FFR".to_owned(), expected.ffr(), found.ffr())];
    for (name, expected, found) in vectors.chain(predicates).chain(first_fault) {
        same_bytes(&name, what, expected, found)?;
    }
    Ok(())
}

/// Expects the bytes of a scalable register, eight at a time from the lowest on.
///
/// # Errors
///
/// They differ; the failure names the first eight that do.
pub fn same_bytes(name: &str, what: &str, expected: &[u8], found: &[u8]) -> CaseResult {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let words = (0..).step_by(8).zip(expected.chunks(8).zip(found.chunks(8)));
    for (at, (expected, found)) in words.filter(|(_, (expected, found))| expected != found) {
        equal_hex(&format!("{name} from byte {at} on {what}"), number(expected), number(found))?;
    }
    Ok(())
}
