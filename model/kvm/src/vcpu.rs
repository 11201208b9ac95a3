//! A vCPU at rest: what the kernel keeps of it while it does not run, and what happens when it is entered and left.
//!
//! arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: with MTE the four registers are switched like all others. They can be set
//! to anything; what a CPU does not implement is gone once the vCPU ran.

use crate::contract::Contract;
use model::cpu::Cpu;
use model_base::Features;

/// What reset_unknown() puts in registers (arch/arm64/kvm/sys_regs.c): a vCPU that never ran shows it.
pub(super) const POISON: u64 = 0x1de7_ec7e_dbad_c0de;

/// RGSR_EL1, GCR_EL1, TFSR_EL1, TFSRE0_EL1: the registers that MTE adds, in the order of their ids.
pub(super) const MTE_REGISTERS: usize = 4;
/// Their bits that are not RES0. This CPU has all of RGSR_EL1.SEED, bits 55:8; one may have only 23:8.
const IMPLEMENTED: [u64; MTE_REGISTERS] = [0x00ff_ffff_ffff_ff0f, 0x1_ffff, 0b11, 0b11];

mutants::defects!();

/// A vCPU.
#[derive(Clone, Debug)]
pub(super) struct Vcpu {
    /// What it holds, but for registers that were set since it last ran.
    pub(super) cpu: Cpu,
    /// MTE's registers as they were set or reset, until the vCPU runs.
    pub(super) set: [Option<u64>; MTE_REGISTERS],
    /// What RGSR_EL1 is set to stands for an UNKNOWN value.
    pub(super) rgsr_unknown: bool,
    /// What they held when the vCPU was last entered: the kernel's own copy is as old while the vCPU runs.
    pub(super) before: [u64; MTE_REGISTERS],
    /// Registers that no instruction of the model uses, by their place in the table.
    pub(super) others: Vec<u64>,
    /// KVM is to inject a synchronous external data abort.
    pub(super) abort_pending: bool,
    /// It does not run until another vCPU turns it on.
    pub(super) stopped: bool,
    /// It can run: it has no SVE, or KVM_ARM_VCPU_FINALIZE was called.
    pub(super) finalized: bool,
}

/// ESR_EL1 of a synchronous external data abort from the same level: EC 0x25, IL, DFSC 0x10.
const EXTERNAL_ABORT: u64 = 0x25 << 26 | 1 << 25 | 0x10;

#[mutants::rules]
impl Vcpu {
    /// A vCPU as KVM_ARM_VCPU_INIT leaves it.
    pub(super) fn new(features: &Features, contract: Contract) -> Self {
        let set = [Some(POISON); MTE_REGISTERS];
        let before = [POISON; MTE_REGISTERS];
        Self {
            cpu: Cpu::new(features),
            set,
            rgsr_unknown: false,
            before,
            others: crate::registers::reset(contract),
            abort_pending: false,
            stopped: false,
            finalized: true,
        }
    }

    /// Ends what the last exit began: completes a store to a device. If the VMM has injected an abort meanwhile, the vCPU takes
    /// that instead, at the store (arch/arm64/kvm/mmio.c, kvm_handle_mmio_return()).
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.abort_pending) {
            self.take_abort();
        } else {
            self.cpu.complete_mmio();
        }
    }

    /// Takes a synchronous external data abort (arch/arm64/kvm/inject_fault.c, inject_abt64(); hyp/exception.c,
    /// enter_exception64()): the exception sets PSTATE.TCO, as one that the CPU takes itself would. FAR_EL1 is not modelled,
    /// nor is where the vector is: the guest's own handlers are not.
    fn take_abort(&mut self) {
        self.cpu.mmio = false;
        self.cpu.sys.elr = self.cpu.pc;
        self.cpu.sys.spsr = self.cpu.pstate();
        self.cpu.sys.esr = EXTERNAL_ABORT;
        self.cpu.tco = true;
    }

    /// MTE's registers where the CPU has them.
    pub(super) fn live(cpu: &mut Cpu) -> [&mut u64; MTE_REGISTERS] {
        let sys = &mut cpu.sys;
        [&mut sys.rgsr, &mut sys.gcr, &mut sys.tfsr, &mut sys.tfsre0]
    }

    /// Enters the vCPU.
    pub(super) fn load(&mut self) {
        if self.set[0].is_some() {
            self.cpu.sys.rgsr_unknown = std::mem::take(&mut self.rgsr_unknown);
        }
        for (n, live) in Self::live(&mut self.cpu).into_iter().enumerate() {
            if let Some(value) = self.set[n].take() {
                *live = value & IMPLEMENTED[n];
            }
            self.before[n] = *live;
        }
    }

    /// Leaves the vCPU. The exception to EL2 records all asynchronous faults (SCTLR_EL2.ITFSB), and the return from it
    /// clears the exclusive monitor.
    pub(super) fn put(&mut self) {
        self.cpu.sys.synchronise();
        self.cpu.monitor = None;
    }
}
