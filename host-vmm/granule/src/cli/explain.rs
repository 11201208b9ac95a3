//! `granule explain`.

use std::io::Write;
use std::num::NonZero;

use clap::Args;

use super::error::CliError;
use crate::kill_matrix::{CaseKills, of_case};
use ::explain::{self, Document, Kind, Section};
use report::exit::Exit;

/// The seed of the runs that find out what a case catches.
const SEED: u64 = 1;

/// What to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// A case (`arch.irg.gcr-exclusion`), an instruction (`stg`), a rule (`tcma`), an erratum (`qemu.cas-writes`) or a defect of the
    /// kill matrix
    #[arg(required_unless_present = "topics")]
    topic: Option<String>,

    /// List what can be explained, one name a line
    #[arg(long, conflicts_with = "topic")]
    topics: bool,

    /// Leave out which defects a case catches, which takes a second or more
    #[arg(long)]
    quick: bool,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How an explanation is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// As one JSON object
    Json,
}

impl Explain {
    /// Writes what is known of the topic.
    ///
    /// # Errors
    ///
    /// When nothing has this name, or it cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let mut out = anstream::stdout().lock();
        let Some(topic) = &self.topic else {
            explain::topics().try_for_each(|(name, kind)| writeln!(out, "{name} ({kind})"))?;
            return Ok(Exit::Passed);
        };
        let mut document = explain::explain(topic).map_err(|error| CliError::Usage(error.to_string()))?;
        if document.kind == Kind::Case && !self.quick {
            document.sections.push(kills(&document));
        }
        match self.format {
            Format::Text => explain::write(&document, &mut out)?,
            Format::Json => {
                serde_json::to_writer(&mut out, &document).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(Exit::Passed)
    }
}

/// Says what makes a case fail: the defects that it catches.
fn kills(document: &Document) -> Section {
    let jobs = std::thread::available_parallelism().map_or(1, NonZero::get);
    let case = suite::cases().find(|case| case.name == document.topic);
    let Some(CaseKills { stage, caught }) = case.and_then(|case| of_case(case.name, SEED, jobs)) else {
        return Section::line("what makes it fail", "it is skipped on all models of the kill matrix");
    };
    let heading = format!("what makes it fail (kill matrix, model {stage}; * no other case notices)");
    let line = |(defect, alone): &(&model_base::defect::Defect, bool)| {
        format!("{} {}: {}", if *alone { "*" } else { " " }, defect.name, defect.what)
    };
    Section::new(&heading, caught.iter().map(line).collect())
}
