//! What a run reports, and what a person or a script sees of it: events in, text or JSON lines out, as they come.
//!
//! - [`event`]: the one stream that everything here is made of;
//! - [`exit`]: counts, and the exit status;
//! - [`failure`]: what was expected and found, in words and as values;
//! - [`Report`]: text or JSON lines.

pub mod event;
pub mod exit;
pub mod failure;
mod json;
mod progress;
mod text;

pub use text::subject;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::event::{Event, Sink};
use crate::exit::Tally;

/// How a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One event a line, as JSON; the first is `{"Hello":VERSION}`.
    Json,
}

/// What the report needs to know that no event tells.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Text or JSON.
    pub format: Format,
    /// Failures and the summary only.
    pub quiet: bool,
    /// The machine: `kvm`, `nested`, `model`.
    pub via: &'static str,
    /// The names of the selected cases, for the width of a column.
    pub names: Vec<String>,
    /// What selects a case again where that is not its name: the name, and a program's file.
    pub arguments: Vec<(String, String)>,
    /// The command that runs a case again, up to its name: `granule run`.
    pub rerun: String,
    /// What stands behind the name and the seed in that command: the options of this run.
    pub rerun_options: String,
    /// Since when the run takes time.
    pub began: Instant,
    /// Time that was spent before granule was started: a name and how long.
    pub before: Vec<(&'static str, Duration)>,
    /// Columns of the output.
    pub width: usize,
    /// Whether to show what is going on, on the terminal that standard error is.
    pub progress: bool,
}

/// Draws events.
#[derive(Debug)]
pub struct Report<W> {
    out: W,
    drawing: Renderer,
    progress: progress::Progress,
    tally: Tally,
    error: Option<io::Error>,
}

#[derive(Debug)]
enum Renderer {
    Text(Box<text::Text>),
    Json(json::Json),
}

impl<W: Write> Report<W> {
    /// Makes a report that writes to `out`.
    pub fn new(out: W, settings: Settings) -> Self {
        let progress = progress::Progress::new(settings.progress);
        let drawing = match settings.format {
            Format::Text => Renderer::Text(Box::new(text::Text::new(settings))),
            Format::Json => Renderer::Json(json::Json::default()),
        };
        Self { out, drawing, progress, tally: Tally::default(), error: None }
    }

    /// Ends a stream that was never closed, which must not look like one that was.
    pub fn end_if_open(&mut self) {
        if self.tally.closing.is_none() {
            self.event(Event::Broken {
                reason: "the suite ended without saying so".to_owned(),
                remedy: "please report this".to_owned(),
            });
        }
    }

    /// Returns the counts.
    ///
    /// # Errors
    ///
    /// The first error of writing.
    pub fn finish(mut self) -> io::Result<Tally> {
        self.progress.clear();
        self.error.map_or(Ok(()), Err).and_then(|()| self.out.flush())?;
        Ok(self.tally)
    }
}

impl<W: Write> Sink for Report<W> {
    fn event(&mut self, event: Event) {
        self.tally.event(event.clone());
        self.progress.clear();
        let drawn = match &mut self.drawing {
            Renderer::Text(text) => text.render(&mut self.out, &event, &self.tally),
            Renderer::Json(json) => json.render(&mut self.out, &event),
        };
        let drawn = drawn.and_then(|()| self.out.flush());
        self.error = self.error.take().or(drawn.err());
        self.progress.show(&event);
    }
}
