//! Cases: their promise, source and needs, the errata that break them, and what their first blocks do.

use machine::target::Opener;
use machine::{Config, Deadline};
use model::cpu::watch;
use model_base::{Features, Hypervisor};
use modelled::Settings;
use report::event::{Event, Verdict};
use suite::{Case, Options};

use crate::{Document, Kind, Section};

/// Instructions that are watched, blocks that are shown, and instructions of each.
const WATCHED: usize = 200;
const SHOWN: usize = 3;
const INSTRUCTIONS: usize = 12;

/// Explains a case; `None` if it is none.
pub fn document(name: &str) -> Option<Document> {
    let case = suite::cases().find(|case| case.name == name)?;
    let mut sections = vec![Section::line("source", case.cite)];
    let mut needs: Vec<_> = case.all_needs().map(|need| need.key().to_owned()).collect();
    needs.dedup();
    sections.push(Section::new("skipped for", needs));
    let errata: Vec<_> = errata::all()
        .filter(|erratum| erratum.concerns_case(case.name))
        .map(|erratum| format!("{}: {}", erratum.id, erratum.shows))
        .collect();
    if !errata.is_empty() {
        sections.push(Section::new("known to fail by", errata));
    }
    let (model, mut blocks) = first_blocks(case);
    let more = blocks.len().saturating_sub(SHOWN);
    blocks.truncate(SHOWN);
    let cut = blocks.iter().any(|block| block.instructions.len() > INSTRUCTIONS);
    blocks.iter_mut().for_each(|block| block.instructions.truncate(INSTRUCTIONS));
    let heading = format!("its first blocks, on the specification ({model})");
    match blocks.is_empty() {
        true => sections.push(Section::line("blocks", "it runs none: what it asks of the VM is in its code")),
        false => sections.push(Section::blocks(&heading, blocks)),
    }
    let mut left_out = Vec::new();
    left_out.extend(cut.then(|| format!("instructions behind the first {INSTRUCTIONS} of a block")));
    left_out.extend((more > 0).then(|| format!("{more} blocks or more")));
    if !left_out.is_empty() {
        sections.push(Section::new("left out", left_out));
    }
    Some(Document { topic: case.name.to_owned(), kind: Kind::Case, meaning: case.claim.to_owned(), sections })
}

/// Models on which a case is tried until it is not skipped: the usual one, and a CPU that has everything.
fn models() -> [(&'static str, Settings); 2] {
    let everything =
        Settings { features: Features::EVERYTHING.clone(), hypervisor: Hypervisor::Board, ..Settings::default() };
    [("KVM, cpu max", Settings::default()), ("no kernel, a CPU that has everything", everything)]
}

/// Runs a case on the specification, and returns what its first blocks did, and on which model.
fn first_blocks(case: &Case) -> (&'static str, Vec<trace::Block>) {
    for (model, settings) in models() {
        let names = vec![case.name.to_owned()];
        let options = Options { names, seed: 1, fresh_vms: false, deadline: Deadline::NEVER };
        let Ok(opened) = settings.open(Config::default()) else { continue };
        let mut events = Vec::new();
        let ((), watched) = watch::record_first(WATCHED, || suite::run_on(&options, opened, &mut events));
        let skipped = |event: &Event| matches!(event, Event::End { verdict: Verdict::Skipped(_), .. });
        if !events.iter().any(skipped) {
            return (model, trace::of_watched(&watched));
        }
    }
    (models()[0].0, Vec::new())
}
