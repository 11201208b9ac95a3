//! Pointer authentication (FEAT_PAuth): signing, authenticating and stripping of pointers in registers, and loads by
//! authenticated pointers. The forms without operands are hints, and NOPs without the feature.

use crate::access::X;
use crate::operand::address::{OFF10_8, PRE10_8};
use crate::operand::register::{XD, XM_SP, XN, XN_SP, XT};
use crate::unpredictable::writeback;

rows! {
    Pacia { "pacia" 0xdac1_0000 [XD XN_SP]; }
    Paciza { "paciza" 0xdac1_23e0 [XD]; }
    Pacia1716 { "pacia1716" 0xd503_211f []; }
    Paciaz { "paciaz" 0xd503_231f []; }
    Paciasp { "paciasp" 0xd503_233f []; }
    Pacib { "pacib" 0xdac1_0400 [XD XN_SP]; }
    Pacizb { "pacizb" 0xdac1_27e0 [XD]; }
    Pacib1716 { "pacib1716" 0xd503_215f []; }
    Pacibz { "pacibz" 0xd503_235f []; }
    Pacibsp { "pacibsp" 0xd503_237f []; }
    Pacda { "pacda" 0xdac1_0800 [XD XN_SP]; }
    Pacdza { "pacdza" 0xdac1_2be0 [XD]; }
    Pacdb { "pacdb" 0xdac1_0c00 [XD XN_SP]; }
    Pacdzb { "pacdzb" 0xdac1_2fe0 [XD]; }
    Autia { "autia" 0xdac1_1000 [XD XN_SP]; }
    Autiza { "autiza" 0xdac1_33e0 [XD]; }
    Autia1716 { "autia1716" 0xd503_219f []; }
    Autiaz { "autiaz" 0xd503_239f []; }
    Autiasp { "autiasp" 0xd503_23bf []; }
    Autib { "autib" 0xdac1_1400 [XD XN_SP]; }
    Autizb { "autizb" 0xdac1_37e0 [XD]; }
    Autib1716 { "autib1716" 0xd503_21df []; }
    Autibz { "autibz" 0xd503_23df []; }
    Autibsp { "autibsp" 0xd503_23ff []; }
    Autda { "autda" 0xdac1_1800 [XD XN_SP]; }
    Autdza { "autdza" 0xdac1_3be0 [XD]; }
    Autdb { "autdb" 0xdac1_1c00 [XD XN_SP]; }
    Autdzb { "autdzb" 0xdac1_3fe0 [XD]; }
    Xpaci { "xpaci" 0xdac1_43e0 [XD]; }
    Xpacd { "xpacd" 0xdac1_47e0 [XD]; }
    Xpaclri { "xpaclri" 0xd503_20ff []; }
    Pacga { "pacga" 0x9ac0_3000 [XD XN XM_SP]; }
    Ldraa {
        "ldraa" 0xf820_0400 [XT OFF10_8] of X;
        "ldraa" 0xf820_0c00 [XT PRE10_8] of X where writeback;
    }
    Ldrab {
        "ldrab" 0xf8a0_0400 [XT OFF10_8] of X;
        "ldrab" 0xf8a0_0c00 [XT PRE10_8] of X where writeback;
    }
}
