//! Access to system registers and PSTATE, barriers, and the calls of EL1.
//!
//! Arm ARM C6.2 MRS, MSR, DSB, DMB, ISB, BRK, SVC; the accessibility of each register is in its description.

use abi::mailbox;
use arch::{Barrier, ExceptionClass, Reg, SysReg};

use super::fault::{call, exception, undefined};
use super::state::{Core, Executed, NZCV_SHIFT, Stop, TCO_SHIFT};
use super::system_registers::{DZE, UCT};
use model_base::{Features, Platform};

mutants::defects!();

/// CRn in the encoding `op0:op1:CRn:CRm:op2`.
const CRN: u16 = 0xf << 7;

/// Moves the encoding `op0:op1:CRn:CRm:op2` and a register number to their places in the ISS of class 0x18.
#[mutants::rules]
fn trap_iss(op0: u32, encoding: u16, rt: Reg, read: bool) -> u32 {
    let encoding = u32::from(encoding);
    // op0, op2, op1 and CRn, which stay side by side, Rt, CRm, the direction.
    op0 << 20
        | (encoding & 7) << 17
        | (encoding >> 7 & 0x7f) << 10
        | u32::from(rt.index()) << 5
        | (encoding >> 3 & 0xf) << 1
        | u32::from(read)
}

/// A system instruction that EL1 does not let EL0 execute (Arm ARM, ESR_EL1, ISS encoding for a trapped MSR,
/// MRS or system instruction).
#[mutants::rules]
pub(super) fn trapped_operation(encoding: u16, rt: Reg) -> Stop {
    exception(ExceptionClass::SYSTEM_TRAP, trap_iss(1, encoding, rt, false))
}

#[mutants::rules]
fn trapped_register(register: SysReg, rt: Reg) -> Stop {
    exception(ExceptionClass::SYSTEM_TRAP, trap_iss(3, register.encoding(), rt, true))
}

/// Returns whether FEAT_IDST covers a register: op0 3, CRn 0, CRm 0 to 7 and op1 0, 1 or 3. The table of registers has no
/// others with CRn 0, and none of these can be written.
#[mutants::rules]
fn is_identification(register: SysReg) -> bool {
    register.encoding() & CRN == 0
}

/// What a register is to the instruction set.
enum Kind {
    /// One that a block carries.
    Program(mailbox::SysReg),
    /// A constant of the CPU, of EL1 and up.
    Constant(u64),
    /// Something with a rule of its own.
    Own,
}

#[mutants::rules]
fn kind(register: SysReg, features: &Features, platform: Platform) -> Kind {
    match register {
        SysReg::GcrEl1 => Kind::Program(mailbox::SysReg::Gcr),
        SysReg::RgsrEl1 => Kind::Program(mailbox::SysReg::Rgsr),
        SysReg::TfsrEl1 => Kind::Program(mailbox::SysReg::Tfsr),
        SysReg::Tfsre0El1 => Kind::Program(mailbox::SysReg::Tfsre0),
        SysReg::SctlrEl1 => Kind::Program(mailbox::SysReg::Sctlr),
        SysReg::TcrEl1 => Kind::Program(mailbox::SysReg::Tcr),
        SysReg::ApiaKeyLoEl1 => Kind::Program(mailbox::SysReg::ApiaKeyLo),
        SysReg::ApiaKeyHiEl1 => Kind::Program(mailbox::SysReg::ApiaKeyHi),
        SysReg::ApibKeyLoEl1 => Kind::Program(mailbox::SysReg::ApibKeyLo),
        SysReg::ApibKeyHiEl1 => Kind::Program(mailbox::SysReg::ApibKeyHi),
        SysReg::ApdaKeyLoEl1 => Kind::Program(mailbox::SysReg::ApdaKeyLo),
        SysReg::ApdaKeyHiEl1 => Kind::Program(mailbox::SysReg::ApdaKeyHi),
        SysReg::ApdbKeyLoEl1 => Kind::Program(mailbox::SysReg::ApdbKeyLo),
        SysReg::ApdbKeyHiEl1 => Kind::Program(mailbox::SysReg::ApdbKeyHi),
        SysReg::ApgaKeyLoEl1 => Kind::Program(mailbox::SysReg::ApgaKeyLo),
        SysReg::ApgaKeyHiEl1 => Kind::Program(mailbox::SysReg::ApgaKeyHi),
        SysReg::GmidEl1 => Kind::Constant(u64::from(features.tag_block_bs)),
        SysReg::IdAa64pfr0El1 => Kind::Constant(features.id_aa64pfr0()),
        SysReg::IdAa64pfr1El1 => Kind::Constant(features.id_aa64pfr1()),
        SysReg::IdAa64dfr0El1 => Kind::Constant(features.dfr0),
        SysReg::IdAa64isar0El1 => Kind::Constant(features.id_aa64isar0()),
        SysReg::IdAa64isar1El1 => Kind::Constant(features.isar1),
        SysReg::IdAa64isar2El1 => Kind::Constant(features.id_aa64isar2()),
        SysReg::IdAa64isar3El1 => Kind::Constant(features.isar3),
        SysReg::IdAa64mmfr0El1 => Kind::Constant(features.mmfr0),
        SysReg::IdAa64mmfr1El1 => Kind::Constant(features.mmfr1),
        SysReg::IdAa64mmfr2El1 => Kind::Constant(features.id_aa64mmfr2()),
        SysReg::MidrEl1 => Kind::Constant(features.midr),
        SysReg::MpidrEl1 => Kind::Constant(features.mpidr_el1(platform.cpu)),
        SysReg::RevidrEl1 => Kind::Constant(features.revidr),
        SysReg::ClidrEl1 => Kind::Constant(features.clidr),
        // CurrentEL at EL1; EL0 cannot read it.
        SysReg::CurrentEl => Kind::Constant(1 << 2),
        _ => Kind::Own,
    }
}

