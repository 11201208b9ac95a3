//! End-to-end tests of set-up: the program xtask in a scratch checkout, with programs of Rust, rustup and Debian that
//! record each call.
//!
//! Nothing is fetched and nothing is built, so they run anywhere. `scratch.rs` has the surroundings, `fakes/` the programs.

mod arguments;
mod cached_rust;
mod never_installs;
mod read_only;
mod scratch;
