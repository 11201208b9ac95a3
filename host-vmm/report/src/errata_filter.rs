//! Tells failures that are known from those that are news.
//!
//! A stream of events passes through; a case that fails, and that an erratum of the kernel or the emulator under test
//! explains, becomes a known failure; one that should show and does not is told, too. Only errata that need nothing but the
//! version, or a mode that the stream tells, count: one that also needs a race would hide something else. One that defeats
//! a run excuses nothing.

use std::str::FromStr;

use model::contract::Release;
use model::erratum::{Erratum, Product, of};

use crate::event::{Event, Sink, Verdict};

/// The one setting that an erratum may need, and that a stream tells.
const PROTECTED: &str = "kvm-arm.mode=protected";

/// An erratum of what is under test, and what its cases did so far.
struct Entry {
    erratum: &'static Erratum,
    /// A case of it passed.
    passed: bool,
    /// A case of it failed.
    failed: bool,
}

/// Passes events on, with the failures that are known marked as such.
pub struct ErrataFilter<'a> {
    sink: &'a mut dyn Sink,
    /// The errata of what is under test, as far as the stream has told.
    errata: Vec<Entry>,
    /// Whether nothing is excused.
    strict: bool,
}

impl<'a> ErrataFilter<'a> {
    /// Passes events on to `sink`; with failures as they are, if `strict`.
    pub fn new(sink: &'a mut dyn Sink, strict: bool) -> Self {
        Self { sink, errata: Vec::new(), strict }
    }

    fn add_errata_of(&mut self, product: Product, version: &str, mode: &str) {
        let Ok(version) = Release::from_str(version) else { return };
        let holds =
            |erratum: &&Erratum| erratum.only_if.is_empty() || erratum.only_if == PROTECTED && mode == "protected";
        let concerned = of(product, version).filter(holds).filter(|erratum| !erratum.defeats);
        self.errata.extend(concerned.map(|erratum| Entry { erratum, passed: false, failed: false }));
    }

    fn judge(&mut self, name: &str, verdict: Verdict) -> Verdict {
        let mut explanation = None;
        for entry in self.errata.iter_mut().filter(|entry| entry.erratum.explains(name)) {
            entry.passed |= verdict == Verdict::Passed;
            entry.failed |= matches!(verdict, Verdict::Failed(_));
            explanation = explanation.or(Some(entry.erratum));
        }
        match (verdict, explanation) {
            (Verdict::Failed(failure), Some(erratum)) if !self.strict => {
                Verdict::Known { erratum: erratum.name.to_owned(), failure }
            }
            (verdict, _) => verdict,
        }
    }

    /// Reports of the errata whose cases ran, and all passed: an unexpected success.
    fn report_unexpected_passes(&mut self) {
        for entry in self.errata.iter().filter(|entry| entry.passed && !entry.failed) {
            self.sink.event(Event::NotShown { erratum: entry.erratum.name.to_owned() });
        }
    }
}

impl Sink for ErrataFilter<'_> {
    fn event(&mut self, event: Event) {
        let event = match event {
            Event::Booted { emulator, cpu, micros } => {
                if let Some(version) = emulator.strip_prefix("QEMU ") {
                    self.add_errata_of(Product::Qemu, version, "");
                }
                Event::Booted { emulator, cpu, micros }
            }
            Event::Started(target) => {
                self.add_errata_of(Product::Linux, &target.kernel, &target.kvm_mode);
                Event::Started(target)
            }
            Event::End { name, verdict, micros } => {
                let verdict = self.judge(&name, verdict);
                Event::End { name, verdict, micros }
            }
            Event::Finished { micros } => {
                self.report_unexpected_passes();
                Event::Finished { micros }
            }
            other => other,
        };
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Failure, Skip};

    /// What becomes of a failure of this case in this emulator.
    fn judged(strict: bool, emulator: &str, name: &str, verdict: Verdict) -> Verdict {
        let mut events = Vec::new();
        let mut known = ErrataFilter::new(&mut events, strict);
        known.event(Event::Booted { emulator: emulator.into(), cpu: "max".into(), micros: 1 });
        known.event(Event::End { name: name.into(), verdict, micros: 1 });
        match events.pop() {
            Some(Event::End { verdict, .. }) => verdict,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_failure_that_an_erratum_of_this_version_explains_is_known() {
        let failed = || Verdict::Failed(Failure::default());
        let case = "arch.plain.sp-alignment";
        assert!(matches!(judged(false, "QEMU 10.0.13", case, failed()), Verdict::Known { .. }));
        assert_eq!(judged(false, "QEMU 10.0.13", case, Verdict::Passed), Verdict::Passed);
        assert_eq!(judged(false, "QEMU 10.0.13", "arch.irg.el0", failed()), failed());
        assert_eq!(judged(true, "QEMU 10.0.13", case, failed()), failed());
        assert_eq!(judged(false, "Something 10.0.13", case, failed()), failed());
    }

    /// What is told of errata that did not show, after one case ended so.
    fn not_shown(name: &str, verdict: Verdict) -> Vec<String> {
        let mut events = Vec::new();
        let mut known = ErrataFilter::new(&mut events, false);
        known.event(Event::Booted { emulator: "QEMU 10.0.13".into(), cpu: "max".into(), micros: 1 });
        known.event(Event::End { name: name.into(), verdict, micros: 1 });
        known.event(Event::Finished { micros: 1 });
        events
            .into_iter()
            .filter_map(|event| if let Event::NotShown { erratum } = event { Some(erratum) } else { None })
            .collect()
    }

    #[test]
    fn an_erratum_whose_cases_pass_is_reported() {
        let case = "arch.plain.sp-alignment";
        assert_eq!(not_shown(case, Verdict::Passed), ["qemu.sp-alignment"]);
        assert_eq!(not_shown(case, Verdict::Failed(Failure::default())), Vec::<String>::new());
        assert_eq!(not_shown(case, Verdict::Skipped(Skip::new("k", "r"))), Vec::<String>::new());
        assert_eq!(not_shown("arch.irg.el0", Verdict::Passed), Vec::<String>::new());
    }

    #[test]
    fn an_erratum_of_protected_mode_explains_nothing_elsewhere() {
        let judged = |mode: &str| {
            let mut events = Vec::new();
            let mut known = ErrataFilter::new(&mut events, false);
            known.add_errata_of(Product::Linux, "6.12.117", mode);
            known.judge("restore.registers.two-vcpus", Verdict::Failed(Failure::default()))
        };
        assert!(matches!(judged("protected"), Verdict::Known { .. }));
        assert!(matches!(judged("VHE"), Verdict::Failed(_)));
    }

    #[test]
    fn an_erratum_that_defeats_the_run_excuses_nothing() {
        let failed = || Verdict::Failed(Failure::default());
        assert_eq!(judged(false, "QEMU 7.2.22", "arch.tag-store.separate-granules", failed()), failed());
    }
}
