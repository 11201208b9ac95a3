//! What some machines can do and others cannot: one object for each, which a machine hands out or does not.
//!
//! [`TABLE`] promises which kind of machine has which. What a target has is asked of its first machine
//! ([`Capabilities::of`]); a capability that is promised and not handed out is a failure of the cases that need it, never
//! a skip.

mod aarch32_vcpus;
mod abort_injection;
mod dirty_log;
mod dirty_ring;
mod el2_vcpus;
mod hazards;
mod host_events;
mod host_features;
mod id_register_masks;
mod late_memory;
mod memory_slots;
mod page_events;
mod ptrace_tags;
mod races;
mod scalable_vectors;
mod setup_races;
mod shared_memory;
pub mod table;
mod unknown_memory;
mod vcpu_resets;
mod vmm_tags;

pub use aarch32_vcpus::Aarch32Vcpus;
pub use abort_injection::AbortInjection;
pub use dirty_log::DirtyLog;
pub use dirty_ring::DirtyRing;
pub use el2_vcpus::El2Vcpus;
pub use hazards::Hazards;
pub use host_events::HostEvents;
pub use host_features::HostFeatures;
pub use id_register_masks::IdRegisterMasks;
pub use late_memory::LateMemory;
pub use memory_slots::MemorySlots;
pub use page_events::PageEvents;
pub use ptrace_tags::PtraceTags;
pub use races::Races;
pub use scalable_vectors::ScalableVectors;
pub use setup_races::SetupRaces;
pub use shared_memory::SharedMemory;
pub use table::{Capabilities, Capability, MachineKind, TABLE, TagTransfer};
pub use unknown_memory::UnknownMemory;
pub use vcpu_resets::VcpuResets;
pub use vmm_tags::VmmTags;

/// The objects that a VM hands out beyond KVM's contract for tags; `None` for what it has not.
pub trait CapabilityObjects {
    /// Returns the log of dirty pages.
    fn dirty_log(&mut self) -> Option<&mut (dyn DirtyLog + 'static)>;
    /// Returns the rings of dirty pages.
    fn dirty_ring(&mut self) -> Option<&mut (dyn DirtyRing + 'static)>;
    /// Returns the memory slots that can be moved and deleted.
    fn memory_slots(&mut self) -> Option<&mut (dyn MemorySlots + 'static)>;
    /// Returns what can happen to the pages behind guest memory.
    fn page_events(&mut self) -> Option<&mut (dyn PageEvents + 'static)>;
    /// Returns a debugger's view of the VMM's tags.
    fn ptrace_tags(&mut self) -> Option<&mut (dyn PtraceTags + 'static)>;
    /// Returns the tags that the VMM itself draws.
    fn vmm_tags(&mut self) -> Option<&mut (dyn VmmTags + 'static)>;
    /// Returns the vCPUs that start in AArch32.
    fn aarch32_vcpus(&mut self) -> Option<&mut (dyn Aarch32Vcpus + 'static)>;
    /// Returns the aborts that can be injected.
    fn abort_injection(&mut self) -> Option<&mut (dyn AbortInjection + 'static)>;
    /// Returns the vCPUs that have EL2.
    fn el2_vcpus(&mut self) -> Option<&mut (dyn El2Vcpus + 'static)>;
    /// Returns what reports which bits of ID registers can be changed.
    fn id_register_masks(&mut self) -> Option<&mut (dyn IdRegisterMasks + 'static)>;
    /// Returns what initialises vCPUs again.
    fn vcpu_resets(&mut self) -> Option<&mut (dyn VcpuResets + 'static)>;
    /// Returns what makes vCPUs with SVE step by step.
    fn scalable_vectors(&mut self) -> Option<&mut (dyn ScalableVectors + 'static)>;
    /// Returns what shares guest memory with others.
    fn shared_memory(&mut self) -> Option<&mut (dyn SharedMemory + 'static)>;
    /// Returns what the host shows of its CPUs.
    fn host_features(&mut self) -> Option<&mut (dyn HostFeatures + 'static)>;
    /// Returns what happens to the host as a whole.
    fn host_events(&mut self) -> Option<&mut (dyn HostEvents + 'static)>;
    /// Returns what makes memory of the kernel a VM's.
    fn late_memory(&mut self) -> Option<&mut (dyn LateMemory + 'static)>;
    /// Returns what sets a VM up by several threads.
    fn setup_races(&mut self) -> Option<&mut (dyn SetupRaces + 'static)>;
    /// Returns the calls that may hang a kernel.
    fn hazards(&mut self) -> Option<&mut (dyn Hazards + 'static)>;
}
