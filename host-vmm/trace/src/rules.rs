//! The rules of the Arm ARM behind what a trace shows: why an access is tag checked or not, what a wrong tag does, and what made an
//! exception; in words of our own, with the names of registers and pseudocode functions where they are written.

use arch::{ExceptionClass, FaultStatus, Syndrome};
use isa::Insn;
use model::cpu::Unchecked;
use model::cpu::watch::Watched;

/// SCTLR_EL1.TCF, of EL1, and TCF0.
const TCF_SHIFTS: [u32; 2] = [38, 40];

/// Returns what a tag that does not match does (Arm ARM, pseudocode `AArch64.EffectiveTCF`).
pub fn effect(step: &Watched) -> &'static str {
    if step.excepted {
        return "a synchronous fault";
    }
    match step.before.sys.sctlr >> TCF_SHIFTS[usize::from(step.before.el != 0)] & 0b11 {
        0 => "no effect: SCTLR_EL1.TCF is none",
        _ => "recorded for TFSR_EL1 or TFSRE0_EL1, which show it after DSB and ISB",
    }
}

/// Returns whether an access is tag checked, and if not, why (Arm ARM, pseudocode `AArch64.AccessIsTagChecked`).
pub fn of_access(unchecked: Option<Unchecked>) -> &'static str {
    match unchecked {
        None => "checked",
        Some(Unchecked::Instruction) => "not checked: accesses of this instruction never are",
        Some(Unchecked::Overridden) => "not checked: PSTATE.TCO is 1",
        Some(Unchecked::StoreOnly) => "not checked: SCTLR_EL1.TCSO limits checks to stores",
        Some(Unchecked::TopByte) => "not checked: TCR_EL1.TBI is 0, so the top byte is part of the address",
        Some(Unchecked::NoTagAccess) => "not checked: SCTLR_EL1.ATA is 0",
        Some(Unchecked::Exempt) => "not checked: TCR_EL1.TCMA exempts this tag",
        Some(Unchecked::Untagged) => "not checked: the memory is not Tagged",
    }
}

/// Returns the rule that made the exception of an instruction.
pub fn of_fault(step: &Watched, word: Option<u32>) -> String {
    let esr = Syndrome::from_bits(step.after.sys.esr);
    let class = esr.class();
    match esr.dfsc() {
        Some(status) if class.is_instruction_abort() => of_fetch(status).to_owned(),
        Some(status) => of_data_abort(step, esr, status),
        None if class == ExceptionClass::UNKNOWN => of_undefined(word),
        None => of_class(class).to_owned(),
    }
}

/// Returns the rule of a data abort.
fn of_data_abort(step: &Watched, esr: Syndrome, status: FaultStatus) -> String {
    let write = esr.wnr() == Some(true);
    match status {
        FaultStatus::TAG_CHECK => of_tag_check(step),
        FaultStatus::PERMISSION_L1 | FaultStatus::PERMISSION_L2 | FaultStatus::PERMISSION_L3 => {
            let access = if write { "writes" } else { "reads" };
            format!(
                "the page's permissions forbid {access} at EL{} (AArch64.S1CheckPermissions; descriptor AP, TCR_EL1)",
                step.before.el
            )
        }
        FaultStatus::ALIGNMENT => {
            "the address is not a multiple of what this access must be aligned to: a granule for \
             tags, the size for exclusive, ordered and atomic accesses that cross 16 bytes, for Device memory and \
             where SCTLR_EL1.A is 1 (AArch64.CheckAlignment)"
                .to_owned()
        }
        FaultStatus::UNSUPPORTED_ATOMIC => {
            "exclusive and atomic accesses need memory that supports them (AArch64.MemSingleAccess; ESR_EL1.DFSC)"
                .to_owned()
        }
        FaultStatus::EXTERNAL => {
            "the memory system answered with an error: nothing is behind the address (AArch64.HandleExternalAbort)"
                .to_owned()
        }
        status => of_translation(status, "address").to_owned(),
    }
}

