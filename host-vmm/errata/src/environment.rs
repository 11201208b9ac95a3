//! What is under test, as far as errata depend on it.

use kvm_model::contract::Release;

use crate::erratum::{Condition, Erratum, Product};

/// The emulator, the kernel and its mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The version of QEMU.
    qemu: Option<Release>,
    /// The kernel's release.
    linux: Option<Release>,
    /// How KVM runs.
    mode: String,
}

impl Environment {
    /// Describes what is under test: the emulator as it names itself (`QEMU 10.0.2`), the kernel's release, and how KVM
    /// runs (`VHE`, `protected`). What is empty or cannot be read has no errata.
    #[must_use]
    pub fn new(emulator: &str, kernel: &str, mode: &str) -> Self {
        let mut this = Self::default();
        this.set_emulator(emulator);
        this.set_kernel(kernel, mode);
        this
    }

    /// Sets the emulator.
    pub fn set_emulator(&mut self, emulator: &str) {
        self.qemu = emulator.strip_prefix("QEMU ").and_then(|version| version.parse().ok());
    }

    /// Sets the kernel and how its KVM runs.
    pub fn set_kernel(&mut self, kernel: &str, mode: &str) {
        self.linux = kernel.parse().ok();
        mode.clone_into(&mut self.mode);
    }

    /// Returns the version of a product, if it is part of what is under test.
    #[must_use]
    pub fn version(&self, product: Product) -> Option<Release> {
        match product {
            Product::Linux => self.linux,
            Product::Qemu => self.qemu,
        }
    }

    /// Returns whether this version has the erratum, in this mode. Conditions that cannot be seen from outside count as met.
    #[must_use]
    pub fn has(&self, erratum: &Erratum) -> bool {
        let met = |condition: &Condition| match condition {
            Condition::Mode(mode) => *mode == self.mode,
            Condition::KvmGuest => self.linux.is_some(),
            Condition::Board => self.linux.is_none(),
            Condition::Cpus(_) | Condition::Unseen(_) => true,
        };
        self.version(erratum.product).is_some_and(|version| erratum.is_in(version))
            && erratum.conditions.iter().all(met)
    }
}
