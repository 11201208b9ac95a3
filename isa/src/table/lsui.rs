//! Atomics, exclusives and pairs that access memory with the rights of EL0 (FEAT_LSUI).

use crate::access::{QQ, W, X, XX};
use crate::operand::address::{BASE, OFF7_8, OFF7_16, POST7_8, POST7_16, PRE7_8, PRE7_16};
use crate::operand::pair::{XS_EVEN, XS_ODD, XT_EVEN, XT_ODD};
use crate::operand::register::{WS, WT, XS, XT, XT2};
use crate::operand::simd::{QT, QT2};
use crate::operand::suffix::{CAS_ORDER, ORDER};
use crate::unpredictable::{load_pair, load_simd_pair, status, writeback};

rows! {
    Cast { "cas{}t" 0xc980_7c00 [CAS_ORDER XS XT BASE] of X needs Lsui; }
    Caspt { "casp{}t" 0x4980_7c00 [CAS_ORDER XS_EVEN XS_ODD XT_EVEN XT_ODD BASE] of XX needs Lsui; }
    Ldtadd {
        "ldtadd{}" 0x1920_0400 [ORDER WS WT BASE] of W needs Lsui;
        "ldtadd{}" 0x5920_0400 [ORDER XS XT BASE] of X needs Lsui;
    }
    Ldtclr {
        "ldtclr{}" 0x1920_1400 [ORDER WS WT BASE] of W needs Lsui;
        "ldtclr{}" 0x5920_1400 [ORDER XS XT BASE] of X needs Lsui;
    }
    Ldtset {
        "ldtset{}" 0x1920_3400 [ORDER WS WT BASE] of W needs Lsui;
        "ldtset{}" 0x5920_3400 [ORDER XS XT BASE] of X needs Lsui;
    }
    Swpt {
        "swpt{}" 0x1920_8400 [ORDER WS WT BASE] of W needs Lsui;
        "swpt{}" 0x5920_8400 [ORDER XS XT BASE] of X needs Lsui;
    }
    Ldtxr {
        "ldtxr" 0x895f_7c00 [WT BASE] of W needs Lsui;
        "ldtxr" 0xc95f_7c00 [XT BASE] of X needs Lsui;
    }
    Ldatxr {
        "ldatxr" 0x895f_fc00 [WT BASE] of W needs Lsui;
        "ldatxr" 0xc95f_fc00 [XT BASE] of X needs Lsui;
    }
    Sttxr {
        "sttxr" 0x8900_7c00 [WS WT BASE] of W needs Lsui where status;
        "sttxr" 0xc900_7c00 [WS XT BASE] of X needs Lsui where status;
    }
    Stltxr {
        "stltxr" 0x8900_fc00 [WS WT BASE] of W needs Lsui where status;
        "stltxr" 0xc900_fc00 [WS XT BASE] of X needs Lsui where status;
    }
    Sttp {
        "sttp" 0xe900_0000 [XT XT2 OFF7_8] of XX needs Lsui;
        "sttp" 0xe980_0000 [XT XT2 PRE7_8] of XX needs Lsui where writeback;
        "sttp" 0xe880_0000 [XT XT2 POST7_8] of XX needs Lsui where writeback;
    }
    Ldtp {
        "ldtp" 0xe940_0000 [XT XT2 OFF7_8] of XX needs Lsui where load_pair;
        "ldtp" 0xe9c0_0000 [XT XT2 PRE7_8] of XX needs Lsui where writeback load_pair;
        "ldtp" 0xe8c0_0000 [XT XT2 POST7_8] of XX needs Lsui where writeback load_pair;
    }
    Sttnp { "sttnp" 0xe800_0000 [XT XT2 OFF7_8] of XX needs Lsui; }
    Ldtnp { "ldtnp" 0xe840_0000 [XT XT2 OFF7_8] of XX needs Lsui where load_pair; }
    SttpSimd {
        "sttp" 0xed00_0000 [QT QT2 OFF7_16] of QQ needs Lsui;
        "sttp" 0xed80_0000 [QT QT2 PRE7_16] of QQ needs Lsui;
        "sttp" 0xec80_0000 [QT QT2 POST7_16] of QQ needs Lsui;
    }
    LdtpSimd {
        "ldtp" 0xed40_0000 [QT QT2 OFF7_16] of QQ needs Lsui where load_simd_pair;
        "ldtp" 0xedc0_0000 [QT QT2 PRE7_16] of QQ needs Lsui where load_simd_pair;
        "ldtp" 0xecc0_0000 [QT QT2 POST7_16] of QQ needs Lsui where load_simd_pair;
    }
    SttnpSimd { "sttnp" 0xec00_0000 [QT QT2 OFF7_16] of QQ needs Lsui; }
    LdtnpSimd { "ldtnp" 0xec40_0000 [QT QT2 OFF7_16] of QQ needs Lsui where load_simd_pair; }
}
