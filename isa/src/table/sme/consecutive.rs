//! SME2 and FEAT_SVE2p1: contiguous loads and stores of two or four consecutive vectors, by a predicate-as-counter.

use crate::access::{B2, B4, H2, H4, W4, WW, X4, XX};
use crate::operand::sme::{PND_T, PNG, PNG_Z, ZM2_B, ZM2_D, ZM2_H, ZM2_S, ZM4_B, ZM4_D, ZM4_H, ZM4_S};
use crate::operand::sve::address::{VL4_2, VL4_4, XZ_1, XZ_2, XZ_4, XZ_8};

rows! {
    SvePtrueCounter { "ptrue" 0x2520_7810 [PND_T]; }
    SveLd1Multi {
        "ld1b" 0xa000_0000 [ZM2_B PNG_Z XZ_1] of B2;
        "ld1h" 0xa000_2000 [ZM2_H PNG_Z XZ_2] of H2;
        "ld1w" 0xa000_4000 [ZM2_S PNG_Z XZ_4] of WW;
        "ld1d" 0xa000_6000 [ZM2_D PNG_Z XZ_8] of XX;
        "ld1b" 0xa000_8000 [ZM4_B PNG_Z XZ_1] of B4;
        "ld1h" 0xa000_a000 [ZM4_H PNG_Z XZ_2] of H4;
        "ld1w" 0xa000_c000 [ZM4_S PNG_Z XZ_4] of W4;
        "ld1d" 0xa000_e000 [ZM4_D PNG_Z XZ_8] of X4;
        "ld1b" 0xa040_0000 [ZM2_B PNG_Z VL4_2] of B2;
        "ld1h" 0xa040_2000 [ZM2_H PNG_Z VL4_2] of H2;
        "ld1w" 0xa040_4000 [ZM2_S PNG_Z VL4_2] of WW;
        "ld1d" 0xa040_6000 [ZM2_D PNG_Z VL4_2] of XX;
        "ld1b" 0xa040_8000 [ZM4_B PNG_Z VL4_4] of B4;
        "ld1h" 0xa040_a000 [ZM4_H PNG_Z VL4_4] of H4;
        "ld1w" 0xa040_c000 [ZM4_S PNG_Z VL4_4] of W4;
        "ld1d" 0xa040_e000 [ZM4_D PNG_Z VL4_4] of X4;
    }
    SveLdnt1Multi {
        "ldnt1b" 0xa000_0001 [ZM2_B PNG_Z XZ_1] of B2;
        "ldnt1h" 0xa000_2001 [ZM2_H PNG_Z XZ_2] of H2;
        "ldnt1w" 0xa000_4001 [ZM2_S PNG_Z XZ_4] of WW;
        "ldnt1d" 0xa000_6001 [ZM2_D PNG_Z XZ_8] of XX;
        "ldnt1b" 0xa000_8001 [ZM4_B PNG_Z XZ_1] of B4;
        "ldnt1h" 0xa000_a001 [ZM4_H PNG_Z XZ_2] of H4;
        "ldnt1w" 0xa000_c001 [ZM4_S PNG_Z XZ_4] of W4;
        "ldnt1d" 0xa000_e001 [ZM4_D PNG_Z XZ_8] of X4;
        "ldnt1b" 0xa040_0001 [ZM2_B PNG_Z VL4_2] of B2;
        "ldnt1h" 0xa040_2001 [ZM2_H PNG_Z VL4_2] of H2;
        "ldnt1w" 0xa040_4001 [ZM2_S PNG_Z VL4_2] of WW;
        "ldnt1d" 0xa040_6001 [ZM2_D PNG_Z VL4_2] of XX;
        "ldnt1b" 0xa040_8001 [ZM4_B PNG_Z VL4_4] of B4;
        "ldnt1h" 0xa040_a001 [ZM4_H PNG_Z VL4_4] of H4;
        "ldnt1w" 0xa040_c001 [ZM4_S PNG_Z VL4_4] of W4;
        "ldnt1d" 0xa040_e001 [ZM4_D PNG_Z VL4_4] of X4;
    }
    SveSt1Multi {
        "st1b" 0xa020_0000 [ZM2_B PNG XZ_1] of B2;
        "st1h" 0xa020_2000 [ZM2_H PNG XZ_2] of H2;
        "st1w" 0xa020_4000 [ZM2_S PNG XZ_4] of WW;
        "st1d" 0xa020_6000 [ZM2_D PNG XZ_8] of XX;
        "st1b" 0xa020_8000 [ZM4_B PNG XZ_1] of B4;
        "st1h" 0xa020_a000 [ZM4_H PNG XZ_2] of H4;
        "st1w" 0xa020_c000 [ZM4_S PNG XZ_4] of W4;
        "st1d" 0xa020_e000 [ZM4_D PNG XZ_8] of X4;
        "st1b" 0xa060_0000 [ZM2_B PNG VL4_2] of B2;
        "st1h" 0xa060_2000 [ZM2_H PNG VL4_2] of H2;
        "st1w" 0xa060_4000 [ZM2_S PNG VL4_2] of WW;
        "st1d" 0xa060_6000 [ZM2_D PNG VL4_2] of XX;
        "st1b" 0xa060_8000 [ZM4_B PNG VL4_4] of B4;
        "st1h" 0xa060_a000 [ZM4_H PNG VL4_4] of H4;
        "st1w" 0xa060_c000 [ZM4_S PNG VL4_4] of W4;
        "st1d" 0xa060_e000 [ZM4_D PNG VL4_4] of X4;
    }
    SveStnt1Multi {
        "stnt1b" 0xa020_0001 [ZM2_B PNG XZ_1] of B2;
        "stnt1h" 0xa020_2001 [ZM2_H PNG XZ_2] of H2;
        "stnt1w" 0xa020_4001 [ZM2_S PNG XZ_4] of WW;
        "stnt1d" 0xa020_6001 [ZM2_D PNG XZ_8] of XX;
        "stnt1b" 0xa020_8001 [ZM4_B PNG XZ_1] of B4;
        "stnt1h" 0xa020_a001 [ZM4_H PNG XZ_2] of H4;
        "stnt1w" 0xa020_c001 [ZM4_S PNG XZ_4] of W4;
        "stnt1d" 0xa020_e001 [ZM4_D PNG XZ_8] of X4;
        "stnt1b" 0xa060_0001 [ZM2_B PNG VL4_2] of B2;
        "stnt1h" 0xa060_2001 [ZM2_H PNG VL4_2] of H2;
        "stnt1w" 0xa060_4001 [ZM2_S PNG VL4_2] of WW;
        "stnt1d" 0xa060_6001 [ZM2_D PNG VL4_2] of XX;
        "stnt1b" 0xa060_8001 [ZM4_B PNG VL4_4] of B4;
        "stnt1h" 0xa060_a001 [ZM4_H PNG VL4_4] of H4;
        "stnt1w" 0xa060_c001 [ZM4_S PNG VL4_4] of W4;
        "stnt1d" 0xa060_e001 [ZM4_D PNG VL4_4] of X4;
    }
}
