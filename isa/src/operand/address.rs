//! Memory operands with an immediate offset: a base register at bit 5, an offset field and an addressing mode.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::field::Field;
use crate::operand::register::XN_SP;
use arch::{Address, Addressing, Arg, Reg, RegClass};

/// An address with an immediate offset or without an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mem {
    offset: Option<Field>,
    addressing: Addressing,
}

const fn mem(offset: Field, addressing: Addressing) -> Mem {
    Mem { offset: Some(offset), addressing }
}

/// Defines the three addressing modes of a load or store with one offset field.
macro_rules! modes {
    ($field:expr; $offset:ident $pre:ident $post:ident) => {
        pub(crate) const $offset: Mem = mem($field, Addressing::Offset);
        pub(crate) const $pre: Mem = mem($field, Addressing::PreIndex);
        pub(crate) const $post: Mem = mem($field, Addressing::PostIndex);
    };
}

/// `[x1]`, without an offset.
pub(crate) const BASE: Mem = Mem { offset: None, addressing: Addressing::Offset };
modes!(Field::signed(12, 9, 16); OFF9_TAG PRE9_TAG POST9_TAG);
modes!(Field::signed(12, 9, 1); OFF9 PRE9 POST9);
modes!(Field::signed(15, 7, 4); OFF7_4 PRE7_4 POST7_4);
modes!(Field::signed(15, 7, 8); OFF7_8 PRE7_8 POST7_8);
modes!(Field::signed(15, 7, 16); OFF7_16 PRE7_16 POST7_16);
pub(crate) const OFF10_8: Mem = mem(Field::split(22, 12, 10, 8), Addressing::Offset);
pub(crate) const PRE10_8: Mem = mem(Field::split(22, 12, 10, 8), Addressing::PreIndex);
pub(crate) const OFF12_1: Mem = mem(Field::unsigned(10, 12, 1), Addressing::Offset);
pub(crate) const OFF12_2: Mem = mem(Field::unsigned(10, 12, 2), Addressing::Offset);
pub(crate) const OFF12_4: Mem = mem(Field::unsigned(10, 12, 4), Addressing::Offset);
pub(crate) const OFF12_8: Mem = mem(Field::unsigned(10, 12, 8), Addressing::Offset);
pub(crate) const OFF12_16: Mem = mem(Field::unsigned(10, 12, 16), Addressing::Offset);
/// The offsets of SVE's replicating loads: of an element, and of 16 and 32 bytes.
pub(crate) const IMM6_1: Mem = mem(Field::unsigned(16, 6, 1), Addressing::Offset);
pub(crate) const IMM6_2: Mem = mem(Field::unsigned(16, 6, 2), Addressing::Offset);
pub(crate) const IMM6_4: Mem = mem(Field::unsigned(16, 6, 4), Addressing::Offset);
pub(crate) const IMM6_8: Mem = mem(Field::unsigned(16, 6, 8), Addressing::Offset);
pub(crate) const IMM4_16: Mem = mem(Field::signed(16, 4, 16), Addressing::Offset);
pub(crate) const IMM4_32: Mem = mem(Field::signed(16, 4, 32), Addressing::Offset);

impl Mem {
    pub(crate) const fn mask(self) -> u32 {
        let offset = match self.offset {
            Some(field) => field.mask(),
            None => 0,
        };
        XN_SP.mask() | offset
    }
}

impl Operand for Mem {
    fn expects(&self) -> &'static str {
        match (self.addressing, self.offset) {
            (_, None) => "an address without an offset, such as [x1]",
            (Addressing::Offset, _) => "an address such as [x1, #16]",
            (Addressing::PreIndex, _) => "an address such as [x1, #16]!",
            (Addressing::PostIndex, _) => "an address such as [x1], #16",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let Some(Arg::Reg(base)) = XN_SP.decode(word) else { return None };
        let offset = self.offset.map_or(0, |field| field.read(word));
        Some(Arg::Address(Address { base, offset, addressing: self.addressing }))
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let Arg::Address(address) = arg else { return Err(self.wrong_kind(&arg.to_string())) };
        let offset_fits = self.offset.is_some() || address.offset == 0;
        if address.addressing != self.addressing || !offset_fits {
            return Err(self.wrong_kind(&arg.to_string()));
        }
        let offset = self.offset.map_or(Ok(0), |field| field.write("offset", address.offset))?;
        Ok(XN_SP.encode(Arg::Reg(address.base))? | offset)
    }

    fn samples(&self) -> Vec<Arg> {
        let offsets = self.offset.map_or_else(|| vec![0], Field::edges);
        let addressing = self.addressing;
        [0, 2, 30, Reg::INDEX_31]
            .into_iter()
            .filter_map(|index| Reg::new(index, RegClass::XSp))
            .flat_map(|base| offsets.iter().map(move |&offset| Arg::Address(Address { base, offset, addressing })))
            .collect()
    }
}
