//! Memory copies and sets (FEAT_MOPS). Their options, letters at the end of the mnemonic, are their first operand.

use crate::clash::overlap;
use crate::operand::copy::{FROM, LEFT, TO};
use crate::operand::register::XS;
use crate::operand::suffix::{COPY_OPTIONS, SET_OPTIONS};

rows! {
    Cpyfp { "cpyfp{}" 0x1900_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Cpyfm { "cpyfm{}" 0x1940_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Cpyfe { "cpyfe{}" 0x1980_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Cpyp { "cpyp{}" 0x1d00_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Cpym { "cpym{}" 0x1d40_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Cpye { "cpye{}" 0x1d80_0400 [COPY_OPTIONS TO FROM LEFT] where overlap; }
    Setp { "setp{}" 0x19c0_0400 [SET_OPTIONS TO LEFT XS] where overlap; }
    Setm { "setm{}" 0x19c0_4400 [SET_OPTIONS TO LEFT XS] where overlap; }
    Sete { "sete{}" 0x19c0_8400 [SET_OPTIONS TO LEFT XS] where overlap; }
    Setgp { "setgp{}" 0x1dc0_0400 [SET_OPTIONS TO LEFT XS] where overlap; }
    Setgm { "setgm{}" 0x1dc0_4400 [SET_OPTIONS TO LEFT XS] where overlap; }
    Setge { "setge{}" 0x1dc0_8400 [SET_OPTIONS TO LEFT XS] where overlap; }
}
