//! Stores to a guarded control stack (FEAT_GCS): GCSSTR and GCSSTTR.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `CheckGCSSTREnabled`, `GCSSTRTrapException`. GCSCR_EL1 and GCSCRE0_EL1 are as
//! after reset, so STREn is 0 and GCSSTR traps at both levels. GCSSTTR at EL1 stores with the rights of EL0 and is not asked; no
//! page of the firmware is one of a guarded control stack, which only indirect permissions (TCR2_EL1.PIE) can make it.

use arch::{Arg, ExceptionClass, FaultStatus, Op, Syndrome};

use super::access::{Access, Alignment};
use super::fault::{Abort, Exception, exception};
use super::state::{Core, Executed, Stop};

mutants::defects!();

/// ISS of a GCS exception: a store that is not enabled, and where its registers are.
const STORE_TRAP: u32 = 0b0010 << 20;
const BASE_SHIFT: u32 = 10;
const DATA_SHIFT: u32 = 5;
/// ESR_EL1.ISS2.GCS of a data abort.
const GCS: u64 = 1 << 40;

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes GCSSTR or GCSSTTR.
    pub(super) fn control_stack_store(&mut self, op: Op, args: &[Arg]) -> Executed {
        let [Arg::Reg(rt), Arg::Address(address)] = *args else {
            return Err(Stop::Unmodelled("operands of a store to a control stack that the model does not know"));
        };
        if op == Op::Gcsstr || self.cpu.el == 0 {
            let registers = u32::from(address.base.index()) << BASE_SHIFT | u32::from(rt.index()) << DATA_SHIFT;
            return Err(exception(ExceptionClass::GCS, STORE_TRAP | registers));
        }
        let va = self.base(address.base)?;
        let plain = self.unprivileged(self.plain(false, 8, false));
        let access = Access { alignment: Alignment::Always, ..plain };
        let status = match self.entry(va) {
            _ if va & (access.element - 1) != 0 => FaultStatus::ALIGNMENT,
            Err(status) => status,
            // No page can be written this way, whatever its rights.
            Ok(entry) => entry.permission_fault(),
        };
        match self.data_abort(Abort { status, va, write: true, cache: false }) {
            Stop::Exception(abort) => {
                let esr = Syndrome::from_bits(abort.esr.bits() | GCS);
                Err(Stop::Exception(Exception { esr, ..abort }))
            }
            other => Err(other),
        }
    }
}
