//! The data cache operations that DC can name: one table of name and encoding.

use core::fmt;

/// Defines [`CacheOp`] from rows of name and `(op1, CRn, CRm, op2)`.
macro_rules! cache_ops {
    ($(
        $(#[$doc:meta])*
        $operation:ident $name:literal ($op1:literal, $crn:literal, $crm:literal, $op2:literal);
    )*) => {
        /// A data cache operation by address (Arm ARM C5.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CacheOp {
            $( $(#[$doc])* $operation, )*
        }

        impl CacheOp {
            /// All operations, in the order of the table.
            pub const ALL: &[Self] = &[$( Self::$operation, )*];

            /// Returns the name in assembly, such as `gva`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$operation => $name, )* }
            }

            /// Returns the encoding `op1:CRn:CRm:op2` in 3, 4, 4 and 3 bits: bits 18:5 of SYS.
            #[must_use]
            pub const fn encoding(self) -> u16 {
                match self { $( Self::$operation => $op1 << 11 | $crn << 7 | $crm << 3 | $op2, )* }
            }
        }
    };
}

cache_ops! {
    /// Zeroes a block of `DCZID_EL0.BS` words.
    Zva "zva" (3, 7, 4, 1);
    /// Sets the allocation tags of a block.
    Gva "gva" (3, 7, 4, 3);
    /// Zeroes a block and sets its allocation tags.
    Gzva "gzva" (3, 7, 4, 4);
}

impl CacheOp {
    /// Finds an operation by its name, in either case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name().eq_ignore_ascii_case(name))
    }

    /// Finds an operation by [`Self::encoding`].
    #[must_use]
    pub fn by_encoding(encoding: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.encoding() == encoding)
    }
}

impl fmt::Display for CacheOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
