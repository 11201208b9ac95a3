//! System registers, cache maintenance, barriers, hints and exception-generating instructions.

use crate::operand::hint::HINT_NUMBER;
use crate::operand::immediate::{IMM16, PSTATE_BIT};
use crate::operand::instruction_cache::{IC_OP_ADDRESS, IC_OP_ALL};
use crate::operand::register::XT;
use crate::operand::system::{BARRIER, BARRIER_SY, DC_OP, PSTATE_TCO, SYSREG_READ, SYSREG_WRITTEN};

rows! {
    Dc { "dc" 0xd508_0000 [DC_OP XT]; }
    Ic {
        "ic" 0xd508_0000 [IC_OP_ADDRESS XT];
        "ic" 0xd508_001f [IC_OP_ALL];
    }
    Mrs { "mrs" 0xd520_0000 [XT SYSREG_READ]; }
    Msr { "msr" 0xd500_0000 [SYSREG_WRITTEN XT]; }
    MsrImm { "msr" 0xd503_409f [PSTATE_TCO PSTATE_BIT]; }
    Dsb { "dsb" 0xd503_309f [BARRIER]; }
    Dmb { "dmb" 0xd503_30bf [BARRIER]; }
    Isb { "isb" 0xd503_30df [BARRIER_SY]; }
    Sb { "sb" 0xd503_30ff []; }
    Nop { "nop" 0xd503_201f []; }
    Yield { "yield" 0xd503_203f []; }
    Hint { "hint" 0xd503_201f [HINT_NUMBER]; }
    Brk { "brk" 0xd420_0000 [IMM16]; }
    Svc { "svc" 0xd400_0001 [IMM16]; }
    Hvc { "hvc" 0xd400_0002 [IMM16]; }
}
