//! AArch64 with the numbers and the order of registers that the [description](crate::description) has.

use std::num::NonZeroUsize;

use gdbstub::arch::{Arch, RegId, Registers};
use gdbstub_arch::aarch64::reg::AArch64CoreRegs;
use machine::debuggee::{FloatRegister, Register};

use crate::description::TAG_CONTROL_NUMBER;

/// The architecture.
#[derive(Debug)]
pub enum AArch64WithTags {}

impl Arch for AArch64WithTags {
    type Usize = u64;
    type Registers = GuestRegisters;
    type BreakpointKind = usize;
    type RegId = RegisterNumber;
}

/// A register by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterNumber {
    /// A register of the machine.
    Of(Register),
    /// A register of SIMD and floating point.
    Float(FloatRegister),
    /// `tag_ctl`.
    TagControl,
}

impl RegisterNumber {
    /// Returns the bytes that it has in packets.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Of(Register::Pstate) | Self::Float(FloatRegister::Fpsr | FloatRegister::Fpcr) => 4,
            Self::Float(FloatRegister::V(_)) => 16,
            Self::Of(_) | Self::TagControl => 8,
        }
    }
}

impl RegId for RegisterNumber {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let number = u16::try_from(id).ok()?;
        let register = match number {
            TAG_CONTROL_NUMBER => Self::TagControl,
            _ => match FloatRegister::from_number(number) {
                Some(float) => Self::Float(float),
                None => Self::Of(Register::from_number(number)?),
            },
        };
        Some((register, NonZeroUsize::new(register.size())))
    }
}

/// The registers of the packets `g` and `G`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestRegisters {
    /// Their values.
    pub values: AArch64CoreRegs,
    /// Whether those of SIMD and floating point are known.
    pub has_float: bool,
}

/// The registers in the order of the packets, which is that of their numbers: FPSR before FPCR. `AArch64CoreRegs` of gdbstub_arch 0.3.3
/// writes FPCR first, against its own description.
fn order() -> impl Iterator<Item = RegisterNumber> {
    (0..TAG_CONTROL_NUMBER)
        .filter_map(|number| RegisterNumber::from_raw_id(number.into()).map(|(register, _)| register))
}

impl GuestRegisters {
    /// Returns a register's value; `None` if it is not known.
    #[must_use]
    pub fn get(&self, register: RegisterNumber) -> Option<u128> {
        let values = &self.values;
        Some(match register {
            RegisterNumber::Of(Register::X(n)) => (*values.x.get(usize::from(n))?).into(),
            RegisterNumber::Of(Register::Sp) => values.sp.into(),
            RegisterNumber::Of(Register::Pc) => values.pc.into(),
            RegisterNumber::Of(Register::Pstate) => values.cpsr.into(),
            RegisterNumber::Float(_) if !self.has_float => return None,
            RegisterNumber::Float(FloatRegister::V(n)) => *values.v.get(usize::from(n))?,
            RegisterNumber::Float(FloatRegister::Fpsr) => values.fpsr.into(),
            RegisterNumber::Float(FloatRegister::Fpcr) => values.fpcr.into(),
            RegisterNumber::Of(Register::System(_)) | RegisterNumber::TagControl => return None,
        })
    }

    /// Sets a register's value; those that are not in the packets are left alone.
    pub fn set(&mut self, register: RegisterNumber, value: u128) {
        let values = &mut self.values;
        match register {
            RegisterNumber::Of(Register::X(n)) => {
                if let Some(x) = values.x.get_mut(usize::from(n)) {
                    *x = value as u64;
                }
            }
            RegisterNumber::Of(Register::Sp) => values.sp = value as u64,
            RegisterNumber::Of(Register::Pc) => values.pc = value as u64,
            RegisterNumber::Of(Register::Pstate) => values.cpsr = value as u32,
            RegisterNumber::Float(FloatRegister::V(n)) => {
                if let Some(v) = values.v.get_mut(usize::from(n)) {
                    *v = value;
                }
            }
            RegisterNumber::Float(FloatRegister::Fpsr) => values.fpsr = value as u32,
            RegisterNumber::Float(FloatRegister::Fpcr) => values.fpcr = value as u32,
            RegisterNumber::Of(Register::System(_)) | RegisterNumber::TagControl => {}
        }
    }

    /// Lists the registers that have a value here, with it.
    pub fn iter(&self) -> impl Iterator<Item = (RegisterNumber, u128)> + '_ {
        order().filter_map(|register| self.get(register).map(|value| (register, value)))
    }

    /// Lists the registers of the packets.
    pub fn all() -> impl Iterator<Item = RegisterNumber> {
        order()
    }
}

impl Registers for GuestRegisters {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.values.pc
    }

    fn gdb_serialize(&self, mut write: impl FnMut(Option<u8>)) {
        for register in order() {
            match self.get(register) {
                Some(value) => value.to_le_bytes().iter().take(register.size()).for_each(|byte| write(Some(*byte))),
                None => (0..register.size()).for_each(|_| write(None)),
            }
        }
    }

    fn gdb_deserialize(&mut self, mut bytes: &[u8]) -> Result<(), ()> {
        for register in order() {
            let (value, rest) = bytes.split_at_checked(register.size()).ok_or(())?;
            let mut padded = [0; 16];
            padded[..value.len()].copy_from_slice(value);
            self.set(register, u128::from_le_bytes(padded));
            bytes = rest;
        }
        self.has_float = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serialized(registers: &GuestRegisters) -> Vec<Option<u8>> {
        let mut bytes = Vec::new();
        registers.gdb_serialize(|byte| bytes.push(byte));
        bytes
    }

    #[test]
    fn the_packet_has_the_order_of_the_description() {
        let mut registers = GuestRegisters { has_float: true, ..GuestRegisters::default() };
        for (value, register) in (1..).zip(GuestRegisters::all()) {
            registers.set(register, value);
        }
        let bytes: Vec<u8> = serialized(&registers).into_iter().flatten().collect();
        // gdb's features/aarch64-core.xml and aarch64-fpu.xml: 33 of 8 bytes, cpsr, 32 of 16, fpsr, fpcr.
        assert_eq!(bytes.len(), 33 * 8 + 4 + 32 * 16 + 4 + 4);
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(8 * 31), word(8 * 32), word(8 * 33)), (1, 32, 33, 34));
        assert_eq!((word(268), word(268 + 512), word(268 + 516)), (35, 67, 68));
        assert_eq!((registers.values.fpsr, registers.values.fpcr), (67, 68));
        let mut back = GuestRegisters::default();
        back.gdb_deserialize(&bytes).unwrap();
        assert_eq!(back, registers);
        assert!(back.gdb_deserialize(&bytes[1..]).is_err());
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let registers = GuestRegisters::default();
        let bytes = serialized(&registers);
        assert!(bytes[..268].iter().all(Option::is_some) && bytes[268..].iter().all(Option::is_none));
        assert_eq!(registers.iter().count(), 34);
    }
}
