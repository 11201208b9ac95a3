//! Predicate constraints, factors, signed immediates and the operations of SVE prefetches.

use alloc::string::ToString;
use alloc::vec::Vec;

use arch::{Arg, Pattern, Prefetch};

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;

/// A predicate constraint in bits 9:5; `all` if left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatternField;

pub(crate) const PATTERN: PatternField = PatternField;

impl PatternField {
    const FIELD: Field = Field::unsigned(5, 5, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for PatternField {
    fn expects(&self) -> &'static str {
        "a pattern such as all, pow2 or vl8, or its number"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Pattern::new(Self::FIELD.read(word) as u8).map(Arg::Pattern)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Pattern(pattern) => Self::FIELD.write("pattern", pattern.bits().into()),
            Arg::Imm(number) => Self::FIELD.write("pattern", number),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        (0..32).filter_map(Pattern::new).map(Arg::Pattern).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Pattern::by_name(name).map(Arg::Pattern).ok_or_else(|| self.wrong_kind(name))
    }

    fn default(&self) -> Option<Arg> {
        Some(Arg::Pattern(Pattern::ALL))
    }
}

/// `mul #1` to `mul #16` in bits 19:16; 1 if left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FactorField;

pub(crate) const FACTOR: FactorField = FactorField;

impl FactorField {
    const FIELD: Field = Field::unsigned(16, 4, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for FactorField {
    fn expects(&self) -> &'static str {
        "a factor mul #1 to mul #16"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::Factor(Self::FIELD.read(word) as u8 + 1))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Factor(factor @ 1..=16) => Self::FIELD.write("factor", i64::from(factor) - 1),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        [1, 2, 16].into_iter().map(Arg::Factor).collect()
    }

    fn default(&self) -> Option<Arg> {
        Some(Arg::Factor(1))
    }
}

/// The operation of a prefetch, bits 3:0: a store or load, the level of cache, the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalablePrefetch;

pub(crate) const SVE_PRFOP: ScalablePrefetch = ScalablePrefetch;

impl ScalablePrefetch {
    const FIELD: Field = Field::unsigned(0, 4, 1);
    /// A store, here and in the operation of PRFM.
    const STORE: (u8, u8) = (1 << 3, 1 << 4);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for ScalablePrefetch {
    fn expects(&self) -> &'static str {
        "a prefetch operation such as pldl1keep, or its number"
    }

    /// The four operations without a name are numbers.
    fn decode(&self, word: u32) -> Option<Arg> {
        let bits = Self::FIELD.read(word) as u8;
        if bits & 0b110 == 0b110 {
            return Some(Arg::Number(bits.into()));
        }
        let store = if bits & Self::STORE.0 != 0 { Self::STORE.1 } else { 0 };
        Prefetch::new(bits & 7 | store).map(Arg::Prefetch)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let value = match arg {
            Arg::Prefetch(operation) if operation.bits() & Self::STORE.0 == 0 => {
                operation.bits() & 7 | if operation.bits() & Self::STORE.1 != 0 { Self::STORE.0 } else { 0 }
            }
            Arg::Imm(value) | Arg::Number(value) => return Self::FIELD.write("prefetch operation", value),
            _ => return Err(self.wrong_kind(&arg.to_string())),
        };
        Self::FIELD.write("prefetch operation", value.into())
    }

    fn samples(&self) -> Vec<Arg> {
        (0..16).filter_map(|bits| self.decode(bits)).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        Prefetch::by_name(name).map(Arg::Prefetch).ok_or_else(|| self.wrong_kind(name))
    }
}

/// A signed immediate that is written in decimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    field: Field,
}

const fn signed(shift: u32, bits: u32) -> Signed {
    Signed { field: Field::signed(shift, bits, 1) }
}

/// The first value or the step of INDEX, at bit 5.
pub(crate) const SIMM5_N: Signed = signed(5, 5);
/// The step of INDEX, or what is compared, at bit 16.
pub(crate) const SIMM5_M: Signed = signed(16, 5);
/// How many vectors RDVL, ADDVL and ADDPL count.
pub(crate) const SIMM6: Signed = signed(5, 6);

impl Signed {
    pub(crate) const fn mask(self) -> u32 {
        self.field.mask()
    }
}

impl Operand for Signed {
    fn expects(&self) -> &'static str {
        "an immediate such as #-16"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::Number(self.field.read(word)))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Imm(number) | Arg::Number(number) => self.field.write("immediate", number),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        self.field.edges().into_iter().map(Arg::Number).collect()
    }
}

/// The immediate of DUP: eight signed bits, and bit 13, which shifts them left by 8 where elements are larger than a byte.
/// Zero has one encoding here, the one that assemblers choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicated;

pub(crate) const REPLICATED: Replicated = Replicated;

impl Replicated {
    const VALUE: Field = Field::signed(5, 8, 1);
    const SHIFTED: u32 = 1 << 13;

    pub(crate) const fn mask(self) -> u32 {
        Self::VALUE.mask() | Self::SHIFTED
    }
}

impl Operand for Replicated {
    fn expects(&self) -> &'static str {
        "an immediate -128 to 127, or a multiple of 256 from -32768 to 32512"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let value = Self::VALUE.read(word);
        let shifted = word & Self::SHIFTED != 0;
        let bytes = word >> 22 & 3 == 0;
        (!shifted || value != 0 && !bytes).then_some(Arg::Number(if shifted { value << 8 } else { value }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Imm(number) | Arg::Number(number) => match Self::VALUE.write("immediate", number) {
                Err(_) if number % 256 == 0 => {
                    Ok(Self::VALUE.write("immediate", number >> 8).map_err(|_| self.wrong_kind(&arg.to_string()))?
                        | Self::SHIFTED)
                }
                written => written,
            },
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word).is_some() { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        [-32768, -128, -1, 0, 1, 127, 256, 32512].into_iter().map(Arg::Number).collect()
    }
}
