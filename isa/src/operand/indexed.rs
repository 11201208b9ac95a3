//! Memory operands with a register offset: base at bit 5, index at bit 16.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use crate::operand::register::{WM, XM, XN_SP};
use arch::{Arg, ExtendKind, Indexed, PostIndexed, Reg, RegClass};

/// `[x1, x2, lsl #3]`: the extension is in bits 15:13, and bit 12 (S) selects whether the index is shifted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index {
    /// The shift: the binary logarithm of the access size in bytes.
    scale: u8,
}

pub(crate) const INDEX_1: Index = Index { scale: 0 };
pub(crate) const INDEX_2: Index = Index { scale: 1 };
pub(crate) const INDEX_4: Index = Index { scale: 2 };
pub(crate) const INDEX_8: Index = Index { scale: 3 };
pub(crate) const INDEX_16: Index = Index { scale: 4 };

impl Index {
    const EXTEND: Field = Field::unsigned(13, 3, 1);
    /// S: the index is shifted.
    const SCALED: u32 = 1 << 12;
    /// The extensions of words and doublewords; the other four encodings are reserved.
    const EXTENDS: [ExtendKind; 4] = [ExtendKind::Uxtw, ExtendKind::Uxtx, ExtendKind::Sxtw, ExtendKind::Sxtx];

    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask() | XM.mask() | Self::EXTEND.mask() | Self::SCALED
    }
}

impl Operand for Index {
    fn expects(&self) -> &'static str {
        match self.scale {
            0 => "an address such as [x1, x2] or [x1, w2, uxtw]",
            1 => "an address such as [x1, x2, lsl #1] or [x1, w2, uxtw #1]",
            2 => "an address such as [x1, x2, lsl #2] or [x1, w2, uxtw #2]",
            3 => "an address such as [x1, x2, lsl #3] or [x1, w2, uxtw #3]",
            _ => "an address such as [x1, x2, lsl #4] or [x1, w2, uxtw #4]",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let extend = ExtendKind::ALL[Self::EXTEND.read(word) as usize];
        if !Self::EXTENDS.contains(&extend) {
            return None;
        }
        let Some(Arg::Reg(base)) = XN_SP.decode(word) else { return None };
        let index = if extend.bits() == 64 { XM.decode(word) } else { WM.decode(word) };
        let Some(Arg::Reg(index)) = index else { return None };
        let amount = (word & Self::SCALED != 0).then_some(self.scale);
        Some(Arg::Indexed(Indexed { base, index, extend, amount }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let Arg::Indexed(Indexed { base, index, extend, amount }) = arg else {
            return Err(self.wrong_kind(&arg.to_string()));
        };
        let scaled = match amount {
            None => 0,
            Some(amount) if amount == self.scale => Self::SCALED,
            Some(0) => 0,
            Some(amount) => {
                // An amount of 0 is valid as well, but is rarely meant.
                let (value, only) = (i64::from(amount), i64::from(self.scale));
                return Err(OperandError::OutOfRange { what: "shift amount", value, min: only, max: only });
            }
        };
        if !Self::EXTENDS.contains(&extend) {
            return Err(self.wrong_kind(&arg.to_string()));
        }
        let kind = if extend.bits() == 64 { XM } else { WM };
        let index = kind.encode(Arg::Reg(index)).map_err(|_| self.wrong_kind(&arg.to_string()))?;
        Ok(XN_SP.encode(Arg::Reg(base))? | index | Self::EXTEND.write("extension", extend as i64)? | scaled)
    }

    fn samples(&self) -> Vec<Arg> {
        let mut samples = Vec::new();
        for (base, index) in [(0, 1), (2, 30), (30, 2), (Reg::INDEX_31, 0), (1, Reg::INDEX_31)] {
            for extend in Self::EXTENDS {
                let class = if extend.bits() == 64 { RegClass::X } else { RegClass::W };
                let registers = Reg::new(base, RegClass::XSp).zip(Reg::new(index, class));
                samples.extend(registers.into_iter().flat_map(|(base, index)| {
                    [None, Some(self.scale)].map(|amount| Arg::Indexed(Indexed { base, index, extend, amount }))
                }));
            }
        }
        samples
    }
}

/// `[x1], x2`; index 31 encodes the immediate post-index instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostIndex;

pub(crate) const POST_XM: PostIndex = PostIndex;

impl PostIndex {
    pub(crate) const fn mask(self) -> u32 {
        XN_SP.mask() | XM.mask()
    }
}

impl Operand for PostIndex {
    fn expects(&self) -> &'static str {
        "an address such as [x1], x2"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        match (XN_SP.decode(word), XM.decode(word)) {
            (Some(Arg::Reg(base)), Some(Arg::Reg(index))) if !index.is_zero() => {
                Some(Arg::PostIndexed(PostIndexed { base, index }))
            }
            _ => None,
        }
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::PostIndexed(PostIndexed { base, index }) if index.index() != Reg::INDEX_31 => {
                Ok(XN_SP.encode(Arg::Reg(base))? | XM.encode(Arg::Reg(index))?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        let pairs = [(0, 0), (2, 30), (30, 1), (Reg::INDEX_31, 2)];
        let registers = pairs.map(|(base, index)| Reg::new(base, RegClass::XSp).zip(Reg::x(index)));
        registers.into_iter().flatten().map(|(base, index)| Arg::PostIndexed(PostIndexed { base, index })).collect()
    }
}
