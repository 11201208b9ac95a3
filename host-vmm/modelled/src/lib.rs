//! The `model` machine: the executable specification as a machine that the suite can run on.
//!
//! A VM of [`kvm_model`] with [`firmware_model`] in it, behind the same traits as /dev/kvm. It runs on any host and
//! opens nothing. It is saved and restored by the code that saves and restores KVM's VMs ([`machine::migration`]), which
//! the defects of a VMM break from below (`faulty.rs`). What a case sees of it must be what it would see of a kernel that
//! keeps its contract.
//!
//! ```
//! use machine::target::Opener;
//! use machine::{Block, Config, Outcome};
//! use modelled::Settings;
//!
//! // Linux 6.1 on a CPU like QEMU's `max`; no QEMU and no kernel is needed.
//! let mut opened = Settings::default().kernel("6.1")?.open(Config::default())?;
//! // LDG leaves all but the tag as it is: here memory that nobody tagged, so tag 0.
//! let arena = abi::map::Window::Tagged.va(abi::map::ARENA_BASE);
//! let block = Block::assemble("ldg x0, [x1]")?.x(0, 0x0f00_0000_0000_1234).x(1, arena);
//! let Outcome::Done(trace) = opened.machine.start(0, &block)? else { panic!("there is no checkpoint in it") };
//! assert_eq!((trace.x[0], trace.faults.len()), (0x1234, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod backend;
mod factory;
mod faulty;
mod features;
mod hazard;
mod race;
mod race_step;
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
