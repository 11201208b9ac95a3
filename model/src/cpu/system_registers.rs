//! The system registers that a block can see or that steer it: values at boot, fields, and what sticks.
//!
//! It must not say which instruction may access which register; that is `system.rs`.

use abi::mailbox::{KEY_REGS, SYS_REGS, SysReg};
use arch::FaultStatus;
use isa::Feature;
use pauth::ENABLES;

use super::fault::Exception;
use super::state::Core;
use model_base::Features;

mutants::defects!();

// SCTLR_EL1.
pub(super) const A: u64 = 1 << 1;
pub(super) const SA: u64 = 1 << 3;
pub(super) const SA0: u64 = 1 << 4;
pub(super) const DZE: u64 = 1 << 14;
pub(super) const UCT: u64 = 1 << 15;
pub(super) const UCI: u64 = 1 << 26;
pub(super) const MSCEN: u64 = 1 << 33;
pub(super) const ITFSB: u64 = 1 << 37;
pub(super) const TCF0_SHIFT: u32 = 38;
pub(super) const TCF_SHIFT: u32 = 40;
pub(super) const ATA0: u64 = 1 << 42;
pub(super) const ATA: u64 = 1 << 43;
pub(super) const ENASR: u64 = 1 << 54;
pub(super) const ENAS0: u64 = 1 << 55;
pub(super) const ENALS: u64 = 1 << 56;
pub(super) const TCSO0: u64 = 1 << 58;
pub(super) const TCSO: u64 = 1 << 59;
/// The fields of MTE, RES0 without FEAT_MTE2.
const SCTLR_MTE: u64 = ITFSB | 0b11 << TCF0_SHIFT | 0b11 << TCF_SHIFT | ATA0 | ATA;
/// Fields that a block may change; the effect of others is not specified here.
const SCTLR_MODELLED: u64 =
    SCTLR_MTE | ENABLES | TCSO | TCSO0 | A | SA | SA0 | DZE | UCT | UCI | MSCEN | ENASR | ENAS0 | ENALS;

// TCR_EL1.
pub(super) const TBI0_SHIFT: u32 = 37;
pub(super) const TCMA0_SHIFT: u32 = 57;
pub(super) const MTX0_SHIFT: u32 = 60;
const MTX: u64 = 0b11 << MTX0_SHIFT;
const TCR_MODELLED: u64 = 0b11 << TBI0_SHIFT | 0b11 << TCMA0_SHIFT | MTX;

/// Bits of GCR_EL1, RGSR_EL1, TFSR_EL1 and TFSRE0_EL1 that are not RES0.
const GCR_BITS: u64 = 0x1_ffff;
/// TAG and SEED. SEED is bits 23:8, and with GCR_EL1.RRND = 1 bits 55:8, of which the CPU may have fewer; what the mode
/// does not use has no effect in it.
const RGSR_BITS: u64 = 0x00ff_ffff_ffff_ff0f;
const RGSR_LEAST_BITS: u64 = 0xff_ff0f;
const TFSR_BITS: u64 = 0b11;

/// What the firmware leaves in registers when it boots.
pub mod reset {
    use super::{ATA, ATA0, DZE, MSCEN, SA, SA0, TBI0_SHIFT, TCF_SHIFT, TCF0_SHIFT, UCI, UCT};

    /// SCTLR_EL1 without FEAT_MTE2 (`guest-fw/src/boot.rs`): M, C, SA, SA0, I, DZE, UCT, nTWI, nTWE, UCI, MSCEn,
    /// and what is RES1 without a feature: EOS, TSCXT, EIS, SPAN, nTLSMD, LSMAOE.
    pub const SCTLR_WITHOUT_MTE: u64 = 1
        | 1 << 2
        | SA
        | SA0
        | 1 << 11
        | 1 << 12
        | DZE
        | UCT
        | 1 << 16
        | 1 << 18
        | 1 << 20
        | 1 << 22
        | 1 << 23
        | UCI
        | 1 << 28
        | 1 << 29
        | MSCEN;
    /// SCTLR_EL1: tags can be accessed at both levels, and tag check faults are synchronous.
    pub const SCTLR: u64 = SCTLR_WITHOUT_MTE | ATA | ATA0 | 1 << TCF_SHIFT | 1 << TCF0_SHIFT;
    /// TCR_EL1: 39-bit addresses, 4 KiB pages, write-back inner shareable walks, 36 bits out, the top byte ignored.
    pub const TCR: u64 =
        25 | 1 << 8 | 1 << 10 | 3 << 12 | 25 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30 | 1 << 32 | 3 << TBI0_SHIFT;
    /// MAIR_EL1: Normal, Normal-Tagged, Device-nGnRE, Non-cacheable.
    pub const MAIR: u64 = 0x44_04_f0_ff;
    /// MAIR_EL1 without FEAT_MTE2.
    pub const MAIR_WITHOUT_MTE: u64 = 0x44_04_ff_ff;
    /// RGSR_EL1: the seed that the firmware starts with (`guest-fw/src/serve.rs`, `FIRST_SEED`).
    pub const RGSR: u64 = 0x2a5d << 8;
}

