//! Arithmetic and logic on general-purpose registers.

use crate::operand::adr::{REL21, REL21_PAGES};
use crate::operand::bitfield::{IMMR_W, IMMR_X, IMMS_W, IMMS_X};
use crate::operand::bitmask::{BITMASK_W, BITMASK_X};
use crate::operand::branch::COND_SELECT;
use crate::operand::extend::{EXTEND_W, EXTEND_W_FLAGS, EXTEND_W_TO_X, EXTEND_X, EXTEND_X_FLAGS};
use crate::operand::immediate::{IMM12, IMM16};
use crate::operand::register::{WA, WD, WD_SP, WM, WN, WN_SP, XA, XD, XD_SP, XM, XN, XN_SP};
use crate::operand::shift::{LSL12, LSL16_W, LSL16_X, SHIFT_ROR_W, SHIFT_ROR_X, SHIFT_W, SHIFT_X};

rows! {
    Movz {
        "movz" 0x5280_0000 [WD IMM16 LSL16_W];
        "movz" 0xd280_0000 [XD IMM16 LSL16_X];
    }
    Movn {
        "movn" 0x1280_0000 [WD IMM16 LSL16_W];
        "movn" 0x9280_0000 [XD IMM16 LSL16_X];
    }
    Movk {
        "movk" 0x7280_0000 [WD IMM16 LSL16_W];
        "movk" 0xf280_0000 [XD IMM16 LSL16_X];
    }
    AddImm {
        "add" 0x1100_0000 [WD_SP WN_SP IMM12 LSL12];
        "add" 0x9100_0000 [XD_SP XN_SP IMM12 LSL12];
    }
    AddsImm {
        "adds" 0x3100_0000 [WD WN_SP IMM12 LSL12];
        "adds" 0xb100_0000 [XD XN_SP IMM12 LSL12];
    }
    SubImm {
        "sub" 0x5100_0000 [WD_SP WN_SP IMM12 LSL12];
        "sub" 0xd100_0000 [XD_SP XN_SP IMM12 LSL12];
    }
    SubsImm {
        "subs" 0x7100_0000 [WD WN_SP IMM12 LSL12];
        "subs" 0xf100_0000 [XD XN_SP IMM12 LSL12];
    }
    AddReg {
        "add" 0x0b00_0000 [WD WN WM SHIFT_W];
        "add" 0x8b00_0000 [XD XN XM SHIFT_X];
    }
    AddsReg {
        "adds" 0x2b00_0000 [WD WN WM SHIFT_W];
        "adds" 0xab00_0000 [XD XN XM SHIFT_X];
    }
    SubReg {
        "sub" 0x4b00_0000 [WD WN WM SHIFT_W];
        "sub" 0xcb00_0000 [XD XN XM SHIFT_X];
    }
    SubsReg {
        "subs" 0x6b00_0000 [WD WN WM SHIFT_W];
        "subs" 0xeb00_0000 [XD XN XM SHIFT_X];
    }
    AddExt {
        "add" 0x0b20_0000 [WD_SP WN_SP WM EXTEND_W];
        "add" 0x8b20_0000 [XD_SP XN_SP WM EXTEND_W_TO_X];
        "add" 0x8b20_0000 [XD_SP XN_SP XM EXTEND_X];
    }
    AddsExt {
        "adds" 0x2b20_0000 [WD WN_SP WM EXTEND_W_FLAGS];
        "adds" 0xab20_0000 [XD XN_SP WM EXTEND_W_TO_X];
        "adds" 0xab20_0000 [XD XN_SP XM EXTEND_X_FLAGS];
    }
    SubExt {
        "sub" 0x4b20_0000 [WD_SP WN_SP WM EXTEND_W];
        "sub" 0xcb20_0000 [XD_SP XN_SP WM EXTEND_W_TO_X];
        "sub" 0xcb20_0000 [XD_SP XN_SP XM EXTEND_X];
    }
    SubsExt {
        "subs" 0x6b20_0000 [WD WN_SP WM EXTEND_W_FLAGS];
        "subs" 0xeb20_0000 [XD XN_SP WM EXTEND_W_TO_X];
        "subs" 0xeb20_0000 [XD XN_SP XM EXTEND_X_FLAGS];
    }
    AndReg {
        "and" 0x0a00_0000 [WD WN WM SHIFT_ROR_W];
        "and" 0x8a00_0000 [XD XN XM SHIFT_ROR_X];
    }
    OrrReg {
        "orr" 0x2a00_0000 [WD WN WM SHIFT_ROR_W];
        "orr" 0xaa00_0000 [XD XN XM SHIFT_ROR_X];
    }
    EorReg {
        "eor" 0x4a00_0000 [WD WN WM SHIFT_ROR_W];
        "eor" 0xca00_0000 [XD XN XM SHIFT_ROR_X];
    }
    AndsReg {
        "ands" 0x6a00_0000 [WD WN WM SHIFT_ROR_W];
        "ands" 0xea00_0000 [XD XN XM SHIFT_ROR_X];
    }
    BicReg {
        "bic" 0x0a20_0000 [WD WN WM SHIFT_ROR_W];
        "bic" 0x8a20_0000 [XD XN XM SHIFT_ROR_X];
    }
    OrnReg {
        "orn" 0x2a20_0000 [WD WN WM SHIFT_ROR_W];
        "orn" 0xaa20_0000 [XD XN XM SHIFT_ROR_X];
    }
    EonReg {
        "eon" 0x4a20_0000 [WD WN WM SHIFT_ROR_W];
        "eon" 0xca20_0000 [XD XN XM SHIFT_ROR_X];
    }
    BicsReg {
        "bics" 0x6a20_0000 [WD WN WM SHIFT_ROR_W];
        "bics" 0xea20_0000 [XD XN XM SHIFT_ROR_X];
    }
    AndImm {
        "and" 0x1200_0000 [WD_SP WN BITMASK_W];
        "and" 0x9200_0000 [XD_SP XN BITMASK_X];
    }
    OrrImm {
        "orr" 0x3200_0000 [WD_SP WN BITMASK_W];
        "orr" 0xb200_0000 [XD_SP XN BITMASK_X];
    }
    EorImm {
        "eor" 0x5200_0000 [WD_SP WN BITMASK_W];
        "eor" 0xd200_0000 [XD_SP XN BITMASK_X];
    }
    AndsImm {
        "ands" 0x7200_0000 [WD WN BITMASK_W];
        "ands" 0xf200_0000 [XD XN BITMASK_X];
    }
    Sbfm {
        "sbfm" 0x1300_0000 [WD WN IMMR_W IMMS_W];
        "sbfm" 0x9340_0000 [XD XN IMMR_X IMMS_X];
    }
    Bfm {
        "bfm" 0x3300_0000 [WD WN IMMR_W IMMS_W];
        "bfm" 0xb340_0000 [XD XN IMMR_X IMMS_X];
    }
    Ubfm {
        "ubfm" 0x5300_0000 [WD WN IMMR_W IMMS_W];
        "ubfm" 0xd340_0000 [XD XN IMMR_X IMMS_X];
    }
    Lslv {
        "lslv" 0x1ac0_2000 [WD WN WM];
        "lslv" 0x9ac0_2000 [XD XN XM];
    }
    Lsrv {
        "lsrv" 0x1ac0_2400 [WD WN WM];
        "lsrv" 0x9ac0_2400 [XD XN XM];
    }
    Asrv {
        "asrv" 0x1ac0_2800 [WD WN WM];
        "asrv" 0x9ac0_2800 [XD XN XM];
    }
    Rorv {
        "rorv" 0x1ac0_2c00 [WD WN WM];
        "rorv" 0x9ac0_2c00 [XD XN XM];
    }
    Madd {
        "madd" 0x1b00_0000 [WD WN WM WA];
        "madd" 0x9b00_0000 [XD XN XM XA];
    }
    Msub {
        "msub" 0x1b00_8000 [WD WN WM WA];
        "msub" 0x9b00_8000 [XD XN XM XA];
    }
    Csel {
        "csel" 0x1a80_0000 [WD WN WM COND_SELECT];
        "csel" 0x9a80_0000 [XD XN XM COND_SELECT];
    }
    Csinc {
        "csinc" 0x1a80_0400 [WD WN WM COND_SELECT];
        "csinc" 0x9a80_0400 [XD XN XM COND_SELECT];
    }
    Csinv {
        "csinv" 0x5a80_0000 [WD WN WM COND_SELECT];
        "csinv" 0xda80_0000 [XD XN XM COND_SELECT];
    }
    Csneg {
        "csneg" 0x5a80_0400 [WD WN WM COND_SELECT];
        "csneg" 0xda80_0400 [XD XN XM COND_SELECT];
    }
    Adr { "adr" 0x1000_0000 [XD REL21]; }
    Adrp { "adrp" 0x9000_0000 [XD REL21_PAGES]; }
}
