//! A gdb server for [`machine::debuggee::Debuggee`]: stock gdb and lldb debug what it is, tags included.
//!
//! The protocol is gdbstub's. It has no packets for memory tags (docs/upstream/gdbstub-memory-tags has a patch), so [`layer`] is in front of
//! it: it answers those by itself, hands on everything else, and adds `memory-tagging+` to what the stub says that it supports.
//! [`machine::debugger_needs`] is what stock debuggers want to see before they ask for tags at all. [`target`] is the guest as gdbstub sees it.
//!
//! The server shows vCPU 0. Who can connect can do to the guest whatever the process can: listen on 127.0.0.1 only.

#![forbid(unsafe_code)]

pub mod description;
pub mod layer;
pub mod target;

mod server;

pub use server::serve;
