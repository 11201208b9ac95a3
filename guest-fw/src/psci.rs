//! The PSCI calls that the firmware makes (Arm DEN 0022, SYSTEM_OFF and CPU_ON).
//!
//! At EL1 under KVM or QEMU's `virt` the conduit is HVC; where the machine has EL2 (`virtualization=on`), QEMU makes it SMC.

use aarch64_cpu::registers::MPIDR_EL1;
use tock_registers::interfaces::Readable;

use crate::{boot, cpu};

const SYSTEM_OFF: u64 = 0x8400_0008;
/// With 64-bit arguments: affinity, entry point, context.
const CPU_ON: u64 = 0xc400_0003;
/// The affinity fields of MPIDR_EL1 above Aff0, which is the vCPU's number.
const UPPER_AFFINITY: u64 = 0xff_00ff_ff00;

/// Turns the machine off; if nothing answers, the vCPU parks.
pub fn system_off(entry_el: u32) -> ! {
    call(entry_el, SYSTEM_OFF, [0; 3]);
    cpu::park()
}

/// Starts another vCPU where this one began. It files its own boot report.
pub fn start(entry_el: u32, other: usize) {
    let affinity = MPIDR_EL1.get() & UPPER_AFFINITY | other as u64;
    let answer = call(entry_el, CPU_ON, [affinity, boot::entry(), 0]);
    assert!(answer == 0, "PSCI CPU_ON of vCPU {other} gives {answer}");
}

/// Calls the platform. Negative answers are errors.
fn call(entry_el: u32, function: u64, arguments: [u64; 3]) -> i64 {
    let [mut x1, mut x2, mut x3] = arguments;
    let mut x0 = function;
    if entry_el == 2 {
        // SAFETY: a PSCI call touches no memory of the firmware, and no registers but those that a function call may
        // (SMC Calling Convention, Arm DEN 0028).
        #[expect(unsafe_code, reason = "calls the platform")]
        unsafe {
            core::arch::asm!("smc #0", inout("x0") x0, inout("x1") x1, inout("x2") x2, inout("x3") x3, clobber_abi("C"), options(nostack));
        }
    } else {
        // SAFETY: as above; the hypervisor takes the call instead.
        #[expect(unsafe_code, reason = "calls the platform")]
        unsafe {
            core::arch::asm!("hvc #0", inout("x0") x0, inout("x1") x1, inout("x2") x2, inout("x3") x3, clobber_abi("C"), options(nostack));
        }
    }
    let _ = (x1, x2, x3);
    x0.cast_signed()
}
