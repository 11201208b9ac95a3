//! Where an instruction leads: the target of a branch or a literal load, and the same instruction with another one.

use arch::{Arg, Op};
use isa::Insn;

/// Bytes in an instruction.
pub const WORD: i64 = 4;

/// Returns the distance in bytes from an instruction to where it leads; `None` if it has no target.
#[must_use]
pub fn distance(insn: Insn) -> Option<i64> {
    insn.args().iter().find_map(|arg| match arg {
        Arg::PcOffset(distance) => Some(*distance),
        _ => None,
    })
}

/// Returns whether an instruction with a target branches there, and does not load from there.
#[must_use]
pub fn branches(insn: Insn) -> bool {
    matches!(insn.op(), Op::B | Op::Bl | Op::BCond | Op::Cbz | Op::Cbnz | Op::Tbz | Op::Tbnz)
}

/// Returns whether a word is a branch to an earlier instruction or to itself: the end of a loop.
#[must_use]
pub fn is_backward_branch(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| branches(insn) && distance(insn).is_some_and(|distance| distance <= 0))
}

/// Returns the same instruction with another distance; `None` if that does not fit.
#[must_use]
pub fn with_distance(insn: Insn, distance: i64) -> Option<Insn> {
    let replace = |arg: &Arg| match arg {
        Arg::PcOffset(_) => Arg::PcOffset(distance),
        arg => *arg,
    };
    let args: Vec<Arg> = insn.args().iter().map(replace).collect();
    insn.row().insn(&args).ok()
}

/// Returns how many bytes a literal load reads from its target on; 0 if it only makes or hints at an address.
#[must_use]
pub fn bytes_loaded(insn: Insn) -> i64 {
    insn.access().map_or(0, |access| access.total().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_replaced_and_nothing_else() {
        for (text, replaced) in
            [("cbz w3, .+8", "cbz w3, .-4"), ("b.ne .+8", "b.ne .-4"), ("ldr x1, .+8", "ldr x1, .-4")]
        {
            let insn = assembler::assemble(text).unwrap()[0];
            assert_eq!(distance(insn), Some(8), "{text}");
            assert_eq!(with_distance(insn, -4).unwrap().to_string(), replaced);
            assert_eq!(branches(insn), !text.starts_with("ldr"), "{text}");
        }
        assert_eq!(distance(assembler::assemble("nop").unwrap()[0]), None);
    }
}
