//! Traps of instructions that are illegal in streaming mode.

use arch::{Args, Op};

use super::Trap;
use super::legal::is_scalable_legal;
use crate::cpu::program::{DecodedInsn, Family};
use crate::cpu::state::{Core, Executed};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// Traps an instruction that is not of SVE if it is illegal in streaming mode
    /// (pseudocode `AArch64.CheckFPAdvSIMDEnabled`).
    pub(in crate::cpu) fn permit_streaming(&self, known: &DecodedInsn) -> Executed {
        let of_other = !matches!(known.family, Family::Scalable | Family::Matrix);
        let illegal = self.cpu.matrix.streaming && of_other && !known.streams;
        if illegal { Err(Trap::Streaming.into()) } else { Ok(()) }
    }

    /// Traps an instruction of SVE if it is illegal in streaming mode.
    pub(in crate::cpu) fn permit_scalable_streaming(&self, op: Op, args: &Args) -> Executed {
        let illegal = self.cpu.matrix.streaming && !is_scalable_legal(op, args);
        if illegal { Err(Trap::Streaming.into()) } else { Ok(()) }
    }
}
