//! Counts of elements, and vectors that are made, moved and added.

use crate::operand::register::{WD, WM, WN, WN_SP, XD, XD_SP, XM, XM_SP, XN, XN_SP};
use crate::operand::sve::count::{FACTOR, PATTERN, REPLICATED, SIMM5_M, SIMM5_N, SIMM6};
use crate::operand::sve::predicate::{PG, PG4, PN_T};
use crate::operand::sve::vector::{ZD_D, ZD_NARROW, ZD_T, ZM_D, ZM_T, ZN_D, ZN_NARROW, ZN_T};

rows! {
    SveCntb { "cntb" 0x0420_e000 [XD PATTERN FACTOR]; }
    SveIncb { "incb" 0x0430_e000 [XD PATTERN FACTOR]; }
    SveDecb { "decb" 0x0430_e400 [XD PATTERN FACTOR]; }
    SveCnth { "cnth" 0x0460_e000 [XD PATTERN FACTOR]; }
    SveInch { "inch" 0x0470_e000 [XD PATTERN FACTOR]; }
    SveDech { "dech" 0x0470_e400 [XD PATTERN FACTOR]; }
    SveCntw { "cntw" 0x04a0_e000 [XD PATTERN FACTOR]; }
    SveIncw { "incw" 0x04b0_e000 [XD PATTERN FACTOR]; }
    SveDecw { "decw" 0x04b0_e400 [XD PATTERN FACTOR]; }
    SveCntd { "cntd" 0x04e0_e000 [XD PATTERN FACTOR]; }
    SveIncd { "incd" 0x04f0_e000 [XD PATTERN FACTOR]; }
    SveDecd { "decd" 0x04f0_e400 [XD PATTERN FACTOR]; }
    SveRdvl { "rdvl" 0x04bf_5000 [XD SIMM6]; }
    SveAddvl { "addvl" 0x0420_5000 [XD_SP XM_SP SIMM6]; }
    SveAddpl { "addpl" 0x0460_5000 [XD_SP XM_SP SIMM6]; }
    SveCntp { "cntp" 0x2520_8000 [XD PG4 PN_T]; }
    SveIncp { "incp" 0x252c_8800 [XD PN_T]; }
    SveDecp { "decp" 0x252d_8800 [XD PN_T]; }
    SveIndex {
        "index" 0x0420_4000 [ZD_T SIMM5_N SIMM5_M];
        "index" 0x0420_4400 [ZD_NARROW WN SIMM5_M];
        "index" 0x04e0_4400 [ZD_D XN SIMM5_M];
        "index" 0x0420_4800 [ZD_NARROW SIMM5_N WM];
        "index" 0x04e0_4800 [ZD_D SIMM5_N XM];
        "index" 0x0420_4c00 [ZD_NARROW WN WM];
        "index" 0x04e0_4c00 [ZD_D XN XM];
    }
    SveDup {
        "dup" 0x0520_3800 [ZD_NARROW WN_SP];
        "dup" 0x05e0_3800 [ZD_D XN_SP];
        "dup" 0x2538_c000 [ZD_T REPLICATED];
    }
    SveSel { "sel" 0x0520_c000 [ZD_T PG4 ZN_T ZM_T]; }
    SveAdd { "add" 0x0420_0000 [ZD_T ZN_T ZM_T]; }
    SveSub { "sub" 0x0420_0400 [ZD_T ZN_T ZM_T]; }
    SveAnd { "and" 0x0420_3000 [ZD_D ZN_D ZM_D]; }
    SveOrr { "orr" 0x0460_3000 [ZD_D ZN_D ZM_D]; }
    SveEor { "eor" 0x04a0_3000 [ZD_D ZN_D ZM_D]; }
    SveBic { "bic" 0x04e0_3000 [ZD_D ZN_D ZM_D]; }
    SveLasta {
        "lasta" 0x0520_a000 [WD PG ZN_NARROW];
        "lasta" 0x05e0_a000 [XD PG ZN_D];
    }
    SveLastb {
        "lastb" 0x0521_a000 [WD PG ZN_NARROW];
        "lastb" 0x05e1_a000 [XD PG ZN_D];
    }
}
