//! The operations of DC, as a table of names and encodings.

use core::fmt;

/// Defines [`DataCacheOp`] from rows of name and `(op1, CRn, CRm, op2)`.
macro_rules! cache_ops {
    ($(
        $(#[$doc:meta])*
        $operation:ident $name:literal ($op1:literal, $crn:literal, $crm:literal, $op2:literal);
    )*) => {
        /// A data cache operation by address or by set and way (Arm ARM C5.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum DataCacheOp {
            $( $(#[$doc])* $operation, )*
        }

        impl DataCacheOp {
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
    /// Zeroes a block of 4 << `DCZID_EL0.BS` bytes.
    Zva "zva" (3, 7, 4, 1);
    /// Sets the allocation tags of a block.
    Gva "gva" (3, 7, 4, 3);
    /// Zeroes a block and sets its allocation tags.
    Gzva "gzva" (3, 7, 4, 4);
    /// Invalidates a line of data.
    Ivac "ivac" (0, 7, 6, 1);
    /// Invalidates a set and way of data.
    Isw "isw" (0, 7, 6, 2);
    /// Invalidates a line of tags.
    Igvac "igvac" (0, 7, 6, 3);
    /// Invalidates a set and way of tags.
    Igsw "igsw" (0, 7, 6, 4);
    /// Invalidates a line of tags and data.
    Igdvac "igdvac" (0, 7, 6, 5);
    /// Invalidates a set and way of tags and data.
    Igdsw "igdsw" (0, 7, 6, 6);
    /// Cleans a set and way of data.
    Csw "csw" (0, 7, 10, 2);
    /// Cleans a set and way of tags.
    Cgsw "cgsw" (0, 7, 10, 4);
    /// Cleans a set and way of tags and data.
    Cgdsw "cgdsw" (0, 7, 10, 6);
    /// Cleans and invalidates a set and way of data.
    Cisw "cisw" (0, 7, 14, 2);
    /// Cleans and invalidates a set and way of tags.
    Cigsw "cigsw" (0, 7, 14, 4);
    /// Cleans and invalidates a set and way of tags and data.
    Cigdsw "cigdsw" (0, 7, 14, 6);
    /// Cleans a line of data to the point of coherency.
    Cvac "cvac" (3, 7, 10, 1);
    /// Cleans a line of tags to the point of coherency.
    Cgvac "cgvac" (3, 7, 10, 3);
    /// Cleans a line of tags and data to the point of coherency.
    Cgdvac "cgdvac" (3, 7, 10, 5);
    /// Cleans a line of data to the point of unification.
    Cvau "cvau" (3, 7, 11, 1);
    /// Cleans a line of data to the point of persistence.
    Cvap "cvap" (3, 7, 12, 1);
    /// Cleans a line of tags to the point of persistence.
    Cgvap "cgvap" (3, 7, 12, 3);
    /// Cleans a line of tags and data to the point of persistence.
    Cgdvap "cgdvap" (3, 7, 12, 5);
    /// Cleans a line of data to the point of deep persistence.
    Cvadp "cvadp" (3, 7, 13, 1);
    /// Cleans a line of tags to the point of deep persistence.
    Cgvadp "cgvadp" (3, 7, 13, 3);
    /// Cleans a line of tags and data to the point of deep persistence.
    Cgdvadp "cgdvadp" (3, 7, 13, 5);
    /// Cleans and invalidates a line of data to the point of coherency.
    Civac "civac" (3, 7, 14, 1);
    /// Cleans and invalidates a line of tags to the point of coherency.
    Cigvac "cigvac" (3, 7, 14, 3);
    /// Cleans and invalidates a line of tags and data to the point of coherency.
    Cigdvac "cigdvac" (3, 7, 14, 5);
}

impl DataCacheOp {
    /// Returns whether the operand is a set, way and level rather than an address.
    #[must_use]
    pub const fn is_by_set_way(self) -> bool {
        matches!(
            self,
            Self::Isw
                | Self::Igsw
                | Self::Igdsw
                | Self::Csw
                | Self::Cgsw
                | Self::Cgdsw
                | Self::Cisw
                | Self::Cigsw
                | Self::Cigdsw
        )
    }

    /// Finds an operation by its name, ignoring case.
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

impl fmt::Display for DataCacheOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_set_and_way_end_in_sw() {
        for operation in DataCacheOp::ALL {
            assert_eq!(operation.is_by_set_way(), operation.name().ends_with("sw"), "{operation}");
        }
    }
}
