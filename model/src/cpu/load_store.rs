//! Loads and stores of registers: what moves, how it is addressed, and what is written back.
//!
//! Arm ARM C6.2 and C7.2 by instruction name. The access itself is in `access.rs`.

use arch::{Address, Addressing, Arg, ExceptionClass, Extend, Indexed, Op, PostIndexed, Reg};

use super::access::{Access, Alignment, RegisterFile};
use super::arithmetic::extended_register;
use super::fault::{exception, undefined};
use super::state::{Core, Executed, Stop};
use super::system_registers::{SA, SA0};
use model_base::{Hypervisor, memory::ByteMask};

mutants::defects!();

/// A register of either file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    General(Reg),
    Simd(u8),
}

/// Where an instruction accesses memory.
#[derive(Clone, Copy)]
pub(super) struct Located {
    pub va: u64,
    /// The base, and what it becomes.
    pub writeback: Option<(Reg, u64)>,
    /// The address lets the access be tag checked.
    pub checked: bool,
}

/// The ways in which loads and stores of registers differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Plain,
    /// As if at EL0.
    Unprivileged,
    /// With acquire or release, so alignment counts.
    Ordered,
}

/// Whether an instruction loads, and how; `None` if it is no load or store of registers.
#[mutants::rules]
fn shape(op: Op) -> Option<(bool, Flavour)> {
    use Flavour::{Ordered, Plain, Unprivileged};
    Some(match op {
        Op::Str | Op::Strb | Op::Strh | Op::Stur | Op::Sturb | Op::Sturh | Op::StrReg | Op::Stp | Op::Stnp => {
            (false, Plain)
        }
        Op::StrSimd | Op::SturSimd | Op::StrRegSimd | Op::StpSimd | Op::StnpSimd => (false, Plain),
        Op::Ldr | Op::Ldrb | Op::Ldrh | Op::Ldur | Op::Ldurb | Op::Ldurh | Op::LdrReg | Op::Ldrs | Op::Ldurs => {
            (true, Plain)
        }
        Op::Ldp | Op::Ldpsw | Op::Ldnp | Op::LdrLiteral | Op::LdrswLiteral => (true, Plain),
        Op::LdrSimd | Op::LdurSimd | Op::LdrRegSimd | Op::LdpSimd | Op::LdnpSimd | Op::LdrLiteralSimd => (true, Plain),
        Op::Sttr | Op::Sttp | Op::Sttnp | Op::SttpSimd | Op::SttnpSimd => (false, Unprivileged),
        Op::Ldtr | Op::Ldtp | Op::Ldtnp | Op::LdtpSimd | Op::LdtnpSimd => (true, Unprivileged),
        Op::Stlr | Op::Stlur | Op::Stllr | Op::Stilp | Op::StlurSimd => (false, Ordered),
        Op::Ldar | Op::Ldlar | Op::Ldapr | Op::Ldapur | Op::Ldiapp | Op::LdapurSimd => (true, Ordered),
        _ => return None,
    })
}

/// Extends what a load read to 64 bits.
#[mutants::rules]
fn extended(value: u64, bytes: u8, signed: bool) -> u64 {
    let unused = 64 - 8 * u32::from(bytes);
    if signed { ((value << unused) as i64 >> unused) as u64 } else { value }
}

