//! What to model.

use std::borrow::Cow;
use std::time::Duration;

use firmware_model::BUDGET;
use kvm_model::contract::{ParseReleaseError, Release};
use kvm_model::{Host, Mode};
use model_base::{Features, Hypervisor, choice::Choices, defect::Injected};

use super::factory::ModelFactory;
use machine::capability::{Capabilities, MachineKind};
use machine::target::{OpenError, Opened, Opener};
use machine::{Config, Deadline, Explain};

/// What to model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kernel of the host.
    pub release: Release,
    /// How the host's KVM runs.
    pub mode: Mode,
    /// Bytes in a page of the host: 4096, 16384 or 65536.
    pub page_size: u64,
    /// What the host's CPU has.
    pub features: Features,
    /// Who answers the guest's calls.
    pub hypervisor: Hypervisor,
    /// The mistake to make, if any.
    pub injected: Injected,
    /// Instructions that a block may execute before it counts as one that does not come back.
    pub budget: u64,
    /// What is reported as the time that such a block took.
    pub guest_timeout: Duration,
    /// When the run is to be over.
    pub deadline: Deadline,
    /// The answers to the first choices that each machine makes, where nobody gives it others ([`crate::visited::run_with`]).
    pub choices: Choices,
    /// What machines hand out: all that a model has, unless somebody tries what cases do without.
    pub capabilities: Capabilities,
}

impl Default for Settings {
    fn default() -> Self {
        let Host { release, mode, page_size, features, hypervisor } = Host::default();
        Self {
            release,
            mode,
            page_size,
            features,
            hypervisor,
            injected: Injected::NONE,
            budget: BUDGET,
            guest_timeout: machine::GUEST_TIMEOUT,
            deadline: Deadline::NEVER,
            choices: Choices::default(),
            capabilities: MachineKind::Model.capabilities(),
        }
    }
}

/// A text that names no kernel that can be modelled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// No release.
    #[error(transparent)]
    Release(#[from] ParseReleaseError),
    /// Before the ioctl.
    #[error("Linux {0} has no MTE for VMs")]
    TooOld(Release),
}

impl Explain for KernelError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Release(_) => Some("give a series such as 6.12, or a release such as 6.12.117".into()),
            Self::TooOld(_) => Some("give a release from 5.14 on".into()),
        }
    }
}

/// Flavours of Debian's kernels with larger pages: `6.12-16k`.
const FLAVOURS: [(&str, u64); 2] = [("16k", 16 << 10), ("64k", 64 << 10)];

impl Settings {
    /// Models a kernel: a series or a release, with `-16k` or `-64k` behind it for a host with such pages.
    ///
    /// # Errors
    ///
    /// When the text names no release, or one without MTE for VMs.
    pub fn kernel(mut self, text: &str) -> Result<Self, KernelError> {
        let release: Release = text.parse()?;
        if release < Release::new(5, 14, 0) {
            return Err(KernelError::TooOld(release));
        }
        let flavour = FLAVOURS.iter().find(|(flavour, _)| text.split('-').any(|part| part == *flavour));
        self.release = release;
        self.page_size = flavour.map_or(4096, |(_, page)| *page);
        Ok(self)
    }

    /// Models a CPU by the name of a preset; `None` if there is none of that name.
    #[must_use]
    pub fn cpu(mut self, name: &str) -> Option<Self> {
        self.features = Features::by_name(name)?.clone();
        Some(self)
    }

    /// Makes a mistake.
    #[must_use]
    pub fn injecting(self, injected: Injected) -> Self {
        Self { injected, ..self }
    }

    /// Returns what the model's host is like.
    pub(super) fn host(&self) -> Host {
        let Self { release, mode, page_size, hypervisor, .. } = *self;
        Host { release, mode, page_size, features: self.features.clone(), hypervisor }
    }
}

/// A model with these settings, opened.
impl Opener for Settings {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        let factory = ModelFactory::new(self.clone());
        let description = factory.description();
        Opened::boot(Box::new(factory), description, config)
    }
}
