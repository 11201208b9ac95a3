//! What a load or store moves, as data, so that an interpreter need not know every mnemonic.
//!
//! Which way it moves, and what is done to the value on the way, is the instruction's: see `Op`.

/// The size of what an instruction reads or writes in memory, tags aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The bytes of one register's part: 1, 2, 4, 8 or 16.
    pub bytes: u8,
    /// How many registers move: 1, 2 for a pair, up to 4 vectors. They lie next to each other, the first lowest.
    pub count: u8,
    /// Whether a load repeats the sign of what it read in the rest of its register; the register's class says how far.
    pub signed: bool,
}

impl Access {
    /// Returns the bytes of all registers together, 1 to 64.
    #[must_use]
    pub const fn total(self) -> u8 {
        self.bytes * self.count
    }

    const fn one(bytes: u8) -> Self {
        Self { bytes, count: 1, signed: false }
    }

    const fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    const fn pair(self) -> Self {
        Self { count: 2, ..self }
    }
}

/// A byte.
pub(crate) const B: Access = Access::one(1);
/// A halfword.
pub(crate) const H: Access = Access::one(2);
/// A word.
pub(crate) const W: Access = Access::one(4);
/// A doubleword.
pub(crate) const X: Access = Access::one(8);
/// A quadword.
pub(crate) const Q: Access = Access::one(16);
/// A signed byte.
pub(crate) const SB: Access = B.signed();
/// A signed halfword.
pub(crate) const SH: Access = H.signed();
/// A signed word.
pub(crate) const SW: Access = W.signed();
/// Two words.
pub(crate) const WW: Access = W.pair();
/// Two doublewords.
pub(crate) const XX: Access = X.pair();
/// Two quadwords.
pub(crate) const QQ: Access = Q.pair();
/// Two signed words.
pub(crate) const SW_SW: Access = SW.pair();
