//! Calls by HVC at EL1, and the function identifiers that several chapters use (Arm DEN 0028 and DEN 0022).

use crate::case::{CaseError, CaseResult};
use crate::expect::{equal_hex, no_fault};
use crate::guest::Guest;
use machine::Trace;

/// SMCCC_VERSION (DEN 0028).
pub const SMCCC_VERSION: u64 = 0x8000_0000;
/// PSCI_VERSION (DEN 0022).
pub const PSCI_VERSION: u64 = 0x8400_0000;
/// A function in the range of standard services that is allocated to none.
pub const UNALLOCATED: u64 = 0x8400_0060;

/// The result of a function that does not exist: -1.
pub const NOT_SUPPORTED: u64 = u64::MAX;

/// Calls a function at EL1, with these values from x0 on.
///
/// # Errors
///
/// When the machine cannot, or HVC takes an exception.
pub fn call(guest: &mut Guest, x: &[u64]) -> Result<Trace, CaseError> {
    let trace = guest.exec("hvc #0", x)?;
    no_fault(guest, "HVC", &trace)?;
    Ok(trace)
}

/// Expects a function's first result.
///
/// # Errors
///
/// As [`call`], or when the result is another.
pub fn gives(guest: &mut Guest, what: &str, x: &[u64], expected: u64) -> CaseResult {
    let trace = call(guest, x)?;
    equal_hex(&format!("x0 of {what} ({:#x})", x[0]), expected, trace.x[0])
}