/// Asynchronous tag check faults that need not be visible yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Bits of TFSRE0_EL1 and TFSR_EL1 that no DSB has waited for.
    recorded: [u64; 2],
    /// Bits that a DSB has waited for; an ISB makes them visible.
    completed: [u64; 2],
}

/// The system registers of a CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemRegisters {
    /// SCTLR_EL1.
    pub sctlr: u64,
    /// TCR_EL1.
    pub tcr: u64,
    /// GCR_EL1.
    pub gcr: u64,
    /// RGSR_EL1.
    pub rgsr: u64,
    /// RGSR_EL1 is UNKNOWN: an IRG with GCR_EL1.RRND = 1 leaves there what the CPU likes.
    pub rgsr_unknown: bool,
    /// TFSR_EL1, without what is pending.
    pub tfsr: u64,
    /// TFSRE0_EL1, without what is pending.
    pub tfsre0: u64,
    /// FAR_EL1.
    pub far: u64,
    /// ESR_EL1.
    pub esr: u64,
    /// ELR_EL1.
    pub elr: u64,
    /// SPSR_EL1.
    pub spsr: u64,
    /// The halves of the keys of pointer authentication, in the order of [`SysReg::KEYS`].
    pub keys: [u64; KEY_REGS],
    pub(super) pending: Pending,
}

#[mutants::rules]
impl SystemRegisters {
    /// The registers when the firmware begins to serve.
    #[must_use]
    pub fn at_boot(features: &Features) -> Self {
        let tags = features.has_tags();
        Self {
            sctlr: if tags { reset::SCTLR } else { reset::SCTLR_WITHOUT_MTE },
            tcr: reset::TCR,
            gcr: 0,
            rgsr: if tags { reset::RGSR } else { 0 },
            rgsr_unknown: false,
            tfsr: 0,
            tfsre0: 0,
            far: 0,
            esr: 0,
            elr: 0,
            spsr: 0,
            keys: [0; KEY_REGS],
            pending: Pending::default(),
        }
    }

    /// The registers that a block carries, by [`SysReg`].
    #[must_use]
    pub fn program(&self) -> [u64; SYS_REGS] {
        SysReg::ALL.map(|register| match register {
            SysReg::Sctlr => self.sctlr,
            SysReg::Tcr => self.tcr,
            SysReg::Gcr => self.gcr,
            SysReg::Rgsr => self.rgsr,
            SysReg::Tfsr => self.tfsr,
            SysReg::Tfsre0 => self.tfsre0,
            key => key.key().map_or(0, |place| self.keys[place]),
        })
    }

    /// Makes all asynchronous faults visible, as DSB and then ISB do.
    pub fn synchronise(&mut self) {
        self.complete();
        self.show_completed();
    }

    fn complete(&mut self) {
        for (completed, recorded) in self.pending.completed.iter_mut().zip(&mut self.pending.recorded) {
            *completed |= std::mem::take(recorded);
        }
    }

