//! The offset of ADR and ADRP: 21 bits in two fields, in bytes or in 4 KiB pages.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::Arg;

/// An offset in bytes: of ADR from the instruction, of ADRP from the 4 KiB page that contains the instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdrOffset {
    /// The offset as if `immhi:immlo` were one field at bit 0.
    joined: Field,
    takes_label: bool,
}

/// The offset of ADR: -1 MiB to 1 MiB - 1, in bytes.
pub(crate) const REL21: AdrOffset = AdrOffset { joined: Field::signed(0, 21, 1), takes_label: true };
/// The offset of ADRP: about 4 GiB either way, in pages. A label is rejected, because the distance in pages depends on
/// the address of the program.
pub(crate) const REL21_PAGES: AdrOffset = AdrOffset { joined: Field::signed(0, 21, 4096), takes_label: false };

const IMMLO: Field = Field::unsigned(29, 2, 1);
const IMMHI: Field = Field::unsigned(5, 19, 1);

impl AdrOffset {
    pub(crate) const fn mask(self) -> u32 {
        IMMLO.mask() | IMMHI.mask()
    }
}

impl Operand for AdrOffset {
    fn expects(&self) -> &'static str {
        if self.takes_label { "a target such as .+8 or a label" } else { "an offset in pages such as .+4096" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let joined = IMMHI.read(word) << 2 | IMMLO.read(word);
        Some(Arg::PcOffset(self.joined.read(joined as u32)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let offset = match arg {
            Arg::PcOffset(offset) => offset,
            Arg::Imm(offset) if self.takes_label => offset,
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        let joined = i64::from(self.joined.write("target offset", offset)?);
        Ok(IMMLO.write("target offset", joined & 3)? | IMMHI.write("target offset", joined >> 2)?)
    }

    fn samples(&self) -> Vec<Arg> {
        self.joined.edges().into_iter().map(Arg::PcOffset).collect()
    }

    fn takes_label(&self) -> bool {
        self.takes_label
    }
}
