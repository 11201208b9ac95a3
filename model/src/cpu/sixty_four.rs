//! Loads and stores of 64 bytes (FEAT_LS64): LD64B, ST64B, ST64BV and ST64BV0.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `CheckLDST64BEnabled` and its kin, `MemLoad64B`, `MemStore64B`,
//! `MemStore64BWithRet`. Whether memory supports them is IMPLEMENTATION DEFINED; if not, they fault or are done byte by byte.

use arch::{Arg, ExceptionClass, FaultStatus, Op, Reg, RegClass};

use super::access::{Access, Alignment};
use super::fault::{Abort, Exception, exception};
use super::state::{Core, Executed, Stop};
use super::system_registers::{ENALS, ENAS0, ENASR};
use model_base::memory::ByteMask;

mutants::defects!();

/// Registers that are transferred, and bytes.
const REGISTERS: u8 = 8;
const BYTES: usize = 64;
/// The low word of ST64BV0 is ACCDATA_EL1's, which no block can write.
const ACCDATA: ByteMask = 0xf;
/// ESR_EL1.ISS.LST of a data abort.
const LST_SHIFT: u32 = 11;

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes a load or store of 64 bytes.
    pub(super) fn sixty_four_bytes(&mut self, op: Op, args: &[Arg]) -> Executed {
        // What enables it at EL0, the ISS of its trap, and ESR_EL1.LST of its data aborts.
        let (enable, trapped, lst) = match op {
            Op::St64bv => (ENASR, 0, 0b01),
            Op::St64bv0 => (ENAS0, 1, 0b11),
            _ => (ENALS, 2, 0b10),
        };
        if self.cpu.el == 0 && self.cpu.sys.sctlr & enable == 0 {
            return Err(exception(ExceptionClass::LD64B_ST64B, trapped));
        }
        let (status, first, address) = match *args {
            [Arg::Reg(first), Arg::Address(address)] => (None, first, address),
            [Arg::Reg(status), Arg::Reg(first), Arg::Address(address)] => (Some(status), first, address),
            _ => return Err(Stop::Unmodelled("operands of a 64-byte access that the model does not know")),
        };
        let va = self.base(address.base)?;
        let load = op == Op::Ld64b;
        let plain = self.plain(load, BYTES as u64, self.checkable(address.base, false));
        let access = Access { alignment: Alignment::Always, ..plain };
        let parts = self.memory(va, BYTES as u64, access).map_err(|stop| stop.with_lst(lst))?;
        if self.env.choices.choose(2) == 1 {
            // ESR_EL1.WnR is UNKNOWN then.
            let status = FaultStatus::UNSUPPORTED_ATOMIC;
            return Err(self.data_abort(Abort { status, va, write: !load, cache: false }));
        }
        let mut data = [0; BYTES];
        if load {
            let unknown = self.read_parts(&parts, &mut data)?;
            self.set_eight(first, &data, unknown);
            return Ok(());
        }
        let unknown = self.eight(first, &mut data);
        let unknown = if op == Op::St64bv0 { unknown | ACCDATA } else { unknown };
        // The status says whether the device accepted the store; memory may as well not.
        if status.is_none() || self.env.choices.choose(2) == 0 {
            self.write_parts(&parts, &data, unknown)?;
        }
        if let Some(status) = status {
            self.set(status, 0);
            self.forget(status);
        }
        Ok(())
    }

    /// Writes eight registers from `first` on.
    fn set_eight(&mut self, first: Reg, data: &[u8; BYTES], unknown: ByteMask) {
        let (values, _) = data.as_chunks::<8>();
        for (n, value) in values.iter().enumerate() {
            let Some(register) = Reg::new(first.index() + n as u8, RegClass::X) else { continue };
            self.set(register, u64::from_le_bytes(*value));
            if unknown >> (8 * n) & 0xff != 0 {
                self.forget(register);
            }
        }
    }

    /// Reads eight registers from `first` on, and returns which bytes are UNKNOWN.
    fn eight(&self, first: Reg, data: &mut [u8; BYTES]) -> ByteMask {
        let mut unknown = 0;
        let registers = (0..REGISTERS).filter_map(|n| Reg::new(first.index() + n, RegClass::X));
        for (n, register) in registers.enumerate() {
            data[8 * n..8 * n + 8].copy_from_slice(&self.get(register).to_le_bytes());
            if self.is_unknown(register) {
                unknown |= 0xff << (8 * n);
            }
        }
        unknown
    }
}

/// Returns whether a fault is one of translation, access flag or permission.
#[mutants::rules]
fn has_load_store_type(status: FaultStatus) -> bool {
    matches!(status.bits() >> 2, 1..=3)
}

#[mutants::rules]
impl Stop {
    /// Says in ESR_EL1.LST which instruction it was, of a fault of translation or permission (pseudocode
    /// `AArch64.FaultSyndrome`).
    fn with_lst(self, lst: u32) -> Self {
        match self {
            Self::Exception(exception) if exception.esr.dfsc().is_some_and(has_load_store_type) => {
                let esr = arch::Syndrome::new(exception.esr.class(), exception.esr.iss() | lst << LST_SHIFT);
                Self::Exception(Exception { esr, ..exception })
            }
            other => other,
        }
    }
}
