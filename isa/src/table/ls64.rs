//! Loads and stores of 64 bytes at once, from and to eight consecutive registers (FEAT_LS64).

use crate::access::EIGHT_X;
use crate::operand::address::BASE;
use crate::operand::eight::XT_EIGHT;
use crate::operand::register::XS;

rows! {
    Ld64b { "ld64b" 0xf83f_d000 [XT_EIGHT BASE] of EIGHT_X needs Ls64; }
    St64b { "st64b" 0xf83f_9000 [XT_EIGHT BASE] of EIGHT_X needs Ls64; }
    St64bv { "st64bv" 0xf820_b000 [XS XT_EIGHT BASE] of EIGHT_X needs Ls64V; }
    St64bv0 { "st64bv0" 0xf820_a000 [XS XT_EIGHT BASE] of EIGHT_X needs Ls64Accdata; }
}
