//! The events of a run that asks for an answer instead of verdicts.

use report::event::{Event, Sink, Target};
use report::exit::{Exit, Tally};

use crate::cli::run::{Via, explain};

/// What a run reported.
#[derive(Debug, Default)]
pub struct Collected {
    emulator: Option<(String, String)>,
    target: Option<Target>,
    /// What was asked for.
    pub answer: Option<serde_json::Value>,
    /// How it ended.
    pub tally: Tally,
}

impl Collected {
    /// Names the machine, with what it is: `tcg: QEMU 10.0.13, …`.
    pub fn machine(&self, via: Via) -> String {
        let emulator = self.emulator.as_ref().map(|(name, cpu)| (name.as_str(), cpu.as_str()));
        match &self.target {
            Some(target) => report::subject(via.name(), emulator, target),
            None => via.name().to_owned(),
        }
    }
}

impl Collected {
    /// Says why there is no answer, and returns the exit status; a run that ended well without one is broken.
    pub fn unanswered(&self) -> Exit {
        explain(&self.tally);
        match self.tally.exit() {
            Exit::Passed => Exit::Broken,
            exit => exit,
        }
    }
}

impl Sink for Collected {
    fn event(&mut self, event: Event) {
        self.tally.event(event.clone());
        match event {
            Event::Booted { emulator, cpu, .. } => self.emulator = Some((emulator, cpu)),
            Event::Started(target) => self.target = Some(target),
            Event::Answer(answer) => self.answer = Some(answer),
            _ => {}
        }
    }
}
