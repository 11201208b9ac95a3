//! The distance of ADR and ADRP: 21 bits in two places, counted in bytes or in pages of 4 KiB.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::arg::Arg;
use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;

/// A distance in bytes: of ADR from the instruction, of ADRP from the page that the instruction lies in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    /// The distance, as if its 21 bits stood in one place at bit 0.
    whole: Field,
    takes_label: bool,
}

/// 1 MiB either way, to the byte.
pub(crate) const NEAR: Near = Near { whole: Field::signed(0, 21, 1), takes_label: true };
/// 4 GiB either way, in pages. It takes no label: how far that is in pages depends on where the program lies.
pub(crate) const NEAR_PAGE: Near = Near { whole: Field::signed(0, 21, 4096), takes_label: false };

const LOW: Field = Field::unsigned(29, 2, 1);
const HIGH: Field = Field::unsigned(5, 19, 1);

impl Near {
    pub(crate) const fn mask(self) -> u32 {
        LOW.mask() | HIGH.mask()
    }
}

impl Operand for Near {
    fn expects(&self) -> &'static str {
        if self.takes_label { "a target such as .+8 or a label" } else { "a distance in pages such as .+4096" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let joined = HIGH.read(word) << 2 | LOW.read(word);
        Some(Arg::Target(self.whole.read(joined as u32)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let Arg::Target(distance) = arg else { return Err(self.wrong_kind(&arg.to_string())) };
        let joined = i64::from(self.whole.write("distance", distance)?);
        Ok(LOW.write("distance", joined & 3)? | HIGH.write("distance", joined >> 2)?)
    }

    fn samples(&self) -> Vec<Arg> {
        self.whole.edges().into_iter().map(Arg::Target).collect()
    }

    fn takes_label(&self) -> bool {
        self.takes_label
    }
}