/// Returns whether a register is there only while programs have tags.
#[mutants::rules]
fn needs_tags(register: SysReg) -> bool {
    matches!(register, SysReg::GcrEl1 | SysReg::RgsrEl1 | SysReg::TfsrEl1 | SysReg::Tfsre0El1)
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Refuses a register that does not exist, or not at EL0.
    fn permit(&self, register: SysReg, rt: Reg) -> Executed {
        let features = self.env.features;
        if needs_tags(register) && !features.has_tags() {
            return Err(undefined());
        }
        let key = matches!(kind(register, features, self.env.platform), Kind::Program(half) if half.key().is_some());
        if key && !features.has_keys() {
            return Err(undefined());
        }
        if register == SysReg::GmidEl1 && features.mte < 2 {
            return Err(undefined());
        }
        // KVM injects what the CPU reports without the register: class 0x18 with FEAT_IDST.
        if register == SysReg::GmidEl1 && features.gmid_trapped {
            return Err(if features.idst { trapped_register(register, rt) } else { undefined() });
        }
        let of_el0 = register.encoding() >> 11 & 7 == 3;
        if self.cpu.el != 0 || of_el0 {
            return Ok(());
        }
        if features.idst && is_identification(register) {
            return Err(trapped_register(register, rt));
        }
        Err(undefined())
    }

    /// MRS.
    pub(super) fn mrs(&mut self, rt: Reg, register: SysReg) -> Executed {
        self.permit(register, rt)?;
        let value = match kind(register, self.env.features, self.env.platform) {
            Kind::Program(register) => self.read_program_register(register),
            Kind::Constant(value) => value,
            Kind::Own => self.own_register(register, rt)?,
        };
        self.set(rt, value);
        let unknown = match register {
            SysReg::RgsrEl1 => self.cpu.sys.rgsr_unknown,
            SysReg::EsrEl1 => self.cpu.esr_unknown,
            SysReg::FarEl1 => self.cpu.far_unknown,
            _ => false,
        };
        if unknown {
            self.forget(rt);
        }
        Ok(())
    }

    fn own_register(&mut self, register: SysReg, rt: Reg) -> Result<u64, Stop> {
        let el0_without = |bit: u64| self.cpu.el == 0 && self.cpu.sys.sctlr & bit == 0;
        match register {
            SysReg::Nzcv => Ok(u64::from(self.cpu.nzcv) << NZCV_SHIFT),
            SysReg::Svcr => self.svcr(),
            SysReg::Tco if self.env.features.mte == 0 => Err(undefined()),
            SysReg::Tco => Ok(u64::from(self.cpu.tco) << TCO_SHIFT),
            SysReg::TpidrEl0 => Ok(self.cpu.tpidr_el0),
            SysReg::Fpcr => self.permit_float().map(|()| self.fpcr()),
            SysReg::Fpsr => self.permit_float().map(|()| self.cpu.fpsr),
            SysReg::EsrEl1 => Ok(self.cpu.sys.esr),
            SysReg::FarEl1 => Ok(self.cpu.sys.far),
            SysReg::CtrEl0 if el0_without(UCT) => Err(trapped_register(register, rt)),
            SysReg::CtrEl0 => Ok(self.env.features.ctr),
            // DZP: DC ZVA is prohibited.
            SysReg::DczidEl0 => Ok(u64::from(self.env.features.dczid) | u64::from(el0_without(DZE)) << 4),
            _ => Err(Stop::Unmodelled("a read of a system register that the model does not know")),
        }
    }

    /// MSR (register).
    pub(super) fn msr(&mut self, register: SysReg, rt: Reg) -> Executed {
        self.permit(register, rt)?;
        let value = self.get(rt);
        match kind(register, self.env.features, self.env.platform) {
            Kind::Program(register) => self.write_program_register(register, value).map_err(Stop::Unmodelled),
            Kind::Constant(_) => Err(undefined()),
            Kind::Own => match register {
                SysReg::Nzcv => {
                    self.cpu.nzcv = (value >> NZCV_SHIFT & 0xf) as u8;
                    Ok(())
                }
                SysReg::TpidrEl0 => {
                    self.cpu.tpidr_el0 = value;
                    Ok(())
                }
                SysReg::Fpcr => self.permit_float().map(|()| self.set_fpcr(value)),
                SysReg::Fpsr => self.permit_float().map(|()| self.set_fpsr(value)),
                SysReg::EsrEl1 => {
                    // Bits 63:32 are RES0 or ISS2, as the CPU's features say.
                    self.cpu.sys.esr = value;
                    self.cpu.esr_unknown = value >> 32 != 0;
                    Ok(())
                }
                SysReg::FarEl1 => {
                    self.cpu.sys.far = value;
                    self.cpu.far_unknown = false;
                    Ok(())
                }
                SysReg::Svcr => self.set_svcr(value),
                SysReg::Tco => self.set_tco(value >> TCO_SHIFT & 1 == 1),
                _ => Err(Stop::Unmodelled("a write of a system register that the model does not know")),
            },
        }
    }

    /// MSR TCO. A hypervisor that hides tags does not hide it. With the instructions of MTE alone the field may be RES0
    /// (Arm ARM, TCO); one that was set is not.
    pub(super) fn set_tco(&mut self, on: bool) -> Executed {
        if self.env.features.mte == 0 {
            return Err(undefined());
        }
        let constant = on && self.env.features.mte == 1 && self.env.choices.choose(2) == 0;
        if !constant {
            self.cpu.tco = on;
        }
        Ok(())
    }

    /// DSB: waits for asynchronous faults of accesses that it orders. DMB does not wait.
    pub(super) fn dsb(&mut self, option: Barrier) -> Executed {
        if matches!(option, Barrier::Sy | Barrier::Ish | Barrier::Nsh | Barrier::Osh) {
            self.complete_faults();
        }
        Ok(())
    }

    /// ISB.
    pub(super) fn isb(&mut self) -> Executed {
        self.synchronise_context();
        Ok(())
    }

    /// HINT: the hints of the table have no effect that a program could see. They are about events, speculation, errors and
    /// branch targets, of which no page of the firmware is guarded; CHKFEAT finds no feature enabled (Arm ARM C6.2, HINT).
    pub(super) fn hint(&self) -> Executed {
        Ok(())
    }

    /// BRK.
    pub(super) fn brk(&self, immediate: i64) -> Executed {
        Err(exception(ExceptionClass::BRK, immediate as u32))
    }

    /// SVC.
    pub(super) fn svc(&self, immediate: i64) -> Executed {
        Err(call(ExceptionClass::SVC64, immediate as u16))
    }

    /// A word that is UNDEFINED for good.
    pub(super) fn udf(&self) -> Executed {
        Err(undefined())
    }
}
