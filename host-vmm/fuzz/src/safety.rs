//! What a random program must never do: write a control register without having read it, or call the hypervisor for
//! something that has an effect.
//!
//! SCTLR_EL1 turns the MMU on, under which the firmware runs. A program changes a field of it by MRS, EOR with the
//! field's bits and MSR, one behind the other, and no branch leads in between. Likewise it calls by MOVZ, MOVK and HVC, and
//! the number that these put into w0 is one of a list. So nothing that a program computes, and nothing that is left out
//! of it later, can turn the machine off.

use arch::{Arg, SysReg};
use isa::Insn;

use program::branch_target::{self, WORD};

/// The registers that are the firmware's too.
const SHARED: [SysReg; 2] = [SysReg::SctlrEl1, SysReg::TcrEl1];

/// Functions without an effect (Arm DEN 0028, DEN 0022, DEN 0098): versions, features, what a CPU is in, workarounds, UUIDs, and
/// some that do not exist.
pub const HARMLESS: [u32; 19] = [
    0x8000_0000,
    0x8000_0001,
    0x8000_8000,
    0x8000_7fff,
    0x8000_3fff,
    0x8400_0000,
    0x8400_0004,
    0xc400_0004,
    0x8400_0005,
    0x8400_0006,
    0x8400_000a,
    0x8400_0050,
    0x8400_0051,
    0x8400_0052,
    0x8600_0000,
    0x8600_ff01,
    0x8400_0060,
    0xc400_0060,
    0,
];

/// Returns whether every write of a shared register in a block stands behind its read, and every call behind a harmless number.
#[must_use]
pub fn is_safe_for_firmware(words: &[u32]) -> bool {
    let all = |is: fn(u32) -> bool, safe: fn(&[u32], usize) -> bool| {
        (0..words.len()).filter(|index| is(words[*index])).all(|index| safe(words, index) && !is_entered(words, index))
    };
    all(writes_shared, reads_before) && all(calls, names_harmless)
}

fn calls(word: u32) -> bool {
    Insn::decode(word).is_some_and(|insn| insn.row().mnemonic() == "hvc")
}

/// Returns whether MOVZ and MOVK right before the HVC at `index` put the number of a harmless function into w0.
fn names_harmless(words: &[u32], index: usize) -> bool {
    const MOVZ_W0_LSL_16: u32 = 0x52a0_0000;
    const MOVK_W0: u32 = 0x7280_0000;
    let Some(first) = index.checked_sub(2) else { return false };
    let named = |function: &u32| {
        words[first] == MOVZ_W0_LSL_16 | function >> 16 << 5 && words[first + 1] == MOVK_W0 | (function & 0xffff) << 5
    };
    HARMLESS.iter().any(named)
}

/// Returns whether a branch leads to the word at `index` or the one before it.
fn is_entered(words: &[u32], index: usize) -> bool {
    (0..words.len()).any(|from| {
        let insn = Insn::decode(words[from]).filter(|insn| branch_target::branches(*insn));
        let goal = insn.and_then(branch_target::distance).map(|distance| from as i64 + distance / WORD);
        goal.is_some_and(|goal| [index as i64, index as i64 - 1].contains(&goal))
    })
}

fn writes_shared(word: u32) -> bool {
    shared(word, "msr").is_some()
}

/// Returns the shared register that an instruction with this mnemonic names.
fn shared(word: u32, mnemonic: &str) -> Option<SysReg> {
    let insn = Insn::decode(word).filter(|insn| insn.row().mnemonic() == mnemonic)?;
    insn.args().iter().find_map(|arg| match arg {
        Arg::SysReg(register) if SHARED.contains(register) => Some(*register),
        _ => None,
    })
}

/// Returns whether MRS and EOR of the same registers stand right before the MSR at `index`.
fn reads_before(words: &[u32], index: usize) -> bool {
    let Some(first) = index.checked_sub(2) else { return false };
    let register = |word: u32| word & 0x1f;
    let flips = Insn::decode(words[first + 1]).is_some_and(|insn| insn.row().mnemonic() == "eor");
    let same = register(words[first]) == register(words[index]) && register(words[first + 1]) == register(words[index]);
    shared(words[first], "mrs") == shared(words[index], "msr") && flips && same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, generate};

    fn safe(text: &str) -> bool {
        let words: Vec<u32> = assembler::assemble(text).unwrap().into_iter().map(Insn::encode).collect();
        is_safe_for_firmware(&words)
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
    fn only_a_harmless_number_right_before_a_call_will_do() {
        let whole = "movz w0, #0x8400, lsl #16; movk w0, #6; hvc #0";
        assert!(safe(whole) && safe(&format!("movz x0, #8; {whole}")) && safe(&format!("cbz x0, .+4; {whole}")));
        // SYSTEM_OFF; a register that nobody wrote, or somebody else; a way around; other registers and shifts.
        for text in [
            "movz w0, #0x8400, lsl #16; movk w0, #8; hvc #0",
            "hvc #0",
            "movk w0, #6; hvc #0",
            "movz w0, #0x8400, lsl #16; hvc #0",
            "movz w0, #0x8400, lsl #16; movk w0, #6; nop; hvc #0",
            "movz w0, #0x8400, lsl #16; movk w1, #6; hvc #0",
            "movz w1, #0x8400, lsl #16; movk w0, #6; hvc #0",
            "movn w0, #0x8400, lsl #16; movk w0, #6; hvc #0",
            "cbz x0, .+12; movz w0, #0x8400, lsl #16; movk w0, #6; hvc #0",
            "cbz x0, .+8; movz w0, #0x8400, lsl #16; movk w0, #6; hvc #0",
        ] {
            assert!(!safe(text), "{text}");
        }
    }

    #[test]
    fn random_programs_keep_the_firmware_alive() {
        let seed = 0x5eed;
        let (mut writes, mut made) = (0, 0);
        for number in 0..4000 {
            for run in generate::program(seed, number, &Profile::default()).runs() {
                writes += run.words.iter().filter(|word| writes_shared(**word)).count();
                made += run.words.iter().filter(|word| calls(**word)).count();
                assert!(is_safe_for_firmware(&run.words), "seed {seed:#x}, number {number}");
            }
        }
        assert!(writes > 20 && made > 20, "seed {seed:#x}: {writes} writes and {made} calls are too few to tell");
    }
}
