//! Combinations of registers that are CONSTRAINED UNPREDICTABLE, although each register is valid by itself.
//!
//! Such words neither assemble nor decode, because implementations may differ in what they do.

use arch::{Arg, Args, Reg};

/// Checks a load or store with writeback: the base must not be transferred (Arm ARM, `Unpredictable_WBOVERLAPLD` and
/// `Unpredictable_WBOVERLAPST`).
pub(crate) fn writeback(args: &Args) -> Option<&'static str> {
    let base = args.iter().find_map(|arg| match arg {
        Arg::Address(address) if address.writes_back() => Some(address.base),
        _ => None,
    })?;
    let transferred = registers(args).any(|register| register.index() == base.index());
    (transferred && !base.is_sp()).then_some("writeback to a transferred register")
}

/// Checks that a pair is loaded into two different registers (Arm ARM, `Unpredictable_LDPOVERLAP`; of a 128-bit atomic,
/// `Unpredictable_LSE128OVERLAP`).
pub(crate) fn load_pair(args: &Args) -> Option<&'static str> {
    let mut loaded = registers(args).map(Reg::index);
    let same = loaded.next() == loaded.next();
    same.then_some("identical destination registers")
}

/// Checks that a pair is loaded into two different SIMD&FP registers (Arm ARM, `Unpredictable_LDPOVERLAP`).
pub(crate) fn load_simd_pair(args: &Args) -> Option<&'static str> {
    match args[..] {
        [Arg::Simd(first), Arg::Simd(second), ..] if first.index() == second.index() => {
            Some("identical destination registers")
        }
        _ => None,
    }
}

/// Checks that the status of an exclusive store overwrites neither the data (Arm ARM, `Unpredictable_DATAOVERLAP`) nor
/// the base (`Unpredictable_BASEOVERLAP`).
pub(crate) fn status(args: &Args) -> Option<&'static str> {
    let mut registers = registers(args).map(Reg::index);
    let status = registers.next()?;
    if registers.any(|stored| stored == status) {
        return Some("identical status and transfer registers");
    }
    let overwrites_base = args.iter().any(|arg| match arg {
        Arg::Address(address) => address.base.index() == status && !address.base.is_sp(),
        _ => false,
    });
    overwrites_base.then_some("identical status and base registers")
}

/// Checks that the registers of a memory copy or set differ (Arm ARM, `Unpredictable_MOPSOVERLAP`).
pub(crate) fn overlap(args: &Args) -> Option<&'static str> {
    let named = || {
        args.iter().filter_map(|arg| match arg {
            Arg::Reg(register) | Arg::UpdatedAddress(register) | Arg::UpdatedSize(register) => Some(register.index()),
            _ => None,
        })
    };
    let twice = named().enumerate().any(|(place, index)| named().skip(place + 1).any(|other| other == index));
    twice.then_some("two operands are the same register")
}

fn registers(args: &Args) -> impl Iterator<Item = Reg> {
    args.iter().filter_map(|arg| match arg {
        Arg::Reg(register) => Some(*register),
        _ => None,
    })
}
