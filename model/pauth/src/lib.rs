//! Pointer authentication (FEAT_PAuth): which algorithm a CPU has, where a pointer holds its code, and what comes of a pointer
//! that is signed, authenticated or stripped.
//!
//! Everything is a function of its arguments. Which instruction does what with which key, and when it is UNDEFINED, is for
//! `model` to say. A logical address tag is no part of a code, but one of the things that it vouches for: where the top byte is
//! ignored a code is in bits 54 down to the lowest that no address has, and the tag is an input of the algorithm.
//!
//! ```
//! use model_base::Features;
//! use pauth::{Key, Layout, Purpose, Scheme};
//!
//! let scheme = Scheme::of_addresses(&Features::NEOVERSE_N2).unwrap();
//! let (key, layout) = (Key { lo: 1, hi: 2 }, Layout { address_bits: 39, tbi: true, mtx: false, by_bit_55: true });
//! let pointer = 0x0500_0001_4060_0040;
//! let signed = scheme.sign(pointer, 7, key, layout).unwrap();
//! let purpose = Purpose { key_b: false, combined: false };
//! // The tag is kept, and vouched for: FEAT_FPAC makes an exception of another.
//! assert_eq!((signed >> 56, layout.stripped(signed)), (5, pointer));
//! assert_eq!(scheme.authenticate(signed, 7, key, layout, purpose), Some(Ok(pointer)));
//! assert!(scheme.authenticate(signed ^ 1 << 56, 7, key, layout, purpose).unwrap().is_err());
//! ```

#![forbid(unsafe_code)]

mod emulated;
mod instruction;
#[cfg(feature = "mutants")]
pub mod mutant;
mod pointer;
mod qarma;
mod scheme;

use model_base::defect::Defect;

pub use instruction::{ENABLES, KeyName, operands};
pub use pointer::{Failed, Layout, Purpose};
pub use scheme::{Key, Scheme};

/// Lists the defects of these rules.
pub fn defects() -> impl Iterator<Item = &'static Defect> {
    [instruction::DEFECTS, pointer::DEFECTS, scheme::DEFECTS].into_iter().flatten().copied()
}
