//! Cache maintenance: caches are not modelled, so nothing happens; what is left is who may do it where.
//!
//! Arm ARM C5.3 by operation. Accesses of maintenance are Tag Unchecked. Invalidating without cleaning
//! gives up data that is not in memory yet; a hypervisor makes it clean as well (HCR_EL2.FWB, or SWIO), so data stays.

use arch::{DataCacheOp, FaultStatus, InstructionCacheOp, Reg};

use super::fault::{Abort, undefined};
use super::state::{Core, Executed};
use super::system::trapped_operation;
use super::system_registers::UCI;
use super::translate::Purpose;

mutants::defects!();

/// Returns whether an operation is for tags, too: those of EL0 need FEAT_MTE, those of EL1 alone FEAT_MTE2.
#[mutants::rules]
fn of_tags(operation: DataCacheOp) -> bool {
    operation.name().contains('g')
}

/// Returns whether an operation invalidates without cleaning.
#[mutants::rules]
fn invalidates(operation: DataCacheOp) -> bool {
    matches!(
        operation,
        DataCacheOp::Ivac
            | DataCacheOp::Igvac
            | DataCacheOp::Igdvac
            | DataCacheOp::Isw
            | DataCacheOp::Igsw
            | DataCacheOp::Igdsw
    )
}

#[mutants::rules]
impl Core<'_, '_> {
    /// DC.
    pub(super) fn data_cache(&mut self, operation: DataCacheOp, rt: Reg) -> Executed {
        if matches!(operation, DataCacheOp::Zva | DataCacheOp::Gva | DataCacheOp::Gzva) {
            return self.zero_block(operation, rt);
        }
        let for_el1 = operation.encoding() >> 11 != 3;
        if of_tags(operation) && self.env.features.mte < if for_el1 { 2 } else { 1 } {
            return Err(undefined());
        }
        if self.cpu.el == 0 && for_el1 {
            return Err(undefined());
        }
        // KVM traps maintenance by set and way (HCR_EL2.TSW); that of tags it has in VMs with MTE alone
        // (arch/arm64/kvm/sys_regs.c, access_dcgsw()).
        if of_tags(operation) && operation.is_by_set_way() && self.env.features.tags_hidden {
            return Err(undefined());
        }
        if self.cpu.el == 0 && self.cpu.sys.sctlr & UCI == 0 {
            return Err(trapped_operation(operation.encoding(), rt));
        }
        if operation.is_by_set_way() {
            return Ok(());
        }
        let purpose = if invalidates(operation) { Purpose::Write } else { Purpose::Read };
        self.maintain(self.get(rt), purpose)
    }

    /// IC.
    pub(super) fn instruction_cache(&mut self, operation: InstructionCacheOp, rt: Reg) -> Executed {
        if operation != InstructionCacheOp::Ivau {
            return if self.cpu.el == 0 { Err(undefined()) } else { Ok(()) };
        }
        if self.cpu.el == 0 && self.cpu.sys.sctlr & UCI == 0 {
            return Err(trapped_operation(operation.encoding(), rt));
        }
        self.maintain(self.get(rt), Purpose::Read)
    }

    /// Maintenance by an address that cannot be translated, or not with these rights, may fault or do nothing; QEMU
    /// does nothing. The fault is reported as a write (Arm ARM, ESR_EL1.{CM, WnR}).
    fn maintain(&mut self, va: u64, purpose: Purpose) -> Executed {
        let fault: Option<FaultStatus> = self.translate(va, purpose, self.cpu.el).err();
        match fault {
            Some(status) if self.env.choices.choose(2) == 1 => {
                Err(self.data_abort(Abort { status, va, write: true, cache: true }))
            }
            _ => Ok(()),
        }
    }
}
