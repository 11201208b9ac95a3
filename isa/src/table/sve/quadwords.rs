//! FEAT_SVE2p1: elements of 128 bits.

use crate::access::{Q, Q3, Q4, QQ, W, X};
use crate::operand::sve::address::{VL4_1, VL4_2, VL4_3, VL4_4, XX_4, XX_8, XX_16, ZX_D};
use crate::operand::sve::predicate::{PG, PG_Z};
use crate::operand::sve::vector::{Z_Q, Z2_Q, Z3_Q, Z4_Q};

rows! {
    SveLd1 {
        "ld1w" 0xa500_8000 [Z_Q PG_Z XX_4] of W;
        "ld1d" 0xa580_8000 [Z_Q PG_Z XX_8] of X;
        "ld1w" 0xa510_2000 [Z_Q PG_Z VL4_1] of W;
        "ld1d" 0xa590_2000 [Z_Q PG_Z VL4_1] of X;
    }
    SveLd2 {
        "ld2q" 0xa4a0_8000 [Z2_Q PG_Z XX_16] of QQ;
        "ld2q" 0xa490_e000 [Z2_Q PG_Z VL4_2] of QQ;
    }
    SveLd3 {
        "ld3q" 0xa520_8000 [Z3_Q PG_Z XX_16] of Q3;
        "ld3q" 0xa510_e000 [Z3_Q PG_Z VL4_3] of Q3;
    }
    SveLd4 {
        "ld4q" 0xa5a0_8000 [Z4_Q PG_Z XX_16] of Q4;
        "ld4q" 0xa590_e000 [Z4_Q PG_Z VL4_4] of Q4;
    }
    SveSt1 {
        "st1w" 0xe500_4000 [Z_Q PG XX_4] of W;
        "st1d" 0xe5c0_4000 [Z_Q PG XX_8] of X;
        "st1w" 0xe500_e000 [Z_Q PG VL4_1] of W;
        "st1d" 0xe5c0_e000 [Z_Q PG VL4_1] of X;
    }
    SveSt2 {
        "st2q" 0xe460_0000 [Z2_Q PG XX_16] of QQ;
        "st2q" 0xe440_0000 [Z2_Q PG VL4_2] of QQ;
    }
    SveSt3 {
        "st3q" 0xe4a0_0000 [Z3_Q PG XX_16] of Q3;
        "st3q" 0xe480_0000 [Z3_Q PG VL4_3] of Q3;
    }
    SveSt4 {
        "st4q" 0xe4e0_0000 [Z4_Q PG XX_16] of Q4;
        "st4q" 0xe4c0_0000 [Z4_Q PG VL4_4] of Q4;
    }
    SveLd1Gather {
        "ld1q" 0xc400_a000 [Z_Q PG_Z ZX_D] of Q;
    }
    SveSt1Scatter {
        "st1q" 0xe420_2000 [Z_Q PG ZX_D] of Q;
    }
}
