//! The scalable registers of SVE.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// z0 to z31, p0 to p15 and FFR, each from its lowest byte on; v0 to v31 are the first 16 bytes of z0 to z31.
///
/// Of a register as many bytes count as the vector length says, of a predicate an eighth of them. What is above is 0.
///
/// ```
/// use abi::mailbox::Scalable;
/// let mut registers = Scalable::ZERO;
/// registers.z[3][..16].fill(0xaa);
/// assert_eq!(registers.p[0].len() * 8, Scalable::MAX_BYTES);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Scalable {
    /// z0 to z31.
    pub z: [[u8; Self::MAX_BYTES]; 32],
    /// p0 to p15: a bit for each byte of a vector, bit 0 of the first byte for the lowest.
    pub p: [[u8; Self::MAX_BYTES / 8]; 16],
    /// The first-fault register, laid out as a predicate.
    pub ffr: [u8; Self::MAX_BYTES / 8],
}

impl Scalable {
    /// The maximum vector length in bytes (Arm ARM, ZCR_EL1.LEN).
    pub const MAX_BYTES: usize = 256;

    /// All registers 0.
    pub const ZERO: Self = Self { z: [[0; 256]; 32], p: [[0; 32]; 16], ffr: [0; 32] };
}

const _: () = assert!(size_of::<Scalable>() == 32 * 256 + 17 * 32);
