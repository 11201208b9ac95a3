//! Branches. A register branch leads wherever the register says.

use crate::operand::bitfield::{BIT_HIGH, BIT_LOW};
use crate::operand::branch::{COND, REL14, REL19, REL26};
use crate::operand::register::{WT, XN, XN_LINK, XT};

rows! {
    B { "b" 0x1400_0000 [REL26]; }
    Bl { "bl" 0x9400_0000 [REL26]; }
    Br { "br" 0xd61f_0000 [XN]; }
    Blr { "blr" 0xd63f_0000 [XN]; }
    Ret { "ret" 0xd65f_0000 [XN_LINK]; }
    BCond { "b.{}" 0x5400_0000 [COND REL19]; }
    Cbz {
        "cbz" 0x3400_0000 [WT REL19];
        "cbz" 0xb400_0000 [XT REL19];
    }
    Cbnz {
        "cbnz" 0x3500_0000 [WT REL19];
        "cbnz" 0xb500_0000 [XT REL19];
    }
    Tbz {
        "tbz" 0x3600_0000 [WT BIT_LOW REL14];
        "tbz" 0xb600_0000 [XT BIT_HIGH REL14];
    }
    Tbnz {
        "tbnz" 0x3700_0000 [WT BIT_LOW REL14];
        "tbnz" 0xb700_0000 [XT BIT_HIGH REL14];
    }
}
