//! Which kind of machine has which capability, and sets of capabilities.

use std::fmt;

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

/// What a program may have the host do with tags, as far as it matters to a machine how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagTransfer {
    /// No vCPU is in a block, and all windows are as after boot.
    AtRest,
    /// A vCPU waits at a checkpoint, with translation as its block left it, or a window is not as after boot.
    Amid,
}

impl MachineKind {
    /// Returns whether a machine of this kind may have to save itself, and continue from what it saved, to carry tags: `tcg`
    /// finds them in memory that a window shows as tagged, else in a saved state alone.
    #[must_use]
    pub fn may_save_itself_for(self, transfer: TagTransfer) -> bool {
        self == Self::Tcg && transfer == TagTransfer::Amid
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
    /// A kernel's VM ([`crate::vm::Vm`]).
    Vm "kernel" [true, false, true];
    /// [`super::DirtyLog`].
    DirtyLog "dirty-log" [true, false, true];
    /// [`super::DirtyRing`].
    DirtyRing "dirty-ring" [true, false, true];
    /// [`super::MemorySlots`].
    MemorySlots "memory-slots" [true, false, true];
    /// [`super::PageEvents`].
    PageEvents "page-events" [true, false, true];
    /// [`super::PtraceTags`].
    PtraceTags "ptrace-tags" [true, false, true];
    /// [`super::VmmTags`].
    VmmTags "vmm-tags" [true, false, true];
    /// [`super::Aarch32Vcpus`].
    Aarch32Vcpus "aarch32-vcpus" [true, false, true];
    /// [`super::AbortInjection`].
    AbortInjection "abort-injection" [true, false, true];
    /// [`super::El2Vcpus`].
    El2Vcpus "el2-vcpus" [true, false, true];
    /// [`super::IdRegisterMasks`].
    IdRegisterMasks "id-register-masks" [true, false, true];
    /// [`super::VcpuResets`].
    VcpuResets "vcpu-resets" [true, false, true];
    /// [`super::ScalableVectors`].
    ScalableVectors "scalable-vectors" [true, false, true];
    /// [`super::SharedMemory`].
    SharedMemory "shared-memory" [true, false, true];
    /// [`super::HostFeatures`].
    HostFeatures "host-features" [true, false, true];
    /// [`super::HostEvents`].
    HostEvents "host-events" [true, false, true];
    /// [`super::LateMemory`].
    LateMemory "late-memory" [true, false, true];
    /// [`super::SetupRaces`].
    SetupRaces "setup-races" [true, false, true];
    /// [`super::Hazards`].
    Hazards "hazards" [true, false, true];
    /// [`super::Races`].
    Races "races" [true, false, true];
    /// [`super::UnknownMemory`].
    UnknownMemory "unknown-memory" [false, false, true];
}

impl Capability {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

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
