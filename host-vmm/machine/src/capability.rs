//! What some machines can do and others cannot: one object for each, which a machine hands out or does not.
//!
//! [`TABLE`] promises which kind of machine has which. What a target has is asked of its first machine
//! ([`Capabilities::of`]); a capability that is promised and not handed out is a failure of the cases that need it, never
//! a skip.

mod aarch32_vcpus;
mod abort_injection;
mod dirty_log;
mod dirty_ring;
mod hazards;
mod memory_slots;
mod page_events;
mod ptrace_tags;
mod races;
mod unknown_memory;
mod vmm_tags;

use std::fmt;

pub use aarch32_vcpus::Aarch32Vcpus;
pub use abort_injection::AbortInjection;
pub use dirty_log::DirtyLog;
pub use dirty_ring::DirtyRing;
pub use hazards::Hazards;
pub use memory_slots::MemorySlots;
pub use page_events::PageEvents;
pub use ptrace_tags::PtraceTags;
pub use races::Races;
pub use unknown_memory::UnknownMemory;
pub use vmm_tags::VmmTags;

use crate::Machine;

/// A kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MachineKind {
    /// A VM on /dev/kvm.
    Kvm,
    /// QEMU's system emulation, without a kernel.
    Tcg,
    /// The executable specification.
    Model,
}

impl MachineKind {
    /// Every kind, in the order of [`TABLE`]'s columns.
    pub const ALL: [Self; 3] = [Self::Kvm, Self::Tcg, Self::Model];

    /// Returns what machines of this kind have.
    #[must_use]
    pub fn capabilities(self) -> Capabilities {
        let has = |row: &&(Capability, [bool; 3])| row.1[self as usize];
        TABLE.iter().filter(has).map(|(capability, _)| *capability).collect()
    }
}

impl fmt::Display for MachineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Model => "model",
        })
    }
}

/// Declares the capabilities, their names and [`TABLE`] in one list, so that none can be without a row.
macro_rules! capabilities {
    ($( $(#[doc = $doc:literal])* $capability:ident $name:literal $has:tt; )*) => {
        /// Something that not every machine has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Capability {
            $( $(#[doc = $doc])* $capability, )*
        }

        /// Which kind of machine has which capability: `kvm`, `tcg`, `model`; in the order of the enum.
        pub const TABLE: &[(Capability, [bool; 3])] = &[$( (Capability::$capability, $has), )*];

        impl Capability {
            /// Returns the name that reports and keys use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$capability => $name, )*
                }
            }
        }
    };
}

capabilities! {
    /// A kernel's VM ([`crate::Vm`]).
    Vm "kernel" [true, false, true];
    /// [`DirtyLog`].
    DirtyLog "dirty-log" [true, false, true];
    /// [`DirtyRing`].
    DirtyRing "dirty-ring" [true, false, true];
    /// [`MemorySlots`].
    MemorySlots "memory-slots" [true, false, true];
    /// [`PageEvents`].
    PageEvents "page-events" [true, false, true];
    /// [`PtraceTags`].
    PtraceTags "ptrace-tags" [true, false, true];
    /// [`VmmTags`].
    VmmTags "vmm-tags" [true, false, true];
    /// [`Aarch32Vcpus`].
    Aarch32Vcpus "aarch32-vcpus" [true, false, true];
    /// [`AbortInjection`].
    AbortInjection "abort-injection" [true, false, true];
    /// [`Hazards`].
    Hazards "hazards" [true, false, true];
    /// [`Races`].
    Races "races" [true, false, true];
    /// [`UnknownMemory`].
    UnknownMemory "unknown-memory" [false, false, true];
}

impl Capability {
    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u16);

impl Capabilities {
    /// Returns whether the set has a capability.
    #[must_use]
    pub fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Returns the set without a capability.
    #[must_use]
    pub fn without(self, capability: Capability) -> Self {
        Self(self.0 & !capability.bit())
    }

    /// Lists the capabilities of the set, in the order of [`TABLE`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        TABLE.iter().map(|(capability, _)| *capability).filter(move |capability| self.has(*capability))
    }

    /// Asks a machine, and the VM that it owns, for each object.
    #[must_use]
    pub fn of(machine: &mut dyn Machine) -> Self {
        let mut found = Self::default();
        let mut ask = |capability: Capability, has: bool| {
            if has {
                found.0 |= capability.bit();
            }
        };
        ask(Capability::Races, machine.races().is_some());
        ask(Capability::UnknownMemory, machine.unknown_memory().is_some());
        if let Some(vm) = machine.vm() {
            ask(Capability::Vm, true);
            ask(Capability::DirtyLog, vm.dirty_log().is_some());
            ask(Capability::DirtyRing, vm.dirty_ring().is_some());
            ask(Capability::MemorySlots, vm.memory_slots().is_some());
            ask(Capability::PageEvents, vm.page_events().is_some());
            ask(Capability::PtraceTags, vm.ptrace_tags().is_some());
            ask(Capability::VmmTags, vm.vmm_tags().is_some());
            ask(Capability::Aarch32Vcpus, vm.aarch32_vcpus().is_some());
            ask(Capability::AbortInjection, vm.abort_injection().is_some());
            ask(Capability::Hazards, vm.hazards().is_some());
        }
        found
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |bits, capability| bits | capability.bit()))
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

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
    /// Returns the calls that may hang a kernel.
    fn hazards(&mut self) -> Option<&mut (dyn Hazards + 'static)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set: Capabilities = [Capability::Races, Capability::DirtyRing].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Capability::DirtyRing, Capability::Races]);
        assert!(!set.without(Capability::Races).has(Capability::Races));
        assert!(set.has(Capability::Races) && !set.has(Capability::Vm));
    }

    #[test]
    fn a_machine_without_a_kernels_vm_has_nothing_that_a_vm_hands_out() {
        for kind in MachineKind::ALL {
            let has = kind.capabilities();
            let of_vm = has.without(Capability::Vm).without(Capability::Races).without(Capability::UnknownMemory);
            assert!(has.has(Capability::Vm) || of_vm == Capabilities::default(), "{kind}: {of_vm:?}");
        }
    }
}
