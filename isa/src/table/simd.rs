//! Loads and stores of SIMD&FP registers.

use crate::access::{B, H, Q, QQ, W, WW, X, XX};
use crate::operand::address::{
    BASE, OFF7_4, OFF7_8, OFF7_16, OFF9, OFF12_1, OFF12_2, OFF12_4, OFF12_8, OFF12_16, POST7_4, POST7_8, POST7_16,
    POST9, PRE7_4, PRE7_8, PRE7_16, PRE9,
};
use crate::operand::branch::REL19;
use crate::operand::indexed::{INDEX_1, INDEX_2, INDEX_4, INDEX_8, INDEX_16, POST_XM};
use crate::operand::simd::{
    B_LANES_1, B_LANES_2, B_LANES_3, B_LANES_4, BT, D_LANES_1, D_LANES_2, D_LANES_3, D_LANES_4, DT, DT2, H_LANES_1,
    H_LANES_2, H_LANES_3, H_LANES_4, HT, LIST_1, LIST_2, LIST_3, LIST_4, POST_B_LANES_1, POST_B_LANES_2,
    POST_B_LANES_3, POST_B_LANES_4, POST_D_LANES_1, POST_D_LANES_2, POST_D_LANES_3, POST_D_LANES_4, POST_ELEMENTS_1,
    POST_ELEMENTS_2, POST_ELEMENTS_3, POST_ELEMENTS_4, POST_H_LANES_1, POST_H_LANES_2, POST_H_LANES_3, POST_H_LANES_4,
    POST_LIST_1, POST_LIST_2, POST_LIST_3, POST_LIST_4, POST_S_LANES_1, POST_S_LANES_2, POST_S_LANES_3, POST_S_LANES_4,
    QT, QT2, S_LANES_1, S_LANES_2, S_LANES_3, S_LANES_4, ST, ST2, STRUCTURES_2, STRUCTURES_3, STRUCTURES_4,
};
use crate::unpredictable::load_simd_pair;

