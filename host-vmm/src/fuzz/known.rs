//! Divergences that are known and reported: random programs stay away from them, or they would show nothing else.
//!
//! A row says what is wrong, where that is written, and what programs must not contain. `granule fuzz --known` leaves
//! nothing out.

use isa::{Arg, Insn};

/// A known divergence of QEMU from the architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// `subject.mistake`.
    pub name: &'static str,
    /// What is wrong, as a sentence without its full stop.
    pub what: &'static str,
    /// Where it can be read.
    pub cite: &'static str,
    /// How programs stay away from it.
    pub avoid: Avoid,
}

/// How programs stay away from a divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Avoid {
    /// No instruction whose mnemonic begins like one of these.
    Mnemonics(&'static [&'static str]),
    /// No stack pointer that is not a multiple of 16.
    UnalignedStack,
}

/// What is known of QEMU, system emulation and its own KVM guests alike.
pub static QEMU: &[Known] = &[
    Known {
        name: "ldapur-stlur.unchecked",
        what: "LDAPUR*, STLUR* and their signed forms are not tag checked",
        cite: "QEMU target/arm/tcg/translate-a64.c, trans_LDAPR_i and trans_STLR_i",
        avoid: Avoid::Mnemonics(&["ldapur", "stlur"]),
    },
    Known {
        name: "sp.alignment-unchecked",
        what: "a stack pointer that is not aligned raises no SP alignment fault",
        cite: "QEMU target/arm/tcg/translate-a64.c, gen_check_sp_alignment",
        avoid: Avoid::UnalignedStack,
    },
];

/// Tells whether an instruction shows a known divergence.
#[must_use]
pub fn shows(known: &[Known], insn: Insn) -> bool {
    let mnemonic = insn.row().mnemonic();
    known.iter().any(|known| match known.avoid {
        Avoid::Mnemonics(prefixes) => prefixes.iter().any(|prefix| mnemonic.starts_with(prefix)),
        Avoid::UnalignedStack => moves_stack(insn),
    })
}

/// Tells whether an instruction may leave the stack pointer at what is not a multiple of 16.
fn moves_stack(insn: Insn) -> bool {
    /// Instructions whose first operand is written, and may be the stack pointer.
    const WRITERS: [&str; 5] = ["add", "sub", "irg", "addg", "subg"];
    let args = insn.args();
    let sp = |arg: Option<&Arg>| matches!(arg, Some(Arg::Reg(register)) if register.is_sp());
    let steps = args.iter().any(|arg| match arg {
        Arg::Imm(value) => value % 16 != 0 && matches!(insn.row().mnemonic(), "add" | "sub"),
        Arg::Shift(_) => false,
        Arg::Extend(_) => true,
        _ => false,
    });
    let written = WRITERS.contains(&insn.row().mnemonic()) && sp(args.first()) && (!sp(args.get(1)) || steps);
    written
        || args.iter().any(|arg| match arg {
            Arg::Address(address) => address.base.is_sp() && address.writes_back() && address.offset % 16 != 0,
            Arg::PostIndexed(address) => address.base.is_sp(),
            _ => false,
        })
}

/// Tells whether the stack pointer is to be aligned.
#[must_use]
pub fn aligns_stack(known: &[Known]) -> bool {
    known.iter().any(|known| known.avoid == Avoid::UnalignedStack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::{Profile, generate};

    #[test]
    fn programs_stay_away_from_what_is_known() {
        let (seed, profile) = (0x5eed, Profile { known: QEMU, ..Profile::default() });
        for number in 0..2000 {
            for run in generate::program(seed, number, &profile).runs() {
                let shown = run.words.iter().filter_map(|word| Insn::decode(*word)).find(|insn| shows(QEMU, *insn));
                assert_eq!(shown, None, "seed {seed:#x}, number {number}");
                assert_eq!(run.sp % 16, 0, "seed {seed:#x}, number {number}");
            }
        }
    }

    #[test]
    fn the_stack_pointer_is_moved_by_whole_granules_only() {
        for (text, moves) in [
            ("str x0, [sp, #-16]!", false),
            ("str x0, [sp], #8", true),
            ("str x0, [sp, #8]", false),
            ("add sp, sp, #32", false),
            ("add sp, sp, #8", true),
            ("addg sp, x0, #16, #1", true),
            ("irg sp, sp", false),
            ("ld1 {v0.16b}, [sp], x1", true),
        ] {
            assert_eq!(moves_stack(isa::assemble(text).unwrap()[0]), moves, "{text}");
        }
    }

    #[test]
    fn every_mnemonic_that_is_avoided_exists() {
        for known in QEMU {
            if let Avoid::Mnemonics(prefixes) = known.avoid {
                for prefix in prefixes {
                    assert!(isa::rows().iter().any(|row| row.mnemonic().starts_with(prefix)), "{prefix}");
                }
            }
        }
    }
}
