//! What a machine is: something that runs blocks of A64 code and gives back what happened.
//!
//! A *program* is blocks with events between and inside them; a *machine* runs them and returns a
//! [`Trace`] for each. Cases are written against these traits and know no machine. [`Machine`] is what every machine can
//! do. One that has a kernel's VM hands it out as [`Vm`], KVM's contract for tags; what not every machine has are objects
//! of [`capability`]. [`session::Session`] makes a machine of what differs between them.

pub mod block;
pub mod boot;
pub mod capability;
mod config;
pub mod deadline;
pub mod debuggee;
pub mod debugger_needs;
pub mod error;
mod explain;
pub mod firmware;
pub mod hazard;
mod machine;
pub mod mailbox;
pub mod migration;
pub mod need;
pub mod pool;
pub mod race;
mod race_step;
pub mod registers;
pub mod request;
mod scalable;
pub mod session;
pub mod snapshot;
pub mod tags;
pub mod target;
pub mod trace;
mod vm;

pub use ::kvm_model::kernel::{
    Access, Backing, CopyResult, CopyTags, Errno, HostEvent, Introduced, KernelMemory, KernelMemoryAnswers, PageEvent,
    Protection, TagBuffer,
};
pub use ::kvm_model::offer::VcpuOption;
pub use block::{Block, El, Vectors};
pub use config::{Config, DEFAULT_RAM, GUEST_TIMEOUT, TagCarrier};
pub use deadline::Deadline;
pub use error::MachineError;
pub use explain::Explain;
pub use hazard::{Hazard, HazardOutcome};
pub use machine::{Factory, Machine, Outcome};
pub use race::{HostStep, Race, RaceReport, StepResult};
pub use request::RequestError;
pub use scalable::{ScalableState, vector_lengths};
pub use trace::{Fault, Trace};
pub use vm::Vm;
