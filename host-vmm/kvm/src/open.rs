//! Opens this host's /dev/kvm as a target.

use std::time::Duration;

use machine::Config;
use machine::target::{OpenError, Opened, Opener};

/// This host's /dev/kvm, and the firmware to boot in its VMs.
#[derive(Clone, Debug)]
pub struct ThisHost {
    /// The firmware: an ELF file's bytes.
    pub image: Vec<u8>,
    /// How long a guest may take for one request.
    pub guest_timeout: Duration,
    /// Whether the kernel may be hung.
    pub hazards: bool,
}

#[cfg(target_arch = "aarch64")]
impl Opener for ThisHost {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        use machine::target::Host;

        let host = crate::probe::host()
            .map_err(|missing| OpenError::Unavailable { reason: missing.reason, remedy: missing.remedy })?;
        let huge_pages = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
            .is_ok_and(|setting| !setting.contains("[never]"));
        let description = Host {
            kernel: host.kernel,
            kvm_mode: host.mode.to_owned(),
            huge_pages,
            hazards: self.hazards,
            ..Host::default()
        };
        let factory = crate::machine::KvmFactory::new(host.kvm, self.image.clone(), self.guest_timeout);
        Opened::boot(Box::new(factory), description, config)
    }
}

#[cfg(not(target_arch = "aarch64"))]
impl Opener for ThisHost {
    fn open(&self, _config: Config) -> Result<Opened, OpenError> {
        Err(OpenError::Unavailable {
            reason: format!("this is a {} host, whose KVM cannot run arm64 guests", std::env::consts::ARCH),
            remedy: "use --via nested, or run granule on an arm64 board".to_owned(),
        })
    }
}
