//! Loads and stores of registers: what moves, how it is addressed, and what is written back.
//!
//! Arm ARM C6.2 and C7.2 by instruction name. The access itself is in `access.rs`.

use isa::{Address, Addressing, Arg, ExceptionClass, Extend, Indexed, Op, PostIndexed, Reg};

use super::access::{Access, Alignment};
use super::arithmetic::extended_register;
use super::fault::exception;
use super::system_registers::{SA, SA0};
use super::{Core, Executed, Stop};
use crate::memory::ByteMask;

crate::defects! {
    WRITEBACK_ON_FAULT "writeback.on-fault" "a load or store that faults writes its base back";
    WRITEBACK_LOST "writeback.lost" "the base is not written back";
    WRITEBACK_TAG_LOST "writeback.tag-lost" "a base that is written back loses its tag";
    SP_CHECKED "check.sp-immediate-checked" "an access by SP and an immediate offset is tag checked";
    SP_NEVER "check.sp-never" "no access by SP is tag checked";
    LITERAL_CHECKED "check.literal-checked" "a load from near the PC is tag checked, with tag 0";
    INDEXED_NEVER "check.register-offset-never" "an access with a register offset is not tag checked";
    PAIR_FIRST "ldp.second-register-lost" "LDP does not load its second register";
    PAIR_SWAPPED "stp.registers-swapped" "STP stores its registers in the wrong order";
    LOAD_ON_FAULT "load.register-changed-by-fault" "a load that takes a tag check fault clears its register";
    LOAD_W_KEEPS "load.w-keeps-upper" "a 32-bit load keeps the upper half of the register";
    LOAD_UNSIGNED "load.sign-lost" "a sign-extending load zero-extends";
    SP_ALIGNMENT "access.sp-alignment-ignored" "a misaligned stack pointer is no fault";
    UNPRIVILEGED_RIGHTS "unprivileged.rights-of-el1" "LDTR and STTR at EL1 have the rights of EL1";
    UNPRIVILEGED_CHECK "unprivileged.checked-as-el1" "LDTR and STTR at EL1 are tag checked by the fields of EL1";
    SIMD_NEVER "simd.unchecked" "loads and stores of SIMD registers are not tag checked";
    SIMD_KEEPS "simd.keeps-upper" "a load of part of a SIMD register keeps the rest";
    LIST_FIRST "ld1.first-register-only" "LD1 of several registers loads only the first";
}

/// A register of either file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    General(Reg),
    Simd(u8),
}

