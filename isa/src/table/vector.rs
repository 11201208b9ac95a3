//! Vector arithmetic, comparison and moves: what string functions do between their loads.

use crate::operand::register::{WD, WN, XD, XN};
use crate::operand::shift::{LSL8_H, LSL8_S};
use crate::operand::simd::{BT, DN, DT, HT, SN, ST};
use crate::operand::vector::{
    BYTE_MASK, BYTE_OF_8, BYTE_OF_16, ELEMENT_D, ELEMENT_D_B, ELEMENT_D_D, ELEMENT_D_H, ELEMENT_D_S, ELEMENT_N_B,
    ELEMENT_N_D, ELEMENT_N_H, ELEMENT_N_S, IMM8, INSERTED_B, INSERTED_D, INSERTED_H, INSERTED_S, LEFT_8, LEFT_16,
    LEFT_32, LEFT_64, LONG_ELEMENT_D, RIGHT_8, RIGHT_16, RIGHT_32, RIGHT_64, UPPER_D, UPPER_N, VD, VD_2D, VD_2S, VD_4H,
    VD_4S, VD_8B, VD_8H, VD_16B, VD_BYTES, VD_HALVES, VD_NARROW, VD_NARROW2, VD_UP_TO_H, VD_UP_TO_S, VD_WORDS, VM,
    VM_8B, VM_16B, VM_BYTES, VM_UP_TO_S, VN, VN_2D, VN_2S, VN_4H, VN_4S, VN_8B, VN_8H, VN_16B, VN_BYTES, VN_HALVES,
    VN_SEVERAL, VN_UP_TO_H, VN_UP_TO_S, VN_WIDE, VN_WORDS, ZERO,
};

