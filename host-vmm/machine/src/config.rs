//! What a VM to be booted looks like.

use std::time::Duration;

use abi::map;
use kvm_model::kernel::Backing;

use crate::request::RequestError;

/// What RAM a VM has by default, in bytes.
pub const DEFAULT_RAM: u64 = 64 << 20;

/// How long a guest may take for one request unless the user says otherwise.
pub const GUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// RAM comes in units of this many bytes: whole pages of any host.
const RAM_UNIT: u64 = 64 << 10;

/// Who carries tags between host and guest memory where there is no ioctl for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagCarrier {
    /// The emulator, by its debugger's port, which depends on no instruction of the guest. Long ranges are the guest's, too.
    #[default]
    Debugger,
    /// The guest, by LDGM and STG, where it can: many times as fast.
    Guest,
}

/// What a VM to be booted looks like.
///
/// ```
/// use machine::{Backing, Config, DEFAULT_RAM};
///
/// let config = Config { cpus: 2, backing: Backing::HugePages, ..Config::default() };
/// assert_eq!((config.ram, config.mte), (DEFAULT_RAM, true));
/// assert_ne!(config, Config::default(), "VMs are handed on between cases of one configuration only");
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// vCPUs, 1 to [`abi::map::MAX_CPUS`].
    pub cpus: usize,
    /// Bytes of RAM from [`abi::map::RAM_BASE`] on, a multiple of 64 KiB.
    pub ram: u64,
    /// What the RAM is.
    pub backing: Backing,
    /// Whether the VM has MTE. Without, the firmware runs blocks all the same.
    pub mte: bool,
    /// Whether the VM gets MTE only when it has its RAM, which is then not asked whether a VM with MTE may have it.
    pub late_mte: bool,
    /// Whether the VMM clears what KVM lets it clear of the features of tags (ID_AA64PFR2_EL1) before a vCPU runs.
    pub fewer_features: bool,
    /// The longest vector of SVE in bytes that vCPUs may have; 0 for none, `None` for all that the host has.
    pub vector_limit: Option<u16>,
    /// Entries of each vCPU's dirty ring, a power of two; 0 for no rings.
    pub dirty_ring: u32,
    /// Who carries tags on a machine without KVM.
    pub tag_carrier: TagCarrier,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cpus: 1,
            ram: DEFAULT_RAM,
            backing: Backing::Anonymous,
            mte: true,
            late_mte: false,
            fewer_features: false,
            vector_limit: None,
            dirty_ring: 0,
            tag_carrier: TagCarrier::default(),
        }
    }
}

impl Config {
    /// Rejects what no machine can boot.
    ///
    /// # Errors
    ///
    /// When there are too few or too many vCPUs, or the RAM is too small or not in whole units.
    pub fn check(&self) -> Result<(), RequestError> {
        let enough = self.ram >= map::RAM_MIN && self.ram.is_multiple_of(RAM_UNIT);
        if enough && (1..=map::MAX_CPUS).contains(&self.cpus) {
            return Ok(());
        }
        Err(RequestError::BadConfig { ram: self.ram, cpus: self.cpus })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_machine_can_boot_is_accepted() {
        let ok = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().is_ok()
        };
        assert!(ok(|_| ()));
        assert!(ok(|config| config.cpus = map::MAX_CPUS));
        assert!(ok(|config| config.ram = map::RAM_MIN));
        assert!(!ok(|config| config.cpus = 0));
        assert!(!ok(|config| config.cpus = map::MAX_CPUS + 1));
        assert!(!ok(|config| config.ram = map::RAM_MIN - RAM_UNIT));
        assert!(!ok(|config| config.ram += 4096));
    }
}