/// Returns the rule of a tag check fault, with what made it synchronous.
fn of_tag_check(step: &Watched) -> String {
    let (field, shift) = if step.before.el == 0 { ("TCF0", TCF_SHIFTS[0]) } else { ("TCF", TCF_SHIFTS[1]) };
    let mode = match step.before.sys.sctlr >> shift & 0b11 {
        0b01 => "1: synchronous (AArch64.TagCheckFault)",
        0b11 => "3: synchronous for reads (AArch64.TagCheckFault)",
        _ => "none of the synchronous ones",
    };
    format!("the logical tag is not the allocation tag (AArch64.CheckTag), and SCTLR_EL1.{field} is {mode}")
}

fn of_translation(status: FaultStatus, what: &'static str) -> String {
    match status {
        FaultStatus::ACCESS_FLAG_L1 | FaultStatus::ACCESS_FLAG_L2 | FaultStatus::ACCESS_FLAG_L3 => {
            format!("the access flag of the {what}'s entry is 0 (AArch64.S1Translate; descriptor AF)")
        }
        _ => format!(
            "the translation tables have no entry for the {what}, or its upper bits are not those of an address: TCR_EL1.TBI \
             lets the top byte be anything, and nothing else (AArch64.S1Translate)"
        ),
    }
}

fn of_fetch(status: FaultStatus) -> String {
    match status {
        FaultStatus::PERMISSION_L1 | FaultStatus::PERMISSION_L2 | FaultStatus::PERMISSION_L3 => {
            "the page may not be executed from at this level (AArch64.S1CheckPermissions; descriptor UXN, PXN)"
                .to_owned()
        }
        status => of_translation(status, "program counter"),
    }
}

/// Returns why an instruction is UNDEFINED.
fn of_undefined(word: Option<u32>) -> String {
    let insn = word.and_then(Insn::decode);
    match insn.map(|insn| insn.row().feature()) {
        Some(Some(feature)) => {
            format!("the instruction is UNDEFINED on a CPU without {feature} ({})", field_of(feature))
        }
        Some(None) => {
            "the instruction is UNDEFINED here: at this exception level, or without what it needs in an ID register \
                       (its page of the Arm ARM, \"if … then UNDEFINED\")"
                .to_owned()
        }
        None => "no instruction has this encoding: it is UNDEFINED (C4, A64 instruction set encoding)".to_owned(),
    }
}

fn field_of(feature: isa::Feature) -> String {
    let (register, shift) = feature.field();
    format!("{register}, bits {}:{shift}", shift + 3)
}

/// Returns the rule of exceptions that are no aborts.
fn of_class(class: ExceptionClass) -> &'static str {
    match class {
        ExceptionClass::SVC64 => "SVC asks for the exception (AArch64.CallSupervisor)",
        ExceptionClass::HVC64 => "HVC asks for the exception (AArch64.CallHypervisor)",
        ExceptionClass::BRK => "BRK asks for the exception (AArch64.SoftwareBreakpoint)",
        ExceptionClass::SYSTEM_TRAP => {
            "a register or system instruction that this level may not use, by a trap control such as SCTLR_EL1.UMA, UCI, DZE \
             (AArch64.SystemAccessTrap)"
        }
        ExceptionClass::PC_ALIGNMENT => "the program counter is not a multiple of 4 (AArch64.CheckPCAlignment)",
        ExceptionClass::SP_ALIGNMENT => {
            "an address is made of a stack pointer that is not a multiple of 16, and SCTLR_EL1.SA or SA0 is 1 (CheckSPAlignment)"
        }
        ExceptionClass::PAC_FAIL => {
            "a pointer's code is not authentic, and the CPU has FEAT_FPAC (Auth; ID_AA64ISAR1_EL1.APA)"
        }
        ExceptionClass::SVE => "CPACR_EL1.ZEN or CPTR_EL2 traps SVE (CheckSVEEnabled)",
        ExceptionClass::SME_TRAP => {
            "an instruction of SME, or of the other mode, is trapped (CheckSMEAccess; PSTATE.SM and ZA)"
        }
        ExceptionClass::LD64B_ST64B => "HCRX_EL2 or SCTLR_EL1 traps 64-byte accesses (AArch64.CheckLDST64BEnabled)",
        ExceptionClass::GCS => "the guarded control stack does not have what it should (GCSDataCheckException)",
        _ => "ESR_EL1.EC says what kind of exception it is (AArch64.TakeException)",
    }
}