rows! {
    AddVec { "add" 0x0e20_8400 [VD VN VM]; }
    SubVec { "sub" 0x2e20_8400 [VD VN VM]; }
    MulVec { "mul" 0x0e20_9c00 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    AndVec { "and" 0x0e20_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    BicVec { "bic" 0x0e60_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    OrrVec { "orr" 0x0ea0_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    OrnVec { "orn" 0x0ee0_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    EorVec { "eor" 0x2e20_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    Bsl { "bsl" 0x2e60_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    Bit { "bit" 0x2ea0_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    Bif { "bif" 0x2ee0_1c00 [VD_BYTES VN_BYTES VM_BYTES]; }
    CmeqVec { "cmeq" 0x2e20_8c00 [VD VN VM]; }
    CmgtVec { "cmgt" 0x0e20_3400 [VD VN VM]; }
    CmgeVec { "cmge" 0x0e20_3c00 [VD VN VM]; }
    Cmhi { "cmhi" 0x2e20_3400 [VD VN VM]; }
    Cmhs { "cmhs" 0x2e20_3c00 [VD VN VM]; }
    Cmtst { "cmtst" 0x0e20_8c00 [VD VN VM]; }
    CmeqZero { "cmeq" 0x0e20_9800 [VD VN ZERO]; }
    CmgtZero { "cmgt" 0x0e20_8800 [VD VN ZERO]; }
    CmgeZero { "cmge" 0x2e20_8800 [VD VN ZERO]; }
    CmleZero { "cmle" 0x2e20_9800 [VD VN ZERO]; }
    CmltZero { "cmlt" 0x0e20_a800 [VD VN ZERO]; }
    SmaxVec { "smax" 0x0e20_6400 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    SminVec { "smin" 0x0e20_6c00 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    UmaxVec { "umax" 0x2e20_6400 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    UminVec { "umin" 0x2e20_6c00 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    Smaxp { "smaxp" 0x0e20_a400 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    Sminp { "sminp" 0x0e20_ac00 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    Umaxp { "umaxp" 0x2e20_a400 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    Uminp { "uminp" 0x2e20_ac00 [VD_UP_TO_S VN_UP_TO_S VM_UP_TO_S]; }
    AddpVec { "addp" 0x0e20_bc00 [VD VN VM]; }
    AddpScalar { "addp" 0x5ef1_b800 [DT VN_2D]; }
    Addv { "addv" 0x0e31_b800 [ELEMENT_D VN_SEVERAL]; }
    Smaxv { "smaxv" 0x0e30_a800 [ELEMENT_D VN_SEVERAL]; }
    Sminv { "sminv" 0x0e31_a800 [ELEMENT_D VN_SEVERAL]; }
    Umaxv { "umaxv" 0x2e30_a800 [ELEMENT_D VN_SEVERAL]; }
    Uminv { "uminv" 0x2e31_a800 [ELEMENT_D VN_SEVERAL]; }
    Uaddlv { "uaddlv" 0x2e30_3800 [LONG_ELEMENT_D VN_SEVERAL]; }
    Uzp1 { "uzp1" 0x0e00_1800 [VD VN VM]; }
    Uzp2 { "uzp2" 0x0e00_5800 [VD VN VM]; }
    Zip1 { "zip1" 0x0e00_3800 [VD VN VM]; }
    Zip2 { "zip2" 0x0e00_7800 [VD VN VM]; }
    Trn1 { "trn1" 0x0e00_2800 [VD VN VM]; }
    Trn2 { "trn2" 0x0e00_6800 [VD VN VM]; }
    Ext {
        "ext" 0x2e00_0000 [VD_8B VN_8B VM_8B BYTE_OF_8];
        "ext" 0x6e00_0000 [VD_16B VN_16B VM_16B BYTE_OF_16];
    }
    NotVec { "not" 0x2e20_5800 [VD_BYTES VN_BYTES]; }
    Cnt { "cnt" 0x0e20_5800 [VD_BYTES VN_BYTES]; }
    RbitVec { "rbit" 0x2e60_5800 [VD_BYTES VN_BYTES]; }
    Rev16Vec { "rev16" 0x0e20_1800 [VD_BYTES VN_BYTES]; }
    Rev32Vec { "rev32" 0x2e20_0800 [VD_UP_TO_H VN_UP_TO_H]; }
    Rev64Vec { "rev64" 0x0e20_0800 [VD_UP_TO_S VN_UP_TO_S]; }
    ClzVec { "clz" 0x2e20_4800 [VD_UP_TO_S VN_UP_TO_S]; }
    ClsVec { "cls" 0x0e20_4800 [VD_UP_TO_S VN_UP_TO_S]; }
    AbsVec { "abs" 0x0e20_b800 [VD VN]; }
    NegVec { "neg" 0x2e20_b800 [VD VN]; }
    Xtn {
        "xtn" 0x0e21_2800 [VD_NARROW VN_WIDE];
        "xtn2" 0x4e21_2800 [VD_NARROW2 VN_WIDE];
    }
    Shrn {
        "shrn" 0x0f08_8400 [VD_8B VN_8H RIGHT_8];
        "shrn2" 0x4f08_8400 [VD_16B VN_8H RIGHT_8];
        "shrn" 0x0f10_8400 [VD_4H VN_4S RIGHT_16];
        "shrn2" 0x4f10_8400 [VD_8H VN_4S RIGHT_16];
        "shrn" 0x0f20_8400 [VD_2S VN_2D RIGHT_32];
        "shrn2" 0x4f20_8400 [VD_4S VN_2D RIGHT_32];
    }
    Ushll {
        "ushll" 0x2f08_a400 [VD_8H VN_8B LEFT_8];
        "ushll2" 0x6f08_a400 [VD_8H VN_16B LEFT_8];
        "ushll" 0x2f10_a400 [VD_4S VN_4H LEFT_16];
        "ushll2" 0x6f10_a400 [VD_4S VN_8H LEFT_16];
        "ushll" 0x2f20_a400 [VD_2D VN_2S LEFT_32];
        "ushll2" 0x6f20_a400 [VD_2D VN_4S LEFT_32];
    }
    ShlVec {
        "shl" 0x0f08_5400 [VD_BYTES VN_BYTES LEFT_8];
        "shl" 0x0f10_5400 [VD_HALVES VN_HALVES LEFT_16];
        "shl" 0x0f20_5400 [VD_WORDS VN_WORDS LEFT_32];
        "shl" 0x4f40_5400 [VD_2D VN_2D LEFT_64];
    }
    Ushr {
        "ushr" 0x2f08_0400 [VD_BYTES VN_BYTES RIGHT_8];
        "ushr" 0x2f10_0400 [VD_HALVES VN_HALVES RIGHT_16];
        "ushr" 0x2f20_0400 [VD_WORDS VN_WORDS RIGHT_32];
        "ushr" 0x6f40_0400 [VD_2D VN_2D RIGHT_64];
    }
    Sshr {
        "sshr" 0x0f08_0400 [VD_BYTES VN_BYTES RIGHT_8];
        "sshr" 0x0f10_0400 [VD_HALVES VN_HALVES RIGHT_16];
        "sshr" 0x0f20_0400 [VD_WORDS VN_WORDS RIGHT_32];
        "sshr" 0x4f40_0400 [VD_2D VN_2D RIGHT_64];
    }
    Movi {
        "movi" 0x0f00_e400 [VD_BYTES IMM8];
        "movi" 0x0f00_8400 [VD_HALVES IMM8 LSL8_H];
        "movi" 0x0f00_0400 [VD_WORDS IMM8 LSL8_S];
        "movi" 0x2f00_e400 [DT BYTE_MASK];
        "movi" 0x6f00_e400 [VD_2D BYTE_MASK];
    }
    Mvni {
        "mvni" 0x2f00_8400 [VD_HALVES IMM8 LSL8_H];
        "mvni" 0x2f00_0400 [VD_WORDS IMM8 LSL8_S];
    }
    OrrVecImm {
        "orr" 0x0f00_9400 [VD_HALVES IMM8 LSL8_H];
        "orr" 0x0f00_1400 [VD_WORDS IMM8 LSL8_S];
    }
    BicVecImm {
        "bic" 0x2f00_9400 [VD_HALVES IMM8 LSL8_H];
        "bic" 0x2f00_1400 [VD_WORDS IMM8 LSL8_S];
    }
    DupGeneral {
        "dup" 0x0e01_0c00 [VD_BYTES WN];
        "dup" 0x0e02_0c00 [VD_HALVES WN];
        "dup" 0x0e04_0c00 [VD_WORDS WN];
        "dup" 0x4e08_0c00 [VD_2D XN];
    }
    DupElement {
        "dup" 0x0e01_0400 [VD_BYTES ELEMENT_N_B];
        "dup" 0x0e02_0400 [VD_HALVES ELEMENT_N_H];
        "dup" 0x0e04_0400 [VD_WORDS ELEMENT_N_S];
        "dup" 0x4e08_0400 [VD_2D ELEMENT_N_D];
        "dup" 0x5e01_0400 [BT ELEMENT_N_B];
        "dup" 0x5e02_0400 [HT ELEMENT_N_H];
        "dup" 0x5e04_0400 [ST ELEMENT_N_S];
        "dup" 0x5e08_0400 [DT ELEMENT_N_D];
    }
    Umov {
        "umov" 0x0e01_3c00 [WD ELEMENT_N_B];
        "umov" 0x0e02_3c00 [WD ELEMENT_N_H];
        "umov" 0x0e04_3c00 [WD ELEMENT_N_S];
        "umov" 0x4e08_3c00 [XD ELEMENT_N_D];
    }
    Smov {
        "smov" 0x0e01_2c00 [WD ELEMENT_N_B];
        "smov" 0x0e02_2c00 [WD ELEMENT_N_H];
        "smov" 0x4e01_2c00 [XD ELEMENT_N_B];
        "smov" 0x4e02_2c00 [XD ELEMENT_N_H];
        "smov" 0x4e04_2c00 [XD ELEMENT_N_S];
    }
    InsGeneral {
        "ins" 0x4e01_1c00 [ELEMENT_D_B WN];
        "ins" 0x4e02_1c00 [ELEMENT_D_H WN];
        "ins" 0x4e04_1c00 [ELEMENT_D_S WN];
        "ins" 0x4e08_1c00 [ELEMENT_D_D XN];
    }
    InsElement {
        "ins" 0x6e01_0400 [ELEMENT_D_B INSERTED_B];
        "ins" 0x6e02_0400 [ELEMENT_D_H INSERTED_H];
        "ins" 0x6e04_0400 [ELEMENT_D_S INSERTED_S];
        "ins" 0x6e08_0400 [ELEMENT_D_D INSERTED_D];
    }
    Fmov {
        "fmov" 0x1e20_4000 [ST SN];
        "fmov" 0x1e60_4000 [DT DN];
        "fmov" 0x1e26_0000 [WD SN];
        "fmov" 0x1e27_0000 [ST WN];
        "fmov" 0x9e66_0000 [XD DN];
        "fmov" 0x9e67_0000 [DT XN];
        "fmov" 0x9eae_0000 [XD UPPER_N];
        "fmov" 0x9eaf_0000 [UPPER_D XN];
    }
}
