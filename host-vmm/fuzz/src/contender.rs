//! Who is compared with the model: a machine of any kind, and the model of the same CPU.

use machine::target::{Opened, Opener, Target};
use model::contract::Release;
use model::cpu::Hypervisor;
use modelled::{ModelFactory, Settings, features};
use report::event::Event;

use super::judge::Judge;
use super::known::KnownDivergence;
use super::profile::Profile;
use super::reference::ModelReference;
use super::session;

/// Why there is no machine: the event that closes the run.
pub type ClosingEvent = Box<Event>;

/// What is done with a judge.
pub type Action<'a> = dyn FnMut(&mut Judge<'_>, &Opponent) -> Result<(), ClosingEvent> + 'a;

/// What a machine turned out to be.
#[derive(Clone, Debug)]
pub struct Opponent {
    /// What it is.
    pub target: Target,
    /// How long it took to boot.
    pub took: std::time::Duration,
    /// Divergences that are known of it.
    known: &'static [KnownDivergence],
}

impl Opponent {
    /// Returns whether a hypervisor stands between the program and the CPU.
    fn has_hypervisor(&self) -> bool {
        !self.target.host.kvm_mode.is_empty() && self.target.host.cpu.is_empty()
    }

    /// Returns what programs for this machine may contain.
    #[must_use]
    pub fn profile(&self) -> Profile {
        // A hypervisor may handle the exceptions of memory copies itself and begin them anew, as KVM does
        // (HCRX_EL2.MCE2), so that what a guest sees of one that went wrong is not the CPU's alone.
        let mops = !self.has_hypervisor();
        Profile { mops, known: self.known, ..Profile::default() }.limited_to(&self.target.boot)
    }
}

/// Opens a target and models the same CPU, and lets `action` compare programs on them.
///
/// # Errors
///
/// When there is no such machine, or what `action` returns.
pub fn with_judge(
    opener: &dyn Opener,
    known: &'static [KnownDivergence],
    action: &mut Action<'_>,
) -> Result<(), ClosingEvent> {
    let opened = opener.open(session::config(1)).map_err(|error| Box::new(Event::from(error)))?;
    let Opened { factory, machine, target, took } = opened;
    // Without a kernel it is QEMU's board that answers calls.
    let answering = if target.has_kernel() { Hypervisor::Kvm } else { Hypervisor::Board };
    let release: Release = target.release().unwrap_or_default();
    let settings = Settings { release, features: features(&target.boot), hypervisor: answering, ..Settings::default() };
    let opponent = Opponent { target, took, known };
    let model = ModelFactory::new(settings);
    let mut judge = Judge::new(&*factory, Box::new(ModelReference::new(&model))).masking_known(known);
    judge.take(machine);
    action(&mut judge, &opponent)
}
