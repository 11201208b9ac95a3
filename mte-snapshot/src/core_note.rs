//! The notes of a Linux core file, made from the registers, so that debuggers show threads.
//!
//! A vCPU is a thread, whose id is the vCPU's index plus 1. Layouts: include/linux/elfcore.h and
//! arch/arm64/include/uapi/asm/ptrace.h. Nothing reads these notes back: a decoded snapshot must yield the same ones.

mod pointers;
mod sve;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes, Unaligned};

use crate::check::has_tags;
use crate::note::Note;
use crate::register::{self, Values};
use crate::snapshot::Snapshot;

const CORE: &str = "CORE";
const LINUX: &str = "LINUX";

const NT_PRSTATUS: u32 = 1;
const NT_FPREGSET: u32 = 2;
const NT_AUXV: u32 = 6;
const NT_ARM_SVE: u32 = 0x405;
const NT_ARM_PAC_MASK: u32 = 0x406;
const NT_ARM_TAGGED_ADDR_CTRL: u32 = 0x409;

/// `struct elf_prstatus`.
#[derive(Immutable, IntoBytes, Unaligned)]
#[repr(C)]
struct PrStatus {
    /// si_signo, si_code and si_errno, pr_cursig, pr_sigpend and pr_sighold.
    signals: [u8; 32],
    pid: U32,
    /// The other ids, and times.
    zero: [u8; 76],
    x: [U64; 31],
    sp: U64,
    pc: U64,
    pstate: U64,
    /// Whether there is an NT_FPREGSET.
    fpvalid: U32,
    padding: U32,
}

/// `struct user_fpsimd_state`.
#[derive(Immutable, IntoBytes, Unaligned)]
#[repr(C)]
struct FpRegisters {
    v: [[u8; 16]; 32],
    fpsr: U32,
    fpcr: U32,
    reserved: [U32; 2],
}

const _: () = {
    assert!(size_of::<PrStatus>() == 392);
    assert!(std::mem::offset_of!(PrStatus, pid) == 32);
    assert!(std::mem::offset_of!(PrStatus, x) == 112);
    assert!(size_of::<FpRegisters>() == 528);
};

/// Returns the notes of all vCPUs.
pub(crate) fn encode(snapshot: &Snapshot) -> Vec<Note> {
    let mut notes = Vec::new();
    for (thread, vcpu) in (1..).zip(&snapshot.vcpus) {
        let values = Values::of(vcpu);
        let note = |owner, kind, bytes| Note { owner, kind, bytes };
        notes.push(note(CORE, NT_PRSTATUS, pr_status(thread, &values).as_bytes().to_vec()));
        notes.push(note(CORE, NT_FPREGSET, fp_registers(&values).as_bytes().to_vec()));
        if thread == 1 {
            notes.push(note(CORE, NT_AUXV, auxiliary_vector(snapshot, &values)));
        }
        notes.extend(sve::registers(&values).map(|bytes| note(LINUX, NT_ARM_SVE, bytes)));
        notes.extend(pointers::pac_masks(&values).map(|masks| note(LINUX, NT_ARM_PAC_MASK, masks)));
        if has_tags(&snapshot.identity) {
            let control = pointers::tagged_address_control(&values);
            notes.push(note(LINUX, NT_ARM_TAGGED_ADDR_CTRL, control.to_le_bytes().to_vec()));
        }
    }
    notes
}

fn pr_status(thread: u32, values: &Values<'_>) -> PrStatus {
    let value = |id| U64::new(values.u64(id).unwrap_or(0));
    PrStatus {
        signals: [0; 32],
        pid: thread.into(),
        zero: [0; 76],
        x: std::array::from_fn(|n| value(register::x(n as u64))),
        sp: value(stack_pointer(values.u64(register::PSTATE).unwrap_or(0))),
        pc: value(register::PC),
        pstate: value(register::PSTATE),
        fpvalid: 1.into(),
        padding: 0.into(),
    }
}

/// Returns the id of the stack pointer in use, by PSTATE.EL and PSTATE.SP.
fn stack_pointer(pstate: u64) -> u64 {
    match pstate & 0b1101 {
        0b0101 => register::SP_EL1,
        0b1001 => register::SP_EL2,
        _ => register::SP_EL0,
    }
}

fn fp_registers(values: &Values<'_>) -> FpRegisters {
    let vector = |n| {
        let value = values.get(register::v(n)).or_else(|| values.get(register::z(n)).and_then(|z| z.get(..16)));
        value.and_then(|value| value.try_into().ok()).unwrap_or([0; 16])
    };
    FpRegisters {
        v: std::array::from_fn(|n| vector(n as u64)),
        fpsr: values.u32(register::FPSR).unwrap_or(0).into(),
        fpcr: values.u32(register::FPCR).unwrap_or(0).into(),
        reserved: [0.into(); 2],
    }
}

/// Returns what gdb looks up to decide which registers and commands there are (include/uapi/linux/auxvec.h and
/// arch/arm64/include/uapi/asm/hwcap.h).
fn auxiliary_vector(snapshot: &Snapshot, values: &Values<'_>) -> Vec<u8> {
    const AT_PAGESZ: u64 = 6;
    const AT_HWCAP: u64 = 16;
    const AT_HWCAP2: u64 = 26;
    const HWCAP_FP_ASIMD: u64 = 0b11;
    const HWCAP_SVE: u64 = 1 << 22;
    const HWCAP_PACA_PACG: u64 = 0b11 << 30;
    const HWCAP2_MTE: u64 = 1 << 18;
    let set = |condition: bool, bits: u64| if condition { bits } else { 0 };
    let hwcap = HWCAP_FP_ASIMD
        | set(values.get(register::SVE_VLS).is_some(), HWCAP_SVE)
        | set(values.get(register::APIAKEYLO_EL1).is_some(), HWCAP_PACA_PACG);
    let hwcap2 = set(has_tags(&snapshot.identity), HWCAP2_MTE);
    let vector = [AT_PAGESZ, snapshot.identity.page_size, AT_HWCAP, hwcap, AT_HWCAP2, hwcap2, 0, 0];
    vector.iter().flat_map(|word| word.to_le_bytes()).collect()
}
