//! The command line of granule, and the ways to run the suite and programs that it offers.
//!
//! - [`cli`]: what can be asked for;
//! - [`kill_matrix`]: the suite on the model, once for each defect that it must notice;
//! - [`documents`]: what the kernel's documents say, and which cases check it;
//! - [`matrix`]: many runs side by side.

pub mod cli;
pub mod documents;
pub mod firmware;
pub mod kill_matrix;
pub mod matrix;
