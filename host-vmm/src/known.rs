//! Tells failures that are known from those that are news.
//!
//! A stream of events passes through; a case that fails, and that an erratum of the kernel or the emulator under test
//! explains, becomes a known failure. Only errata that need nothing but the version count: one that also needs a
//! setting or a race would hide something else. One that defeats a run excuses nothing.

use std::str::FromStr;

use model::contract::Release;
use model::erratum::{Erratum, Product, of};

use crate::event::{Event, Sink, Verdict};

/// Passes events on, with the failures that are known marked as such.
pub struct Known<'a> {
    sink: &'a mut dyn Sink,
    /// The errata of what is under test, as far as the stream has told.
    errata: Vec<&'static Erratum>,
    /// Whether nothing is excused.
    strict: bool,
}

impl<'a> Known<'a> {
    /// Passes events on to `sink`; as they are, if `strict`.
    pub fn new(sink: &'a mut dyn Sink, strict: bool) -> Self {
        Self { sink, errata: Vec::new(), strict }
    }

    fn learn(&mut self, product: Product, version: &str) {
        if let Ok(version) = Release::from_str(version)
            && !self.strict
        {
            self.errata.extend(of(product, version).filter(|erratum| erratum.only_if.is_empty() && !erratum.defeats));
        }
    }

    fn judge(&self, name: &str, verdict: Verdict) -> Verdict {
        let explanation = self.errata.iter().find(|erratum| erratum.explains(name));
        match (verdict, explanation) {
            (Verdict::Failed(failure), Some(erratum)) => Verdict::Known { erratum: erratum.name.to_owned(), failure },
            (verdict, _) => verdict,
        }
    }
}

impl Sink for Known<'_> {
    fn event(&mut self, event: Event) {
        let event = match event {
            Event::Booted { emulator, cpu, micros } => {
                if let Some(version) = emulator.strip_prefix("QEMU ") {
                    self.learn(Product::Qemu, version);
                }
                Event::Booted { emulator, cpu, micros }
            }
            Event::Started(target) => {
                self.learn(Product::Linux, &target.kernel);
                Event::Started(target)
            }
            Event::End { name, verdict, micros } => {
                let verdict = self.judge(&name, verdict);
                Event::End { name, verdict, micros }
            }
            other => other,
        };
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;

    /// What becomes of a failure of this case in this emulator.
    fn judged(strict: bool, emulator: &str, name: &str, verdict: Verdict) -> Verdict {
        let mut events = Vec::new();
        let mut known = Known::new(&mut events, strict);
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

    #[test]
    fn an_erratum_that_defeats_the_run_excuses_nothing() {
        let failed = || Verdict::Failed(Failure::default());
        assert_eq!(judged(false, "QEMU 7.2.22", "arch.tag-store.separate-granules", failed()), failed());
    }
}
