//! SME: the array ZA, streaming mode, and loads and stores of several vectors (Arm ARM C9).

use crate::row::Row;

mod apart;
mod consecutive;
mod za;

/// The rows of each module.
pub(super) const MODULES: [&[Row]; 3] = [za::ROWS, apart::ROWS, consecutive::ROWS];
