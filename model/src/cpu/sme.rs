//! SME: streaming mode, the array ZA and the table ZT0.
//!
//! Arm ARM C9 by instruction name; pseudocode `CheckSMEEnabled` and its like, `SetPSTATE_SM`, `SetPSTATE_ZA`. The firmware lets
//! both levels use all of it (CPACR_EL1.SMEN, SMCR_EL1.EZT0), and leaves SMCR_EL1.FA64 at 0.

use arch::{Arg, Args, ExceptionClass, Op, Reg, SmeState};

use super::fault::{exception, undefined};
use super::state::{Core, Cpu, Executed, Stop};
use model_base::Hypervisor;

mod array;
pub(super) mod legal;
mod memory;
mod streaming;

mutants::defects!();

/// The defects of the rules of SME.
pub(super) const ALL_DEFECTS: [&[&model_base::defect::Defect]; 5] =
    [DEFECTS, array::DEFECTS, legal::DEFECTS, memory::DEFECTS, streaming::DEFECTS];

/// An operand that no instruction of SME had when its rule was written.
const UNKNOWN_OPERANDS: Stop = Stop::Unmodelled("operands of SME that the model does not know");

/// FPSR when streaming mode is entered or left (pseudocode `ResetSVEState`).
const RESET_FPSR: u64 = 0x0800_009f;
/// SVCR.SM.
const SM: u64 = 1 << 0;
/// SVCR.ZA.
const ZA: u64 = 1 << 1;

/// Why an instruction is trapped (Arm ARM, ESR_EL1, ISS encoding for an exception due to SME functionality, SMTC).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trap {
    /// It is illegal in streaming mode.
    Streaming = 1,
    /// It is for streaming mode alone.
    NotStreaming = 2,
    /// It accesses ZA or ZT0, which are off.
    InactiveZa = 3,
}

#[mutants::rules]
impl From<Trap> for Stop {
    fn from(trap: Trap) -> Self {
        exception(ExceptionClass::SME_TRAP, trap as u32)
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes an instruction of SME.
    pub(super) fn matrix_instruction(&mut self, op: Op, args: &Args, size: Option<isa::Access>) -> Executed {
        let features = self.env.features;
        let of_sme2 = matches!(op, Op::SmeLdrZt0 | Op::SmeStrZt0 | Op::SmeZeroZt0) || Self::is_apart(op);
        if !features.has_sme() || of_sme2 && !features.has_sme2() {
            return Err(self.no_matrix());
        }
        self.permit_matrix(op)?;
        match (op, &**args) {
            (Op::SmeSmstart | Op::SmeSmstop, &[Arg::SmeState(state)]) => self.switch(state, op == Op::SmeSmstart),
            (Op::SmeRdsvl, &[Arg::Reg(rd), Arg::Number(factor)]) => {
                self.set(rd, self.streaming_lengths(factor));
                Ok(())
            }
            (Op::SmeAddsvl | Op::SmeAddspl, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Number(factor)]) => {
                let added = self.streaming_lengths(factor);
                let added = if op == Op::SmeAddspl { (added as i64 / 8) as u64 } else { added };
                self.set(rd, self.get(rn).wrapping_add(added));
                Ok(())
            }
            _ if Self::is_apart(op) => self.several_vectors(op, args, size),
            _ => match size {
                Some(size) => self.matrix_memory(op, args, size),
                None => self.matrix_data(op, args),
            },
        }
    }

    /// What comes of an instruction or register of SME that ID registers do not have. Behind a hypervisor that hides it a CPU may
    /// have it all the same: CPACR_EL1.SMEN is 0, as after reset, and traps it to EL1 (pseudocode `CheckSMEEnabled`).
    pub(super) fn no_matrix(&mut self) -> Stop {
        let may_be_hidden = self.env.platform.hypervisor == Hypervisor::Kvm && !self.env.features.has_sme();
        if may_be_hidden && self.env.choices.choose(2) == 1 {
            return exception(ExceptionClass::SME_TRAP, 0);
        }
        undefined()
    }

