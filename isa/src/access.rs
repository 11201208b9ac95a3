//! The size of the memory access of a load or store, so that an interpreter need not know every mnemonic.
//!
//! The direction of the transfer and the operation on the value follow from the instruction: see [`Op`](arch::Op).

/// The size of the data that an instruction reads or writes in memory. Allocation tags do not count.
///
/// ```
/// let ldpsw = isa::Insn::decode(0x6940_0440).unwrap();
/// assert_eq!(ldpsw.to_string(), "ldpsw x0, x1, [x2]");
/// let access = ldpsw.access().unwrap();
/// assert_eq!((access.bytes, access.count, access.signed, access.total()), (4, 2, true, 8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The size of each element in bytes: 1, 2, 4, 8 or 16. One register holds one element, but of SVE as many as its length
    /// has; a whole vector or predicate of SVE is accessed in bytes.
    pub bytes: u8,
    /// The number of registers: 1, 2 for a pair, up to 4 vectors, 8 for 64 bytes. The first is at the lowest address.
    pub count: u8,
    /// Whether a load sign-extends to the width of its register.
    pub signed: bool,
}

impl Access {
    /// Returns the size of the whole access in bytes, 1 to 64; of SVE, of one element of each register.
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
        self.times(2)
    }

    const fn times(self, count: u8) -> Self {
        Self { count, ..self }
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
/// Eight doublewords.
pub(crate) const EIGHT_X: Access = Access { count: 8, ..X };

/// Defines the accesses of structures of several elements.
macro_rules! structures {
    ($( $name:ident = $count:literal $one:ident; )*) => {
        $( pub(crate) const $name: Access = $one.times($count); )*
    };
}

structures! {
    B2 = 2 B; B3 = 3 B; B4 = 4 B;
    H2 = 2 H; H3 = 3 H; H4 = 4 H;
    W3 = 3 W; W4 = 4 W;
    X3 = 3 X; X4 = 4 X;
    Q3 = 3 Q; Q4 = 4 Q;
}