/// The lowest `bytes` bytes, 1 to 16.
#[mutants::rules]
pub(super) fn part(bytes: usize) -> ByteMask {
    (1 << bytes) - 1
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Computes the address of an access, and the base's new value if it is written back.
    pub(super) fn address(&self, address: Address) -> Result<(u64, Option<u64>), Stop> {
        let base = self.base(address.base)?;
        let moved = base.wrapping_add_signed(address.offset);
        Ok(match address.addressing {
            Addressing::Offset => (moved, None),
            Addressing::PreIndex => (moved, Some(moved)),
            Addressing::PostIndex => (base, Some(moved)),
        })
    }

    /// Reads a base register; the stack pointer must be a multiple of 16 where SCTLR_EL1.SA or SA0 says so
    /// (pseudocode `CheckSPAlignment`).
    pub(super) fn base(&self, base: Reg) -> Result<u64, Stop> {
        let value = self.get(base);
        let enabled = self.cpu.sys.sctlr & if self.cpu.el == 0 { SA0 } else { SA } != 0;
        if base.is_sp() && value & 15 != 0 && enabled {
            return Err(exception(ExceptionClass::SP_ALIGNMENT, 0));
        }
        Ok(value)
    }

    pub(super) fn write_back(&mut self, base: Reg, value: Option<u64>) {
        if let Some(value) = value {
            self.set(base, value);
        }
    }

    /// Returns whether an address lets its access be checked: not a base of SP with an immediate offset and no
    /// writeback (Arm ARM, Tag Unchecked accesses).
    pub(super) fn checkable(&self, base: Reg, writes_back: bool) -> bool {
        !base.is_sp() || writes_back
    }

    /// Finds where a memory operand points.
    pub(super) fn locate(&self, operand: Arg) -> Result<Located, Stop> {
        match operand {
            Arg::Address(address) => {
                let (va, moved) = self.address(address)?;
                let writeback = moved.map(|moved| (address.base, moved));
                Ok(Located { va, writeback, checked: self.checkable(address.base, writeback.is_some()) })
            }
            Arg::Indexed(Indexed { base, index, extend, .. }) => {
                let Arg::Indexed(indexed) = operand else { return Err(UNKNOWN) };
                let offset = extended_register(self.get(index), Extend { kind: extend, amount: indexed.shift() });
                let va = self.base(base)?.wrapping_add(offset);
                Ok(Located { va, writeback: None, checked: true })
            }
            Arg::PostIndexed(PostIndexed { base, index }) => {
                let va = self.base(base)?;
                let writeback = Some((base, va.wrapping_add(self.get(index))));
                Ok(Located { va, writeback, checked: self.checkable(base, true) })
            }
            Arg::PcOffset(distance) => {
                let va = self.cpu.pc.wrapping_add_signed(distance);
                Ok(Located { va, writeback: None, checked: false })
            }
            _ => Err(UNKNOWN),
        }
    }

    /// A load or store of which nothing is special.
    pub(super) fn plain(&self, load: bool, element: u64, checked: bool) -> Access {
        Access {
            read: load,
            write: !load,
            el: self.cpu.el,
            checks_as: self.cpu.el,
            checked,
            element,
            alignment: Alignment::Configured,
            simple: false,
            atomic: false,
            tags: false,
            registers: RegisterFile::General,
            unknown: 0,
        }
    }

    /// Executes a load or store of registers; `None` if the instruction is none.
    pub(super) fn load_store(&mut self, op: Op, args: &[Arg], size: Option<isa::Access>) -> Option<Executed> {
        let (load, flavour) = shape(op)?;
        if matches!(op, Op::Ldlar | Op::Stllr)
            && let Err(stop) = self.limited_ordering()
        {
            return Some(Err(stop));
        }
        let (Some((operand, transferred)), Some(size)) = (args.split_last(), size) else { return Some(Err(UNKNOWN)) };
        let located = match self.locate(*operand) {
            Ok(located) => located,
            Err(stop) => return Some(Err(stop)),
        };
        let mut registers = [Register::Simd(0); 2];
        let mut count = 0;
        let element = u64::from(size.bytes);
        for arg in transferred {
            match *arg {
                Arg::Reg(register) => registers[count] = Register::General(register),
                Arg::Simd(register) => registers[count] = Register::Simd(register.index()),
                _ => return Some(Err(UNKNOWN)),
            }
            count += 1;
        }
        let registers = &registers[..count];
        let simd = matches!(registers, [Register::Simd(_), ..]);
        let access = Access {
            alignment: if flavour == Flavour::Ordered { Alignment::Ordered } else { Alignment::Configured },
            simple: located.writeback.is_none() && count == 1 && !simd,
            registers: if simd { RegisterFile::Vectors } else { RegisterFile::General },
            ..self.plain(load, element, located.checked)
        };
        let access = if flavour == Flavour::Unprivileged { self.unprivileged(access) } else { access };
        let executed = if load {
            self.load_registers(located.va, registers, size, access)
        } else {
            self.store_registers(located.va, registers, size, access)
        };
        if let Some((base, moved)) = located.writeback
            && executed.is_ok()
        {
            self.write_back(base, Some(moved));
        }
        Some(executed)
    }

    /// Refuses LDLAR and STLLR without FEAT_LOR. KVM does not show the feature and lets a CPU that has it execute them.
    fn limited_ordering(&self) -> Executed {
        match self.env.platform.hypervisor {
            _ if self.env.features.has_limited_ordering() => Ok(()),
            Hypervisor::Board => Err(undefined()),
            Hypervisor::Kvm => Err(Stop::Unmodelled("limited ordering that the ID registers do not show")),
        }
    }

    /// The same access made as if at EL0 (pseudocode `CreateAccDescGPR` with `privileged` false).
    pub(super) fn unprivileged(&self, access: Access) -> Access {
        Access { el: 0, checks_as: 0, ..access }
    }

    fn load_registers(&mut self, va: u64, registers: &[Register], size: isa::Access, access: Access) -> Executed {
        let bytes = usize::from(size.bytes);
        let mut buffer = [0; 32];
        let loaded = self.load(va, &mut buffer[..bytes * registers.len()], access);
        if let Err(stop) = loaded {
            // Registers of a load of several elements that faults are UNKNOWN; general ones are left alone by every CPU.
            if bytes * registers.len() > access.element as usize {
                self.cpu.v_unknown |= registers.iter().fold(0, |all, register| match register {
                    Register::Simd(index) => all | 1 << index,
                    Register::General(_) => all,
                });
            }
            return Err(stop);
        }
        let unknown = loaded?;
        for (n, (register, data)) in registers.iter().zip(buffer.chunks(bytes)).enumerate() {
            self.set_register(*register, data, size);
            if unknown >> (n * bytes) & part(bytes) != 0 {
                match register {
                    Register::General(register) => self.forget(*register),
                    Register::Simd(index) => self.cpu.v_unknown |= 1 << index,
                }
            }
        }
        Ok(())
    }

    fn set_register(&mut self, register: Register, data: &[u8], size: isa::Access) {
        let bytes = usize::from(size.bytes);
        let mut value = [0; 16];
        value[..bytes].copy_from_slice(&data[..bytes]);
        let value = u128::from_le_bytes(value);
        match register {
            Register::General(register) => {
                let value = extended(value as u64, size.bytes, size.signed);
                self.set(register, value);
            }
            Register::Simd(index) => {
                self.set_vector(index, value, 16);
                self.cpu.v_unknown &= !(1 << index);
            }
        }
    }

    fn store_registers(&mut self, va: u64, registers: &[Register], size: isa::Access, access: Access) -> Executed {
        let bytes = usize::from(size.bytes);
        let mut buffer = [0; 32];
        for (n, data) in buffer.chunks_mut(bytes).enumerate().take(registers.len()) {
            let value = match registers[n] {
                Register::General(register) => u128::from(self.get(register)),
                Register::Simd(index) => self.vector(index),
            };
            data.copy_from_slice(&value.to_le_bytes()[..bytes]);
        }
        let unknown = |register: Register| match register {
            Register::General(register) => self.is_unknown(register),
            Register::Simd(index) => self.cpu.v_unknown >> index & 1 != 0,
        };
        let parts = registers.iter().enumerate().filter(|(_, register)| unknown(**register));
        let unknown = parts.fold(0, |mask, (n, _)| mask | part(bytes) << (n * bytes));
        let access = Access { unknown, ..access };
        self.store(va, &buffer[..bytes * registers.len()], access)
    }
}

/// An operand that no load or store had when its rule was written.
const UNKNOWN: Stop = Stop::Unmodelled("a memory operand that the model does not know");
