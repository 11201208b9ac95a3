//! Exceptions to EL1: what ESR_EL1, FAR_EL1 and SPSR_EL1 say of an instruction that could not complete.
//!
//! Only what the instruction set can raise is here. Interrupts are masked while a block runs.

use isa::{ExceptionClass, FaultStatus, Syndrome};

use super::{Core, Stop};

crate::defects! {
    WNR_CLEAR "esr.wnr-clear" "ESR_EL1.WnR of a data abort is always 0";
    WNR_SET "esr.wnr-set" "ESR_EL1.WnR of a data abort is always 1";
    CLASS_SAME "esr.class-same-for-el0" "a data abort of EL0 is reported as one of the same level";
    CLASS_LOWER "esr.class-lower-for-el1" "a data abort of EL1 is reported as one of a lower level";
    IL_CLEAR "esr.il-clear" "ESR_EL1.IL is 0 for a data abort";
    ISV_SET "esr.isv-set" "ESR_EL1.ISV is set for a tag check fault";
    DFSC_TAG_CHECK "esr.dfsc-tag-check-as-external" "a tag check fault has the fault status of an external abort";
    DFSC_TRANSLATION "esr.dfsc-translation-level" "a translation fault of level 3 is reported as one of level 2";
    DFSC_PERMISSION "esr.dfsc-permission-level" "a permission fault of level 3 is reported as one of level 2";
    DFSC_ALIGNMENT "esr.dfsc-alignment-as-translation" "an alignment fault is reported as a translation fault";
    FAR_GRANULE "far.granule-start" "FAR_EL1 of a tag check fault is rounded down to the granule";
    FAR_PAGE "far.page-start" "FAR_EL1 of a data abort is rounded down to the page";
    FAR_TAG_LOST "far.tag-lost" "FAR_EL1 of a tag check fault has tag 0";
    FAR_STALE "far.stale" "FAR_EL1 keeps its value when a tag check fault is taken";
    SPSR_TCO_LOST "spsr.tco-lost" "SPSR_EL1 does not keep PSTATE.TCO";
    SPSR_TCO_SET "spsr.tco-set" "SPSR_EL1 gets the TCO of the handler, which is 1";
    SPSR_FLAGS_LOST "spsr.flags-lost" "SPSR_EL1 does not keep PSTATE.NZCV";
    ELR_NEXT "elr.next-instruction" "ELR_EL1 of a tag check fault is the next instruction";
}

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

const ISV: u32 = 1 << 24;
const CM: u32 = 1 << 8;
const WNR: u32 = 1 << 6;

impl Core<'_, '_> {
    /// A data abort (pseudocode `AArch64.DataAbort`, for a wrong tag `AArch64.RaiseTagCheckFault`; `AArch64.FaultSyndrome`).
    /// ISV is 0: the fault is of stage 1.
    pub(super) fn data_abort(&self, abort: Abort) -> Stop {
        let tag_check = abort.status == FaultStatus::TAG_CHECK;
        let lower = (self.cpu.el == 0 && !self.defect(&CLASS_SAME)) || (self.cpu.el == 1 && self.defect(&CLASS_LOWER));
        let class = if lower { ExceptionClass::DATA_ABORT_LOWER } else { ExceptionClass::DATA_ABORT_SAME };
        let status = match abort.status {
            FaultStatus::TAG_CHECK if self.defect(&DFSC_TAG_CHECK) => FaultStatus::EXTERNAL,
            FaultStatus::TRANSLATION_L3 if self.defect(&DFSC_TRANSLATION) => FaultStatus::TRANSLATION_L2,
            FaultStatus::PERMISSION_L3 if self.defect(&DFSC_PERMISSION) => FaultStatus::PERMISSION_L2,
            FaultStatus::ALIGNMENT if self.defect(&DFSC_ALIGNMENT) => FaultStatus::TRANSLATION_L3,
            status => status,
        };
        let write = (abort.write && !self.defect(&WNR_CLEAR)) || self.defect(&WNR_SET);
        let mut iss = u32::from(status.bits());
        iss |= if write { WNR } else { 0 } | if abort.cache { CM } else { 0 };
        iss |= if tag_check && self.defect(&ISV_SET) { ISV } else { 0 };
        let mut esr = Syndrome::new(class, iss);
        if self.defect(&IL_CLEAR) {
            esr = Syndrome::from_bits(esr.bits() & !(1 << 25));
        }
        let mut far = Some(abort.va);
        if tag_check && self.defect(&FAR_GRANULE) {
            far = Some(abort.va & !0xf);
        } else if self.defect(&FAR_PAGE) {
            far = Some(abort.va & !0xfff);
        } else if tag_check && self.defect(&FAR_TAG_LOST) {
            far = Some(abort.va & !(0xf << 56));
        } else if tag_check && self.defect(&FAR_STALE) {
            far = None;
        }
        let returns_behind = tag_check && self.defect(&ELR_NEXT);
        Stop::Exception(Exception { esr, far, returns_behind })
    }

    /// SPSR_EL1 of an exception taken now (pseudocode `GetPSRFromPSTATE`).
    pub(super) fn saved_pstate(&self) -> u64 {
        let mut spsr = self.cpu.pstate();
        if self.defect(&SPSR_TCO_LOST) {
            spsr &= !(1 << super::TCO_SHIFT);
        }
        if self.defect(&SPSR_TCO_SET) {
            spsr |= 1 << super::TCO_SHIFT;
        }
        if self.defect(&SPSR_FLAGS_LOST) {
            spsr &= !(0xf << super::NZCV_SHIFT);
        }
        spsr
    }
}

/// An exception whose class and ISS say all there is (pseudocode `ExceptionSyndrome`).
pub(super) fn exception(class: ExceptionClass, iss: u32) -> Stop {
    Stop::Exception(Exception { esr: Syndrome::new(class, iss), far: None, returns_behind: false })
}

/// An instruction that is UNDEFINED here (pseudocode `AArch64.UndefinedFault`).
pub(super) fn undefined() -> Stop {
    exception(ExceptionClass::UNKNOWN, 0)
}

/// SVC or HVC: the return address is behind the instruction.
pub(super) fn call(class: ExceptionClass, immediate: u16) -> Stop {
    Stop::Exception(Exception { esr: Syndrome::new(class, u32::from(immediate)), far: None, returns_behind: true })
}

/// An instruction fetch that failed (pseudocode `AArch64.InstructionAbort`).
pub(super) fn instruction_abort(el: u8, status: FaultStatus, va: u64) -> Stop {
    let class = if el == 0 { ExceptionClass::INSTRUCTION_ABORT_LOWER } else { ExceptionClass::INSTRUCTION_ABORT_SAME };
    Stop::Exception(Exception {
        esr: Syndrome::new(class, u32::from(status.bits())),
        far: Some(va),
        returns_behind: false,
    })
}

impl From<Exception> for Stop {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}
