//! Floating-point atomics (FEAT_LSFE): of half, single and double precision, and of BFloat16 (those with a `b`). The forms that
//! return nothing (STFADD and so on) are instructions of their own.

use crate::access::{H, W, X};
use crate::operand::address::BASE;
use crate::operand::simd::{DS, DT, HS, HT, SS, ST};
use crate::operand::suffix::{ORDER, RELEASE};

rows! {
    Ldfadd {
        "ldfadd{}" 0x7c20_0000 [ORDER HS HT BASE] of H needs Lsfe;
        "ldfadd{}" 0xbc20_0000 [ORDER SS ST BASE] of W needs Lsfe;
        "ldfadd{}" 0xfc20_0000 [ORDER DS DT BASE] of X needs Lsfe;
    }
    Ldfmax {
        "ldfmax{}" 0x7c20_4000 [ORDER HS HT BASE] of H needs Lsfe;
        "ldfmax{}" 0xbc20_4000 [ORDER SS ST BASE] of W needs Lsfe;
        "ldfmax{}" 0xfc20_4000 [ORDER DS DT BASE] of X needs Lsfe;
    }
    Ldfmin {
        "ldfmin{}" 0x7c20_5000 [ORDER HS HT BASE] of H needs Lsfe;
        "ldfmin{}" 0xbc20_5000 [ORDER SS ST BASE] of W needs Lsfe;
        "ldfmin{}" 0xfc20_5000 [ORDER DS DT BASE] of X needs Lsfe;
    }
    Ldfmaxnm {
        "ldfmaxnm{}" 0x7c20_6000 [ORDER HS HT BASE] of H needs Lsfe;
        "ldfmaxnm{}" 0xbc20_6000 [ORDER SS ST BASE] of W needs Lsfe;
        "ldfmaxnm{}" 0xfc20_6000 [ORDER DS DT BASE] of X needs Lsfe;
    }
    Ldfminnm {
        "ldfminnm{}" 0x7c20_7000 [ORDER HS HT BASE] of H needs Lsfe;
        "ldfminnm{}" 0xbc20_7000 [ORDER SS ST BASE] of W needs Lsfe;
        "ldfminnm{}" 0xfc20_7000 [ORDER DS DT BASE] of X needs Lsfe;
    }
    Ldbfadd { "ldbfadd{}" 0x3c20_0000 [ORDER HS HT BASE] of H needs Lsfe; }
    Ldbfmax { "ldbfmax{}" 0x3c20_4000 [ORDER HS HT BASE] of H needs Lsfe; }
    Ldbfmin { "ldbfmin{}" 0x3c20_5000 [ORDER HS HT BASE] of H needs Lsfe; }
    Ldbfmaxnm { "ldbfmaxnm{}" 0x3c20_6000 [ORDER HS HT BASE] of H needs Lsfe; }
    Ldbfminnm { "ldbfminnm{}" 0x3c20_7000 [ORDER HS HT BASE] of H needs Lsfe; }
    Stfadd {
        "stfadd{}" 0x7c20_801f [RELEASE HS BASE] of H needs Lsfe;
        "stfadd{}" 0xbc20_801f [RELEASE SS BASE] of W needs Lsfe;
        "stfadd{}" 0xfc20_801f [RELEASE DS BASE] of X needs Lsfe;
    }
    Stfmax {
        "stfmax{}" 0x7c20_c01f [RELEASE HS BASE] of H needs Lsfe;
        "stfmax{}" 0xbc20_c01f [RELEASE SS BASE] of W needs Lsfe;
        "stfmax{}" 0xfc20_c01f [RELEASE DS BASE] of X needs Lsfe;
    }
    Stfmin {
        "stfmin{}" 0x7c20_d01f [RELEASE HS BASE] of H needs Lsfe;
        "stfmin{}" 0xbc20_d01f [RELEASE SS BASE] of W needs Lsfe;
        "stfmin{}" 0xfc20_d01f [RELEASE DS BASE] of X needs Lsfe;
    }
    Stfmaxnm {
        "stfmaxnm{}" 0x7c20_e01f [RELEASE HS BASE] of H needs Lsfe;
        "stfmaxnm{}" 0xbc20_e01f [RELEASE SS BASE] of W needs Lsfe;
        "stfmaxnm{}" 0xfc20_e01f [RELEASE DS BASE] of X needs Lsfe;
    }
    Stfminnm {
        "stfminnm{}" 0x7c20_f01f [RELEASE HS BASE] of H needs Lsfe;
        "stfminnm{}" 0xbc20_f01f [RELEASE SS BASE] of W needs Lsfe;
        "stfminnm{}" 0xfc20_f01f [RELEASE DS BASE] of X needs Lsfe;
    }
    Stbfadd { "stbfadd{}" 0x3c20_801f [RELEASE HS BASE] of H needs Lsfe; }
    Stbfmax { "stbfmax{}" 0x3c20_c01f [RELEASE HS BASE] of H needs Lsfe; }
    Stbfmin { "stbfmin{}" 0x3c20_d01f [RELEASE HS BASE] of H needs Lsfe; }
    Stbfmaxnm { "stbfmaxnm{}" 0x3c20_e01f [RELEASE HS BASE] of H needs Lsfe; }
    Stbfminnm { "stbfminnm{}" 0x3c20_f01f [RELEASE HS BASE] of H needs Lsfe; }
}
