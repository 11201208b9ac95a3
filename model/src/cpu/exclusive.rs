//! Exclusive loads and stores, and the local monitor between them.
//!
//! Arm ARM C6.2 by instruction name, B2 local monitor; pseudocode `AArch64.ExclusiveMonitorsPass`. A monitor may
//! be lost at any time, so a store that could succeed may always fail.

use arch::{Arg, Op, Reg};

use super::access::{Access, Alignment};
use super::load_store::part;
use super::state::{Core, Executed, Monitor, Stop};
use super::translate::Purpose;

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    fn exclusive(&self, op: Op, base: Reg, size: isa::Access, load: bool) -> Access {
        let plain = self.plain(load, u64::from(size.total()), self.checkable(base, false));
        let access = Access { atomic: true, alignment: Alignment::Ordered, ..plain };
        match op {
            Op::Ldtxr | Op::Ldatxr | Op::Sttxr | Op::Stltxr => self.unprivileged(access),
            _ => access,
        }
    }

    /// LDXR, LDAXR, LDXP, LDAXP, LDTXR, LDATXR.
    pub(super) fn load_exclusive(&mut self, op: Op, args: &[Arg], size: isa::Access) -> Executed {
        let (rt, rt2, base) = match *args {
            [Arg::Reg(rt), Arg::Address(address)] => (rt, None, address.base),
            [Arg::Reg(rt), Arg::Reg(rt2), Arg::Address(address)] => (rt, Some(rt2), address.base),
            _ => return Err(UNKNOWN),
        };
        let va = self.base(base)?;
        let access = self.exclusive(op, base, size, true);
        let mut buffer = [0; 16];
        let bytes = usize::from(size.bytes);
        let unknown = self.load(va, &mut buffer[..usize::from(size.total())], access)?;
        self.cpu.monitor = Some(Monitor { va, bytes: size.total() });
        for (n, register) in [Some(rt), rt2].into_iter().flatten().enumerate() {
            let mut value = [0; 8];
            value[..bytes].copy_from_slice(&buffer[n * bytes..][..bytes]);
            self.set(register, u64::from_le_bytes(value));
            if unknown >> (n * bytes) & part(bytes) != 0 {
                self.forget(register);
            }
        }
        Ok(())
    }

    /// STXR, STLXR, STXP, STLXP, STTXR, STLTXR: the status is 0 if the store was performed.
    pub(super) fn store_exclusive(&mut self, op: Op, args: &[Arg], size: isa::Access) -> Executed {
        let (rs, rt, rt2, base) = match *args {
            [Arg::Reg(rs), Arg::Reg(rt), Arg::Address(address)] => (rs, rt, None, address.base),
            [Arg::Reg(rs), Arg::Reg(rt), Arg::Reg(rt2), Arg::Address(address)] => (rs, rt, Some(rt2), address.base),
            _ => return Err(UNKNOWN),
        };
        let va = self.base(base)?;
        let mut access = self.exclusive(op, base, size, false);
        let bytes = usize::from(size.bytes);
        let mut data = [0; 16];
        data[..bytes].copy_from_slice(&self.get(rt).to_le_bytes()[..bytes]);
        if let Some(rt2) = rt2 {
            data[bytes..2 * bytes].copy_from_slice(&self.get(rt2).to_le_bytes()[..bytes]);
        }
        let data = &data[..usize::from(size.total())];
        for (n, register) in [Some(rt), rt2].into_iter().flatten().enumerate() {
            if self.is_unknown(register) {
                access.unknown |= part(bytes) << (n * bytes);
            }
        }
        let mismatched = self.cpu.monitor.filter(|monitor| usize::from(monitor.bytes) != data.len());
        let passes = self.passes();
        if passes {
            self.store(va, data, access)?;
        } else if let Err(stop) = self.store_would(va, data, access)
            // Whether a fault is noticed before or after the monitor's verdict is the CPU's choice.
            && self.env.choices.choose(2) == 1
        {
            return Err(stop);
        }
        self.cpu.monitor = None;
        self.set(rs, u64::from(!passes));
        if let Some(monitor) = mismatched {
            self.forget_pair(va, data.len(), monitor);
            self.forget(rs);
        }
        Ok(())
    }

    /// A store of another size than was loaded passes or fails. Its status is UNKNOWN then, and so is the data that the
    /// two accessed, as much as the larger of them did (Arm ARM B2, Load-Exclusive and Store-Exclusive instruction usage
    /// restrictions). What cannot be written stays.
    fn forget_pair(&mut self, va: u64, bytes: usize, monitor: Monitor) {
        let larger = u64::from(monitor.bytes).max(bytes as u64);
        for at in (0..larger).flat_map(|n| [va.wrapping_add(n), monitor.va.wrapping_add(n)]) {
            if let Ok(place) = self.translate(at, Purpose::Write, self.cpu.el) {
                self.env.bus.make_unknown(place.ipa, 1);
            }
        }
    }

    /// Asks the local monitor. It may be lost at any time; and a store to another address or of another size than was loaded,
    /// or after the value has changed, may pass all the same.
    fn passes(&mut self) -> bool {
        self.cpu.monitor.is_some() && self.env.choices.choose(2) == 0
    }

    /// Returns whether a store would fault, its tag check apart.
    fn store_would(&mut self, va: u64, data: &[u8], access: Access) -> Executed {
        let probe = Access { checked: false, ..access };
        self.reachable(va, data.len() as u64, probe)
    }

    /// CLREX.
    pub(super) fn clear_exclusive(&mut self) -> Executed {
        self.cpu.monitor = None;
        Ok(())
    }

    /// An exception return clears the monitor (pseudocode `AArch64.ExceptionReturn`).
    pub(super) fn forget_monitor(&mut self) {
        self.cpu.monitor = None;
    }

    /// Returns whether an instruction is an exclusive load (true) or store (false).
    pub(super) fn exclusive_direction(op: Op) -> Option<bool> {
        match op {
            Op::Ldxr | Op::Ldaxr | Op::Ldxp | Op::Ldaxp | Op::Ldtxr | Op::Ldatxr => Some(true),
            Op::Stxr | Op::Stlxr | Op::Stxp | Op::Stlxp | Op::Sttxr | Op::Stltxr => Some(false),
            _ => None,
        }
    }
}

const UNKNOWN: Stop = Stop::Unmodelled("operands of an exclusive access that the model does not know");
