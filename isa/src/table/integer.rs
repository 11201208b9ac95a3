//! Multiplication and division, bits of registers, arithmetic with carry, and conditional comparison.

use crate::operand::bitfield::{IMMS_W, IMMS_X};
use crate::operand::branch::COND_SELECT;
use crate::operand::immediate::{COMPARED, FLAGS};
use crate::operand::register::{WD, WM, WN, XA, XD, XM, XN};

rows! {
    Adc {
        "adc" 0x1a00_0000 [WD WN WM];
        "adc" 0x9a00_0000 [XD XN XM];
    }
    Adcs {
        "adcs" 0x3a00_0000 [WD WN WM];
        "adcs" 0xba00_0000 [XD XN XM];
    }
    Sbc {
        "sbc" 0x5a00_0000 [WD WN WM];
        "sbc" 0xda00_0000 [XD XN XM];
    }
    Sbcs {
        "sbcs" 0x7a00_0000 [WD WN WM];
        "sbcs" 0xfa00_0000 [XD XN XM];
    }
    CcmnReg {
        "ccmn" 0x3a40_0000 [WN WM FLAGS COND_SELECT];
        "ccmn" 0xba40_0000 [XN XM FLAGS COND_SELECT];
    }
    CcmnImm {
        "ccmn" 0x3a40_0800 [WN COMPARED FLAGS COND_SELECT];
        "ccmn" 0xba40_0800 [XN COMPARED FLAGS COND_SELECT];
    }
    CcmpReg {
        "ccmp" 0x7a40_0000 [WN WM FLAGS COND_SELECT];
        "ccmp" 0xfa40_0000 [XN XM FLAGS COND_SELECT];
    }
    CcmpImm {
        "ccmp" 0x7a40_0800 [WN COMPARED FLAGS COND_SELECT];
        "ccmp" 0xfa40_0800 [XN COMPARED FLAGS COND_SELECT];
    }
    Rbit {
        "rbit" 0x5ac0_0000 [WD WN];
        "rbit" 0xdac0_0000 [XD XN];
    }
    Rev16 {
        "rev16" 0x5ac0_0400 [WD WN];
        "rev16" 0xdac0_0400 [XD XN];
    }
    Rev32 { "rev32" 0xdac0_0800 [XD XN]; }
    Rev {
        "rev" 0x5ac0_0800 [WD WN];
        "rev" 0xdac0_0c00 [XD XN];
    }
    Clz {
        "clz" 0x5ac0_1000 [WD WN];
        "clz" 0xdac0_1000 [XD XN];
    }
    Cls {
        "cls" 0x5ac0_1400 [WD WN];
        "cls" 0xdac0_1400 [XD XN];
    }
    Udiv {
        "udiv" 0x1ac0_0800 [WD WN WM];
        "udiv" 0x9ac0_0800 [XD XN XM];
    }
    Sdiv {
        "sdiv" 0x1ac0_0c00 [WD WN WM];
        "sdiv" 0x9ac0_0c00 [XD XN XM];
    }
    Smaddl { "smaddl" 0x9b20_0000 [XD WN WM XA]; }
    Smsubl { "smsubl" 0x9b20_8000 [XD WN WM XA]; }
    Umaddl { "umaddl" 0x9ba0_0000 [XD WN WM XA]; }
    Umsubl { "umsubl" 0x9ba0_8000 [XD WN WM XA]; }
    Smulh { "smulh" 0x9b40_7c00 [XD XN XM]; }
    Umulh { "umulh" 0x9bc0_7c00 [XD XN XM]; }
    Extr {
        "extr" 0x1380_0000 [WD WN WM IMMS_W];
        "extr" 0x93c0_0000 [XD XN XM IMMS_X];
    }
}
