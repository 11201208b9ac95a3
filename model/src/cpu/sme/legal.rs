//! Which instructions are legal in streaming mode, by their words and operands.
//!
//! Arm ARM, "Instructions illegal in Streaming SVE mode", by encoding for AdvSIMD; for SVE pseudocode
//! `CheckNonStreamingSVEEnabled`, by instruction. With SMCR_EL1.FA64 all would be legal, but that is 0.

use arch::{Arg, Args, Op, ScalableAddress, SimdWidth};

mutants::defects!();

/// Masks and values of the words of AdvSIMD that are illegal.
const ILLEGAL: [(u32, u32); 4] = [
    // Vectors.
    (0x9e00_0000, 0x0e00_0000),
    // One element: DUP, ADDP.
    (0xde00_0000, 0x5e00_0000),
    // Structures.
    (0xbe00_0000, 0x0c00_0000),
    // LDAPUR and STLUR of SIMD&FP registers.
    (0x3f20_0c00, 0x1d00_0800),
];

/// SMOV and UMOV of element 0, which are legal: of bytes, halfwords, words, doublewords.
const MOVES: [(u32, u32); 4] =
    [(0xbfff_ec00, 0x0e01_2c00), (0xbfff_ec00, 0x0e02_2c00), (0xbfff_ec00, 0x0e04_2c00), (0xbfff_ec00, 0x0e08_2c00)];

/// Returns whether an instruction that is not of SVE or SME is legal in streaming mode.
#[mutants::rules]
pub(in crate::cpu) fn is_legal(word: u32) -> bool {
    let is = |(mask, value): &(u32, u32)| word & mask == *value;
    MOVES.iter().any(is) || !ILLEGAL.iter().any(is)
}

/// Returns whether an instruction of SVE is legal in streaming mode.
#[mutants::rules]
pub(in crate::cpu) fn is_scalable_legal(op: Op, args: &Args) -> bool {
    let by_vector = args.iter().any(
        |arg| matches!(arg, Arg::ScalableAddress(address) if !matches!(address, ScalableAddress::Multiple { .. })),
    );
    // LD1W, LD1D, ST1W and ST1D of elements that are 128 bits in registers.
    let widened = matches!(op, Op::SveLd1 | Op::SveSt1)
        && matches!(args.first(), Some(Arg::ScalableList(list)) if list.element() == SimdWidth::Q);
    let of_faults =
        matches!(op, Op::SveLdff1 | Op::SveLdnf1 | Op::SveSetffr | Op::SveRdffr | Op::SveRdffrs | Op::SveWrffr);
    !(by_vector || widened || of_faults || op == Op::SveLd1ro)
}
