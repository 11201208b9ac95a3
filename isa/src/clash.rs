//! Choices of registers that are CONSTRAINED UNPREDICTABLE: each is right, together they are not.
//!
//! Such words neither assemble nor decode, since no two machines need to agree on what they do.

use crate::arg::{Arg, Args};
use crate::register::Reg;

/// A load or store must not write back to a register it transfers (Arm ARM, `Unpredictable_WBOVERLAPLD`).
pub(crate) fn writeback(args: &Args) -> Option<&'static str> {
    let base = args.iter().find_map(|arg| match arg {
        Arg::Address(address) if address.writes_back() => Some(address.base),
        _ => None,
    })?;
    let transferred = registers(args).any(|register| register.index() == base.index());
    (transferred && !base.is_sp()).then_some("the base register is written back and also transferred")
}

/// A pair must not be loaded into one register (Arm ARM, `Unpredictable_LDPOVERLAP`).
pub(crate) fn load_pair(args: &Args) -> Option<&'static str> {
    let mut loaded = registers(args).map(Reg::index);
    let same = loaded.next() == loaded.next();
    same.then_some("both values are loaded into the same register")
}

fn registers(args: &Args) -> impl Iterator<Item = Reg> {
    args.iter().filter_map(|arg| match arg {
        Arg::Reg(register) => Some(*register),
        _ => None,
    })
}
