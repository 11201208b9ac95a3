//! Operands that are part of the mnemonic: the ordering of an atomic, and the options of memory copies and sets.
//!
//! `{}` marks their position in the mnemonic of a row. They may be empty.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, CopyOptions, Order, SetOptions};

/// A memory ordering: one bit for acquire and one for release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderBits {
    acquire: Field,
    release: Field,
}

/// The ordering of LDADD, SWP and the other atomics but CAS and CASP.
pub(crate) const ORDER: OrderBits =
    OrderBits { acquire: Field::unsigned(23, 1, 1), release: Field::unsigned(22, 1, 1) };
/// The ordering of CAS and CASP.
pub(crate) const CAS_ORDER: OrderBits =
    OrderBits { acquire: Field::unsigned(22, 1, 1), release: Field::unsigned(15, 1, 1) };

impl OrderBits {
    pub(crate) const fn mask(self) -> u32 {
        self.acquire.mask() | self.release.mask()
    }
}

impl Operand for OrderBits {
    fn expects(&self) -> &'static str {
        "an ordering a, l, al or nothing"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        Some(Arg::Order(Order::ALL[(self.acquire.read(word) << 1 | self.release.read(word)) as usize]))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Order(order) => Ok(self.acquire.write("ordering", i64::from(order.acquires()))?
                | self.release.write("ordering", i64::from(order.releases()))?),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        Order::ALL.into_iter().map(Arg::Order).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let found = Order::ALL.into_iter().find(|order| order.name().eq_ignore_ascii_case(name));
        found.map(Arg::Order).ok_or_else(|| self.wrong_kind(name))
    }
}

/// The options of CPY*, bits 15:12.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CopySuffix;

pub(crate) const COPY_OPTIONS: CopySuffix = CopySuffix;

impl CopySuffix {
    const FIELD: Field = Field::unsigned(12, 4, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for CopySuffix {
    fn expects(&self) -> &'static str {
        "options such as t, n, wt, rn or nothing"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        CopyOptions::new(Self::FIELD.read(word) as u8).map(Arg::CopyOptions)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::CopyOptions(options) => Self::FIELD.write("options", i64::from(options.bits())),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        CopyOptions::all().map(Arg::CopyOptions).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let found = CopyOptions::all().find(|options| options.name().eq_ignore_ascii_case(name));
        found.map(Arg::CopyOptions).ok_or_else(|| self.wrong_kind(name))
    }
}

/// The options of SET* and SETG*, bits 13:12.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetSuffix;

pub(crate) const SET_OPTIONS: SetSuffix = SetSuffix;

impl SetSuffix {
    const FIELD: Field = Field::unsigned(12, 2, 1);

    pub(crate) const fn mask(self) -> u32 {
        Self::FIELD.mask()
    }
}

impl Operand for SetSuffix {
    fn expects(&self) -> &'static str {
        "options t, n, tn or nothing"
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        SetOptions::new(Self::FIELD.read(word) as u8).map(Arg::SetOptions)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::SetOptions(options) => Self::FIELD.write("options", i64::from(options.bits())),
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        SetOptions::all().map(Arg::SetOptions).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let found = SetOptions::all().find(|options| options.name().eq_ignore_ascii_case(name));
        found.map(Arg::SetOptions).ok_or_else(|| self.wrong_kind(name))
    }
}
