//! Memory copies and sets (FEAT_MOPS). Their options, the suffix of the mnemonic, are their first operand.

use crate::operand::mops::{DESTINATION, SIZE, SOURCE};
use crate::operand::register::XS;
use crate::operand::suffix::{COPY_OPTIONS, SET_OPTIONS};
use crate::unpredictable::overlap;

rows! {
    Cpyfp { "cpyfp{}" 0x1900_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Cpyfm { "cpyfm{}" 0x1940_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Cpyfe { "cpyfe{}" 0x1980_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Cpyp { "cpyp{}" 0x1d00_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Cpym { "cpym{}" 0x1d40_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Cpye { "cpye{}" 0x1d80_0400 [COPY_OPTIONS DESTINATION SOURCE SIZE] where overlap; }
    Setp { "setp{}" 0x19c0_0400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
    Setm { "setm{}" 0x19c0_4400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
    Sete { "sete{}" 0x19c0_8400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
    Setgp { "setgp{}" 0x1dc0_0400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
    Setgm { "setgm{}" 0x1dc0_4400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
    Setge { "setge{}" 0x1dc0_8400 [SET_OPTIONS DESTINATION SIZE XS] where overlap; }
}
