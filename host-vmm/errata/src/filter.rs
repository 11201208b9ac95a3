//! Separates failures that are known from new ones.
//!
//! A stream of events passes through. A failure becomes a known one if an erratum of the kernel or the emulator under test
//! explains it, in every value; a known defect that should show and does not is reported, too. An erratum that cannot be
//! seen from outside, or that leaves nothing to rely on, excuses nothing.

use std::collections::BTreeSet;

use report::event::{Event, Sink, Verdict};
use report::failure::{Failure, Mismatch};

use crate::environment::Environment;
use crate::erratum::Erratum;
use crate::in_effect;

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
    /// What is under test, as far as the stream has said.
    environment: Environment,
    /// Its errata; empty until a case ends.
    errata: Vec<Entry>,
    /// The cases that failed and are not excused.
    failed: BTreeSet<String>,
    /// Whether nothing is excused.
    strict: bool,
}

impl<'a> ErrataFilter<'a> {
    /// Passes events on to `sink`; with failures as they are, if `strict`.
    pub fn new(sink: &'a mut dyn Sink, strict: bool) -> Self {
        Self { sink, environment: Environment::default(), errata: Vec::new(), failed: BTreeSet::new(), strict }
    }

    fn judge(&mut self, name: &str, verdict: Verdict) -> Verdict {
        if self.errata.is_empty() {
            let excusing = in_effect(&self.environment).filter(|erratum| erratum.can_excuse());
            self.errata = excusing.map(|erratum| Entry { erratum, passed: false, failed: false }).collect();
        }
        for entry in self.errata.iter_mut().filter(|entry| entry.erratum.concerns_case(name)) {
            entry.passed |= verdict == Verdict::Passed;
            entry.failed |= matches!(verdict, Verdict::Failed(_));
        }
        match verdict {
            Verdict::Failed(failure) => match self.explanation(name, &failure).filter(|_| !self.strict) {
                Some(erratum) => Verdict::Known { erratum: erratum.id.to_owned(), failure },
                None => {
                    self.failed.insert(name.to_owned());
                    Verdict::Failed(failure)
                }
            },
            verdict => verdict,
        }
    }

    /// Returns the erratum that explains a failure.
    fn explanation(&self, name: &str, failure: &Failure) -> Option<&'static Erratum> {
        let of_a_program = matches!(failure.mismatch(), Some(Mismatch::Program(_)));
        let explains = |erratum: &&Erratum| match of_a_program {
            true => erratum.explains_program(failure),
            false => erratum.explains_case(name, failure),
        };
        self.errata.iter().map(|entry| entry.erratum).find(explains)
    }

    /// Reports the errata whose cases ran, and all passed; and one that leaves nothing to rely on, if its sign is
    /// there.
    fn sum_up(&mut self) {
        for entry in self.errata.iter().filter(|entry| entry.passed && !entry.failed) {
            self.sink.event(Event::NotShown { erratum: entry.erratum.id.to_owned() });
        }
        let shows = |erratum: &&Erratum| erratum.defeats.is_some_and(|sign| self.failed.contains(sign));
        if let Some(erratum) = in_effect(&self.environment).find(shows) {
            self.sink.event(Event::LikelyCause {
                erratum: erratum.id.to_owned(),
                shows: erratum.shows.to_owned(),
                reference: erratum.reference.to_owned(),
            });
        }
    }
}

