//! What a random program must never do: write a control register without having read it.
//!
//! SCTLR_EL1 turns the MMU on, under which the firmware runs. A program changes a field of it by MRS, EOR with the
//! field's bits and MSR, one behind the other, and no branch leads in between.

use isa::{Arg, Insn, SysReg};

use crate::program::target::{self, WORD};

/// The registers that are the firmware's too.
const SHARED: [SysReg; 2] = [SysReg::SctlrEl1, SysReg::TcrEl1];

/// Tells whether every write of a shared register in a block stands behind its read.
#[must_use]
pub fn keeps_the_firmware_alive(words: &[u32]) -> bool {
    (0..words.len()).filter(|index| writes_shared(words[*index])).all(|index| reads_before(words, index))
}

fn writes_shared(word: u32) -> bool {
    shared(word, "msr").is_some()
}

/// Gives the shared register that an instruction with this mnemonic names.
fn shared(word: u32, mnemonic: &str) -> Option<SysReg> {
    let insn = Insn::decode(word).filter(|insn| insn.row().mnemonic() == mnemonic)?;
    insn.args().iter().find_map(|arg| match arg {
        Arg::SysReg(register) if SHARED.contains(register) => Some(*register),
        _ => None,
    })
}

/// Tells whether MRS and EOR of the same registers stand right before the MSR at `index`, and nothing leads between.
fn reads_before(words: &[u32], index: usize) -> bool {
    let Some(first) = index.checked_sub(2) else { return false };
    let register = |word: u32| word & 0x1f;
    let flips = Insn::decode(words[first + 1]).is_some_and(|insn| insn.row().mnemonic() == "eor");
    let same = register(words[first]) == register(words[index]) && register(words[first + 1]) == register(words[index]);
    let enters = |from: usize| {
        let insn = Insn::decode(words[from]).filter(|insn| target::branches(*insn));
        let goal = insn.and_then(target::distance).map(|distance| from as i64 + distance / WORD);
        goal.is_some_and(|goal| [index as i64, index as i64 - 1].contains(&goal))
    };
    shared(words[first], "mrs") == shared(words[index], "msr") && flips && same && !(0..words.len()).any(enters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::{Profile, generate};

    fn safe(text: &str) -> bool {
        let words: Vec<u32> = isa::assemble(text).unwrap().into_iter().map(Insn::encode).collect();
        keeps_the_firmware_alive(&words)
    }

    #[test]
    fn a_control_register_is_read_before_it_is_written() {
        let whole = "mrs x15, sctlr_el1; eor x15, x15, #0x4000000000; msr sctlr_el1, x15";
        assert!(safe(whole) && safe("msr gcr_el1, x1"));
        assert!(!safe("msr sctlr_el1, x15"));
        assert!(!safe("nop; eor x15, x15, #0x4000000000; msr sctlr_el1, x15"));
        assert!(!safe("mrs x14, sctlr_el1; eor x15, x15, #0x4000000000; msr sctlr_el1, x15"));
        assert!(!safe("mrs x15, tcr_el1; eor x15, x15, #0x4000000000; msr sctlr_el1, x15"));
        assert!(!safe(&format!("cbz x0, .+8; {whole}")) && safe(&format!("cbz x0, .+4; {whole}")));
    }

    #[test]
    fn random_programs_keep_the_firmware_alive() {
        let seed = 0x5eed;
        let mut writes = 0;
        for number in 0..4000 {
            for run in generate::program(seed, number, &Profile::default()).runs() {
                writes += run.words.iter().filter(|word| writes_shared(**word)).count();
                assert!(keeps_the_firmware_alive(&run.words), "seed {seed:#x}, number {number}");
            }
        }
        assert!(writes > 20, "seed {seed:#x}: {writes} writes are too few to tell");
    }
}
