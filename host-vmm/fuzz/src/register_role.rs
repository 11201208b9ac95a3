//! Which registers of a random block hold what, so that base registers stay pointers and loops end.
//!
//! Blocks are drawn so that a register of one class is written by what keeps it in its class: pointers by tag and
//! pointer arithmetic, data by everything, the others by nothing.

use arch::{Reg, RegClass};
use fastrand::Rng;

/// What registers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterRole {
    /// x0 to x7: pointers into the site.
    Pointer,
    /// x8 to x15, x24, x29, x30: anything.
    Data,
    /// x16: a value for GCR_EL1, and a mask of tags.
    Exclude,
    /// x17: a value for RGSR_EL1.
    Seed,
    /// x18: a value for the TFSRs.
    Faults,
    /// x19: a value for NZCV and TCO.
    Flags,
    /// x20 and x21: small distances, of either sign.
    Distance,
    /// x22, x23 and x25: small counts of bytes.
    Count,
}

/// The address of the doorbell, and the byte that rings a checkpoint.
pub const DOORBELL: u8 = 26;
/// See [`DOORBELL`].
pub const BYTE: u8 = 27;
/// How often the block's loop is still to be run.
pub const LOOP: u8 = 28;

impl RegisterRole {
    /// All classes.
    pub const ALL: [Self; 8] =
        [Self::Pointer, Self::Data, Self::Exclude, Self::Seed, Self::Faults, Self::Flags, Self::Distance, Self::Count];

    /// The registers of the class.
    #[must_use]
    pub const fn registers(self) -> &'static [u8] {
        match self {
            Self::Pointer => &[0, 1, 2, 3, 4, 5, 6, 7],
            Self::Data => &[8, 9, 10, 11, 12, 13, 14, 15, 24, 29, 30],
            Self::Exclude => &[16],
            Self::Seed => &[17],
            Self::Faults => &[18],
            Self::Flags => &[19],
            Self::Distance => &[20, 21],
            Self::Count => &[22, 23, 25],
        }
    }

    /// Draws a register of the class, to be read as an instruction does.
    pub fn draw(self, rng: &mut Rng, class: RegClass) -> Option<Reg> {
        let registers = self.registers();
        Reg::new(registers[rng.usize(..registers.len())], class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_register_has_one_class_or_one_purpose() {
        let mut all: Vec<u8> = RegisterRole::ALL.iter().flat_map(|class| class.registers()).copied().collect();
        all.extend([DOORBELL, BYTE, LOOP]);
        all.sort_unstable();
        assert_eq!(all, (0..31).collect::<Vec<u8>>());
    }
}
