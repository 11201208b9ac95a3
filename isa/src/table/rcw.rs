//! Read-check-write atomics of translation table entries (FEAT_THE). Those whose names have an `s` after `rcw` check the software
//! mask, too.

use crate::access::{X, XX};
use crate::operand::address::BASE;
use crate::operand::pair::{XS_EVEN, XS_ODD, XT_EVEN, XT_ODD};
use crate::operand::register::{XS, XT, XT_HIGH, XT_LOW};
use crate::operand::suffix::ORDER;
use crate::unpredictable::load_pair;

rows! {
    Rcwcas { "rcwcas{}" 0x1920_0800 [ORDER XS XT BASE] of X needs The; }
    Rcwscas { "rcwscas{}" 0x5920_0800 [ORDER XS XT BASE] of X needs The; }
    Rcwcasp { "rcwcasp{}" 0x1920_0c00 [ORDER XS_EVEN XS_ODD XT_EVEN XT_ODD BASE] of XX needs The; }
    Rcwscasp { "rcwscasp{}" 0x5920_0c00 [ORDER XS_EVEN XS_ODD XT_EVEN XT_ODD BASE] of XX needs The; }
    Rcwclr { "rcwclr{}" 0x3820_9000 [ORDER XS XT BASE] of X needs The; }
    Rcwsclr { "rcwsclr{}" 0x7820_9000 [ORDER XS XT BASE] of X needs The; }
    Rcwclrp { "rcwclrp{}" 0x1920_9000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
    Rcwsclrp { "rcwsclrp{}" 0x5920_9000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
    Rcwset { "rcwset{}" 0x3820_b000 [ORDER XS XT BASE] of X needs The; }
    Rcwsset { "rcwsset{}" 0x7820_b000 [ORDER XS XT BASE] of X needs The; }
    Rcwsetp { "rcwsetp{}" 0x1920_b000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
    Rcwssetp { "rcwssetp{}" 0x5920_b000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
    Rcwswp { "rcwswp{}" 0x3820_a000 [ORDER XS XT BASE] of X needs The; }
    Rcwsswp { "rcwsswp{}" 0x7820_a000 [ORDER XS XT BASE] of X needs The; }
    Rcwswpp { "rcwswpp{}" 0x1920_a000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
    Rcwsswpp { "rcwsswpp{}" 0x5920_a000 [ORDER XT_LOW XT_HIGH BASE] of XX needs The where load_pair; }
}
