//! Recognizes what stands at the wrong place.

use assembler::ParseErrorKind;

/// Returns whether a word is what code begins with: a mnemonic, also one that a block may not have, a directive or a label.
pub fn is_code(word: &str) -> bool {
    if word.starts_with('.') || word.len() > 1 && word.ends_with(':') {
        return true;
    }
    // Without its operands an instruction is wrong in another way than an unknown one.
    assembler::assemble(word).map_or_else(
        |error| {
            use ParseErrorKind::{Foreign, NotInTable, Operand, Unsupported};
            matches!(error.kind, Operand { .. } | NotInTable { .. } | Unsupported { .. } | Foreign { .. })
        },
        |words| !words.is_empty(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_the_lines_of_a_program() {
        for word in ["ldr", "LDR", "nop", "bne", "b.eq", "wfi", "fadd", ".text", "start:"] {
            assert!(is_code(word), "{word}");
        }
        for word in ["", ":", "tags", "block", "granule", "x0", "sctlr_el1.tcf", "expect", "end", "\u{7f}ELF"] {
            assert!(!is_code(word), "{word}");
        }
    }
}
