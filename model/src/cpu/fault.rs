//! Exceptions to EL1: what ESR_EL1, FAR_EL1 and SPSR_EL1 say of an instruction that could not complete.
//!
//! Only what the instruction set can raise is here. Interrupts are masked while a block runs.

use arch::{ExceptionClass, FaultStatus, Syndrome};

use super::state::{Core, Stop};

mutants::defects!();

/// A synchronous exception, as it arrives at EL1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// ESR_EL1.
    pub esr: Syndrome,
    /// FAR_EL1; `None` where the exception does not write it.
    pub far: Option<u64>,
    /// ELR_EL1 is behind the instruction (SVC, HVC), not at it.
    pub returns_behind: bool,
}

/// Why a data access could not be made (Arm ARM, ESR_EL1, ISS encoding for a Data Abort).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abort {
    pub status: FaultStatus,
    pub va: u64,
    /// WnR.
    pub write: bool,
    /// CM: by a cache maintenance instruction.
    pub cache: bool,
}

const CM: u32 = 1 << 8;
const WNR: u32 = 1 << 6;

#[mutants::rules]
impl Core<'_, '_> {
    /// A data abort (pseudocode `AArch64.DataAbort`, for a wrong tag `AArch64.RaiseTagCheckFault`; `AArch64.FaultSyndrome`).
    /// ISV is 0: the fault is of stage 1.
    pub(super) fn data_abort(&self, abort: Abort) -> Stop {
        let class = if self.cpu.el == 0 { ExceptionClass::DATA_ABORT_LOWER } else { ExceptionClass::DATA_ABORT_SAME };
        let status = u32::from(abort.status.bits());
        let iss = status | if abort.write { WNR } else { 0 } | if abort.cache { CM } else { 0 };
        Stop::Exception(Exception { esr: Syndrome::new(class, iss), far: Some(abort.va), returns_behind: false })
    }

    /// SPSR_EL1 of an exception taken now (pseudocode `GetPSRFromPSTATE`).
    pub(super) fn saved_pstate(&self) -> u64 {
        self.cpu.pstate()
    }
}

/// An exception whose class and ISS say all there is (pseudocode `ExceptionSyndrome`).
#[mutants::rules]
pub(super) fn exception(class: ExceptionClass, iss: u32) -> Stop {
    Stop::Exception(Exception { esr: Syndrome::new(class, iss), far: None, returns_behind: false })
}

/// An instruction that is UNDEFINED here (pseudocode `AArch64.UndefinedFault`).
#[mutants::rules]
pub(super) fn undefined() -> Stop {
    exception(ExceptionClass::UNKNOWN, 0)
}

/// SVC or HVC: the return address is behind the instruction.
#[mutants::rules]
pub(super) fn call(class: ExceptionClass, immediate: u16) -> Stop {
    Stop::Exception(Exception { esr: Syndrome::new(class, u32::from(immediate)), far: None, returns_behind: true })
}

/// An instruction fetch that failed (pseudocode `AArch64.InstructionAbort`).
#[mutants::rules]
pub(super) fn instruction_abort(el: u8, status: FaultStatus, va: u64) -> Stop {
    let class = if el == 0 { ExceptionClass::INSTRUCTION_ABORT_LOWER } else { ExceptionClass::INSTRUCTION_ABORT_SAME };
    Stop::Exception(Exception {
        esr: Syndrome::new(class, u32::from(status.bits())),
        far: Some(va),
        returns_behind: false,
    })
}

/// A PC that is no multiple of 4 (pseudocode `AArch64.PCAlignmentFault`).
#[mutants::rules]
pub(super) fn pc_alignment_fault(pc: u64) -> Stop {
    let esr = Syndrome::new(ExceptionClass::PC_ALIGNMENT, 0);
    Stop::Exception(Exception { esr, far: Some(pc), returns_behind: false })
}

#[mutants::rules]
impl From<Exception> for Stop {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}
