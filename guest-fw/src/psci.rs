//! The one PSCI call that the firmware makes (Arm DEN 0022, 5.10 SYSTEM_OFF).

use crate::cpu;

const SYSTEM_OFF: u64 = 0x8400_0008;

/// Turns the machine off. At EL1 under KVM or QEMU's `virt` the conduit is HVC; where the machine
/// has EL2 (`virtualization=on`), QEMU makes it SMC.
pub fn system_off(entry_el: u32) -> ! {
    if entry_el == 2 {
        // SAFETY: a PSCI call that does not return; if nothing answers, the vCPU parks.
        #[expect(unsafe_code, reason = "calls the platform's firmware")]
        unsafe {
            core::arch::asm!("smc #0", in("x0") SYSTEM_OFF, options(nostack));
        }
    } else {
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "calls the hypervisor")]
        unsafe {
            core::arch::asm!("hvc #0", in("x0") SYSTEM_OFF, options(nostack));
        }
    }
    cpu::park()
}