rows! {
    StrSimd {
        "str" 0x3d00_0000 [BT OFF12_1] of B;
        "str" 0x3c00_0c00 [BT PRE9] of B;
        "str" 0x3c00_0400 [BT POST9] of B;
        "str" 0x7d00_0000 [HT OFF12_2] of H;
        "str" 0x7c00_0c00 [HT PRE9] of H;
        "str" 0x7c00_0400 [HT POST9] of H;
        "str" 0xbd00_0000 [ST OFF12_4] of W;
        "str" 0xbc00_0c00 [ST PRE9] of W;
        "str" 0xbc00_0400 [ST POST9] of W;
        "str" 0xfd00_0000 [DT OFF12_8] of X;
        "str" 0xfc00_0c00 [DT PRE9] of X;
        "str" 0xfc00_0400 [DT POST9] of X;
        "str" 0x3d80_0000 [QT OFF12_16] of Q;
        "str" 0x3c80_0c00 [QT PRE9] of Q;
        "str" 0x3c80_0400 [QT POST9] of Q;
    }
    LdrSimd {
        "ldr" 0x3d40_0000 [BT OFF12_1] of B;
        "ldr" 0x3c40_0c00 [BT PRE9] of B;
        "ldr" 0x3c40_0400 [BT POST9] of B;
        "ldr" 0x7d40_0000 [HT OFF12_2] of H;
        "ldr" 0x7c40_0c00 [HT PRE9] of H;
        "ldr" 0x7c40_0400 [HT POST9] of H;
        "ldr" 0xbd40_0000 [ST OFF12_4] of W;
        "ldr" 0xbc40_0c00 [ST PRE9] of W;
        "ldr" 0xbc40_0400 [ST POST9] of W;
        "ldr" 0xfd40_0000 [DT OFF12_8] of X;
        "ldr" 0xfc40_0c00 [DT PRE9] of X;
        "ldr" 0xfc40_0400 [DT POST9] of X;
        "ldr" 0x3dc0_0000 [QT OFF12_16] of Q;
        "ldr" 0x3cc0_0c00 [QT PRE9] of Q;
        "ldr" 0x3cc0_0400 [QT POST9] of Q;
    }
    SturSimd {
        "stur" 0x3c00_0000 [BT OFF9] of B;
        "stur" 0x7c00_0000 [HT OFF9] of H;
        "stur" 0xbc00_0000 [ST OFF9] of W;
        "stur" 0xfc00_0000 [DT OFF9] of X;
        "stur" 0x3c80_0000 [QT OFF9] of Q;
    }
    LdurSimd {
        "ldur" 0x3c40_0000 [BT OFF9] of B;
        "ldur" 0x7c40_0000 [HT OFF9] of H;
        "ldur" 0xbc40_0000 [ST OFF9] of W;
        "ldur" 0xfc40_0000 [DT OFF9] of X;
        "ldur" 0x3cc0_0000 [QT OFF9] of Q;
    }
    StrRegSimd {
        "str" 0x3c20_0800 [BT INDEX_1] of B;
        "str" 0x7c20_0800 [HT INDEX_2] of H;
        "str" 0xbc20_0800 [ST INDEX_4] of W;
        "str" 0xfc20_0800 [DT INDEX_8] of X;
        "str" 0x3ca0_0800 [QT INDEX_16] of Q;
    }
    LdrRegSimd {
        "ldr" 0x3c60_0800 [BT INDEX_1] of B;
        "ldr" 0x7c60_0800 [HT INDEX_2] of H;
        "ldr" 0xbc60_0800 [ST INDEX_4] of W;
        "ldr" 0xfc60_0800 [DT INDEX_8] of X;
        "ldr" 0x3ce0_0800 [QT INDEX_16] of Q;
    }
    LdrLiteralSimd {
        "ldr" 0x1c00_0000 [ST REL19] of W;
        "ldr" 0x5c00_0000 [DT REL19] of X;
        "ldr" 0x9c00_0000 [QT REL19] of Q;
    }
    StpSimd {
        "stp" 0x2d00_0000 [ST ST2 OFF7_4] of WW;
        "stp" 0x2d80_0000 [ST ST2 PRE7_4] of WW;
        "stp" 0x2c80_0000 [ST ST2 POST7_4] of WW;
        "stp" 0x6d00_0000 [DT DT2 OFF7_8] of XX;
        "stp" 0x6d80_0000 [DT DT2 PRE7_8] of XX;
        "stp" 0x6c80_0000 [DT DT2 POST7_8] of XX;
        "stp" 0xad00_0000 [QT QT2 OFF7_16] of QQ;
        "stp" 0xad80_0000 [QT QT2 PRE7_16] of QQ;
        "stp" 0xac80_0000 [QT QT2 POST7_16] of QQ;
    }
    LdpSimd {
        "ldp" 0x2d40_0000 [ST ST2 OFF7_4] of WW where load_simd_pair;
        "ldp" 0x2dc0_0000 [ST ST2 PRE7_4] of WW where load_simd_pair;
        "ldp" 0x2cc0_0000 [ST ST2 POST7_4] of WW where load_simd_pair;
        "ldp" 0x6d40_0000 [DT DT2 OFF7_8] of XX where load_simd_pair;
        "ldp" 0x6dc0_0000 [DT DT2 PRE7_8] of XX where load_simd_pair;
        "ldp" 0x6cc0_0000 [DT DT2 POST7_8] of XX where load_simd_pair;
        "ldp" 0xad40_0000 [QT QT2 OFF7_16] of QQ where load_simd_pair;
        "ldp" 0xadc0_0000 [QT QT2 PRE7_16] of QQ where load_simd_pair;
        "ldp" 0xacc0_0000 [QT QT2 POST7_16] of QQ where load_simd_pair;
    }
    StnpSimd {
        "stnp" 0x2c00_0000 [ST ST2 OFF7_4] of WW;
        "stnp" 0x6c00_0000 [DT DT2 OFF7_8] of XX;
        "stnp" 0xac00_0000 [QT QT2 OFF7_16] of QQ;
    }
    LdnpSimd {
        "ldnp" 0x2c40_0000 [ST ST2 OFF7_4] of WW where load_simd_pair;
        "ldnp" 0x6c40_0000 [DT DT2 OFF7_8] of XX where load_simd_pair;
        "ldnp" 0xac40_0000 [QT QT2 OFF7_16] of QQ where load_simd_pair;
    }
    St1 {
        "st1" 0x0c00_7000 [LIST_1 BASE];
        "st1" 0x0c9f_7000 [LIST_1 POST_LIST_1];
        "st1" 0x0c80_7000 [LIST_1 POST_XM];
        "st1" 0x0c00_a000 [LIST_2 BASE];
        "st1" 0x0c9f_a000 [LIST_2 POST_LIST_2];
        "st1" 0x0c80_a000 [LIST_2 POST_XM];
        "st1" 0x0c00_6000 [LIST_3 BASE];
        "st1" 0x0c9f_6000 [LIST_3 POST_LIST_3];
        "st1" 0x0c80_6000 [LIST_3 POST_XM];
        "st1" 0x0c00_2000 [LIST_4 BASE];
        "st1" 0x0c9f_2000 [LIST_4 POST_LIST_4];
        "st1" 0x0c80_2000 [LIST_4 POST_XM];
    }
    Ld1 {
        "ld1" 0x0c40_7000 [LIST_1 BASE];
        "ld1" 0x0cdf_7000 [LIST_1 POST_LIST_1];
        "ld1" 0x0cc0_7000 [LIST_1 POST_XM];
        "ld1" 0x0c40_a000 [LIST_2 BASE];
        "ld1" 0x0cdf_a000 [LIST_2 POST_LIST_2];
        "ld1" 0x0cc0_a000 [LIST_2 POST_XM];
        "ld1" 0x0c40_6000 [LIST_3 BASE];
        "ld1" 0x0cdf_6000 [LIST_3 POST_LIST_3];
        "ld1" 0x0cc0_6000 [LIST_3 POST_XM];
        "ld1" 0x0c40_2000 [LIST_4 BASE];
        "ld1" 0x0cdf_2000 [LIST_4 POST_LIST_4];
        "ld1" 0x0cc0_2000 [LIST_4 POST_XM];
    }
    St2 {
        "st2" 0x0c00_8000 [STRUCTURES_2 BASE];
        "st2" 0x0c9f_8000 [STRUCTURES_2 POST_LIST_2];
        "st2" 0x0c80_8000 [STRUCTURES_2 POST_XM];
    }
    St3 {
        "st3" 0x0c00_4000 [STRUCTURES_3 BASE];
        "st3" 0x0c9f_4000 [STRUCTURES_3 POST_LIST_3];
        "st3" 0x0c80_4000 [STRUCTURES_3 POST_XM];
    }
    St4 {
        "st4" 0x0c00_0000 [STRUCTURES_4 BASE];
        "st4" 0x0c9f_0000 [STRUCTURES_4 POST_LIST_4];
        "st4" 0x0c80_0000 [STRUCTURES_4 POST_XM];
    }
    Ld2 {
        "ld2" 0x0c40_8000 [STRUCTURES_2 BASE];
        "ld2" 0x0cdf_8000 [STRUCTURES_2 POST_LIST_2];
        "ld2" 0x0cc0_8000 [STRUCTURES_2 POST_XM];
    }
    Ld3 {
        "ld3" 0x0c40_4000 [STRUCTURES_3 BASE];
        "ld3" 0x0cdf_4000 [STRUCTURES_3 POST_LIST_3];
        "ld3" 0x0cc0_4000 [STRUCTURES_3 POST_XM];
    }
    Ld4 {
        "ld4" 0x0c40_0000 [STRUCTURES_4 BASE];
        "ld4" 0x0cdf_0000 [STRUCTURES_4 POST_LIST_4];
        "ld4" 0x0cc0_0000 [STRUCTURES_4 POST_XM];
    }
    St1Lane {
        "st1" 0x0d00_0000 [B_LANES_1 BASE];
        "st1" 0x0d9f_0000 [B_LANES_1 POST_B_LANES_1];
        "st1" 0x0d80_0000 [B_LANES_1 POST_XM];
        "st1" 0x0d00_4000 [H_LANES_1 BASE];
        "st1" 0x0d9f_4000 [H_LANES_1 POST_H_LANES_1];
        "st1" 0x0d80_4000 [H_LANES_1 POST_XM];
        "st1" 0x0d00_8000 [S_LANES_1 BASE];
        "st1" 0x0d9f_8000 [S_LANES_1 POST_S_LANES_1];
        "st1" 0x0d80_8000 [S_LANES_1 POST_XM];
        "st1" 0x0d00_8400 [D_LANES_1 BASE];
        "st1" 0x0d9f_8400 [D_LANES_1 POST_D_LANES_1];
        "st1" 0x0d80_8400 [D_LANES_1 POST_XM];
    }
    St2Lane {
        "st2" 0x0d20_0000 [B_LANES_2 BASE];
        "st2" 0x0dbf_0000 [B_LANES_2 POST_B_LANES_2];
        "st2" 0x0da0_0000 [B_LANES_2 POST_XM];
        "st2" 0x0d20_4000 [H_LANES_2 BASE];
        "st2" 0x0dbf_4000 [H_LANES_2 POST_H_LANES_2];
        "st2" 0x0da0_4000 [H_LANES_2 POST_XM];
        "st2" 0x0d20_8000 [S_LANES_2 BASE];
        "st2" 0x0dbf_8000 [S_LANES_2 POST_S_LANES_2];
        "st2" 0x0da0_8000 [S_LANES_2 POST_XM];
        "st2" 0x0d20_8400 [D_LANES_2 BASE];
        "st2" 0x0dbf_8400 [D_LANES_2 POST_D_LANES_2];
        "st2" 0x0da0_8400 [D_LANES_2 POST_XM];
    }
    St3Lane {
        "st3" 0x0d00_2000 [B_LANES_3 BASE];
        "st3" 0x0d9f_2000 [B_LANES_3 POST_B_LANES_3];
        "st3" 0x0d80_2000 [B_LANES_3 POST_XM];
        "st3" 0x0d00_6000 [H_LANES_3 BASE];
        "st3" 0x0d9f_6000 [H_LANES_3 POST_H_LANES_3];
        "st3" 0x0d80_6000 [H_LANES_3 POST_XM];
        "st3" 0x0d00_a000 [S_LANES_3 BASE];
        "st3" 0x0d9f_a000 [S_LANES_3 POST_S_LANES_3];
        "st3" 0x0d80_a000 [S_LANES_3 POST_XM];
        "st3" 0x0d00_a400 [D_LANES_3 BASE];
        "st3" 0x0d9f_a400 [D_LANES_3 POST_D_LANES_3];
        "st3" 0x0d80_a400 [D_LANES_3 POST_XM];
    }
    St4Lane {
        "st4" 0x0d20_2000 [B_LANES_4 BASE];
        "st4" 0x0dbf_2000 [B_LANES_4 POST_B_LANES_4];
        "st4" 0x0da0_2000 [B_LANES_4 POST_XM];
        "st4" 0x0d20_6000 [H_LANES_4 BASE];
        "st4" 0x0dbf_6000 [H_LANES_4 POST_H_LANES_4];
        "st4" 0x0da0_6000 [H_LANES_4 POST_XM];
        "st4" 0x0d20_a000 [S_LANES_4 BASE];
        "st4" 0x0dbf_a000 [S_LANES_4 POST_S_LANES_4];
        "st4" 0x0da0_a000 [S_LANES_4 POST_XM];
        "st4" 0x0d20_a400 [D_LANES_4 BASE];
        "st4" 0x0dbf_a400 [D_LANES_4 POST_D_LANES_4];
        "st4" 0x0da0_a400 [D_LANES_4 POST_XM];
    }
    Ld1Lane {
        "ld1" 0x0d40_0000 [B_LANES_1 BASE];
        "ld1" 0x0ddf_0000 [B_LANES_1 POST_B_LANES_1];
        "ld1" 0x0dc0_0000 [B_LANES_1 POST_XM];
        "ld1" 0x0d40_4000 [H_LANES_1 BASE];
        "ld1" 0x0ddf_4000 [H_LANES_1 POST_H_LANES_1];
        "ld1" 0x0dc0_4000 [H_LANES_1 POST_XM];
        "ld1" 0x0d40_8000 [S_LANES_1 BASE];
        "ld1" 0x0ddf_8000 [S_LANES_1 POST_S_LANES_1];
        "ld1" 0x0dc0_8000 [S_LANES_1 POST_XM];
        "ld1" 0x0d40_8400 [D_LANES_1 BASE];
        "ld1" 0x0ddf_8400 [D_LANES_1 POST_D_LANES_1];
        "ld1" 0x0dc0_8400 [D_LANES_1 POST_XM];
    }
    Ld2Lane {
        "ld2" 0x0d60_0000 [B_LANES_2 BASE];
        "ld2" 0x0dff_0000 [B_LANES_2 POST_B_LANES_2];
        "ld2" 0x0de0_0000 [B_LANES_2 POST_XM];
        "ld2" 0x0d60_4000 [H_LANES_2 BASE];
        "ld2" 0x0dff_4000 [H_LANES_2 POST_H_LANES_2];
        "ld2" 0x0de0_4000 [H_LANES_2 POST_XM];
        "ld2" 0x0d60_8000 [S_LANES_2 BASE];
        "ld2" 0x0dff_8000 [S_LANES_2 POST_S_LANES_2];
        "ld2" 0x0de0_8000 [S_LANES_2 POST_XM];
        "ld2" 0x0d60_8400 [D_LANES_2 BASE];
        "ld2" 0x0dff_8400 [D_LANES_2 POST_D_LANES_2];
        "ld2" 0x0de0_8400 [D_LANES_2 POST_XM];
    }
    Ld3Lane {
        "ld3" 0x0d40_2000 [B_LANES_3 BASE];
        "ld3" 0x0ddf_2000 [B_LANES_3 POST_B_LANES_3];
        "ld3" 0x0dc0_2000 [B_LANES_3 POST_XM];
        "ld3" 0x0d40_6000 [H_LANES_3 BASE];
        "ld3" 0x0ddf_6000 [H_LANES_3 POST_H_LANES_3];
        "ld3" 0x0dc0_6000 [H_LANES_3 POST_XM];
        "ld3" 0x0d40_a000 [S_LANES_3 BASE];
        "ld3" 0x0ddf_a000 [S_LANES_3 POST_S_LANES_3];
        "ld3" 0x0dc0_a000 [S_LANES_3 POST_XM];
        "ld3" 0x0d40_a400 [D_LANES_3 BASE];
        "ld3" 0x0ddf_a400 [D_LANES_3 POST_D_LANES_3];
        "ld3" 0x0dc0_a400 [D_LANES_3 POST_XM];
    }
    Ld4Lane {
        "ld4" 0x0d60_2000 [B_LANES_4 BASE];
        "ld4" 0x0dff_2000 [B_LANES_4 POST_B_LANES_4];
        "ld4" 0x0de0_2000 [B_LANES_4 POST_XM];
        "ld4" 0x0d60_6000 [H_LANES_4 BASE];
        "ld4" 0x0dff_6000 [H_LANES_4 POST_H_LANES_4];
        "ld4" 0x0de0_6000 [H_LANES_4 POST_XM];
        "ld4" 0x0d60_a000 [S_LANES_4 BASE];
        "ld4" 0x0dff_a000 [S_LANES_4 POST_S_LANES_4];
        "ld4" 0x0de0_a000 [S_LANES_4 POST_XM];
        "ld4" 0x0d60_a400 [D_LANES_4 BASE];
        "ld4" 0x0dff_a400 [D_LANES_4 POST_D_LANES_4];
        "ld4" 0x0de0_a400 [D_LANES_4 POST_XM];
    }
    Ld1r {
        "ld1r" 0x0d40_c000 [LIST_1 BASE];
        "ld1r" 0x0ddf_c000 [LIST_1 POST_ELEMENTS_1];
        "ld1r" 0x0dc0_c000 [LIST_1 POST_XM];
    }
    Ld2r {
        "ld2r" 0x0d60_c000 [LIST_2 BASE];
        "ld2r" 0x0dff_c000 [LIST_2 POST_ELEMENTS_2];
        "ld2r" 0x0de0_c000 [LIST_2 POST_XM];
    }
    Ld3r {
        "ld3r" 0x0d40_e000 [LIST_3 BASE];
        "ld3r" 0x0ddf_e000 [LIST_3 POST_ELEMENTS_3];
        "ld3r" 0x0dc0_e000 [LIST_3 POST_XM];
    }
    Ld4r {
        "ld4r" 0x0d60_e000 [LIST_4 BASE];
        "ld4r" 0x0dff_e000 [LIST_4 POST_ELEMENTS_4];
        "ld4r" 0x0de0_e000 [LIST_4 POST_XM];
    }
    StlurSimd {
        "stlur" 0x1d00_0800 [BT OFF9] of B needs Lrcpc3;
        "stlur" 0x5d00_0800 [HT OFF9] of H needs Lrcpc3;
        "stlur" 0x9d00_0800 [ST OFF9] of W needs Lrcpc3;
        "stlur" 0xdd00_0800 [DT OFF9] of X needs Lrcpc3;
        "stlur" 0x1d80_0800 [QT OFF9] of Q needs Lrcpc3;
    }
    LdapurSimd {
        "ldapur" 0x1d40_0800 [BT OFF9] of B needs Lrcpc3;
        "ldapur" 0x5d40_0800 [HT OFF9] of H needs Lrcpc3;
        "ldapur" 0x9d40_0800 [ST OFF9] of W needs Lrcpc3;
        "ldapur" 0xdd40_0800 [DT OFF9] of X needs Lrcpc3;
        "ldapur" 0x1dc0_0800 [QT OFF9] of Q needs Lrcpc3;
    }
    Stl1 { "stl1" 0x0d01_8400 [D_LANES_1 BASE] needs Lrcpc3; }
    Ldap1 { "ldap1" 0x0d41_8400 [D_LANES_1 BASE] needs Lrcpc3; }
}
