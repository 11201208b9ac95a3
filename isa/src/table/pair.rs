//! Loads and stores of a pair of general-purpose registers.

use crate::access::{SW_SW, WW, XX};
use crate::operand::address::{OFF7_4, OFF7_8, POST7_4, POST7_8, PRE7_4, PRE7_8};
use crate::operand::register::{WT, WT2, XT, XT2};
use crate::unpredictable::{load_pair, writeback};

rows! {
    Stp {
        "stp" 0x2900_0000 [WT WT2 OFF7_4] of WW;
        "stp" 0x2980_0000 [WT WT2 PRE7_4] of WW where writeback;
        "stp" 0x2880_0000 [WT WT2 POST7_4] of WW where writeback;
        "stp" 0xa900_0000 [XT XT2 OFF7_8] of XX;
        "stp" 0xa980_0000 [XT XT2 PRE7_8] of XX where writeback;
        "stp" 0xa880_0000 [XT XT2 POST7_8] of XX where writeback;
    }
    Ldp {
        "ldp" 0x2940_0000 [WT WT2 OFF7_4] of WW where load_pair;
        "ldp" 0x29c0_0000 [WT WT2 PRE7_4] of WW where writeback load_pair;
        "ldp" 0x28c0_0000 [WT WT2 POST7_4] of WW where writeback load_pair;
        "ldp" 0xa940_0000 [XT XT2 OFF7_8] of XX where load_pair;
        "ldp" 0xa9c0_0000 [XT XT2 PRE7_8] of XX where writeback load_pair;
        "ldp" 0xa8c0_0000 [XT XT2 POST7_8] of XX where writeback load_pair;
    }
    Ldpsw {
        "ldpsw" 0x6940_0000 [XT XT2 OFF7_4] of SW_SW where load_pair;
        "ldpsw" 0x69c0_0000 [XT XT2 PRE7_4] of SW_SW where writeback load_pair;
        "ldpsw" 0x68c0_0000 [XT XT2 POST7_4] of SW_SW where writeback load_pair;
    }
    Stnp {
        "stnp" 0x2800_0000 [WT WT2 OFF7_4] of WW;
        "stnp" 0xa800_0000 [XT XT2 OFF7_8] of XX;
    }
    Ldnp {
        "ldnp" 0x2840_0000 [WT WT2 OFF7_4] of WW where load_pair;
        "ldnp" 0xa840_0000 [XT XT2 OFF7_8] of XX where load_pair;
    }
}
