//! Differential testing: random programs, run on a machine and on the model, compared field by field.
//!
//! A program is drawn (`generate`), run on both and judged (`judge`): where the architecture leaves a choice, any of
//! the model's outcomes will do. A divergence is shrunk (`shrink`) to a program of a few instructions that diverges in
//! the same way. Nothing here knows which machine it is.

pub mod campaign;
mod code;
pub mod contender;
pub mod finding;
pub mod generate;
pub mod judge;
pub mod known;
mod operands;
pub mod pick;
pub mod profile;
pub mod reference;
pub mod register_role;
mod registers;
pub mod replay;
mod safety;
pub mod session;
pub mod shrink;
pub mod test_area;

pub use profile::Profile;

#[cfg(test)]
mod tests;
