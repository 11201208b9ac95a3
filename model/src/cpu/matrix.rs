//! What a CPU holds of SME: PSTATE.SM and ZA, the array ZA and the table ZT0.

/// Bytes of ZT0.
pub const TABLE_BYTES: usize = 64;

/// The state of SME.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// PSTATE.SM: streaming mode.
    pub streaming: bool,
    /// PSTATE.ZA: ZA and ZT0 can be accessed.
    pub enabled: bool,
    /// RES0 bits of SVCR that keep what was written to them.
    pub reserved: u64,
    /// The streaming vector length in bytes that SMCR_EL1.LEN selects, 0 without SME.
    pub vector_bytes: u16,
    /// ZA and ZT0; `None`: all 0.
    pub storage: Option<Box<Storage>>,
    /// Whether accesses of vectors in streaming mode are tag checked, and those of ZA and ZT0, as far as it was asked for:
    /// IMPLEMENTATION DEFINED, so each CPU has one answer.
    pub checks: [Option<bool>; 2],
}

/// ZA and ZT0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// As many vectors as a vector has bytes, one behind the other.
    pub za: Vec<u8>,
    /// Which bytes of it are UNKNOWN; empty: none.
    pub za_unknown: Vec<bool>,
    /// ZT0.
    pub table: [u8; TABLE_BYTES],
    /// ZT0 is UNKNOWN.
    pub table_unknown: bool,
}

impl Storage {
    /// ZA and ZT0 of zeros.
    #[must_use]
    pub fn new(vector_bytes: usize) -> Self {
        let za = vec![0; vector_bytes * vector_bytes];
        Self { za, za_unknown: Vec::new(), table: [0; TABLE_BYTES], table_unknown: false }
    }
}
