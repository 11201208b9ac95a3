//! Instructions that compute pointers and their logical tags, without a memory access.

use crate::operand::immediate::{UIMM4_TAG, UIMM6_GRANULES};
use crate::operand::register::{XD, XD_SP, XM, XM_OPT, XM_SP, XN_SP};

rows! {
    Irg { "irg" 0x9ac0_1000 [XD_SP XN_SP XM_OPT]; }
    Gmi { "gmi" 0x9ac0_1400 [XD XN_SP XM]; }
    Addg { "addg" 0x9180_0000 [XD_SP XN_SP UIMM6_GRANULES UIMM4_TAG]; }
    Subg { "subg" 0xd180_0000 [XD_SP XN_SP UIMM6_GRANULES UIMM4_TAG]; }
    Subp { "subp" 0x9ac0_0000 [XD XN_SP XM_SP]; }
    Subps { "subps" 0xbac0_0000 [XD XN_SP XM_SP]; }
}
