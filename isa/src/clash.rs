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

/// The same of SIMD&FP registers.
pub(crate) fn load_simd_pair(args: &Args) -> Option<&'static str> {
    match args[..] {
        [Arg::Simd(first), Arg::Simd(second), ..] if first.index() == second.index() => {
            Some("both values are loaded into the same register")
        }
        _ => None,
    }
}

/// The status of an exclusive store must not overwrite what is stored (Arm ARM, `Unpredictable_DATAOVERLAP`), or where
/// (`Unpredictable_BASEOVERLAP`).
pub(crate) fn status(args: &Args) -> Option<&'static str> {
    let mut registers = registers(args).map(Reg::index);
    let status = registers.next()?;
    if registers.any(|stored| stored == status) {
        return Some("the status register is also stored");
    }
    let overwrites_base = args.iter().any(|arg| match arg {
        Arg::Address(address) => address.base.index() == status && !address.base.is_sp(),
        _ => false,
    });
    overwrites_base.then_some("the status register is also the base")
}

/// The registers of a memory copy or set must differ (Arm ARM, `Unpredictable_MOPSOVERLAP`).
pub(crate) fn overlap(args: &Args) -> Option<&'static str> {
    let named = || {
        args.iter().filter_map(|arg| match arg {
            Arg::Reg(register) | Arg::Pointer(register) | Arg::Counter(register) => Some(register.index()),
            _ => None,
        })
    };
    let twice = named().enumerate().any(|(place, index)| named().skip(place + 1).any(|other| other == index));
    twice.then_some("a register is used twice")
}

fn registers(args: &Args) -> impl Iterator<Item = Reg> {
    args.iter().filter_map(|arg| match arg {
        Arg::Reg(register) => Some(*register),
        _ => None,
    })
}
