//! Live migration of KVM guests with Arm MTE: what travels, in which order, and what each side must check.
//!
//! A guest with the Memory Tagging Extension (MTE) has a tag of four bits for each 16 bytes of memory. They are neither in
//! its memory nor in its registers, so a VMM that migrates memory and registers loses them. This crate has the wire format
//! of a migration with tags and the state machines of both sides. It does no input or output and makes no ioctl: a VMM
//! implements [`Source`] or [`Target`], moves bytes between the machines and a connection, and keeps the time.
//! `docs/migration-protocol.md` specifies the same for other implementations.
//!
//! # What is here
//!
//! | | |
//! |---|---|
//! | [`sender::Sender`] | pre-copy in rounds, stop-and-copy, digests, commit: calls a [`Source`] and returns what to do next |
//! | [`receiver::Receiver`] | takes bytes, calls a [`Target`] in an order that is right for KVM, verifies, resumes on commit |
//! | [`guest`] | what a VMM implements, and the tokens that only the machines can make: [`Paused`], [`Ownership`] |
//! | [`frame`], [`message`] | the stream: a preamble, frames with a chained check, and their contents |
//! | [`tags`] | the tags of a page as bits: run lengths or packed, whichever is smaller |
//! | [`digest`] | digests of memory, tags and registers, which both sides compute and compare |
//! | [`page_set`] | sets of guest pages, as dirty logs yield them |
//!
//! # Who runs the guest
//!
//! A guest is resumed with an [`Ownership`], a token that cannot be copied. The sender has it from the beginning and gives
//! it up when it makes the COMMIT frame; the receiver obtains it from that frame and from nothing else. So at most one side
//! runs the guest, whatever is lost on the way. If the connection breaks after COMMIT was sent and before its answer came,
//! neither side can know what the other did (the two generals' problem): the sender then keeps the stopped guest and reports
//! [`sender::Outcome::Undecided`], which only a person's explicit order turns into a running guest.

#![forbid(unsafe_code)]

mod bits;
pub mod defect;
pub mod digest;
pub mod frame;
pub mod guest;
pub mod message;
pub mod page_set;
pub mod receiver;
pub mod sender;
pub mod tags;

pub use guest::{Guest, Ownership, Paused, Source, Target};
pub use page_set::PageSet;

/// Bytes in a page of the protocol, whatever the host's page size is: a host page of 16 KiB is four of them.
pub const PAGE: usize = 4096;

/// Allocation tags of a page: one for each [`kvm_mte::GRANULE`].
pub const TAGS: usize = PAGE / kvm_mte::GRANULE as usize;

/// Pages that one PAGES frame covers at most: 1 MiB of guest memory.
pub const PAGES_PER_FRAME: usize = 256;

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
