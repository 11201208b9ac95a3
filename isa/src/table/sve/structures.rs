//! Structures of scalable vectors, replicating loads, and contiguous loads and stores that are not temporal.

use crate::access::{B, B2, B3, B4, H, H2, H3, H4, W, W3, W4, WW, X, X3, X4, XX};
use crate::operand::sve::address::{VL4_1, VL4_2, VL4_3, VL4_4, XX_1, XX_2, XX_4, XX_8};
use crate::operand::sve::predicate::{PG, PG_Z};
use crate::operand::sve::vector::{
    Z_B, Z_D, Z_H, Z_S, Z2_B, Z2_D, Z2_H, Z2_S, Z3_B, Z3_D, Z3_H, Z3_S, Z4_B, Z4_D, Z4_H, Z4_S,
};

rows! {
    SveLdnt1 {
        "ldnt1b" 0xa400_c000 [Z_B PG_Z XX_1] of B;
        "ldnt1h" 0xa480_c000 [Z_H PG_Z XX_2] of H;
        "ldnt1w" 0xa500_c000 [Z_S PG_Z XX_4] of W;
        "ldnt1d" 0xa580_c000 [Z_D PG_Z XX_8] of X;
        "ldnt1b" 0xa400_e000 [Z_B PG_Z VL4_1] of B;
        "ldnt1h" 0xa480_e000 [Z_H PG_Z VL4_1] of H;
        "ldnt1w" 0xa500_e000 [Z_S PG_Z VL4_1] of W;
        "ldnt1d" 0xa580_e000 [Z_D PG_Z VL4_1] of X;
    }
    SveLd2 {
        "ld2b" 0xa420_c000 [Z2_B PG_Z XX_1] of B2;
        "ld2h" 0xa4a0_c000 [Z2_H PG_Z XX_2] of H2;
        "ld2w" 0xa520_c000 [Z2_S PG_Z XX_4] of WW;
        "ld2d" 0xa5a0_c000 [Z2_D PG_Z XX_8] of XX;
        "ld2b" 0xa420_e000 [Z2_B PG_Z VL4_2] of B2;
        "ld2h" 0xa4a0_e000 [Z2_H PG_Z VL4_2] of H2;
        "ld2w" 0xa520_e000 [Z2_S PG_Z VL4_2] of WW;
        "ld2d" 0xa5a0_e000 [Z2_D PG_Z VL4_2] of XX;
    }
    SveLd3 {
        "ld3b" 0xa440_c000 [Z3_B PG_Z XX_1] of B3;
        "ld3h" 0xa4c0_c000 [Z3_H PG_Z XX_2] of H3;
        "ld3w" 0xa540_c000 [Z3_S PG_Z XX_4] of W3;
        "ld3d" 0xa5c0_c000 [Z3_D PG_Z XX_8] of X3;
        "ld3b" 0xa440_e000 [Z3_B PG_Z VL4_3] of B3;
        "ld3h" 0xa4c0_e000 [Z3_H PG_Z VL4_3] of H3;
        "ld3w" 0xa540_e000 [Z3_S PG_Z VL4_3] of W3;
        "ld3d" 0xa5c0_e000 [Z3_D PG_Z VL4_3] of X3;
    }
    SveLd4 {
        "ld4b" 0xa460_c000 [Z4_B PG_Z XX_1] of B4;
        "ld4h" 0xa4e0_c000 [Z4_H PG_Z XX_2] of H4;
        "ld4w" 0xa560_c000 [Z4_S PG_Z XX_4] of W4;
        "ld4d" 0xa5e0_c000 [Z4_D PG_Z XX_8] of X4;
        "ld4b" 0xa460_e000 [Z4_B PG_Z VL4_4] of B4;
        "ld4h" 0xa4e0_e000 [Z4_H PG_Z VL4_4] of H4;
        "ld4w" 0xa560_e000 [Z4_S PG_Z VL4_4] of W4;
        "ld4d" 0xa5e0_e000 [Z4_D PG_Z VL4_4] of X4;
    }
    SveStnt1 {
        "stnt1b" 0xe400_6000 [Z_B PG XX_1] of B;
        "stnt1h" 0xe480_6000 [Z_H PG XX_2] of H;
        "stnt1w" 0xe500_6000 [Z_S PG XX_4] of W;
        "stnt1d" 0xe580_6000 [Z_D PG XX_8] of X;
        "stnt1b" 0xe410_e000 [Z_B PG VL4_1] of B;
        "stnt1h" 0xe490_e000 [Z_H PG VL4_1] of H;
        "stnt1w" 0xe510_e000 [Z_S PG VL4_1] of W;
        "stnt1d" 0xe590_e000 [Z_D PG VL4_1] of X;
    }
    SveSt2 {
        "st2b" 0xe420_6000 [Z2_B PG XX_1] of B2;
        "st2h" 0xe4a0_6000 [Z2_H PG XX_2] of H2;
        "st2w" 0xe520_6000 [Z2_S PG XX_4] of WW;
        "st2d" 0xe5a0_6000 [Z2_D PG XX_8] of XX;
        "st2b" 0xe430_e000 [Z2_B PG VL4_2] of B2;
        "st2h" 0xe4b0_e000 [Z2_H PG VL4_2] of H2;
        "st2w" 0xe530_e000 [Z2_S PG VL4_2] of WW;
        "st2d" 0xe5b0_e000 [Z2_D PG VL4_2] of XX;
    }
    SveSt3 {
        "st3b" 0xe440_6000 [Z3_B PG XX_1] of B3;
        "st3h" 0xe4c0_6000 [Z3_H PG XX_2] of H3;
        "st3w" 0xe540_6000 [Z3_S PG XX_4] of W3;
        "st3d" 0xe5c0_6000 [Z3_D PG XX_8] of X3;
        "st3b" 0xe450_e000 [Z3_B PG VL4_3] of B3;
        "st3h" 0xe4d0_e000 [Z3_H PG VL4_3] of H3;
        "st3w" 0xe550_e000 [Z3_S PG VL4_3] of W3;
        "st3d" 0xe5d0_e000 [Z3_D PG VL4_3] of X3;
    }
    SveSt4 {
        "st4b" 0xe460_6000 [Z4_B PG XX_1] of B4;
        "st4h" 0xe4e0_6000 [Z4_H PG XX_2] of H4;
        "st4w" 0xe560_6000 [Z4_S PG XX_4] of W4;
        "st4d" 0xe5e0_6000 [Z4_D PG XX_8] of X4;
        "st4b" 0xe470_e000 [Z4_B PG VL4_4] of B4;
        "st4h" 0xe4f0_e000 [Z4_H PG VL4_4] of H4;
        "st4w" 0xe570_e000 [Z4_S PG VL4_4] of W4;
        "st4d" 0xe5f0_e000 [Z4_D PG VL4_4] of X4;
    }
}
