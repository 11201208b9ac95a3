//! What happens to the host as a whole: nothing of it shows in a VM.
//!
//! A CPU that goes offline has its vCPUs' registers saved before (virt/kvm/kvm_main.c, kvm_offline_cpu(), and the scheduler, which
//! moves threads away); what is in swap comes back with its tags (mm/swapfile.c, unuse_pte(); arch/arm64/mm/mteswap.c), and so does what
//! was hibernated (arch/arm64/kernel/hibernate.c, swsusp_mte_save_tags() and swsusp_mte_restore_tags()).

use crate::kernel::HostEvent;
use crate::vm::Vm;

mutants::defects!();

#[mutants::rules]
impl Vm {
    /// Lets something happen to the host.
    pub fn host_event(&mut self, event: HostEvent) {
        match event {
            // Registers of MTE are with the kernel while no vCPU runs.
            HostEvent::CycleCpus | HostEvent::SuspendToIdle | HostEvent::TestSuspend | HostEvent::Hibernate => {
                self.hardware = Default::default();
            }
            HostEvent::EmptySwap | HostEvent::CompressSwap(_) => {}
        }
    }
}
