//! SME: the array ZA and the table ZT0, and what switches them and streaming mode.

use crate::access::{B, H, Q, W, X};
use crate::operand::address::BASE;
use crate::operand::register::{XD, XD_SP, XM_SP};
use crate::operand::sme::{
    SME_STATE, VL_ZA, ZA_TILES, ZA_VECTOR, ZAD_B, ZAD_D, ZAD_H, ZAD_Q, ZAD_S, ZAN_B, ZAN_D, ZAN_H, ZAN_Q, ZAN_S, ZAT_B,
    ZAT_D, ZAT_H, ZAT_Q, ZAT_S, ZT0, ZT0_LIST,
};
use crate::operand::sve::address::{XZR_1, XZR_2, XZR_4, XZR_8, XZR_16};
use crate::operand::sve::count::SIMM6;
use crate::operand::sve::predicate::{PG, PG_M, PG_Z};
use crate::operand::sve::vector::{ZD_B, ZD_D, ZD_H, ZD_Q, ZD_S, ZN_B, ZN_D, ZN_H, ZN_Q, ZN_S};

rows! {
    SmeSmstart { "smstart" 0xd503_417f [SME_STATE]; }
    SmeSmstop { "smstop" 0xd503_407f [SME_STATE]; }
    SmeLdr { "ldr" 0xe100_0000 [ZA_VECTOR VL_ZA] of B; }
    SmeStr { "str" 0xe120_0000 [ZA_VECTOR VL_ZA] of B; }
    SmeLdrZt0 { "ldr" 0xe11f_8000 [ZT0 BASE] of B; }
    SmeStrZt0 { "str" 0xe13f_8000 [ZT0 BASE] of B; }
    SmeLd1 {
        "ld1b" 0xe000_0000 [ZAT_B PG_Z XZR_1] of B;
        "ld1h" 0xe040_0000 [ZAT_H PG_Z XZR_2] of H;
        "ld1w" 0xe080_0000 [ZAT_S PG_Z XZR_4] of W;
        "ld1d" 0xe0c0_0000 [ZAT_D PG_Z XZR_8] of X;
        "ld1q" 0xe1c0_0000 [ZAT_Q PG_Z XZR_16] of Q;
    }
    SmeSt1 {
        "st1b" 0xe020_0000 [ZAT_B PG XZR_1] of B;
        "st1h" 0xe060_0000 [ZAT_H PG XZR_2] of H;
        "st1w" 0xe0a0_0000 [ZAT_S PG XZR_4] of W;
        "st1d" 0xe0e0_0000 [ZAT_D PG XZR_8] of X;
        "st1q" 0xe1e0_0000 [ZAT_Q PG XZR_16] of Q;
    }
    SmeMovaTo {
        "mova" 0xc000_0000 [ZAD_B PG_M ZN_B];
        "mova" 0xc040_0000 [ZAD_H PG_M ZN_H];
        "mova" 0xc080_0000 [ZAD_S PG_M ZN_S];
        "mova" 0xc0c0_0000 [ZAD_D PG_M ZN_D];
        "mova" 0xc0c1_0000 [ZAD_Q PG_M ZN_Q];
    }
    SmeMovaFrom {
        "mova" 0xc002_0000 [ZD_B PG_M ZAN_B];
        "mova" 0xc042_0000 [ZD_H PG_M ZAN_H];
        "mova" 0xc082_0000 [ZD_S PG_M ZAN_S];
        "mova" 0xc0c2_0000 [ZD_D PG_M ZAN_D];
        "mova" 0xc0c3_0000 [ZD_Q PG_M ZAN_Q];
    }
    SmeZero { "zero" 0xc008_0000 [ZA_TILES]; }
    SmeZeroZt0 { "zero" 0xc048_0001 [ZT0_LIST]; }
    SmeRdsvl { "rdsvl" 0x04bf_5800 [XD SIMM6]; }
    SmeAddsvl { "addsvl" 0x0420_5800 [XD_SP XM_SP SIMM6]; }
    SmeAddspl { "addspl" 0x0460_5800 [XD_SP XM_SP SIMM6]; }
}
