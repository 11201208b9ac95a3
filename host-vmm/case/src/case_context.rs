//! What a case works with: machines to boot, a description of the target, random values.

use crate::case::CaseError;
use crate::guest::Guest;
use machine::capability::Capability;
use machine::pool::Pool;
use machine::target::Target;
use machine::{Backing, Config, DEFAULT_RAM, Factory, Vm};

/// Bytes of RAM in huge pages: the least, in huge pages of a host whose pages have 4 KiB.
pub const HUGE_RAM: u64 = abi::map::RAM_MIN.next_multiple_of(2 << 20);

/// One case's workplace.
pub struct CaseContext<'a> {
    factory: &'a dyn Factory,
    target: &'a Target,
    pool: &'a mut Pool,
    rng: fastrand::Rng,
}

impl<'a> CaseContext<'a> {
    /// Returns a workplace whose random values follow from `seed`.
    #[must_use]
    pub fn new(factory: &'a dyn Factory, target: &'a Target, pool: &'a mut Pool, seed: u64) -> Self {
        Self { factory, target, pool, rng: fastrand::Rng::with_seed(seed) }
    }

    /// Returns what is known about the target.
    #[must_use]
    pub fn target(&self) -> &'a Target {
        self.target
    }

    /// Random values that the run's seed repeats.
    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// Draws tags, one a byte.
    pub fn random_tags(&mut self, count: usize) -> Vec<u8> {
        let mut tags = vec![0; count];
        self.rng.fill(&mut tags);
        tags.iter_mut().for_each(|tag| *tag &= 0xf);
        tags
    }

    /// Returns a guest with the default configuration, as after boot.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn guest(&mut self) -> Result<Guest, CaseError> {
        self.guest_like(Config::default())
    }

    /// Returns a guest like [`Self::guest`], with RAM of this kind.
    ///
    /// RAM in huge pages is only as large as it must be: 64 MiB take a second to store under emulation, and all
    /// cases share one VM.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn guest_in(&mut self, backing: Backing) -> Result<Guest, CaseError> {
        let ram = match backing {
            Backing::HugePages | Backing::Hugetlb => HUGE_RAM,
            _ => DEFAULT_RAM,
        };
        self.guest_like(Config { ram, backing, ..Config::default() })
    }

    /// Returns a guest of this configuration, as after boot.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn guest_like(&mut self, config: Config) -> Result<Guest, CaseError> {
        Ok(Guest::new(self.pool.take(config, |config| self.factory.boot(config))?))
    }

    /// Creates a kernel's VM without anything.
    ///
    /// # Errors
    ///
    /// When the machine cannot.
    pub fn bare(&mut self) -> Result<Box<dyn Vm>, CaseError> {
        self.factory.bare()?.ok_or_else(|| CaseError::not_handed_out(Capability::Vm))
    }
}
