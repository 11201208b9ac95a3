//! Instructions that load and store allocation tags. Their accesses are not tag checked.

use crate::access::XX;
use crate::operand::address::{BASE, OFF7_16, OFF9_TAG, POST7_16, POST9_TAG, PRE7_16, PRE9_TAG};
use crate::operand::register::{XT, XT_SP, XT2};

rows! {
    Stg {
        "stg" 0xd920_0800 [XT_SP OFF9_TAG];
        "stg" 0xd920_0c00 [XT_SP PRE9_TAG];
        "stg" 0xd920_0400 [XT_SP POST9_TAG];
    }
    Stzg {
        "stzg" 0xd960_0800 [XT_SP OFF9_TAG];
        "stzg" 0xd960_0c00 [XT_SP PRE9_TAG];
        "stzg" 0xd960_0400 [XT_SP POST9_TAG];
    }
    St2g {
        "st2g" 0xd9a0_0800 [XT_SP OFF9_TAG];
        "st2g" 0xd9a0_0c00 [XT_SP PRE9_TAG];
        "st2g" 0xd9a0_0400 [XT_SP POST9_TAG];
    }
    Stz2g {
        "stz2g" 0xd9e0_0800 [XT_SP OFF9_TAG];
        "stz2g" 0xd9e0_0c00 [XT_SP PRE9_TAG];
        "stz2g" 0xd9e0_0400 [XT_SP POST9_TAG];
    }
    Stgp {
        "stgp" 0x6900_0000 [XT XT2 OFF7_16] of XX;
        "stgp" 0x6980_0000 [XT XT2 PRE7_16] of XX;
        "stgp" 0x6880_0000 [XT XT2 POST7_16] of XX;
    }
    Ldg { "ldg" 0xd960_0000 [XT OFF9_TAG]; }
    Ldgm { "ldgm" 0xd9e0_0000 [XT BASE]; }
    Stgm { "stgm" 0xd9a0_0000 [XT BASE]; }
    Stzgm { "stzgm" 0xd920_0000 [XT BASE]; }
}
