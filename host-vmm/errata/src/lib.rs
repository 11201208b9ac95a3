//! Errata: known defects of kernels and emulators, as one table.
//!
//! An erratum says in which versions something breaks a promise, by which evidence, and how that shows: in which cases, in
//! which values. It is not a permission. A failure that it explains is reported, as known; one that differs from it in
//! anything is a failure like any other. The same table has what campaigns avoid ([`avoid`]), and
//! docs/errata.md is made of it ([`page`]).
//!
//! ```
//! use errata::{Environment, in_effect};
//! let qemu = Environment::new("QEMU 10.0.2", "", "");
//! assert!(in_effect(&qemu).any(|erratum| erratum.id == "qemu.sp-alignment"));
//! ```

#![forbid(unsafe_code)]

pub mod avoid;
mod environment;
mod erratum;
mod explain;
pub mod filter;
mod linux;
pub mod page;
mod qemu;
mod qemu_tag_checks;
pub mod sign;

pub use environment::Environment;
pub use erratum::{Condition, CpuCount, Erratum, Evidence, Product, Versions};

/// Lists all errata.
pub fn all() -> impl Iterator<Item = &'static Erratum> {
    [linux::ALL, qemu_tag_checks::ALL, qemu::ALL].into_iter().flatten()
}

/// Lists the errata that what is under test has.
pub fn in_effect(environment: &Environment) -> impl Iterator<Item = &'static Erratum> {
    all().filter(move |erratum| environment.has(erratum))
}

#[cfg(test)]
mod tests;
