//! Snapshots of KVM guests with Arm's Memory Tagging Extension (MTE), as ELF core files that stock gdb, lldb and readelf open.
//!
//! A [`Snapshot`] is all that a VMM needs to continue a stopped guest in a new VM: memory with its allocation tags, all
//! registers of each vCPU as KVM_GET_REG_LIST lists them, MP states, pending events, the memory slots, and what the state
//! depends on ([`Identity`]). [`Snapshot::encode`] makes a file of it, [`Snapshot::decode`] reads it back. docs/snapshot.md
//! specifies the format, for other VMMs and in any language.
//!
//! ```
//! use mte_snapshot::{Extent, Identity, Slot, Snapshot, View};
//!
//! let snapshot = Snapshot {
//!     identity: Identity { page_size: 4096, mte: 3, gmid: 6, ..Identity::default() },
//!     slots: vec![Slot { ipa: 0x4000_0000, bytes: 64 << 20, read_only: false }],
//!     // A page whose granules have the tags 0, 1, 2, … 15, 0, …
//!     memory: vec![Extent {
//!         ipa: 0x4060_0000,
//!         data: vec![0xd5; 4096],
//!         tags: (0..256).map(|granule| granule as u8 & 15).collect(),
//!     }],
//!     // The guest sees it here; so debuggers show it there, too.
//!     views: vec![View { va: 0x1_4060_0000, ipa: 0x4060_0000, bytes: 1 << 20, tagged: true }],
//!     ..Snapshot::default()
//! };
//! let file = snapshot.encode()?;
//! assert_eq!(file.len(), 4096 + 4096 + 128 + 56, "headers and notes, a page, its tags, the trailer");
//! assert_eq!(Snapshot::decode(&file)?, snapshot);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! - *Whole or refused.* A BLAKE3 digest over everything is verified before anything is parsed.
//! - *One encoding.* The same state yields the same bytes, however its memory is cut into extents, and a file that any other
//!   bytes would stand for is refused. So the notes for debuggers cannot contradict the registers.
//! - *No pages for nothing.* Zero pages with zero tags take no space, nor does zero data of tagged pages, nor do zero tags.
//! - *Files are written whole or not at all*: see [`file::save`].
//! - *A hostile file does no harm*: it is refused, and what is allocated is bounded by its size.
//!
//! A snapshot does not say whether *this* host can restore it: compare its [`Identity`] with the host's, and its registers
//! with what the new vCPU accepts. `kvm_mte::order` says in which order to restore. State of devices, the interrupt
//! controller's too, goes into [`Application`], which this package does not look into.
//!
//! The digest protects against accidents and not against people: whoever can write the file can also compute it.

#![forbid(unsafe_code)]

mod check;
mod core_note;
mod decode;
mod difference;
mod encode;
mod error;
pub mod file;
mod headers;
mod memory;
mod note;
mod pages;
mod reader;
mod record;
mod register;
mod seal;
mod snapshot;
#[cfg(test)]
mod tests;

pub use difference::Difference;
pub use error::{DecodeError, Digest, EncodeError, FileError};
pub use seal::VERSION;
pub use snapshot::{Application, Extent, Identity, Slot, Snapshot, Vcpu, View};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
