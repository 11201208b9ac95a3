//! Prefetches for scalable vectors.

use crate::operand::sve::address::{
    LXD_1, LXD_2, LXD_4, LXD_8, LXS_1, LXS_2, LXS_4, LXS_8, VL6, XD_1, XD_2, XD_4, XD_8, XX_1, XX_2, XX_4, XX_8,
    ZI_D_1, ZI_D_2, ZI_D_4, ZI_D_8, ZI_S_1, ZI_S_2, ZI_S_4, ZI_S_8,
};
use crate::operand::sve::count::SVE_PRFOP;
use crate::operand::sve::predicate::PG;

rows! {
    SvePrfb {
        "prfb" 0x8420_0000 [SVE_PRFOP PG LXS_1];
        "prfb" 0x85c0_0000 [SVE_PRFOP PG VL6];
        "prfb" 0x8400_c000 [SVE_PRFOP PG XX_1];
        "prfb" 0x8400_e000 [SVE_PRFOP PG ZI_S_1];
        "prfb" 0xc420_0000 [SVE_PRFOP PG LXD_1];
        "prfb" 0xc400_e000 [SVE_PRFOP PG ZI_D_1];
        "prfb" 0xc460_8000 [SVE_PRFOP PG XD_1];
    }
    SvePrfh {
        "prfh" 0x8420_2000 [SVE_PRFOP PG LXS_2];
        "prfh" 0x85c0_2000 [SVE_PRFOP PG VL6];
        "prfh" 0x8480_c000 [SVE_PRFOP PG XX_2];
        "prfh" 0x8480_e000 [SVE_PRFOP PG ZI_S_2];
        "prfh" 0xc420_2000 [SVE_PRFOP PG LXD_2];
        "prfh" 0xc480_e000 [SVE_PRFOP PG ZI_D_2];
        "prfh" 0xc460_a000 [SVE_PRFOP PG XD_2];
    }
    SvePrfw {
        "prfw" 0x8420_4000 [SVE_PRFOP PG LXS_4];
        "prfw" 0x85c0_4000 [SVE_PRFOP PG VL6];
        "prfw" 0x8500_c000 [SVE_PRFOP PG XX_4];
        "prfw" 0x8500_e000 [SVE_PRFOP PG ZI_S_4];
        "prfw" 0xc420_4000 [SVE_PRFOP PG LXD_4];
        "prfw" 0xc500_e000 [SVE_PRFOP PG ZI_D_4];
        "prfw" 0xc460_c000 [SVE_PRFOP PG XD_4];
    }
    SvePrfd {
        "prfd" 0x8420_6000 [SVE_PRFOP PG LXS_8];
        "prfd" 0x85c0_6000 [SVE_PRFOP PG VL6];
        "prfd" 0x8580_c000 [SVE_PRFOP PG XX_8];
        "prfd" 0x8580_e000 [SVE_PRFOP PG ZI_S_8];
        "prfd" 0xc420_6000 [SVE_PRFOP PG LXD_8];
        "prfd" 0xc580_e000 [SVE_PRFOP PG ZI_D_8];
        "prfd" 0xc460_e000 [SVE_PRFOP PG XD_8];
    }
}
