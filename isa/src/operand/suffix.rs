//! Operands that are part of the mnemonic: the ordering of an atomic, and the options of memory copies and sets.
//!
//! `{}` marks their position in the mnemonic of a row. They may be empty.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use arch::{Arg, CopyOptions, Order, SetOptions};

/// A memory ordering: one bit for acquire, where there is one, and one for release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderBits {
    acquire: Option<Field>,
    release: Field,
}

/// The ordering of LDADD, SWP and the other atomics but CAS and CASP.
pub(crate) const ORDER: OrderBits =
    OrderBits { acquire: Some(Field::unsigned(23, 1, 1)), release: Field::unsigned(22, 1, 1) };
/// The ordering of an atomic that returns nothing.
pub(crate) const RELEASE: OrderBits = OrderBits { acquire: None, ..ORDER };
/// The ordering of CAS and CASP.
pub(crate) const CAS_ORDER: OrderBits =
    OrderBits { acquire: Some(Field::unsigned(22, 1, 1)), release: Field::unsigned(15, 1, 1) };

impl OrderBits {
    pub(crate) const fn mask(self) -> u32 {
        let acquire = match self.acquire {
            Some(field) => field.mask(),
            None => 0,
        };
        acquire | self.release.mask()
    }

    fn has(self, order: Order) -> bool {
        self.acquire.is_some() || !order.acquires()
    }
}

impl Operand for OrderBits {
    fn expects(&self) -> &'static str {
        if self.acquire.is_some() { "an ordering a, l, al or nothing" } else { "an ordering l or nothing" }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let acquire = self.acquire.map_or(0, |field| field.read(word));
        Some(Arg::Order(Order::ALL[(acquire << 1 | self.release.read(word)) as usize]))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        match arg {
            Arg::Order(order) if self.has(order) => {
                let acquire = self.acquire.map_or(Ok(0), |field| field.write("ordering", order.acquires().into()))?;
                Ok(acquire | self.release.write("ordering", order.releases().into())?)
            }
            _ => Err(self.wrong_kind(&arg.to_string())),
        }
    }

    fn samples(&self) -> Vec<Arg> {
        Order::ALL.into_iter().filter(|order| self.has(*order)).map(Arg::Order).collect()
    }

    fn by_name(&self, name: &str) -> Result<Arg, OperandError> {
        let mut orders = Order::ALL.into_iter().filter(|order| self.has(*order));
        orders
            .find(|order| order.name().eq_ignore_ascii_case(name))
            .map(Arg::Order)
            .ok_or_else(|| self.wrong_kind(name))
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
