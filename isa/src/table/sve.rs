//! SVE: scalable vectors and predicates (Arm ARM C8).

use crate::row::Row;

mod contiguous;
mod data;
mod gathers;
mod predicates;
mod prefetches;
mod quadwords;
mod structures;

/// The rows of each module.
pub(super) const MODULES: [&[Row]; 7] = [
    contiguous::ROWS,
    structures::ROWS,
    gathers::ROWS,
    quadwords::ROWS,
    prefetches::ROWS,
    predicates::ROWS,
    data::ROWS,
];