    /// Returns whether an instruction accesses several vectors that are apart.
    fn is_apart(op: Op) -> bool {
        matches!(op, Op::SmeLd1Multi | Op::SmeLdnt1Multi | Op::SmeSt1Multi | Op::SmeStnt1Multi)
    }

    /// Traps an instruction that PSTATE.SM or ZA does not let execute (pseudocode `CheckStreamingSVEAndZAEnabled`,
    /// `CheckSMEAndZAEnabled`, `CheckSMEZT0Enabled`, `CheckStreamingSVEEnabled`, in this order of SM and ZA).
    fn permit_matrix(&self, op: Op) -> Executed {
        let of_slice = matches!(op, Op::SmeLd1 | Op::SmeSt1 | Op::SmeMovaTo | Op::SmeMovaFrom);
        let of_za = of_slice
            || matches!(op, Op::SmeLdr | Op::SmeStr | Op::SmeZero | Op::SmeLdrZt0 | Op::SmeStrZt0 | Op::SmeZeroZt0);
        if of_slice || Self::is_apart(op) {
            self.must_stream()?;
        }
        if of_za && !self.cpu.matrix.enabled { Err(Trap::InactiveZa.into()) } else { Ok(()) }
    }

    /// Traps what is for streaming mode alone.
    pub(super) fn must_stream(&self) -> Executed {
        if self.cpu.matrix.streaming { Ok(()) } else { Err(Trap::NotStreaming.into()) }
    }

    /// SMSTART and SMSTOP.
    fn switch(&mut self, state: SmeState, on: bool) -> Executed {
        if matches!(state, SmeState::Streaming | SmeState::Both) {
            self.cpu.set_streaming(on);
        }
        if matches!(state, SmeState::Za | SmeState::Both) {
            self.cpu.set_matrix(on);
        }
        Ok(())
    }

    /// MRS of SVCR.
    pub(super) fn svcr(&mut self) -> Result<u64, Stop> {
        if !self.env.features.has_sme() {
            return Err(self.no_matrix());
        }
        let matrix = &self.cpu.matrix;
        Ok(matrix.reserved | if matrix.streaming { SM } else { 0 } | if matrix.enabled { ZA } else { 0 })
    }

    /// MSR SVCR (pseudocode `SetPSTATE_SVCR`). A RES0 bit may keep what is written to it.
    pub(super) fn set_svcr(&mut self, value: u64) -> Executed {
        if !self.env.features.has_sme() {
            return Err(self.no_matrix());
        }
        self.cpu.set_streaming(value & SM != 0);
        self.cpu.set_matrix(value & ZA != 0);
        self.cpu.matrix.reserved = self.sticking(value & !(SM | ZA), 0, &[!(SM | ZA)]);
        Ok(())
    }

    /// A multiple of the streaming vector length.
    fn streaming_lengths(&self, factor: i64) -> u64 {
        (factor * i64::from(self.cpu.matrix.vector_bytes)) as u64
    }

    /// What a register that selects a slice adds up to, within `count`.
    fn selected(&self, register: Reg, offset: u8, count: usize) -> usize {
        ((self.get(register) & 0xffff_ffff) as usize + usize::from(offset)) % count.max(1)
    }
}

#[mutants::rules]
impl Cpu {
    /// Writes PSTATE.SM: where it changes z0 to z31, p0 to p15 and FFR become 0 and FPSR has its flags set
    /// (pseudocode `SetPSTATE_SM`).
    pub fn set_streaming(&mut self, on: bool) {
        if self.matrix.streaming != on {
            self.matrix.streaming = on;
            self.v = [[0; 2]; 32];
            self.scalable = None;
            (self.v_unknown, self.p_unknown) = (0, 0);
            self.fpsr = RESET_FPSR;
        }
    }

    /// Writes PSTATE.ZA: where it changes ZA and ZT0 become 0 (pseudocode `SetPSTATE_ZA`).
    pub fn set_matrix(&mut self, on: bool) {
        if self.matrix.enabled != on {
            self.matrix.enabled = on;
            self.matrix.storage = None;
        }
    }
}