/// Where an instruction accesses memory.
#[derive(Clone, Copy)]
struct Located {
    va: u64,
    /// The base, and what it becomes.
    writeback: Option<(Reg, u64)>,
    /// The address lets the access be tag checked.
    checked: bool,
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
fn shape(op: Op) -> Option<(bool, Flavour)> {
    use Flavour::{Ordered, Plain, Unprivileged};
    Some(match op {
        Op::Str | Op::Strb | Op::Strh | Op::Stur | Op::Sturb | Op::Sturh | Op::StrReg | Op::Stp | Op::Stnp => {
            (false, Plain)
        }
        Op::StrSimd | Op::SturSimd | Op::StrRegSimd | Op::StpSimd | Op::StnpSimd | Op::St1 => (false, Plain),
        Op::Ldr | Op::Ldrb | Op::Ldrh | Op::Ldur | Op::Ldurb | Op::Ldurh | Op::LdrReg | Op::Ldrs | Op::Ldurs => {
            (true, Plain)
        }
        Op::Ldp | Op::Ldpsw | Op::Ldnp | Op::LdrLiteral | Op::LdrswLiteral => (true, Plain),
        Op::LdrSimd | Op::LdurSimd | Op::LdrRegSimd | Op::LdpSimd | Op::LdnpSimd | Op::LdrLiteralSimd | Op::Ld1 => {
            (true, Plain)
        }
        Op::Sttr => (false, Unprivileged),
        Op::Ldtr => (true, Unprivileged),
        Op::Stlr | Op::Stlur => (false, Ordered),
        Op::Ldar | Op::Ldapr | Op::Ldapur => (true, Ordered),
        _ => return None,
    })
}

/// Extends what a load read to the register's width.
fn extended(value: u64, bytes: u8, signed: bool, width: u32) -> u64 {
    let unused = 64 - 8 * u32::from(bytes);
    let value = if signed { ((value << unused) as i64 >> unused) as u64 } else { value };
    if width == 32 { value & 0xffff_ffff } else { value }
}

/// The lowest `bytes` bytes, 1 to 16.
pub(super) const fn part(bytes: usize) -> ByteMask {
    (1 << bytes) - 1
}

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
        if base.is_sp() && value & 15 != 0 && enabled && !self.defect(&SP_ALIGNMENT) {
            return Err(exception(ExceptionClass::SP_ALIGNMENT, 0));
        }
        Ok(value)
    }

    pub(super) fn write_back(&mut self, base: Reg, value: Option<u64>) {
        let Some(mut value) = value else { return };
        if self.defect(&WRITEBACK_LOST) {
            return;
        }
        if self.defect(&WRITEBACK_TAG_LOST) {
            value &= !(0xf << 56);
        }
        self.set(base, value);
    }

    /// Tells whether an address lets its access be checked: not a base of SP with an immediate offset and no
    /// writeback (Arm ARM, Tag Unchecked accesses).
    pub(super) fn checkable(&self, base: Reg, writes_back: bool) -> bool {
        let exempt = base.is_sp() && !writes_back;
        (!exempt || self.defect(&SP_CHECKED)) && !(base.is_sp() && self.defect(&SP_NEVER))
    }

    /// Finds where a memory operand points.
    fn locate(&self, operand: Arg) -> Result<Located, Stop> {
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
                Ok(Located { va, writeback: None, checked: !self.defect(&INDEXED_NEVER) })
            }
            Arg::PostIndexed(PostIndexed { base, index }) => {
                let va = self.base(base)?;
                let writeback = Some((base, va.wrapping_add(self.get(index))));
                Ok(Located { va, writeback, checked: self.checkable(base, true) })
            }
            Arg::Target(distance) => {
                let va = self.cpu.pc.wrapping_add_signed(distance);
                Ok(Located { va, writeback: None, checked: self.defect(&LITERAL_CHECKED) })
            }
            _ => Err(UNKNOWN),
        }
    }

    /// An access of general registers by this address, as if nothing were special about it.
    pub(super) fn plain(&self, element: u64, checked: bool) -> Access {
        Access {
            read: true,
            write: false,
            el: self.cpu.el,
            checks_as: self.cpu.el,
            checked,
            element,
            alignment: Alignment::Configured,
            simple: false,
            atomic: false,
            tags: false,
            unknown: 0,
        }
    }

    /// Executes a load or store of registers; `None` if the instruction is none.
    pub(super) fn load_store(&mut self, op: Op, args: &[Arg], size: Option<isa::Access>) -> Option<Executed> {
        let (load, flavour) = shape(op)?;
        let (Some((operand, transferred)), Some(size)) = (args.split_last(), size) else { return Some(Err(UNKNOWN)) };
        let located = match self.locate(*operand) {
            Ok(located) => located,
            Err(stop) => return Some(Err(stop)),
        };
        let mut registers = [Register::Simd(0); 4];
        let mut count = 0;
        let mut element = u64::from(size.bytes);
        for arg in transferred {
            match *arg {
                Arg::Reg(register) => registers[count] = Register::General(register),
                Arg::Simd(register) => registers[count] = Register::Simd(register.index()),
                Arg::Vectors(list) => {
                    element = u64::from(list.arrangement().element_bytes());
                    for (slot, index) in registers.iter_mut().zip(list.indexes()) {
                        *slot = Register::Simd(index);
                    }
                    count = usize::from(list.count()) - 1;
                }
                _ => return Some(Err(UNKNOWN)),
            }
            count += 1;
        }
        let registers = &registers[..count];
        let simd = matches!(registers, [Register::Simd(_), ..]);
        let access = Access {
            read: load,
            write: !load,
            checked: located.checked && !(simd && self.defect(&SIMD_NEVER)),
            alignment: if flavour == Flavour::Ordered { Alignment::Ordered } else { Alignment::Configured },
            simple: located.writeback.is_none() && count == 1 && !simd,
            ..self.plain(element, true)
        };
        let access = if flavour == Flavour::Unprivileged { self.unprivileged(access) } else { access };
        let executed = if load {
            self.load_registers(located.va, registers, size, access)
        } else {
            self.store_registers(located.va, registers, size, access)
        };
        if let Some((base, moved)) = located.writeback
            && (executed.is_ok() || self.defect(&WRITEBACK_ON_FAULT))
        {
            self.write_back(base, Some(moved));
        }
        Some(executed)
    }

    /// The same access made as if at EL0 (pseudocode `CreateAccDescGPR` with `privileged` false).
    pub(super) fn unprivileged(&self, access: Access) -> Access {
        Access {
            el: if self.defect(&UNPRIVILEGED_RIGHTS) { access.el } else { 0 },
            checks_as: if self.defect(&UNPRIVILEGED_CHECK) { access.checks_as } else { 0 },
            ..access
        }
    }

    fn load_registers(&mut self, va: u64, registers: &[Register], size: isa::Access, access: Access) -> Executed {
        let bytes = usize::from(size.bytes);
        let mut buffer = [0; 64];
        let loaded = self.load(va, &mut buffer[..bytes * registers.len()], access);
        if let Err(stop) = loaded {
            if self.defect(&LOAD_ON_FAULT) && stop.is_tag_check_fault() {
                self.set_register(registers[0], &[0; 16], size);
            }
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
            let lost = match register {
                Register::General(_) => self.defect(&PAIR_FIRST),
                Register::Simd(_) => self.defect(&LIST_FIRST),
            };
            if n == 0 || !lost {
                self.set_register(*register, data, size);
            }
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
                let signed = size.signed && !self.defect(&LOAD_UNSIGNED);
                let width = register.class().width();
                let value = extended(value as u64, size.bytes, signed, width);
                let index = usize::from(register.index());
                let old = self.cpu.x.get(index).copied().unwrap_or(0);
                self.set(register, value);
                if width == 32 && index < 31 && self.defect(&LOAD_W_KEEPS) {
                    self.cpu.x[index] = old & !0xffff_ffff | value;
                }
            }
            Register::Simd(index) => {
                let old = self.cpu.v[usize::from(index)];
                let mut new = [value as u64, (value >> 64) as u64];
                if bytes < 16 && self.defect(&SIMD_KEEPS) {
                    new[1] = old[1];
                }
                self.cpu.v[usize::from(index)] = new;
                self.cpu.v_unknown &= !(1 << index);
            }
        }
    }

    fn store_registers(&mut self, va: u64, registers: &[Register], size: isa::Access, access: Access) -> Executed {
        let bytes = usize::from(size.bytes);
        let mut buffer = [0; 64];
        for (n, data) in buffer.chunks_mut(bytes).enumerate().take(registers.len()) {
            let swapped = registers.len() == 2 && self.defect(&PAIR_SWAPPED);
            let value = match registers[if swapped { 1 - n } else { n }] {
                Register::General(register) => u128::from(self.get(register)),
                Register::Simd(index) => {
                    let [low, high] = self.cpu.v[usize::from(index)];
                    u128::from(high) << 64 | u128::from(low)
                }
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
