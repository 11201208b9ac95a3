//! The events of a run that asks for an answer instead of verdicts.

use report::event::{Event, Sink, Target};
use report::exit::Tally;

use crate::cli::run::Via;

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
