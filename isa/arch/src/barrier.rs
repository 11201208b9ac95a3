//! The option of DMB and DSB: the twelve named values of `CRm`.

use core::fmt;

/// Defines [`Barrier`] from rows of name and `CRm`.
macro_rules! barriers {
    ($( $(#[$doc:meta])* $option:ident $name:literal $crm:literal; )*) => {
        /// The option of a barrier: a shareability domain and the accesses that are ordered (Arm ARM C6.2, DMB and DSB).
        ///
        /// The other four values of the field are reserved or other instructions (SSBB, PSSBB); they do not decode.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Barrier {
            $( $(#[$doc])* $option = $crm, )*
        }

        impl Barrier {
            /// All options, in the order of the table.
            pub const ALL: &[Self] = &[$( Self::$option, )*];

            /// Returns the name in assembly, such as `ish`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$option => $name, )* }
            }
        }
    };
}

barriers! {
    /// Full system, all accesses.
    Sy "sy" 15;
    /// Full system, stores.
    St "st" 14;
    /// Full system, earlier loads and all later accesses.
    Ld "ld" 13;
    /// Inner shareable, all accesses.
    Ish "ish" 11;
    /// Inner shareable, stores.
    Ishst "ishst" 10;
    /// Inner shareable, earlier loads and all later accesses.
    Ishld "ishld" 9;
    /// Non-shareable, all accesses.
    Nsh "nsh" 7;
    /// Non-shareable, stores.
    Nshst "nshst" 6;
    /// Non-shareable, earlier loads and all later accesses.
    Nshld "nshld" 5;
    /// Outer shareable, all accesses.
    Osh "osh" 3;
    /// Outer shareable, stores.
    Oshst "oshst" 2;
    /// Outer shareable, earlier loads and all later accesses.
    Oshld "oshld" 1;
}

impl Barrier {
    /// Returns the value of the `CRm` field, 1 to 15.
    #[must_use]
    pub const fn encoding(self) -> u8 {
        self as u8
    }

    /// Finds an option by its name, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| option.name().eq_ignore_ascii_case(name))
    }

    /// Finds an option by [`Self::encoding`].
    #[must_use]
    pub fn by_encoding(encoding: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| option.encoding() == encoding)
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