impl Sink for ErrataFilter<'_> {
    fn event(&mut self, event: Event) {
        let event = match event {
            Event::Booted { emulator, cpu, micros } => {
                self.environment.set_emulator(&emulator);
                self.errata.clear();
                Event::Booted { emulator, cpu, micros }
            }
            Event::Started(target) => {
                self.environment.set_kernel(&target.kernel, &target.kvm_mode);
                self.errata.clear();
                Event::Started(target)
            }
            Event::End { name, verdict, micros } => {
                let verdict = self.judge(&name, verdict);
                Event::End { name, verdict, micros }
            }
            closing @ (Event::Finished { .. } | Event::CutShort { .. }) => {
                self.sum_up();
                closing
            }
            other => other,
        };
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::event::Target;
    use report::failure::{BlockMismatch, Exception, FailureKind, GuestError};

    const CASE: &str = "arch.plain.sp-alignment";

    /// A load by a misaligned stack pointer that was done.
    fn no_fault() -> Failure {
        let ldr_x1_sp = 0xf940_03e1;
        let promised = Exception { index: Some(0), esr: 0x9a00_0000, far: None, pstate: None };
        let block = BlockMismatch { words: vec![ldr_x1_sp], expected: vec![promised], ..BlockMismatch::default() };
        Failure { kind: FailureKind::Mismatch(Mismatch::Block(block)), ..Failure::default() }
    }

    fn events(emulator: &str, strict: bool, ends: Vec<(&str, Verdict)>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut known = ErrataFilter::new(&mut events, strict);
        known.event(Event::Booted { emulator: emulator.into(), cpu: "max".into(), micros: 1 });
        for (name, verdict) in ends {
            known.event(Event::End { name: name.into(), verdict, micros: 1 });
        }
        known.event(Event::Finished { micros: 1 });
        events
    }

    /// What becomes of a failure of this case in this emulator.
    fn judged(strict: bool, emulator: &str, name: &str, verdict: Verdict) -> Verdict {
        let events = events(emulator, strict, vec![(name, verdict)]);
        let verdict = events.into_iter().find_map(|event| match event {
            Event::End { verdict, .. } => Some(verdict),
            _ => None,
        });
        verdict.unwrap()
    }

    #[test]
    fn only_a_failure_that_an_erratum_of_this_version_explains_is_known() {
        let failed = || Verdict::Failed(no_fault());
        assert!(matches!(judged(false, "QEMU 10.0.13", CASE, failed()), Verdict::Known { .. }));
        assert_eq!(judged(false, "QEMU 10.0.13", CASE, Verdict::Passed), Verdict::Passed);
        assert_eq!(judged(false, "QEMU 10.0.13", "arch.irg.el0", failed()), failed());
        assert_eq!(judged(true, "QEMU 10.0.13", CASE, failed()), failed());
        assert_eq!(judged(false, "Something 10.0.13", CASE, failed()), failed());
        assert_eq!(judged(false, "QEMU 7.2.22", CASE, failed()), failed());
    }

    #[test]
    fn what_a_guest_a_machine_or_a_kernel_does_is_never_excused() {
        for kind in [
            FailureKind::Guest(GuestError::Silent),
            FailureKind::Guest(GuestError::Misbehaved),
            FailureKind::MachineLost,
            FailureKind::Kernel { errno: 22 },
            FailureKind::KernelWarning,
            FailureKind::default(),
        ] {
            let failed = || Verdict::Failed(Failure { kind: kind.clone(), ..no_fault() });
            assert_eq!(judged(false, "QEMU 10.0.13", CASE, failed()), failed());
        }
    }

    /// The errata that did not show, after these ends.
    fn not_shown(ends: Vec<(&str, Verdict)>) -> Vec<String> {
        let events = events("QEMU 10.0.13", false, ends).into_iter();
        events.filter_map(|event| if let Event::NotShown { erratum } = event { Some(erratum) } else { None }).collect()
    }

    #[test]
    fn an_erratum_whose_cases_pass_is_reported() {
        assert_eq!(not_shown(vec![(CASE, Verdict::Passed)]), ["qemu.sp-alignment"]);
        for verdict in [Verdict::Failed(no_fault()), Verdict::Failed(Failure::default())] {
            assert_eq!(not_shown(vec![(CASE, verdict)]), Vec::<String>::new());
        }
        assert_eq!(not_shown(vec![("arch.irg.el0", Verdict::Passed)]), Vec::<String>::new());
    }

    #[test]
    fn an_erratum_of_protected_mode_explains_nothing_elsewhere() {
        let judged = |mode: &str| {
            let mut events = Vec::new();
            let mut known = ErrataFilter::new(&mut events, false);
            known.event(Event::Started(Target {
                granule: String::new(),
                kernel: "6.12.117".into(),
                page_size: 4096,
                kvm_mode: mode.into(),
                cpu: String::new(),
                mte: 3,
                vector_lengths: Vec::new(),
                tag_block: 256,
                seed: 1,
                cases: 1,
            }));
            let kind = FailureKind::Mismatch(Mismatch::Number { expected: 1, found: 2 });
            let failure = Failure { kind, ..Failure::described("Tfsr of vCPU 0", "0x1", "0x2") };
            known.judge("restore.registers.two-vcpus", Verdict::Failed(failure))
        };
        assert!(matches!(judged("protected"), Verdict::Known { .. }));
        assert!(matches!(judged("VHE"), Verdict::Failed(_)));
    }

    #[test]
    fn an_erratum_that_defeats_the_run_excuses_nothing_and_is_named() {
        let failed = || Verdict::Failed(no_fault());
        let case = "arch.tag-store.separate-granules";
        assert_eq!(judged(false, "QEMU 7.2.22", case, failed()), failed());
        let named_by = |case, emulator: &str, verdict| {
            events(emulator, false, vec![(case, verdict)]).iter().any(
                |event| matches!(event, Event::LikelyCause { erratum, .. } if erratum == "qemu.granules-of-a-page-share-a-tag"),
            )
        };
        let named = |emulator: &str, verdict| named_by(case, emulator, verdict);
        assert!(!named_by(CASE, "QEMU 7.2.22", failed()), "another case is no sign of it");
        assert!(named("QEMU 7.2.22", failed()) && !named("QEMU 7.2.22", Verdict::Passed));
        for right in ["QEMU 8.0.0", "QEMU 10.0.2", "other 7.2.11", "QEMU", ""] {
            assert!(!named(right, failed()), "{right}");
        }
    }
}
