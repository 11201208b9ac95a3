//! Gathers and scatters: each element at an address of its own.

use crate::access::{B, H, SB, SH, SW, W, X};
use crate::operand::sve::address::{
    LXD_1, LXD_2, LXD_4, LXD_8, LXS_1, LXS_2, LXS_4, SXD_1, SXD_2, SXD_4, SXD_8, SXS_1, SXS_2, SXS_4, XD_1, XD_2, XD_4,
    XD_8, ZI_D_1, ZI_D_2, ZI_D_4, ZI_D_8, ZI_S_1, ZI_S_2, ZI_S_4, ZX_D, ZX_S,
};
use crate::operand::sve::predicate::{PG, PG_Z};
use crate::operand::sve::vector::{Z_D, Z_S};

rows! {
    SveLd1Gather {
        "ld1b" 0x8400_4000 [Z_S PG_Z LXS_1] of B;
        "ld1sb" 0x8400_0000 [Z_S PG_Z LXS_1] of SB;
        "ld1h" 0x8480_4000 [Z_S PG_Z LXS_1] of H;
        "ld1sh" 0x8480_0000 [Z_S PG_Z LXS_1] of SH;
        "ld1w" 0x8500_4000 [Z_S PG_Z LXS_1] of W;
        "ld1h" 0x84a0_4000 [Z_S PG_Z LXS_2] of H;
        "ld1sh" 0x84a0_0000 [Z_S PG_Z LXS_2] of SH;
        "ld1w" 0x8520_4000 [Z_S PG_Z LXS_4] of W;
        "ld1b" 0x8420_c000 [Z_S PG_Z ZI_S_1] of B;
        "ld1sb" 0x8420_8000 [Z_S PG_Z ZI_S_1] of SB;
        "ld1h" 0x84a0_c000 [Z_S PG_Z ZI_S_2] of H;
        "ld1sh" 0x84a0_8000 [Z_S PG_Z ZI_S_2] of SH;
        "ld1w" 0x8520_c000 [Z_S PG_Z ZI_S_4] of W;
        "ld1b" 0xc400_4000 [Z_D PG_Z LXD_1] of B;
        "ld1sb" 0xc400_0000 [Z_D PG_Z LXD_1] of SB;
        "ld1h" 0xc480_4000 [Z_D PG_Z LXD_1] of H;
        "ld1sh" 0xc480_0000 [Z_D PG_Z LXD_1] of SH;
        "ld1w" 0xc500_4000 [Z_D PG_Z LXD_1] of W;
        "ld1sw" 0xc500_0000 [Z_D PG_Z LXD_1] of SW;
        "ld1d" 0xc580_4000 [Z_D PG_Z LXD_1] of X;
        "ld1h" 0xc4a0_4000 [Z_D PG_Z LXD_2] of H;
        "ld1sh" 0xc4a0_0000 [Z_D PG_Z LXD_2] of SH;
        "ld1w" 0xc520_4000 [Z_D PG_Z LXD_4] of W;
        "ld1sw" 0xc520_0000 [Z_D PG_Z LXD_4] of SW;
        "ld1d" 0xc5a0_4000 [Z_D PG_Z LXD_8] of X;
        "ld1b" 0xc420_c000 [Z_D PG_Z ZI_D_1] of B;
        "ld1sb" 0xc420_8000 [Z_D PG_Z ZI_D_1] of SB;
        "ld1h" 0xc4a0_c000 [Z_D PG_Z ZI_D_2] of H;
        "ld1sh" 0xc4a0_8000 [Z_D PG_Z ZI_D_2] of SH;
        "ld1w" 0xc520_c000 [Z_D PG_Z ZI_D_4] of W;
        "ld1sw" 0xc520_8000 [Z_D PG_Z ZI_D_4] of SW;
        "ld1d" 0xc5a0_c000 [Z_D PG_Z ZI_D_8] of X;
        "ld1b" 0xc440_c000 [Z_D PG_Z XD_1] of B;
        "ld1sb" 0xc440_8000 [Z_D PG_Z XD_1] of SB;
        "ld1h" 0xc4c0_c000 [Z_D PG_Z XD_1] of H;
        "ld1sh" 0xc4c0_8000 [Z_D PG_Z XD_1] of SH;
        "ld1w" 0xc540_c000 [Z_D PG_Z XD_1] of W;
        "ld1sw" 0xc540_8000 [Z_D PG_Z XD_1] of SW;
        "ld1d" 0xc5c0_c000 [Z_D PG_Z XD_1] of X;
        "ld1h" 0xc4e0_c000 [Z_D PG_Z XD_2] of H;
        "ld1sh" 0xc4e0_8000 [Z_D PG_Z XD_2] of SH;
        "ld1w" 0xc560_c000 [Z_D PG_Z XD_4] of W;
        "ld1sw" 0xc560_8000 [Z_D PG_Z XD_4] of SW;
        "ld1d" 0xc5e0_c000 [Z_D PG_Z XD_8] of X;
    }
    SveLdff1Gather {
        "ldff1b" 0x8400_6000 [Z_S PG_Z LXS_1] of B;
        "ldff1sb" 0x8400_2000 [Z_S PG_Z LXS_1] of SB;
        "ldff1h" 0x8480_6000 [Z_S PG_Z LXS_1] of H;
        "ldff1sh" 0x8480_2000 [Z_S PG_Z LXS_1] of SH;
        "ldff1w" 0x8500_6000 [Z_S PG_Z LXS_1] of W;
        "ldff1h" 0x84a0_6000 [Z_S PG_Z LXS_2] of H;
        "ldff1sh" 0x84a0_2000 [Z_S PG_Z LXS_2] of SH;
        "ldff1w" 0x8520_6000 [Z_S PG_Z LXS_4] of W;
        "ldff1b" 0x8420_e000 [Z_S PG_Z ZI_S_1] of B;
        "ldff1sb" 0x8420_a000 [Z_S PG_Z ZI_S_1] of SB;
        "ldff1h" 0x84a0_e000 [Z_S PG_Z ZI_S_2] of H;
        "ldff1sh" 0x84a0_a000 [Z_S PG_Z ZI_S_2] of SH;
        "ldff1w" 0x8520_e000 [Z_S PG_Z ZI_S_4] of W;
        "ldff1b" 0xc400_6000 [Z_D PG_Z LXD_1] of B;
        "ldff1sb" 0xc400_2000 [Z_D PG_Z LXD_1] of SB;
        "ldff1h" 0xc480_6000 [Z_D PG_Z LXD_1] of H;
        "ldff1sh" 0xc480_2000 [Z_D PG_Z LXD_1] of SH;
        "ldff1w" 0xc500_6000 [Z_D PG_Z LXD_1] of W;
        "ldff1sw" 0xc500_2000 [Z_D PG_Z LXD_1] of SW;
        "ldff1d" 0xc580_6000 [Z_D PG_Z LXD_1] of X;
        "ldff1h" 0xc4a0_6000 [Z_D PG_Z LXD_2] of H;
        "ldff1sh" 0xc4a0_2000 [Z_D PG_Z LXD_2] of SH;
        "ldff1w" 0xc520_6000 [Z_D PG_Z LXD_4] of W;
        "ldff1sw" 0xc520_2000 [Z_D PG_Z LXD_4] of SW;
        "ldff1d" 0xc5a0_6000 [Z_D PG_Z LXD_8] of X;
        "ldff1b" 0xc420_e000 [Z_D PG_Z ZI_D_1] of B;
        "ldff1sb" 0xc420_a000 [Z_D PG_Z ZI_D_1] of SB;
        "ldff1h" 0xc4a0_e000 [Z_D PG_Z ZI_D_2] of H;
        "ldff1sh" 0xc4a0_a000 [Z_D PG_Z ZI_D_2] of SH;
        "ldff1w" 0xc520_e000 [Z_D PG_Z ZI_D_4] of W;
        "ldff1sw" 0xc520_a000 [Z_D PG_Z ZI_D_4] of SW;
        "ldff1d" 0xc5a0_e000 [Z_D PG_Z ZI_D_8] of X;
        "ldff1b" 0xc440_e000 [Z_D PG_Z XD_1] of B;
        "ldff1sb" 0xc440_a000 [Z_D PG_Z XD_1] of SB;
        "ldff1h" 0xc4c0_e000 [Z_D PG_Z XD_1] of H;
        "ldff1sh" 0xc4c0_a000 [Z_D PG_Z XD_1] of SH;
        "ldff1w" 0xc540_e000 [Z_D PG_Z XD_1] of W;
        "ldff1sw" 0xc540_a000 [Z_D PG_Z XD_1] of SW;
        "ldff1d" 0xc5c0_e000 [Z_D PG_Z XD_1] of X;
        "ldff1h" 0xc4e0_e000 [Z_D PG_Z XD_2] of H;
        "ldff1sh" 0xc4e0_a000 [Z_D PG_Z XD_2] of SH;
        "ldff1w" 0xc560_e000 [Z_D PG_Z XD_4] of W;
        "ldff1sw" 0xc560_a000 [Z_D PG_Z XD_4] of SW;
        "ldff1d" 0xc5e0_e000 [Z_D PG_Z XD_8] of X;
    }
    SveSt1Scatter {
        "st1b" 0xe400_8000 [Z_D PG SXD_1] of B;
        "st1h" 0xe480_8000 [Z_D PG SXD_1] of H;
        "st1w" 0xe500_8000 [Z_D PG SXD_1] of W;
        "st1d" 0xe580_8000 [Z_D PG SXD_1] of X;
        "st1b" 0xe440_8000 [Z_S PG SXS_1] of B;
        "st1h" 0xe4c0_8000 [Z_S PG SXS_1] of H;
        "st1w" 0xe540_8000 [Z_S PG SXS_1] of W;
        "st1h" 0xe4a0_8000 [Z_D PG SXD_2] of H;
        "st1w" 0xe520_8000 [Z_D PG SXD_4] of W;
        "st1d" 0xe5a0_8000 [Z_D PG SXD_8] of X;
        "st1h" 0xe4e0_8000 [Z_S PG SXS_2] of H;
        "st1w" 0xe560_8000 [Z_S PG SXS_4] of W;
        "st1b" 0xe400_a000 [Z_D PG XD_1] of B;
        "st1h" 0xe480_a000 [Z_D PG XD_1] of H;
        "st1w" 0xe500_a000 [Z_D PG XD_1] of W;
        "st1d" 0xe580_a000 [Z_D PG XD_1] of X;
        "st1h" 0xe4a0_a000 [Z_D PG XD_2] of H;
        "st1w" 0xe520_a000 [Z_D PG XD_4] of W;
        "st1d" 0xe5a0_a000 [Z_D PG XD_8] of X;
        "st1b" 0xe440_a000 [Z_D PG ZI_D_1] of B;
        "st1h" 0xe4c0_a000 [Z_D PG ZI_D_2] of H;
        "st1w" 0xe540_a000 [Z_D PG ZI_D_4] of W;
        "st1d" 0xe5c0_a000 [Z_D PG ZI_D_8] of X;
        "st1b" 0xe460_a000 [Z_S PG ZI_S_1] of B;
        "st1h" 0xe4e0_a000 [Z_S PG ZI_S_2] of H;
        "st1w" 0xe560_a000 [Z_S PG ZI_S_4] of W;
    }
    SveLdnt1Gather {
        "ldnt1b" 0x8400_a000 [Z_S PG_Z ZX_S] of B;
        "ldnt1h" 0x8480_a000 [Z_S PG_Z ZX_S] of H;
        "ldnt1w" 0x8500_a000 [Z_S PG_Z ZX_S] of W;
        "ldnt1sb" 0x8400_8000 [Z_S PG_Z ZX_S] of SB;
        "ldnt1sh" 0x8480_8000 [Z_S PG_Z ZX_S] of SH;
        "ldnt1b" 0xc400_c000 [Z_D PG_Z ZX_D] of B;
        "ldnt1h" 0xc480_c000 [Z_D PG_Z ZX_D] of H;
        "ldnt1w" 0xc500_c000 [Z_D PG_Z ZX_D] of W;
        "ldnt1d" 0xc580_c000 [Z_D PG_Z ZX_D] of X;
        "ldnt1sb" 0xc400_8000 [Z_D PG_Z ZX_D] of SB;
        "ldnt1sh" 0xc480_8000 [Z_D PG_Z ZX_D] of SH;
        "ldnt1sw" 0xc500_8000 [Z_D PG_Z ZX_D] of SW;
    }
    SveStnt1Scatter {
        "stnt1b" 0xe440_2000 [Z_S PG ZX_S] of B;
        "stnt1h" 0xe4c0_2000 [Z_S PG ZX_S] of H;
        "stnt1w" 0xe540_2000 [Z_S PG ZX_S] of W;
        "stnt1b" 0xe400_2000 [Z_D PG ZX_D] of B;
        "stnt1h" 0xe480_2000 [Z_D PG ZX_D] of H;
        "stnt1w" 0xe500_2000 [Z_D PG ZX_D] of W;
        "stnt1d" 0xe580_2000 [Z_D PG ZX_D] of X;
    }
}