    fn show_completed(&mut self) {
        let [tfsre0, tfsr] = std::mem::take(&mut self.pending.completed);
        self.tfsre0 |= tfsre0;
        self.tfsr |= tfsr;
    }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Writes a register; `Err` names a field whose effect is not specified here.
    ///
    /// A RES0 bit may be hardwired or keep what is written to it, without an effect (Arm ARM, RES0).
    pub(super) fn write_program_register(&mut self, register: SysReg, value: u64) -> Result<(), &'static str> {
        match register {
            SysReg::Sctlr => {
                if (value ^ reset::SCTLR) & !SCTLR_MODELLED != 0 {
                    return Err("a field of SCTLR_EL1 that the model does not know");
                }
                let res0 = self.res0_of_sctlr();
                // A hypervisor hides FEAT_PAuth, too, and not the fields.
                let value = self.sticking(value, !res0, &[res0 & ENABLES, res0 & !ENABLES]);
                // The fields are there also while a hypervisor hides tags.
                let there = self.env.features.mte >= 2;
                self.cpu.sys.sctlr = if there { value } else { value & !SCTLR_MTE };
            }
            SysReg::Tcr => {
                if (value ^ reset::TCR) & !TCR_MODELLED != 0 {
                    return Err("a field of TCR_EL1 that the model does not know");
                }
                let res0 = if self.env.features.has_extended_checks() { 0 } else { MTX };
                self.cpu.sys.tcr = self.kept(value, !res0);
            }
            SysReg::Gcr => {
                self.cpu.sys.gcr = self.kept(value, GCR_BITS);
            }
            SysReg::Rgsr => {
                self.cpu.sys.rgsr = self.kept_seed(value);
                self.cpu.sys.rgsr_unknown = false;
            }
            SysReg::Tfsr => {
                self.settle_faults();
                self.cpu.sys.tfsr = self.kept(value, TFSR_BITS);
            }
            SysReg::Tfsre0 => {
                self.settle_faults();
                self.cpu.sys.tfsre0 = self.kept(value, TFSR_BITS);
            }
            key => {
                if let Some(place) = key.key() {
                    self.cpu.sys.keys[place] = value;
                }
            }
        }
        Ok(())
    }

    /// The fields of SCTLR_EL1 that are RES0 because the CPU lacks what they control.
    fn res0_of_sctlr(&self) -> u64 {
        let unless = |there: bool, fields: u64| if there { 0 } else { fields };
        let features = self.env.features;
        unless(features.store_only, TCSO | TCSO0)
            | unless(features.has_address_authentication(), ENABLES)
            | unless(features.has(Feature::Ls64), ENALS)
            | unless(features.has(Feature::Ls64V), ENASR)
            | unless(features.has(Feature::Ls64Accdata), ENAS0)
    }

    /// What sticks of a value: the fields that are there, and of each group of others all or nothing.
    pub(super) fn sticking(&mut self, value: u64, fields: u64, groups: &[u64]) -> u64 {
        groups.iter().fold(value & fields, |kept, group| {
            let written = value & group;
            if written != 0 && self.env.choices.choose(2) == 1 { kept | written } else { kept }
        })
    }

    fn kept(&mut self, value: u64, bits: u64) -> u64 {
        self.sticking(value, bits, &[!bits])
    }

    fn kept_seed(&mut self, value: u64) -> u64 {
        let shorter = value & RGSR_BITS & !RGSR_LEAST_BITS != 0 && self.env.choices.choose(2) == 1;
        if shorter { value & RGSR_LEAST_BITS } else { self.kept(value, RGSR_BITS) }
    }

    /// Reads a register that a block carries.
    pub(super) fn read_program_register(&mut self, register: SysReg) -> u64 {
        if matches!(register, SysReg::Tfsr | SysReg::Tfsre0) {
            self.settle_faults();
        }
        self.cpu.sys.program()[register as usize]
    }

    /// Records an asynchronous fault of an access at `el` (pseudocode `AArch64.ReportTagCheckFault`). It is
    /// visible after DSB and ISB, and may be before.
    pub(super) fn record_fault(&mut self, el: u8, upper: bool) {
        self.cpu.sys.pending.recorded[usize::from(el != 0)] |= 1 << u32::from(upper);
    }

    /// Decides, before TFSR_EL1 or TFSRE0_EL1 is accessed, whether pending faults are there already.
    fn settle_faults(&mut self) {
        if self.cpu.sys.pending != Pending::default() && self.env.choices.choose(2) == 0 {
            self.cpu.sys.synchronise();
        }
    }

    /// A DSB that covers loads and stores has completed.
    pub(super) fn complete_faults(&mut self) {
        self.cpu.sys.complete();
    }

    /// The context is synchronised: an ISB, or an exception.
    pub(super) fn synchronise_context(&mut self) {
        self.cpu.sys.show_completed();
    }

    /// Takes an exception to EL1 (pseudocode `AArch64.TakeException`); with SCTLR_EL1.ITFSB all faults are recorded
    /// first (Arm ARM, SCTLR_EL1.ITFSB).
    pub(super) fn enter_exception(&mut self, exception: &Exception) {
        if self.cpu.sys.sctlr & ITFSB != 0 {
            self.cpu.sys.synchronise();
        } else {
            self.synchronise_context();
        }
        let spsr = self.saved_pstate();
        let sys = &mut self.cpu.sys;
        sys.esr = exception.esr.bits();
        sys.spsr = spsr;
        sys.elr = self.cpu.pc.wrapping_add(if exception.returns_behind { 4 } else { 0 });
        sys.far = exception.far.unwrap_or(sys.far);
        let esr = exception.esr;
        // WnR of an unsupported atomic, and bits 63:60 of the address of a tag check fault, are UNKNOWN (Arm ARM, ESR_EL1,
        // FAR_EL1).
        self.cpu.esr_unknown = esr.dfsc() == Some(FaultStatus::UNSUPPORTED_ATOMIC);
        self.cpu.far_unknown = exception.far.is_none() || esr.is_tag_check_fault();
        self.forget_monitor();
    }
}
