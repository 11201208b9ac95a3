//! Exclusive, acquire and release loads and stores.

use crate::access::{B, H, SB, SH, SW, W, WW, X, XX};
use crate::operand::address::{BASE, OFF9};
use crate::operand::immediate::IMM4_OPT;
use crate::operand::register::{WS, WT, WT2, WT2_HIGH, XT, XT2, XT2_HIGH};
use crate::operand::step::{DOWN_4, DOWN_8, DOWN_16, UP_4, UP_8, UP_16};
use crate::unpredictable::{load_pair, status, writeback};

rows! {
    Ldxr {
        "ldxr" 0x885f_7c00 [WT BASE] of W;
        "ldxr" 0xc85f_7c00 [XT BASE] of X;
        "ldxrb" 0x085f_7c00 [WT BASE] of B;
        "ldxrh" 0x485f_7c00 [WT BASE] of H;
    }
    Ldaxr {
        "ldaxr" 0x885f_fc00 [WT BASE] of W;
        "ldaxr" 0xc85f_fc00 [XT BASE] of X;
        "ldaxrb" 0x085f_fc00 [WT BASE] of B;
        "ldaxrh" 0x485f_fc00 [WT BASE] of H;
    }
    Stxr {
        "stxr" 0x8800_7c00 [WS WT BASE] of W where status;
        "stxr" 0xc800_7c00 [WS XT BASE] of X where status;
        "stxrb" 0x0800_7c00 [WS WT BASE] of B where status;
        "stxrh" 0x4800_7c00 [WS WT BASE] of H where status;
    }
    Stlxr {
        "stlxr" 0x8800_fc00 [WS WT BASE] of W where status;
        "stlxr" 0xc800_fc00 [WS XT BASE] of X where status;
        "stlxrb" 0x0800_fc00 [WS WT BASE] of B where status;
        "stlxrh" 0x4800_fc00 [WS WT BASE] of H where status;
    }
    Ldxp {
        "ldxp" 0x887f_0000 [WT WT2 BASE] of WW where load_pair;
        "ldxp" 0xc87f_0000 [XT XT2 BASE] of XX where load_pair;
    }
    Ldaxp {
        "ldaxp" 0x887f_8000 [WT WT2 BASE] of WW where load_pair;
        "ldaxp" 0xc87f_8000 [XT XT2 BASE] of XX where load_pair;
    }
    Stxp {
        "stxp" 0x8820_0000 [WS WT WT2 BASE] of WW where status;
        "stxp" 0xc820_0000 [WS XT XT2 BASE] of XX where status;
    }
    Stlxp {
        "stlxp" 0x8820_8000 [WS WT WT2 BASE] of WW where status;
        "stlxp" 0xc820_8000 [WS XT XT2 BASE] of XX where status;
    }
    Clrex { "clrex" 0xd503_305f [IMM4_OPT]; }
    Ldar {
        "ldar" 0x88df_fc00 [WT BASE] of W;
        "ldar" 0xc8df_fc00 [XT BASE] of X;
        "ldarb" 0x08df_fc00 [WT BASE] of B;
        "ldarh" 0x48df_fc00 [WT BASE] of H;
    }
    Stlr {
        "stlr" 0x889f_fc00 [WT BASE] of W;
        "stlr" 0xc89f_fc00 [XT BASE] of X;
        "stlr" 0x9980_0800 [WT DOWN_4] of W needs Lrcpc3 where writeback;
        "stlr" 0xd980_0800 [XT DOWN_8] of X needs Lrcpc3 where writeback;
        "stlrb" 0x089f_fc00 [WT BASE] of B;
        "stlrh" 0x489f_fc00 [WT BASE] of H;
    }
    Ldlar {
        "ldlar" 0x88df_7c00 [WT BASE] of W;
        "ldlar" 0xc8df_7c00 [XT BASE] of X;
        "ldlarb" 0x08df_7c00 [WT BASE] of B;
        "ldlarh" 0x48df_7c00 [WT BASE] of H;
    }
    Stllr {
        "stllr" 0x889f_7c00 [WT BASE] of W;
        "stllr" 0xc89f_7c00 [XT BASE] of X;
        "stllrb" 0x089f_7c00 [WT BASE] of B;
        "stllrh" 0x489f_7c00 [WT BASE] of H;
    }
    Ldapr {
        "ldapr" 0xb8bf_c000 [WT BASE] of W;
        "ldapr" 0xf8bf_c000 [XT BASE] of X;
        "ldapr" 0x99c0_0800 [WT UP_4] of W needs Lrcpc3 where writeback;
        "ldapr" 0xd9c0_0800 [XT UP_8] of X needs Lrcpc3 where writeback;
        "ldaprb" 0x38bf_c000 [WT BASE] of B;
        "ldaprh" 0x78bf_c000 [WT BASE] of H;
    }
    Ldapur {
        "ldapur" 0x9940_0000 [WT OFF9] of W;
        "ldapur" 0xd940_0000 [XT OFF9] of X;
        "ldapurb" 0x1940_0000 [WT OFF9] of B;
        "ldapurh" 0x5940_0000 [WT OFF9] of H;
        "ldapursb" 0x19c0_0000 [WT OFF9] of SB;
        "ldapursb" 0x1980_0000 [XT OFF9] of SB;
        "ldapursh" 0x59c0_0000 [WT OFF9] of SH;
        "ldapursh" 0x5980_0000 [XT OFF9] of SH;
        "ldapursw" 0x9980_0000 [XT OFF9] of SW;
    }
    Stlur {
        "stlur" 0x9900_0000 [WT OFF9] of W;
        "stlur" 0xd900_0000 [XT OFF9] of X;
        "stlurb" 0x1900_0000 [WT OFF9] of B;
        "stlurh" 0x5900_0000 [WT OFF9] of H;
    }
    Ldiapp {
        "ldiapp" 0x9940_1800 [WT WT2_HIGH BASE] of WW needs Lrcpc3 where load_pair;
        "ldiapp" 0x9940_0800 [WT WT2_HIGH UP_8] of WW needs Lrcpc3 where writeback load_pair;
        "ldiapp" 0xd940_1800 [XT XT2_HIGH BASE] of XX needs Lrcpc3 where load_pair;
        "ldiapp" 0xd940_0800 [XT XT2_HIGH UP_16] of XX needs Lrcpc3 where writeback load_pair;
    }
    Stilp {
        "stilp" 0x9900_1800 [WT WT2_HIGH BASE] of WW needs Lrcpc3;
        "stilp" 0x9900_0800 [WT WT2_HIGH DOWN_8] of WW needs Lrcpc3 where writeback;
        "stilp" 0xd900_1800 [XT XT2_HIGH BASE] of XX needs Lrcpc3;
        "stilp" 0xd900_0800 [XT XT2_HIGH DOWN_16] of XX needs Lrcpc3 where writeback;
    }
}
