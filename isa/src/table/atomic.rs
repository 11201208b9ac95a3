//! Atomic memory operations (FEAT_LSE, FEAT_LSE128). The ordering in the mnemonic, `a`, `l` or `al`, is their first operand.

use crate::access::{B, H, W, WW, X, XX};
use crate::operand::address::BASE;
use crate::operand::pair::{WS_EVEN, WS_ODD, WT_EVEN, WT_ODD, XS_EVEN, XS_ODD, XT_EVEN, XT_ODD};
use crate::operand::register::{WS, WT, XS, XT, XT_HIGH, XT_LOW};
use crate::operand::suffix::{CAS_ORDER, ORDER};
use crate::unpredictable::load_pair;

rows! {
    Cas {
        "cas{}" 0x88a0_7c00 [CAS_ORDER WS WT BASE] of W;
        "cas{}" 0xc8a0_7c00 [CAS_ORDER XS XT BASE] of X;
        "cas{}b" 0x08a0_7c00 [CAS_ORDER WS WT BASE] of B;
        "cas{}h" 0x48a0_7c00 [CAS_ORDER WS WT BASE] of H;
    }
    Casp {
        "casp{}" 0x0820_7c00 [CAS_ORDER WS_EVEN WS_ODD WT_EVEN WT_ODD BASE] of WW;
        "casp{}" 0x4820_7c00 [CAS_ORDER XS_EVEN XS_ODD XT_EVEN XT_ODD BASE] of XX;
    }
    Ldadd {
        "ldadd{}" 0xb820_0000 [ORDER WS WT BASE] of W;
        "ldadd{}" 0xf820_0000 [ORDER XS XT BASE] of X;
        "ldadd{}b" 0x3820_0000 [ORDER WS WT BASE] of B;
        "ldadd{}h" 0x7820_0000 [ORDER WS WT BASE] of H;
    }
    Ldclr {
        "ldclr{}" 0xb820_1000 [ORDER WS WT BASE] of W;
        "ldclr{}" 0xf820_1000 [ORDER XS XT BASE] of X;
        "ldclr{}b" 0x3820_1000 [ORDER WS WT BASE] of B;
        "ldclr{}h" 0x7820_1000 [ORDER WS WT BASE] of H;
    }
    Ldeor {
        "ldeor{}" 0xb820_2000 [ORDER WS WT BASE] of W;
        "ldeor{}" 0xf820_2000 [ORDER XS XT BASE] of X;
        "ldeor{}b" 0x3820_2000 [ORDER WS WT BASE] of B;
        "ldeor{}h" 0x7820_2000 [ORDER WS WT BASE] of H;
    }
    Ldset {
        "ldset{}" 0xb820_3000 [ORDER WS WT BASE] of W;
        "ldset{}" 0xf820_3000 [ORDER XS XT BASE] of X;
        "ldset{}b" 0x3820_3000 [ORDER WS WT BASE] of B;
        "ldset{}h" 0x7820_3000 [ORDER WS WT BASE] of H;
    }
    Ldsmax {
        "ldsmax{}" 0xb820_4000 [ORDER WS WT BASE] of W;
        "ldsmax{}" 0xf820_4000 [ORDER XS XT BASE] of X;
        "ldsmax{}b" 0x3820_4000 [ORDER WS WT BASE] of B;
        "ldsmax{}h" 0x7820_4000 [ORDER WS WT BASE] of H;
    }
    Ldsmin {
        "ldsmin{}" 0xb820_5000 [ORDER WS WT BASE] of W;
        "ldsmin{}" 0xf820_5000 [ORDER XS XT BASE] of X;
        "ldsmin{}b" 0x3820_5000 [ORDER WS WT BASE] of B;
        "ldsmin{}h" 0x7820_5000 [ORDER WS WT BASE] of H;
    }
    Ldumax {
        "ldumax{}" 0xb820_6000 [ORDER WS WT BASE] of W;
        "ldumax{}" 0xf820_6000 [ORDER XS XT BASE] of X;
        "ldumax{}b" 0x3820_6000 [ORDER WS WT BASE] of B;
        "ldumax{}h" 0x7820_6000 [ORDER WS WT BASE] of H;
    }
    Ldumin {
        "ldumin{}" 0xb820_7000 [ORDER WS WT BASE] of W;
        "ldumin{}" 0xf820_7000 [ORDER XS XT BASE] of X;
        "ldumin{}b" 0x3820_7000 [ORDER WS WT BASE] of B;
        "ldumin{}h" 0x7820_7000 [ORDER WS WT BASE] of H;
    }
    Swp {
        "swp{}" 0xb820_8000 [ORDER WS WT BASE] of W;
        "swp{}" 0xf820_8000 [ORDER XS XT BASE] of X;
        "swp{}b" 0x3820_8000 [ORDER WS WT BASE] of B;
        "swp{}h" 0x7820_8000 [ORDER WS WT BASE] of H;
    }
    Ldclrp { "ldclrp{}" 0x1920_1000 [ORDER XT_LOW XT_HIGH BASE] of XX needs Lse128 where load_pair; }
    Ldsetp { "ldsetp{}" 0x1920_3000 [ORDER XT_LOW XT_HIGH BASE] of XX needs Lse128 where load_pair; }
    Swpp { "swpp{}" 0x1920_8000 [ORDER XT_LOW XT_HIGH BASE] of XX needs Lse128 where load_pair; }
}
