//! FPCR and FPSR: what sticks of a value that is written to them.
//!
//! No instruction of the table computes with floating point, so no field has an effect here.

use super::fault::undefined;
use super::state::{Core, Executed};
use model_base::Features;

mutants::defects!();

/// RMode, FZ, DN and AHP, which every CPU has (Arm ARM, FPCR).
const CONTROL: u64 = 0x07c0_0000;
/// FPCR.{FIZ, AH, NEP}: FEAT_AFP.
const ALTERNATIVE: u64 = 0b111;
/// FPCR.EBF: FEAT_EBF16.
const EXTENDED_BFLOAT: u64 = 1 << 13;
/// FPCR.FZ16: FEAT_FP16.
const FLUSH_HALVES: u64 = 1 << 19;
/// FPCR.{IOE, DZE, OFE, UFE, IXE, IDE}: RAZ/WI on a CPU whose floating-point exceptions cannot be trapped.
const TRAPS: u64 = 0x9f00;
/// FPCR.{Len, Stride}: of AArch32 alone, kept for it or not.
const SHORT_VECTORS: u64 = 0x37_0000;
/// IOC, DZC, OFC, UFC, IXC, IDC and QC (Arm ARM, FPSR).
const CUMULATIVE: u64 = 0x0800_009f;
/// FPSR.{N, Z, C, V}: of AArch32 alone.
const FLAGS: u64 = 0xf << 28;

/// The fields of FPCR that have features of their own.
#[mutants::rules]
fn optional_control(features: &Features) -> u64 {
    let alternative = if features.has_alternative_float() { ALTERNATIVE } else { 0 };
    let bfloat = if features.has_extended_bfloat() { EXTENDED_BFLOAT } else { 0 };
    let halves = if features.has_half_precision() { FLUSH_HALVES } else { 0 };
    alternative | bfloat | halves
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Refuses FPCR and FPSR where there is no floating point. The firmware lets both levels use it (CPACR_EL1.FPEN).
    pub(super) fn permit_float(&self) -> Executed {
        let allowed = self.env.features.has_floating_point();
        if allowed { Ok(()) } else { Err(undefined()) }
    }

    /// MRS of FPCR.
    pub(super) fn fpcr(&self) -> u64 {
        self.cpu.fpcr
    }

    /// MSR FPCR. What a hypervisor hides may still be there, and a RES0 bit may keep what is written to it.
    pub(super) fn set_fpcr(&mut self, value: u64) {
        let optional = ALTERNATIVE | EXTENDED_BFLOAT | FLUSH_HALVES;
        let fields = CONTROL | optional_control(self.env.features);
        let reserved = !(CONTROL | optional | TRAPS | SHORT_VECTORS);
        self.cpu.fpcr = self.sticking(value, fields, &[TRAPS, SHORT_VECTORS, optional & !fields, reserved]);
    }

    /// MSR FPSR.
    pub(super) fn set_fpsr(&mut self, value: u64) {
        let flags = if self.env.features.has_aarch32() { FLAGS } else { 0 };
        let reserved = !(CUMULATIVE | FLAGS);
        self.cpu.fpsr = self.sticking(value, CUMULATIVE | flags, &[FLAGS & !flags, reserved]);
    }
}
