//! Errata: the entry, the minimal programs with their traces, and the report for the developers.

use machine::Deadline;
use program::Program;

use crate::{Document, Kind, Section};

include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// Explains an erratum; `None` if it is none.
pub fn document(name: &str) -> Option<Document> {
    let erratum = errata::all().find(|erratum| erratum.id == name)?;
    let entry = errata::page::entry(erratum);
    let mut sections: Vec<_> =
        entry.facts.into_iter().map(|(heading, text)| Section::line(heading, text.replace('`', ""))).collect();
    for name in erratum.programs {
        let Some((_, text)) = PROGRAMS.iter().find(|(stem, _)| stem == name) else { continue };
        sections.push(program(name, text));
    }
    if REPORTS.contains(&erratum.id) {
        sections.push(Section::line("report", format!("docs/upstream/{}: with a reproducer", erratum.id)));
    }
    let lines: Vec<_> = erratum.analysis.lines().map(str::to_owned).collect();
    if !lines.is_empty() {
        sections.push(Section::new("analysis", lines));
    }
    let meaning = format!("{}: {}", erratum.product.name(), erratum.title);
    Some(Document { topic: erratum.id.to_owned(), kind: Kind::Erratum, meaning, sections })
}

/// Shows what a minimal program should do.
fn program(name: &str, text: &str) -> Section {
    let heading = format!("what docs/errata/{name}.granule does on the specification");
    let traced = text.parse::<Program>().ok().zip(trace::model_of("everything"));
    let traced = traced.and_then(|(program, settings)| trace::trace(&program, settings, Deadline::NEVER).ok());
    match traced {
        Some(traced) => Section::blocks(&heading, traced.blocks),
        None => Section::new(&heading, text.lines().map(str::to_owned).collect()),
    }
}
