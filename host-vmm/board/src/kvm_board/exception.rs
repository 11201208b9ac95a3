//! An exception to EL1 that was kept from the guest: while a debugger has breakpoints, all BRK instructions come to the VMM, also the
//! image's own (MDCR_EL2.TDE).

use kvm::vcpu::Vcpu;
use machine::MachineError;
use machine::debuggee::SystemRegister;
use machine::registers::RegisterId;

use super::{EL1H, ELR_EL1, MODE, SPSR_EL1, kernel, system_register};

/// Bits of PSTATE as SPSR_EL1 has them.
const DAIF: u64 = 0xf << 6;
const PAN: u64 = 1 << 22;
const SSBS: u64 = 1 << 12;
const TCO: u64 = 1 << 25;
/// What an exception keeps: NZCV, DIT, PAN.
const KEPT: u64 = 0xf << 28 | 1 << 24 | PAN;
/// SCTLR_EL1.SPAN and DSSBS.
const SCTLR_SPAN: u64 = 1 << 23;
const SCTLR_DSSBS: u64 = 1 << 44;

/// Lets the guest take a synchronous exception to EL1 with this syndrome (Arm ARM, AArch64.TakeException).
pub fn take_synchronous(vcpu: &Vcpu, syndrome: u64) -> Result<(), MachineError> {
    let get = |id: RegisterId| vcpu.register(id).map_err(|errno| kernel(format!("KVM_GET_ONE_REG of {id}"), errno));
    let (pc, pstate) = (get(RegisterId::PC)?, get(RegisterId::PSTATE)?);
    let (sctlr, vectors) = (get(RegisterId::SCTLR_EL1)?, get(system_register(SystemRegister::VbarEl1.encoding()))?);
    let values = [
        (ELR_EL1, pc),
        (SPSR_EL1, pstate),
        (system_register(SystemRegister::EsrEl1.encoding()), syndrome),
        (RegisterId::PSTATE, pstate_after(pstate, sctlr)),
        (RegisterId::PC, vectors + vector(pstate)),
    ];
    for (id, value) in values {
        vcpu.set_register(id, value).map_err(|errno| kernel(format!("KVM_SET_ONE_REG of {id}"), errno))?;
    }
    Ok(())
}

/// Returns the offset of the vector for synchronous exceptions, by where they come from.
fn vector(pstate: u64) -> u64 {
    match pstate & MODE {
        4 => 0,
        EL1H => 0x200,
        _ => 0x400,
    }
}

fn pstate_after(pstate: u64, sctlr: u64) -> u64 {
    let set = |bit: u64, when: bool| if when { bit } else { 0 };
    pstate & KEPT | set(PAN, sctlr & SCTLR_SPAN == 0) | set(SSBS, sctlr & SCTLR_DSSBS != 0) | TCO | DAIF | EL1H
}
