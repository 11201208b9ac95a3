//! Reading and writing what the guest has.

use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::base::singlethread::{SingleThreadBase, SingleThreadResumeOps};
use gdbstub::target::{TargetError, TargetResult};
use machine::debuggee::{DebuggeeError, Register, SystemRegister};

use super::{CPU, Guest, GuestRegisters, RegisterNumber, refused};
use machine::debugger_needs;

/// Memory is read page by page where a whole read fails: debuggers ask for more than there is.
const PAGE: u64 = 4096;

impl Guest<'_> {
    fn value(&mut self, register: RegisterNumber) -> Result<u128, DebuggeeError> {
        Ok(match register {
            RegisterNumber::Of(register) => self.board.register(CPU, register)?.into(),
            RegisterNumber::Float(register) => self.board.float_register(CPU, register)?,
            RegisterNumber::TagControl => {
                let sctlr = self.board.register(CPU, Register::System(SystemRegister::SctlrEl1))?;
                let gcr = self.board.register(CPU, Register::System(SystemRegister::GcrEl1))?;
                debugger_needs::tag_control(sctlr, gcr).into()
            }
        })
    }

    fn set_value(&mut self, register: RegisterNumber, value: u128) -> TargetResult<(), Self> {
        match register {
            RegisterNumber::Of(register) => {
                let value = u64::try_from(value).map_err(|_| TargetError::NonFatal)?;
                self.board.set_register(CPU, register, value).map_err(refused)
            }
            RegisterNumber::Float(register) => self.board.set_float_register(CPU, register, value).map_err(refused),
            // It shows SCTLR_EL1 and GCR_EL1, which can be written themselves.
            RegisterNumber::TagControl => Err(TargetError::NonFatal),
        }
    }
}

impl SingleThreadBase for Guest<'_> {
    fn read_registers(&mut self, registers: &mut GuestRegisters) -> TargetResult<(), Self> {
        registers.has_float = true;
        for register in GuestRegisters::all() {
            match self.value(register) {
                Ok(value) => registers.set(register, value),
                Err(DebuggeeError::NoFloatRegister(_)) => registers.has_float = false,
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    fn write_registers(&mut self, registers: &GuestRegisters) -> TargetResult<(), Self> {
        registers.iter().try_for_each(|(register, value)| self.set_value(register, value))
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        match self.board.read(CPU, start, data) {
            Ok(()) => return Ok(data.len()),
            Err(DebuggeeError::Lost(error)) => return Err(refused(error.into())),
            Err(_) => {}
        }
        let mut done = 0;
        while done < data.len() {
            let at = start.wrapping_add(done as u64);
            let length = ((PAGE - at % PAGE) as usize).min(data.len() - done);
            match self.board.read(CPU, at, &mut data[done..done + length]) {
                Ok(()) => done += length,
                Err(error) if done == 0 => return Err(refused(error)),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn write_addrs(&mut self, start: u64, data: &[u8]) -> TargetResult<(), Self> {
        self.board.write(CPU, start, data).map_err(refused)
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<()> for Guest<'_> {
    fn read_register(&mut self, (): (), register: RegisterNumber, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let value = self.value(register).map_err(refused)?.to_le_bytes();
        let size = register.size();
        buffer.get_mut(..size).ok_or(TargetError::NonFatal)?.copy_from_slice(&value[..size]);
        Ok(size)
    }

    fn write_register(&mut self, (): (), register: RegisterNumber, value: &[u8]) -> TargetResult<(), Self> {
        let mut padded = [0; 16];
        padded.get_mut(..value.len()).ok_or(TargetError::NonFatal)?.copy_from_slice(value);
        self.set_value(register, u128::from_le_bytes(padded))
    }
}
