//! The `model` machine: the executable specification as a machine that the suite can run on.
//!
//! A VM of [`model::kvm`] with [`model::firmware`] in it, behind the same traits as /dev/kvm. It runs on any host and
//! opens nothing. It is saved and restored by the code that saves and restores KVM's VMs ([`machine::migration`]), which
//! the defects of a VMM break from below (`faulty.rs`). What a case sees of it must be what it would see of a kernel that
//! keeps its contract.

mod archive;
mod backend;
mod factory;
mod faulty;
mod features;
mod hazard;
mod race;
mod settings;
mod visited;
mod vm;

pub use backend::{ModelBackend, ModelMachine};
pub use factory::ModelFactory;
pub use features::features;
pub use settings::{KernelError, Settings};
pub use visited::{BlockRecord, Visited, run_with};

/// The defects of a VMM.
pub use faulty::DEFECTS;
/// The defects that hang a kernel.
pub use faulty::hazard::DEFECTS as HAZARD_DEFECTS;
/// The defects that show when vCPUs and the VMM work at the same time.
pub use faulty::race::DEFECTS as RACE_DEFECTS;

#[cfg(test)]
mod tests;
