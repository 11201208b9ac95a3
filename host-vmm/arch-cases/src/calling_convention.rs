//! Chapter: HVC, by the SMC Calling Convention (Arm DEN 0028), whoever answers.
//!
//! The machine on QEMU alone has no hypervisor; its board answers instead, and keeps to the convention where these cases look.

use abi::mailbox::SysReg;

use case::address::pointer_at;
use case::expect::{equal_hex, no_fault, one_exception};
use case::settings::{PSTATE_TCO, TF, rgsr};
use case::smccc::{NOT_SUPPORTED, PSCI_VERSION, SMCCC_VERSION, UNALLOCATED, gives};
use case::{Case, CaseContext, CaseResult};
use machine::{Block, El};

const CONVENTION: &str = "Arm DEN 0028, register use in AArch64 SMC and HVC calls, and unknown function identifiers";

pub const CASES: &[Case] = &[
    Case::new("arch.hypercall.undefined-at-el0", "HVC at EL0 is UNDEFINED", "DDI 0487 C6.2 HVC", at_el0),
    Case::new(
        "arch.hypercall.preserves",
        "a call changes nothing but x0 to x3: not x4 to x30, SP, flags, TCO, MTE's registers nor FPCR; it returns behind HVC",
        CONVENTION,
        preserves,
    ),
    Case::new(
        "arch.hypercall.not-supported",
        "a function that does not exist gives NOT_SUPPORTED, sign-extended to 64 bits",
        CONVENTION,
        not_supported,
    ),
];

fn at_el0(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let trace = guest.run(&Block::assemble("hvc #0")?.at(El::El0).x(0, UNALLOCATED))?;
    one_exception(&guest, "HVC at EL0", 0x0200_0000, &trace)?;
    equal_hex("x0", UNALLOCATED, trace.x[0])
}

fn preserves(cx: &mut CaseContext<'_>) -> CaseResult {
    /// FPCR.{DN, RMode}.
    const FPCR: u64 = 1 << 25 | 0b10 << 22;
    const FLAGS: u8 = 0b1010;
    /// Registers that the block itself uses, to write and to read FPCR.
    const OWN: [usize; 2] = [20, 21];
    let mut guest = cx.guest()?;
    for function in [SMCCC_VERSION, PSCI_VERSION, UNALLOCATED] {
        let mut x = [0; 31];
        x.iter_mut().for_each(|value| *value = cx.random().u64(..));
        (x[0], x[OWN[0]]) = (function, FPCR);
        let sp = pointer_at(El::El1, false, 0x100, 3);
        let tags =
            [(SysReg::Gcr, 0x1_5a5a), (SysReg::Rgsr, rgsr(0x1234, 9)), (SysReg::Tfsr, TF[1]), (SysReg::Tfsre0, TF[0])];
        let mut block = Block::assemble("msr fpcr, x20; hvc #0; mrs x21, fpcr")?.xs(x).sp(sp).nzcv(FLAGS).tco();
        for (register, value) in tags {
            block = block.sys(register, value);
        }
        let trace = guest.run(&block)?;
        no_fault(&guest, "HVC", &trace)?;
        let behind = format!("behind HVC with x0 = {function:#x}");
        for n in (4..31).filter(|n| !OWN.contains(n)) {
            equal_hex(&format!("x{n} {behind}"), x[n], trace.x[n])?;
        }
        equal_hex(&format!("SP {behind}"), sp, trace.sp)?;
        equal_hex(&format!("FPCR {behind}"), FPCR, trace.x[OWN[1]])?;
        equal_hex(&format!("NZCV {behind}"), u64::from(FLAGS), trace.pstate >> 28 & 0xf)?;
        equal_hex(&format!("TCO {behind}"), PSTATE_TCO, trace.pstate & PSTATE_TCO)?;
        for (register, value) in tags {
            equal_hex(&format!("{register:?} {behind}"), value, trace.sys(register))?;
        }
    }
    Ok(())
}

fn not_supported(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // Fast and yielding calls of both widths and of each kind of owner.
    for function in [0, 0x4060_0000, 0x8000_0040, 0x8100_0000, 0x8200_0000, 0x8300_0000, UNALLOCATED, 0xc400_0060]
        .into_iter()
        .chain([0x8500_0000, 0xc600_0100, 0xb000_0000, 0xbf00_0000])
    {
        gives(&mut guest, "an unallocated function", &[function], NOT_SUPPORTED)?;
    }
    Ok(())
}
