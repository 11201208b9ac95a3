//! The scalable registers of SVE with the vector length that they have.

use std::sync::Arc;

use abi::mailbox::Scalable;

/// Lists vector lengths in bytes, in ascending order: bit n stands for `16 * (n + 1)`, as in a boot report.
pub fn vector_lengths(bits: u64) -> impl Iterator<Item = u16> {
    (0..16).filter(move |n| bits >> n & 1 == 1).map(|n| 16 * (n + 1))
}

/// z0 to z31, p0 to p15 and FFR at a vector length. What is above the length is 0.
///
/// ```
/// use abi::mailbox::Scalable;
/// use machine::ScalableState;
///
/// let mut registers = Box::new(Scalable::ZERO);
/// registers.z[0] = [0xff; 256];
/// registers.p[0] = [0xff; 32];
/// let state = ScalableState::new(48, registers);
/// assert_eq!((state.z(0), state.p(0)), (&[0xff; 48][..], &[0xff; 6][..]));
/// assert_eq!(state.registers().z[0][48], 0);
/// // A length that a guest reports is never believed.
/// assert_eq!(ScalableState::new(1 << 40, Box::new(Scalable::ZERO)).vector_bytes(), 256);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalableState {
    vector_bytes: u16,
    // Copies share them: they are 9 KiB, and blocks and programs are copied.
    #[expect(clippy::redundant_allocation, reason = "an `Arc` of the registers themselves would copy them once more")]
    registers: Arc<Box<Scalable>>,
}

impl ScalableState {
    /// Takes registers of `vector_bytes`, 256 at most; what is above is cleared.
    #[must_use]
    pub fn new(vector_bytes: u64, mut registers: Box<Scalable>) -> Self {
        let vector_bytes = vector_bytes.min(Scalable::MAX_BYTES as u64) as u16;
        let (bytes, predicate) = (usize::from(vector_bytes), usize::from(vector_bytes) / 8);
        registers.z.iter_mut().for_each(|z| z[bytes..].fill(0));
        registers.p.iter_mut().for_each(|p| p[predicate..].fill(0));
        registers.ffr[predicate..].fill(0);
        Self { vector_bytes, registers: Arc::new(registers) }
    }

    /// The vector length in bytes.
    #[must_use]
    pub fn vector_bytes(&self) -> u16 {
        self.vector_bytes
    }

    /// All registers.
    #[must_use]
    pub fn registers(&self) -> &Scalable {
        &self.registers
    }

    /// The bytes of a vector register, 0 to 31.
    #[must_use]
    pub fn z(&self, n: usize) -> &[u8] {
        &self.registers.z[n][..self.vector_bytes.into()]
    }

    /// The bytes of a predicate register, 0 to 15.
    #[must_use]
    pub fn p(&self, n: usize) -> &[u8] {
        &self.registers.p[n][..usize::from(self.vector_bytes) / 8]
    }

    /// The bytes of FFR.
    #[must_use]
    pub fn ffr(&self) -> &[u8] {
        &self.registers.ffr[..usize::from(self.vector_bytes) / 8]
    }

    /// The bytes of a vector register, to be changed.
    pub fn z_mut(&mut self, n: usize) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.registers).z[n][..self.vector_bytes.into()]
    }

    /// The bytes of a predicate register, to be changed.
    pub fn p_mut(&mut self, n: usize) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.registers).p[n][..usize::from(self.vector_bytes) / 8]
    }

    /// The bytes of FFR, to be changed.
    pub fn ffr_mut(&mut self) -> &mut [u8] {
        &mut Arc::make_mut(&mut self.registers).ffr[..usize::from(self.vector_bytes) / 8]
    }
}
