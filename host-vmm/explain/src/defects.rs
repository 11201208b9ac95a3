//! Defects: what the kill matrix breaks.

use model_base::defect::Defect;
use modelled::{DEFECTS, HAZARD_DEFECTS, RACE_DEFECTS};

use crate::{Document, Kind, Section};

/// Lists all defects: of the CPU, the firmware, the kernel and the VMM.
pub fn all() -> impl Iterator<Item = &'static Defect> {
    let own = [DEFECTS, RACE_DEFECTS, HAZARD_DEFECTS].into_iter().flatten();
    kvm_model::catalogue::all().chain(own.copied())
}

/// Explains a defect; `None` if it is none.
pub fn document(name: &str) -> Option<Document> {
    let defect = all().find(|defect| defect.name == name)?;
    let sections = vec![Section::line("which case notices it", format!("granule kill-matrix {}", defect.name))];
    Some(Document { topic: defect.name.to_owned(), kind: Kind::Defect, meaning: defect.what.to_owned(), sections })
}
