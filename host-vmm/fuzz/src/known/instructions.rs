//! Which instructions show a known divergence.

use arch::{Arg, DataCacheOp, ScalableAddress};
use errata::avoid::{Avoid, Avoided};
use isa::Insn;

/// Returns whether an instruction shows a known divergence.
#[must_use]
pub fn shows(known: &Avoided, insn: Insn) -> bool {
    known.rules.iter().any(|rule| match *rule {
        Avoid::Ops(ops) => ops.contains(&insn.op()),
        Avoid::NonFaultCrossing => {
            insn.op() == arch::Op::SveLdnf1 && insn.access().is_some_and(|access| access.bytes > 1)
        }
        Avoid::ScalableByStack => insn.op().is_scalable() && insn.args().last().is_some_and(is_stack_with_immediate),
        Avoid::VerticalSlices => {
            let vertical = |arg: &Arg| matches!(arg, Arg::ZaSliceList(slice) if slice.is_vertical());
            insn.op() == arch::Op::SmeLd1 && insn.args().first().is_some_and(vertical)
        }
        Avoid::UnalignedStack => moves_stack(insn),
        Avoid::LongLists => {
            insn.args().iter().any(|arg| matches!(arg, Arg::VectorList(_)))
                && insn.access().is_some_and(|access| access.total() > 32)
        }
        Avoid::CacheOps(these) => {
            insn.args().iter().any(|arg| matches!(arg, Arg::DataCacheOp(operation) if these.contains(operation)))
        }
        _ => false,
    })
}

fn is_stack_with_immediate(arg: &Arg) -> bool {
    match arg {
        Arg::Address(address) => address.base.is_sp(),
        Arg::ScalableAddress(ScalableAddress::Multiple { base, .. }) => base.is_sp(),
        _ => false,
    }
}

/// Mnemonics of exclusive loads.
pub(super) const EXCLUSIVE_LOADS: &[&str] = &["ldxr", "ldaxr", "ldxp", "ldaxp"];
/// Of exclusive stores.
pub(super) const EXCLUSIVE_STORES: &[&str] = &["stxr", "stlxr", "stxp", "stlxp"];
/// Of instructions that sign, authenticate or strip pointers to instructions.
pub(super) const INSTRUCTION_KEYS: &[&str] = &["paci", "auti", "xpaci", "xpaclri", "reta", "bra", "blra"];

/// Returns whether an instruction's mnemonic begins like one of these.
pub(super) fn has<'w>(words: impl IntoIterator<Item = &'w u32>, prefixes: &[&str]) -> bool {
    let like = |insn: Insn| prefixes.iter().any(|prefix| insn.row().mnemonic().starts_with(prefix));
    words.into_iter().filter_map(|word| Insn::decode(*word)).any(like)
}

pub(super) fn is_zva(word: u32) -> bool {
    Insn::decode(word)
        .is_some_and(|insn| insn.args().iter().any(|arg| matches!(arg, Arg::DataCacheOp(DataCacheOp::Zva))))
}

/// Returns whether an instruction may leave the stack pointer at what is not a multiple of 16.
fn moves_stack(insn: Insn) -> bool {
    /// Instructions whose first operand is written, and may be the stack pointer.
    const WRITERS: [&str; 5] = ["add", "sub", "irg", "addg", "subg"];
    let args = insn.args();
    let sp = |arg: Option<&Arg>| matches!(arg, Some(Arg::Reg(register)) if register.is_sp());
    // Not by a register, whatever is in it.
    let steps = matches!(insn.row().mnemonic(), "add" | "sub")
        && !matches!(args.get(2), Some(Arg::Imm(value)) if value % 16 == 0);
    let written = WRITERS.contains(&insn.row().mnemonic()) && sp(args.first()) && (!sp(args.get(1)) || steps);
    written
        || args.iter().any(|arg| match arg {
            Arg::Address(address) => address.base.is_sp() && address.writes_back() && address.offset % 16 != 0,
            Arg::PostIndexed(address) => address.base.is_sp(),
            _ => false,
        })
}

/// Returns whether the stack pointer is to be aligned.
#[must_use]
pub fn aligns_stack(known: &Avoided) -> bool {
    known.rules.contains(&Avoid::UnalignedStack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_pointer_is_moved_by_whole_granules_only() {
        for (text, moves) in [
            ("str x0, [sp, #-16]!", false),
            ("str x0, [sp], #8", true),
            ("str x0, [sp, #8]", false),
            ("add sp, sp, #32", false),
            ("add sp, sp, #8", true),
            ("sub sp, sp, x9, lsl #2", true),
            ("sub wsp, wsp, w11", true),
            ("add sp, sp, w1, uxtw", true),
            ("sub x0, sp, x9", false),
            ("addg sp, x0, #16, #1", true),
            ("irg sp, sp", false),
            ("ld1 {v0.16b}, [sp], x1", true),
        ] {
            assert_eq!(moves_stack(assembler::assemble(text).unwrap()[0]), moves, "{text}");
        }
    }
}
