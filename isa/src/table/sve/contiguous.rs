//! Contiguous loads and stores of scalable vectors and predicates: whole registers, elements, first-fault and non-fault.

use crate::access::{B, H, SB, SH, SW, W, X};
use crate::operand::address::{IMM4_16, IMM4_32, IMM6_1, IMM6_2, IMM6_4, IMM6_8};
use crate::operand::sve::address::{VL4_1, VL9, XX_1, XX_2, XX_4, XX_8, XZR_1, XZR_2, XZR_4, XZR_8};
use crate::operand::sve::predicate::{PG, PG_Z, PT};
use crate::operand::sve::vector::{Z_B, Z_D, Z_H, Z_S, ZT};

rows! {
    SveLdrP {
        "ldr" 0x8580_0000 [PT VL9] of B;
    }
    SveLdr {
        "ldr" 0x8580_4000 [ZT VL9] of B;
    }
    SveLd1r {
        "ld1rb" 0x8440_8000 [Z_B PG_Z IMM6_1] of B;
        "ld1rb" 0x8440_a000 [Z_H PG_Z IMM6_1] of B;
        "ld1rb" 0x8440_c000 [Z_S PG_Z IMM6_1] of B;
        "ld1rb" 0x8440_e000 [Z_D PG_Z IMM6_1] of B;
        "ld1rsw" 0x84c0_8000 [Z_D PG_Z IMM6_4] of SW;
        "ld1rh" 0x84c0_a000 [Z_H PG_Z IMM6_2] of H;
        "ld1rh" 0x84c0_c000 [Z_S PG_Z IMM6_2] of H;
        "ld1rh" 0x84c0_e000 [Z_D PG_Z IMM6_2] of H;
        "ld1rsh" 0x8540_8000 [Z_D PG_Z IMM6_2] of SH;
        "ld1rsh" 0x8540_a000 [Z_S PG_Z IMM6_2] of SH;
        "ld1rw" 0x8540_c000 [Z_S PG_Z IMM6_4] of W;
        "ld1rw" 0x8540_e000 [Z_D PG_Z IMM6_4] of W;
        "ld1rsb" 0x85c0_8000 [Z_D PG_Z IMM6_1] of SB;
        "ld1rsb" 0x85c0_a000 [Z_S PG_Z IMM6_1] of SB;
        "ld1rsb" 0x85c0_c000 [Z_H PG_Z IMM6_1] of SB;
        "ld1rd" 0x85c0_e000 [Z_D PG_Z IMM6_8] of X;
    }
    SveLd1 {
        "ld1b" 0xa400_4000 [Z_B PG_Z XX_1] of B;
        "ld1b" 0xa420_4000 [Z_H PG_Z XX_1] of B;
        "ld1b" 0xa440_4000 [Z_S PG_Z XX_1] of B;
        "ld1b" 0xa460_4000 [Z_D PG_Z XX_1] of B;
        "ld1sw" 0xa480_4000 [Z_D PG_Z XX_4] of SW;
        "ld1h" 0xa4a0_4000 [Z_H PG_Z XX_2] of H;
        "ld1h" 0xa4c0_4000 [Z_S PG_Z XX_2] of H;
        "ld1h" 0xa4e0_4000 [Z_D PG_Z XX_2] of H;
        "ld1sh" 0xa500_4000 [Z_D PG_Z XX_2] of SH;
        "ld1sh" 0xa520_4000 [Z_S PG_Z XX_2] of SH;
        "ld1w" 0xa540_4000 [Z_S PG_Z XX_4] of W;
        "ld1w" 0xa560_4000 [Z_D PG_Z XX_4] of W;
        "ld1sb" 0xa580_4000 [Z_D PG_Z XX_1] of SB;
        "ld1sb" 0xa5a0_4000 [Z_S PG_Z XX_1] of SB;
        "ld1sb" 0xa5c0_4000 [Z_H PG_Z XX_1] of SB;
        "ld1d" 0xa5e0_4000 [Z_D PG_Z XX_8] of X;
        "ld1b" 0xa400_a000 [Z_B PG_Z VL4_1] of B;
        "ld1b" 0xa420_a000 [Z_H PG_Z VL4_1] of B;
        "ld1b" 0xa440_a000 [Z_S PG_Z VL4_1] of B;
        "ld1b" 0xa460_a000 [Z_D PG_Z VL4_1] of B;
        "ld1sw" 0xa480_a000 [Z_D PG_Z VL4_1] of SW;
        "ld1h" 0xa4a0_a000 [Z_H PG_Z VL4_1] of H;
        "ld1h" 0xa4c0_a000 [Z_S PG_Z VL4_1] of H;
        "ld1h" 0xa4e0_a000 [Z_D PG_Z VL4_1] of H;
        "ld1sh" 0xa500_a000 [Z_D PG_Z VL4_1] of SH;
        "ld1sh" 0xa520_a000 [Z_S PG_Z VL4_1] of SH;
        "ld1w" 0xa540_a000 [Z_S PG_Z VL4_1] of W;
        "ld1w" 0xa560_a000 [Z_D PG_Z VL4_1] of W;
        "ld1sb" 0xa580_a000 [Z_D PG_Z VL4_1] of SB;
        "ld1sb" 0xa5a0_a000 [Z_S PG_Z VL4_1] of SB;
        "ld1sb" 0xa5c0_a000 [Z_H PG_Z VL4_1] of SB;
        "ld1d" 0xa5e0_a000 [Z_D PG_Z VL4_1] of X;
    }
    SveLdff1 {
        "ldff1b" 0xa400_6000 [Z_B PG_Z XZR_1] of B;
        "ldff1b" 0xa420_6000 [Z_H PG_Z XZR_1] of B;
        "ldff1b" 0xa440_6000 [Z_S PG_Z XZR_1] of B;
        "ldff1b" 0xa460_6000 [Z_D PG_Z XZR_1] of B;
        "ldff1sw" 0xa480_6000 [Z_D PG_Z XZR_4] of SW;
        "ldff1h" 0xa4a0_6000 [Z_H PG_Z XZR_2] of H;
        "ldff1h" 0xa4c0_6000 [Z_S PG_Z XZR_2] of H;
        "ldff1h" 0xa4e0_6000 [Z_D PG_Z XZR_2] of H;
        "ldff1sh" 0xa500_6000 [Z_D PG_Z XZR_2] of SH;
        "ldff1sh" 0xa520_6000 [Z_S PG_Z XZR_2] of SH;
        "ldff1w" 0xa540_6000 [Z_S PG_Z XZR_4] of W;
        "ldff1w" 0xa560_6000 [Z_D PG_Z XZR_4] of W;
        "ldff1sb" 0xa580_6000 [Z_D PG_Z XZR_1] of SB;
        "ldff1sb" 0xa5a0_6000 [Z_S PG_Z XZR_1] of SB;
        "ldff1sb" 0xa5c0_6000 [Z_H PG_Z XZR_1] of SB;
        "ldff1d" 0xa5e0_6000 [Z_D PG_Z XZR_8] of X;
    }
    SveLd1rq {
        "ld1rqb" 0xa400_0000 [Z_B PG_Z XX_1] of B;
        "ld1rqh" 0xa480_0000 [Z_H PG_Z XX_2] of H;
        "ld1rqw" 0xa500_0000 [Z_S PG_Z XX_4] of W;
        "ld1rqd" 0xa580_0000 [Z_D PG_Z XX_8] of X;
        "ld1rqb" 0xa400_2000 [Z_B PG_Z IMM4_16] of B;
        "ld1rqh" 0xa480_2000 [Z_H PG_Z IMM4_16] of H;
        "ld1rqw" 0xa500_2000 [Z_S PG_Z IMM4_16] of W;
        "ld1rqd" 0xa580_2000 [Z_D PG_Z IMM4_16] of X;
    }
    SveLd1ro {
        "ld1rob" 0xa420_0000 [Z_B PG_Z XX_1] of B;
        "ld1roh" 0xa4a0_0000 [Z_H PG_Z XX_2] of H;
        "ld1row" 0xa520_0000 [Z_S PG_Z XX_4] of W;
        "ld1rod" 0xa5a0_0000 [Z_D PG_Z XX_8] of X;
        "ld1rob" 0xa420_2000 [Z_B PG_Z IMM4_32] of B;
        "ld1roh" 0xa4a0_2000 [Z_H PG_Z IMM4_32] of H;
        "ld1row" 0xa520_2000 [Z_S PG_Z IMM4_32] of W;
        "ld1rod" 0xa5a0_2000 [Z_D PG_Z IMM4_32] of X;
    }
    SveLdnf1 {
        "ldnf1b" 0xa410_a000 [Z_B PG_Z VL4_1] of B;
        "ldnf1b" 0xa430_a000 [Z_H PG_Z VL4_1] of B;
        "ldnf1b" 0xa450_a000 [Z_S PG_Z VL4_1] of B;
        "ldnf1b" 0xa470_a000 [Z_D PG_Z VL4_1] of B;
        "ldnf1sw" 0xa490_a000 [Z_D PG_Z VL4_1] of SW;
        "ldnf1h" 0xa4b0_a000 [Z_H PG_Z VL4_1] of H;
        "ldnf1h" 0xa4d0_a000 [Z_S PG_Z VL4_1] of H;
        "ldnf1h" 0xa4f0_a000 [Z_D PG_Z VL4_1] of H;
        "ldnf1sh" 0xa510_a000 [Z_D PG_Z VL4_1] of SH;
        "ldnf1sh" 0xa530_a000 [Z_S PG_Z VL4_1] of SH;
        "ldnf1w" 0xa550_a000 [Z_S PG_Z VL4_1] of W;
        "ldnf1w" 0xa570_a000 [Z_D PG_Z VL4_1] of W;
        "ldnf1sb" 0xa590_a000 [Z_D PG_Z VL4_1] of SB;
        "ldnf1sb" 0xa5b0_a000 [Z_S PG_Z VL4_1] of SB;
        "ldnf1sb" 0xa5d0_a000 [Z_H PG_Z VL4_1] of SB;
        "ldnf1d" 0xa5f0_a000 [Z_D PG_Z VL4_1] of X;
    }
    SveSt1 {
        "st1b" 0xe400_4000 [Z_B PG XX_1] of B;
        "st1b" 0xe420_4000 [Z_H PG XX_1] of B;
        "st1b" 0xe440_4000 [Z_S PG XX_1] of B;
        "st1b" 0xe460_4000 [Z_D PG XX_1] of B;
        "st1h" 0xe4a0_4000 [Z_H PG XX_2] of H;
        "st1h" 0xe4c0_4000 [Z_S PG XX_2] of H;
        "st1h" 0xe4e0_4000 [Z_D PG XX_2] of H;
        "st1w" 0xe540_4000 [Z_S PG XX_4] of W;
        "st1w" 0xe560_4000 [Z_D PG XX_4] of W;
        "st1d" 0xe5e0_4000 [Z_D PG XX_8] of X;
        "st1b" 0xe400_e000 [Z_B PG VL4_1] of B;
        "st1b" 0xe420_e000 [Z_H PG VL4_1] of B;
        "st1b" 0xe440_e000 [Z_S PG VL4_1] of B;
        "st1b" 0xe460_e000 [Z_D PG VL4_1] of B;
        "st1h" 0xe4a0_e000 [Z_H PG VL4_1] of H;
        "st1h" 0xe4c0_e000 [Z_S PG VL4_1] of H;
        "st1h" 0xe4e0_e000 [Z_D PG VL4_1] of H;
        "st1w" 0xe540_e000 [Z_S PG VL4_1] of W;
        "st1w" 0xe560_e000 [Z_D PG VL4_1] of W;
        "st1d" 0xe5e0_e000 [Z_D PG VL4_1] of X;
    }
    SveStrP {
        "str" 0xe580_0000 [PT VL9] of B;
    }
    SveStr {
        "str" 0xe580_4000 [ZT VL9] of B;
    }
}
