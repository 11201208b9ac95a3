//! The CPU: the instructions of [`isa`] at EL0 and EL1, with the full semantics of memory tagging.
//!
//! [`Cpu`] is what a vCPU holds, [`Env`] what it runs in. The firmware's page tables are part of the
//! specification ([`translate`]), so an instruction is executed from its virtual address to bytes and
//! tags of a [`Bus`](model_base::memory::Bus). A rule stands in one file, with the source it was taken from and the defects that
//! break it. What is not specified is said to be so ([`Stop::Unmodelled`]); nothing is guessed.

mod access;
mod arithmetic;
mod atomic;
mod authentication;
mod branch;
mod bytes;
mod cache;
mod check;
mod control_stack;
mod copy;
mod copy_overlap;
mod exclusive;
mod execute;
mod fault;
mod float;
mod float_atomic;
mod hypercall;
mod integer;
mod load_store;
pub mod matrix;
mod pointer;
mod program;
mod read_check_write;
mod registers;
mod scalable;
mod sixty_four;
mod sme;
mod state;
mod structures;
mod sve;
mod system;
mod system_registers;
mod tag_blocks;
mod tags;
pub mod translate;
mod unknown;
mod vector;
pub mod watch;

pub use check::Unchecked;
pub use copy_overlap::Copying;
pub use execute::{Event, run};
pub use fault::Exception;
pub use program::Program;
pub use state::{Cpu, Env, Monitor, Stop, TurnOn, Vectors};
pub use system_registers::{SystemRegisters, reset};
pub use translate::PageKinds;
pub use unknown::Hidden;

use model_base::defect::Defect;

/// The defects of all rules of the CPU.
pub fn defects() -> impl Iterator<Item = &'static Defect> {
    [
        access::DEFECTS,
        arithmetic::DEFECTS,
        atomic::DEFECTS,
        authentication::DEFECTS,
        branch::DEFECTS,
        bytes::DEFECTS,
        cache::DEFECTS,
        check::DEFECTS,
        control_stack::DEFECTS,
        copy::DEFECTS,
        exclusive::DEFECTS,
        execute::DEFECTS,
        fault::DEFECTS,
        float::DEFECTS,
        float_atomic::DEFECTS,
        hypercall::DEFECTS,
        integer::DEFECTS,
        load_store::DEFECTS,
        pointer::DEFECTS,
        scalable::DEFECTS,
        read_check_write::DEFECTS,
        sixty_four::DEFECTS,
        structures::DEFECTS,
        system::DEFECTS,
        system_registers::DEFECTS,
        tag_blocks::DEFECTS,
        tags::DEFECTS,
        translate::DEFECTS,
        vector::DEFECTS,
    ]
    .into_iter()
    .chain(sve::ALL_DEFECTS)
    .chain(sme::ALL_DEFECTS)
    .flatten()
    .copied()
}
