//! SME2: contiguous loads and stores of two or four vectors that are apart, by a predicate-as-counter.

use crate::access::{B2, B4, H2, H4, W4, WW, X4, XX};
use crate::operand::sme::{PNG, PNG_Z, ZX2_B, ZX2_D, ZX2_H, ZX2_S, ZX4_B, ZX4_D, ZX4_H, ZX4_S};
use crate::operand::sve::address::{VL4_2, VL4_4, XZ_1, XZ_2, XZ_4, XZ_8};

rows! {
    SmeLd1Multi {
        "ld1b" 0xa100_0000 [ZX2_B PNG_Z XZ_1] of B2;
        "ld1h" 0xa100_2000 [ZX2_H PNG_Z XZ_2] of H2;
        "ld1w" 0xa100_4000 [ZX2_S PNG_Z XZ_4] of WW;
        "ld1d" 0xa100_6000 [ZX2_D PNG_Z XZ_8] of XX;
        "ld1b" 0xa100_8000 [ZX4_B PNG_Z XZ_1] of B4;
        "ld1h" 0xa100_a000 [ZX4_H PNG_Z XZ_2] of H4;
        "ld1w" 0xa100_c000 [ZX4_S PNG_Z XZ_4] of W4;
        "ld1d" 0xa100_e000 [ZX4_D PNG_Z XZ_8] of X4;
        "ld1b" 0xa140_0000 [ZX2_B PNG_Z VL4_2] of B2;
        "ld1h" 0xa140_2000 [ZX2_H PNG_Z VL4_2] of H2;
        "ld1w" 0xa140_4000 [ZX2_S PNG_Z VL4_2] of WW;
        "ld1d" 0xa140_6000 [ZX2_D PNG_Z VL4_2] of XX;
        "ld1b" 0xa140_8000 [ZX4_B PNG_Z VL4_4] of B4;
        "ld1h" 0xa140_a000 [ZX4_H PNG_Z VL4_4] of H4;
        "ld1w" 0xa140_c000 [ZX4_S PNG_Z VL4_4] of W4;
        "ld1d" 0xa140_e000 [ZX4_D PNG_Z VL4_4] of X4;
    }
    SmeLdnt1Multi {
        "ldnt1b" 0xa100_0008 [ZX2_B PNG_Z XZ_1] of B2;
        "ldnt1h" 0xa100_2008 [ZX2_H PNG_Z XZ_2] of H2;
        "ldnt1w" 0xa100_4008 [ZX2_S PNG_Z XZ_4] of WW;
        "ldnt1d" 0xa100_6008 [ZX2_D PNG_Z XZ_8] of XX;
        "ldnt1b" 0xa100_8008 [ZX4_B PNG_Z XZ_1] of B4;
        "ldnt1h" 0xa100_a008 [ZX4_H PNG_Z XZ_2] of H4;
        "ldnt1w" 0xa100_c008 [ZX4_S PNG_Z XZ_4] of W4;
        "ldnt1d" 0xa100_e008 [ZX4_D PNG_Z XZ_8] of X4;
        "ldnt1b" 0xa140_0008 [ZX2_B PNG_Z VL4_2] of B2;
        "ldnt1h" 0xa140_2008 [ZX2_H PNG_Z VL4_2] of H2;
        "ldnt1w" 0xa140_4008 [ZX2_S PNG_Z VL4_2] of WW;
        "ldnt1d" 0xa140_6008 [ZX2_D PNG_Z VL4_2] of XX;
        "ldnt1b" 0xa140_8008 [ZX4_B PNG_Z VL4_4] of B4;
        "ldnt1h" 0xa140_a008 [ZX4_H PNG_Z VL4_4] of H4;
        "ldnt1w" 0xa140_c008 [ZX4_S PNG_Z VL4_4] of W4;
        "ldnt1d" 0xa140_e008 [ZX4_D PNG_Z VL4_4] of X4;
    }
    SmeSt1Multi {
        "st1b" 0xa120_0000 [ZX2_B PNG XZ_1] of B2;
        "st1h" 0xa120_2000 [ZX2_H PNG XZ_2] of H2;
        "st1w" 0xa120_4000 [ZX2_S PNG XZ_4] of WW;
        "st1d" 0xa120_6000 [ZX2_D PNG XZ_8] of XX;
        "st1b" 0xa120_8000 [ZX4_B PNG XZ_1] of B4;
        "st1h" 0xa120_a000 [ZX4_H PNG XZ_2] of H4;
        "st1w" 0xa120_c000 [ZX4_S PNG XZ_4] of W4;
        "st1d" 0xa120_e000 [ZX4_D PNG XZ_8] of X4;
        "st1b" 0xa160_0000 [ZX2_B PNG VL4_2] of B2;
        "st1h" 0xa160_2000 [ZX2_H PNG VL4_2] of H2;
        "st1w" 0xa160_4000 [ZX2_S PNG VL4_2] of WW;
        "st1d" 0xa160_6000 [ZX2_D PNG VL4_2] of XX;
        "st1b" 0xa160_8000 [ZX4_B PNG VL4_4] of B4;
        "st1h" 0xa160_a000 [ZX4_H PNG VL4_4] of H4;
        "st1w" 0xa160_c000 [ZX4_S PNG VL4_4] of W4;
        "st1d" 0xa160_e000 [ZX4_D PNG VL4_4] of X4;
    }
    SmeStnt1Multi {
        "stnt1b" 0xa120_0008 [ZX2_B PNG XZ_1] of B2;
        "stnt1h" 0xa120_2008 [ZX2_H PNG XZ_2] of H2;
        "stnt1w" 0xa120_4008 [ZX2_S PNG XZ_4] of WW;
        "stnt1d" 0xa120_6008 [ZX2_D PNG XZ_8] of XX;
        "stnt1b" 0xa120_8008 [ZX4_B PNG XZ_1] of B4;
        "stnt1h" 0xa120_a008 [ZX4_H PNG XZ_2] of H4;
        "stnt1w" 0xa120_c008 [ZX4_S PNG XZ_4] of W4;
        "stnt1d" 0xa120_e008 [ZX4_D PNG XZ_8] of X4;
        "stnt1b" 0xa160_0008 [ZX2_B PNG VL4_2] of B2;
        "stnt1h" 0xa160_2008 [ZX2_H PNG VL4_2] of H2;
        "stnt1w" 0xa160_4008 [ZX2_S PNG VL4_2] of WW;
        "stnt1d" 0xa160_6008 [ZX2_D PNG VL4_2] of XX;
        "stnt1b" 0xa160_8008 [ZX4_B PNG VL4_4] of B4;
        "stnt1h" 0xa160_a008 [ZX4_H PNG VL4_4] of H4;
        "stnt1w" 0xa160_c008 [ZX4_S PNG VL4_4] of W4;
        "stnt1d" 0xa160_e008 [ZX4_D PNG VL4_4] of X4;
    }
}
