//! PSCI calls (Arm DEN 0022): SYSTEM_OFF and CPU_ON.
//!
//! Under KVM and on QEMU's `virt` board the conduit is HVC. On a board with EL2 (`virtualization=on`) it is SMC.

use aarch64_cpu::registers::MPIDR_EL1;
use tock_registers::interfaces::Readable;

use crate::{boot, cpu};

/// The function ID of SYSTEM_OFF.
const SYSTEM_OFF: u64 = 0x8400_0008;
/// The function ID of CPU_ON (SMC64). Arguments: affinity, entry point, context ID.
const CPU_ON: u64 = 0xc400_0003;
/// The affinity fields of MPIDR_EL1 above Aff0, which is the number of the vCPU.
const UPPER_AFFINITY: u64 = 0xff_00ff_ff00;

/// Powers off the machine. If the call returns, parks the vCPU.
pub fn system_off(entry_el: u32) -> ! {
    call(entry_el, SYSTEM_OFF, [0; 3]);
    cpu::park()
}

/// Starts another vCPU at the entry point of the firmware.
pub fn start(entry_el: u32, other: usize) {
    let affinity = MPIDR_EL1.get() & UPPER_AFFINITY | other as u64;
    let answer = call(entry_el, CPU_ON, [affinity, boot::entry(), 0]);
    assert!(answer == 0, "PSCI CPU_ON of vCPU {other} returned {answer}");
}

/// Makes a PSCI call and returns its result. Negative results are errors.
fn call(entry_el: u32, function: u64, arguments: [u64; 3]) -> i64 {
    let [mut x1, mut x2, mut x3] = arguments;
    let mut x0 = function;
    if entry_el == 2 {
        // SAFETY: a PSCI call does not access memory of the firmware and preserves all registers but x0 to x17 (SMC
        // Calling Convention, Arm DEN 0028), which are operands or clobbers.
        #[expect(unsafe_code, reason = "SMC is an instruction")]
        unsafe {
            core::arch::asm!("smc #0", inout("x0") x0, inout("x1") x1, inout("x2") x2, inout("x3") x3, clobber_abi("C"), options(nostack));
        }
    } else {
        // SAFETY: as above, with the hypervisor as the callee.
        #[expect(unsafe_code, reason = "HVC is an instruction")]
        unsafe {
            core::arch::asm!("hvc #0", inout("x0") x0, inout("x1") x1, inout("x2") x2, inout("x3") x3, clobber_abi("C"), options(nostack));
        }
    }
    let _ = (x1, x2, x3);
    x0.cast_signed()
}
