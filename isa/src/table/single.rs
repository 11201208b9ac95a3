//! Loads and stores of one general-purpose register, and prefetches.

use crate::access::{B, H, SB, SH, SW, W, X};
use crate::operand::address::{OFF9, OFF12_1, OFF12_2, OFF12_4, OFF12_8, POST9, PRE9};
use crate::operand::branch::REL19;
use crate::operand::indexed::{INDEX_1, INDEX_2, INDEX_4, INDEX_8};
use crate::operand::prefetch::{PRFOP, PRFOP_INDEXED};
use crate::operand::register::{WT, XT};
use crate::unpredictable::writeback;

rows! {
    Str {
        "str" 0xb900_0000 [WT OFF12_4] of W;
        "str" 0xb800_0c00 [WT PRE9] of W where writeback;
        "str" 0xb800_0400 [WT POST9] of W where writeback;
        "str" 0xf900_0000 [XT OFF12_8] of X;
        "str" 0xf800_0c00 [XT PRE9] of X where writeback;
        "str" 0xf800_0400 [XT POST9] of X where writeback;
    }
    Ldr {
        "ldr" 0xb940_0000 [WT OFF12_4] of W;
        "ldr" 0xb840_0c00 [WT PRE9] of W where writeback;
        "ldr" 0xb840_0400 [WT POST9] of W where writeback;
        "ldr" 0xf940_0000 [XT OFF12_8] of X;
        "ldr" 0xf840_0c00 [XT PRE9] of X where writeback;
        "ldr" 0xf840_0400 [XT POST9] of X where writeback;
    }
    Strb {
        "strb" 0x3900_0000 [WT OFF12_1] of B;
        "strb" 0x3800_0c00 [WT PRE9] of B where writeback;
        "strb" 0x3800_0400 [WT POST9] of B where writeback;
    }
    Ldrb {
        "ldrb" 0x3940_0000 [WT OFF12_1] of B;
        "ldrb" 0x3840_0c00 [WT PRE9] of B where writeback;
        "ldrb" 0x3840_0400 [WT POST9] of B where writeback;
    }
    Strh {
        "strh" 0x7900_0000 [WT OFF12_2] of H;
        "strh" 0x7800_0c00 [WT PRE9] of H where writeback;
        "strh" 0x7800_0400 [WT POST9] of H where writeback;
    }
    Ldrh {
        "ldrh" 0x7940_0000 [WT OFF12_2] of H;
        "ldrh" 0x7840_0c00 [WT PRE9] of H where writeback;
        "ldrh" 0x7840_0400 [WT POST9] of H where writeback;
    }
    Stur {
        "stur" 0xb800_0000 [WT OFF9] of W;
        "stur" 0xf800_0000 [XT OFF9] of X;
    }
    Ldur {
        "ldur" 0xb840_0000 [WT OFF9] of W;
        "ldur" 0xf840_0000 [XT OFF9] of X;
    }
    Sturb { "sturb" 0x3800_0000 [WT OFF9] of B; }
    Ldurb { "ldurb" 0x3840_0000 [WT OFF9] of B; }
    Sturh { "sturh" 0x7800_0000 [WT OFF9] of H; }
    Ldurh { "ldurh" 0x7840_0000 [WT OFF9] of H; }
    LdrLiteral {
        "ldr" 0x1800_0000 [WT REL19] of W;
        "ldr" 0x5800_0000 [XT REL19] of X;
    }
    StrReg {
        "str" 0xb820_0800 [WT INDEX_4] of W;
        "str" 0xf820_0800 [XT INDEX_8] of X;
        "strb" 0x3820_0800 [WT INDEX_1] of B;
        "strh" 0x7820_0800 [WT INDEX_2] of H;
    }
    LdrReg {
        "ldr" 0xb860_0800 [WT INDEX_4] of W;
        "ldr" 0xf860_0800 [XT INDEX_8] of X;
        "ldrb" 0x3860_0800 [WT INDEX_1] of B;
        "ldrh" 0x7860_0800 [WT INDEX_2] of H;
        "ldrsb" 0x38e0_0800 [WT INDEX_1] of SB;
        "ldrsb" 0x38a0_0800 [XT INDEX_1] of SB;
        "ldrsh" 0x78e0_0800 [WT INDEX_2] of SH;
        "ldrsh" 0x78a0_0800 [XT INDEX_2] of SH;
        "ldrsw" 0xb8a0_0800 [XT INDEX_4] of SW;
    }
    Ldrs {
        "ldrsb" 0x39c0_0000 [WT OFF12_1] of SB;
        "ldrsb" 0x38c0_0c00 [WT PRE9] of SB where writeback;
        "ldrsb" 0x38c0_0400 [WT POST9] of SB where writeback;
        "ldrsb" 0x3980_0000 [XT OFF12_1] of SB;
        "ldrsb" 0x3880_0c00 [XT PRE9] of SB where writeback;
        "ldrsb" 0x3880_0400 [XT POST9] of SB where writeback;
        "ldrsh" 0x79c0_0000 [WT OFF12_2] of SH;
        "ldrsh" 0x78c0_0c00 [WT PRE9] of SH where writeback;
        "ldrsh" 0x78c0_0400 [WT POST9] of SH where writeback;
        "ldrsh" 0x7980_0000 [XT OFF12_2] of SH;
        "ldrsh" 0x7880_0c00 [XT PRE9] of SH where writeback;
        "ldrsh" 0x7880_0400 [XT POST9] of SH where writeback;
        "ldrsw" 0xb980_0000 [XT OFF12_4] of SW;
        "ldrsw" 0xb880_0c00 [XT PRE9] of SW where writeback;
        "ldrsw" 0xb880_0400 [XT POST9] of SW where writeback;
    }
    Ldurs {
        "ldursb" 0x38c0_0000 [WT OFF9] of SB;
        "ldursb" 0x3880_0000 [XT OFF9] of SB;
        "ldursh" 0x78c0_0000 [WT OFF9] of SH;
        "ldursh" 0x7880_0000 [XT OFF9] of SH;
        "ldursw" 0xb880_0000 [XT OFF9] of SW;
    }
    LdrswLiteral { "ldrsw" 0x9800_0000 [XT REL19] of SW; }
    Sttr {
        "sttr" 0xb800_0800 [WT OFF9] of W;
        "sttr" 0xf800_0800 [XT OFF9] of X;
        "sttrb" 0x3800_0800 [WT OFF9] of B;
        "sttrh" 0x7800_0800 [WT OFF9] of H;
    }
    Ldtr {
        "ldtr" 0xb840_0800 [WT OFF9] of W;
        "ldtr" 0xf840_0800 [XT OFF9] of X;
        "ldtrb" 0x3840_0800 [WT OFF9] of B;
        "ldtrh" 0x7840_0800 [WT OFF9] of H;
        "ldtrsb" 0x38c0_0800 [WT OFF9] of SB;
        "ldtrsb" 0x3880_0800 [XT OFF9] of SB;
        "ldtrsh" 0x78c0_0800 [WT OFF9] of SH;
        "ldtrsh" 0x7880_0800 [XT OFF9] of SH;
        "ldtrsw" 0xb880_0800 [XT OFF9] of SW;
    }
    Prfm {
        "prfm" 0xf980_0000 [PRFOP OFF12_8];
        "prfm" 0xf8a0_0800 [PRFOP_INDEXED INDEX_8];
        "prfm" 0xd800_0000 [PRFOP REL19];
    }
    Prfum { "prfum" 0xf880_0000 [PRFOP OFF9]; }
}
