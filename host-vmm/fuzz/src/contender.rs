//! Who is compared with the model: a machine of any kind, and the model of the same CPU.

use std::sync::Arc;

use errata::Environment;
use errata::avoid::{Avoid, Avoided};
use kvm_model::contract::Release;
use machine::Factory;
use machine::target::{Opened, Opener, Target};
use model_base::Hypervisor;
use modelled::{ModelFactory, Settings, features};
use report::event::Event;

use super::judge::Judge;
use super::profile::Profile;
use super::reference::ModelReference;
use super::session;

/// What is done about known divergences of the target and of the emulator around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownErrata {
    /// Programs stay away from them. Otherwise they are to be seen, but for what would hide all others.
    pub avoided: bool,
    /// Machines are saved and restored at every checkpoint.
    pub restores: bool,
    /// The emulator in which the target's kernel runs, as it names itself: `QEMU 10.0.2`; empty if there is none.
    pub around: String,
}

impl KnownErrata {
    /// Returns what programs for a target stay away from.
    #[must_use]
    pub fn of(&self, target: &Target) -> Avoided {
        let host = &target.host;
        let emulator = if host.emulator.is_empty() { &self.around } else { &host.emulator };
        let known = Avoided::by(&Environment::new(emulator, &host.kernel, &host.kvm_mode));
        let mut avoided = if self.avoided { known } else { known.always() };
        avoided.restores = self.restores;
        // Without a hypervisor a checkpoint is no exception, so the exclusive monitor survives it (Arm ARM, pseudocode
        // AArch64.ExceptionReturn): no defect, but nothing that the specification of a VM has.
        if host.emulator.is_empty() { avoided } else { avoided.and(Avoid::MonitorAtCheckpoint) }
    }
}

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
    known: Arc<Avoided>,
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
        // A machine that is restored without a kernel is another process of an emulator: as long as a hundred programs.
        let restores = if self.target.has_kernel() { 1 } else { 32 };
        let (kind, known) = (self.target.kind, self.known.clone());
        Profile { mops, restores, kind, known, ..Profile::default() }.limited_to(&self.target.boot)
    }
}

/// Opens a target and models the same CPU, and lets `action` compare programs on them.
///
/// # Errors
///
/// When there is no such machine, or what `action` returns.
pub fn with_judge(opener: &dyn Opener, known: &KnownErrata, action: &mut Action<'_>) -> Result<(), ClosingEvent> {
    let opened = opener.open(session::config(1)).and_then(Opened::with_tags);
    let opened = opened.map_err(|error| Box::new(Event::from(error)))?;
    let Opened { factory, machine, target, took } = opened;
    let known = Arc::new(known.of(&target));
    let model = model_of(&target);
    let opponent = Opponent { target, took, known: known.clone() };
    let mut judge = Judge::new(&*factory, Box::new(ModelReference::new(&model))).masking_known(known);
    judge.take(machine);
    action(&mut judge, &opponent)
}

/// Models the CPU of a target, and lets `action` compare its machines with that.
pub fn judge_of<T>(
    factory: &dyn Factory,
    target: &Target,
    known: &KnownErrata,
    action: impl FnOnce(&mut Judge<'_>) -> T,
) -> T {
    let model = model_of(target);
    let known = Arc::new(known.of(target));
    action(&mut Judge::new(factory, Box::new(ModelReference::new(&model))).masking_known(known))
}

/// Makes the model of a target's CPU and of who answers its calls.
fn model_of(target: &Target) -> ModelFactory {
    // Without a kernel it is QEMU's board that answers calls.
    let hypervisor = if target.has_kernel() { Hypervisor::Kvm } else { Hypervisor::Board };
    let release: Release = target.release().unwrap_or_default();
    ModelFactory::new(Settings { release, features: features(&target.boot), hypervisor, ..Settings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::target::Host;

    fn target(emulator: &str, kernel: &str) -> Target {
        let host = Host { emulator: emulator.to_owned(), kernel: kernel.to_owned(), ..Host::default() };
        Target { host, ..Settings::default().open(session::config(1)).unwrap().target }
    }

    fn shown() -> KnownErrata {
        KnownErrata { avoided: false, restores: false, around: String::new() }
    }

    #[test]
    fn what_is_in_every_fault_is_overlooked_even_where_errata_are_to_be_seen() {
        assert_eq!(
            shown().of(&target("QEMU 11.1.3", "")).rules,
            [Avoid::SyndromeUpperHalf, Avoid::MonitorAtCheckpoint]
        );
        let around = KnownErrata { avoided: false, restores: false, around: "QEMU 11.1.3".to_owned() };
        assert_eq!(around.of(&target("", "6.12.117")).rules, [Avoid::SyndromeUpperHalf]);
    }

    #[test]
    fn only_what_the_emulator_under_test_has_is_avoided() {
        let avoided = |around: &str, emulator: &str, kernel: &str| {
            KnownErrata { avoided: true, restores: false, around: around.to_owned() }.of(&target(emulator, kernel))
        };
        // Bare, and around the kernel that is the target.
        for (old, new) in [
            (avoided("", "QEMU 10.0.13", ""), avoided("", "QEMU 11.1.3", "")),
            (avoided("QEMU 10.0.13", "", "6.12.117"), avoided("QEMU 11.1.3", "", "6.12.117")),
        ] {
            assert!(old.rules.contains(&Avoid::LongLists) && !new.rules.contains(&Avoid::LongLists));
            assert!(!old.directions.is_empty() && !new.directions.is_empty());
        }
        assert_eq!(avoided("", "", "6.12.117"), Avoided::default(), "hardware");
        assert_eq!(shown().of(&target("", "6.12.117")), Avoided::default());
        // A checkpoint is no exception without a hypervisor, in any version, and whether errata are shown or not.
        let monitor = |avoided: Avoided| avoided.rules.contains(&Avoid::MonitorAtCheckpoint);
        assert!(monitor(shown().of(&target("QEMU 11.1.3", ""))));
        assert!(!monitor(avoided("QEMU 10.0.13", "", "6.12.117")));
    }
}
