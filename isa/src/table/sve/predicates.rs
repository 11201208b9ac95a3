//! Instructions that make predicates, and the first-fault register.

use crate::operand::register::{WM, WN, XM, XN};
use crate::operand::sve::count::{PATTERN, SIMM5_M};
use crate::operand::sve::predicate::{PD_B, PD_T, PDM_B, PG_Z, PG4, PG4_EITHER, PG4_Z, PG5_Z, PM_B, PN_B};
use crate::operand::sve::vector::{ZM_T, ZN_T};

rows! {
    SvePtrue { "ptrue" 0x2518_e000 [PD_T PATTERN]; }
    SvePtrues { "ptrues" 0x2519_e000 [PD_T PATTERN]; }
    SvePfalse { "pfalse" 0x2518_e400 [PD_B]; }
    SveSetffr { "setffr" 0x252c_9000 []; }
    SveRdffr {
        "rdffr" 0x2519_f000 [PD_B];
        "rdffr" 0x2518_f000 [PD_B PG5_Z];
    }
    SveRdffrs { "rdffrs" 0x2558_f000 [PD_B PG5_Z]; }
    SveWrffr { "wrffr" 0x2528_9000 [PN_B]; }
    SvePtest { "ptest" 0x2550_c000 [PG4 PN_B]; }
    SveBrka { "brka" 0x2510_4000 [PD_B PG4_EITHER PN_B]; }
    SveBrkb { "brkb" 0x2590_4000 [PD_B PG4_EITHER PN_B]; }
    SveBrkas { "brkas" 0x2550_4000 [PD_B PG4_Z PN_B]; }
    SveBrkbs { "brkbs" 0x25d0_4000 [PD_B PG4_Z PN_B]; }
    SveBrkn { "brkn" 0x2518_4000 [PD_B PG4_Z PN_B PDM_B]; }
    SveBrkns { "brkns" 0x2558_4000 [PD_B PG4_Z PN_B PDM_B]; }
    SveAndPred { "and" 0x2500_4000 [PD_B PG4_Z PN_B PM_B]; }
    SveBicPred { "bic" 0x2500_4010 [PD_B PG4_Z PN_B PM_B]; }
    SveEorPred { "eor" 0x2500_4200 [PD_B PG4_Z PN_B PM_B]; }
    SveOrrPred { "orr" 0x2580_4000 [PD_B PG4_Z PN_B PM_B]; }
    SveWhilege {
        "whilege" 0x2520_0000 [PD_T WN WM];
        "whilege" 0x2520_1000 [PD_T XN XM];
    }
    SveWhilegt {
        "whilegt" 0x2520_0010 [PD_T WN WM];
        "whilegt" 0x2520_1010 [PD_T XN XM];
    }
    SveWhilelt {
        "whilelt" 0x2520_0400 [PD_T WN WM];
        "whilelt" 0x2520_1400 [PD_T XN XM];
    }
    SveWhilele {
        "whilele" 0x2520_0410 [PD_T WN WM];
        "whilele" 0x2520_1410 [PD_T XN XM];
    }
    SveWhilehs {
        "whilehs" 0x2520_0800 [PD_T WN WM];
        "whilehs" 0x2520_1800 [PD_T XN XM];
    }
    SveWhilehi {
        "whilehi" 0x2520_0810 [PD_T WN WM];
        "whilehi" 0x2520_1810 [PD_T XN XM];
    }
    SveWhilelo {
        "whilelo" 0x2520_0c00 [PD_T WN WM];
        "whilelo" 0x2520_1c00 [PD_T XN XM];
    }
    SveWhilels {
        "whilels" 0x2520_0c10 [PD_T WN WM];
        "whilels" 0x2520_1c10 [PD_T XN XM];
    }
    SveCmpeq {
        "cmpeq" 0x2500_8000 [PD_T PG_Z ZN_T SIMM5_M];
        "cmpeq" 0x2400_a000 [PD_T PG_Z ZN_T ZM_T];
    }
    SveCmpne {
        "cmpne" 0x2500_8010 [PD_T PG_Z ZN_T SIMM5_M];
        "cmpne" 0x2400_a010 [PD_T PG_Z ZN_T ZM_T];
    }
}
