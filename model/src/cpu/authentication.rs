//! Pointer authentication (FEAT_PAuth): the instructions, their keys, and where they are UNDEFINED.
//!
//! What comes of a pointer is in [`pauth`]. SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB} enable the keys; while one is disabled PAC* and
//! AUT* by it do nothing (pseudocode `AddPACIA`, `AuthIA` and their like begin with that). XPAC* strips whatever they say, and
//! PACGA always computes. LDRAA and LDRAB authenticate their base first, and the address that they load from has the tag of what
//! comes of it.

use abi::map;
use arch::{Addressing, Arg, ExceptionClass, Op, Reg};
use pauth::{Failed, Key, KeyName, Layout, Purpose, Scheme, operands};

use super::fault::{exception, undefined};
use super::state::{Core, Executed, Stop};
use super::system_registers::TBI0_SHIFT;
use model_base::Hypervisor;

mutants::defects!();

/// The place of the generic key among the keys.
const GENERIC: usize = 4;
const UNDISCLOSED: Stop = Stop::Unmodelled("a pointer authentication code that is IMPLEMENTATION DEFINED");
const NOT_KNOWN: Stop = Stop::Unmodelled("a pointer authentication code of a register that is UNKNOWN");

#[mutants::rules]
impl Core<'_, '_> {
    /// Where a pointer to data or to instructions has its code. TCR_EL1.TBIDn is 0, so that the top byte of either is ignored alike.
    fn layout(&self, pointer: u64, of_data: bool) -> Layout {
        Layout {
            address_bits: map::VA_BITS,
            tbi: self.tbi(pointer),
            mtx: of_data && self.mtx(pointer),
            by_bit_55: self.cpu.sys.tcr >> TBI0_SHIFT & 0b11 != 0,
        }
    }

    fn key(&self, place: usize) -> Key {
        let keys = &self.cpu.sys.keys;
        Key { lo: keys[2 * place], hi: keys[2 * place + 1] }
    }

    /// A pointer without its code.
    fn stripped(&self, pointer: u64, of_data: bool) -> u64 {
        self.layout(pointer, of_data).stripped(pointer)
    }

    /// XPACI, XPACD, XPACLRI. A register that is UNKNOWN stays so.
    fn strip(&mut self, register: Reg, of_data: bool) {
        let (unknown, value) = (self.is_unknown(register), self.stripped(self.get(register), of_data));
        self.set(register, value);
        if unknown {
            self.forget(register);
        }
    }

    /// PACGA: a code in the upper half (pseudocode `ComputePAC`).
    fn generic_code(&mut self, rd: Reg, rn: Reg, rm: Reg) -> Executed {
        let Some(scheme) = Scheme::of_data(self.env.features) else { return Err(undefined()) };
        let unknown = self.is_unknown(rn) || self.is_unknown(rm);
        let code = scheme.code(self.get(rn), self.get(rm), self.key(GENERIC)).filter(|_| !unknown);
        self.set(rd, code.unwrap_or(0) & 0xffff_ffff << 32);
        if code.is_none() {
            self.forget(rd);
        }
        Ok(())
    }

    /// Returns whether the CPU has pointer authentication of addresses. KVM hides it from a VM that did not ask for it; a CPU
    /// that has it then still executes what no key controls, or what is controlled by a key that is disabled (Arm ARM,
    /// HCR_EL2.API).
    fn authenticates(&mut self) -> bool {
        let hidden = self.env.platform.hypervisor == Hypervisor::Kvm;
        self.env.features.has_address_authentication() || hidden && self.env.choices.choose(2) == 1
    }

    fn is_enabled(&self, key: KeyName) -> bool {
        self.cpu.sys.sctlr & key.enable() != 0
    }

    /// PAC* and AUT*. Those without operands are hints: without the feature they do nothing, but where KVM hides it from a VM that
    /// enabled the key all the same they are UNDEFINED (`kvm_handle_ptrauth`).
    fn sign_or_authenticate(&mut self, op: Op, args: &[Arg]) -> Executed {
        let Some((key, signs)) = KeyName::of(op) else {
            return Err(Stop::Unmodelled("an instruction that the model does not know"));
        };
        let hint = args.is_empty();
        if !self.is_enabled(key) {
            return if hint || self.authenticates() { self.without_key() } else { Err(undefined()) };
        }
        let Some(scheme) = Scheme::of_addresses(self.env.features) else {
            let trapped = self.authenticates();
            return if hint && !trapped { Ok(()) } else { Err(undefined()) };
        };
        let (rd, modifier) = operands(op, args);
        if self.is_unknown(rd) || self.is_unknown(modifier) {
            return Err(NOT_KNOWN);
        }
        let (pointer, modifier) = (self.get(rd), self.get(modifier));
        let result = if signs {
            let layout = self.layout(pointer, key.is_of_data());
            scheme.sign(pointer, modifier, self.key(key as usize), layout).ok_or(UNDISCLOSED)?
        } else {
            self.authentic(scheme, key, pointer, modifier, false)?
        };
        self.set(rd, result);
        Ok(())
    }

    /// PAC* and AUT* while their key is disabled.
    fn without_key(&self) -> Executed {
        Ok(())
    }

    /// Authenticates a pointer (pseudocode `Auth`); the syndrome of an exception says which kind of key it was.
    fn authentic(
        &self,
        scheme: Scheme,
        key: KeyName,
        pointer: u64,
        modifier: u64,
        combined: bool,
    ) -> Result<u64, Stop> {
        let layout = self.layout(pointer, key.is_of_data());
        let purpose = Purpose { key_b: key.is_key_b(), combined };
        match scheme.authenticate(pointer, modifier, self.key(key as usize), layout, purpose) {
            None => Err(UNDISCLOSED),
            Some(Ok(pointer)) => Ok(pointer),
            Some(Err(Failed)) => {
                let iss = u32::from(key.is_of_data()) << 1 | u32::from(key.is_key_b());
                Err(exception(ExceptionClass::PAC_FAIL, iss))
            }
        }
    }

    /// LDRAA and LDRAB: a load by an authenticated base, which is checked for the alignment of SP afterwards.
    pub(super) fn load_authenticated(&mut self, op: Op, args: &[Arg]) -> Executed {
        if !self.authenticates() {
            return Err(undefined());
        }
        let (Some((key, _)), &[Arg::Reg(rt), Arg::Address(address)]) = (KeyName::of(op), args) else {
            return Err(Stop::Unmodelled("a load that is none"));
        };
        let (base, signed) = (address.base, self.get(address.base));
        if self.is_enabled(key) {
            let scheme = Scheme::of_addresses(self.env.features).ok_or_else(undefined)?;
            let pointer = self.authentic(scheme, key, signed, 0, true)?;
            self.set(base, pointer);
        }
        let size = Some(isa::Access { bytes: 8, count: 1, signed: false });
        let loaded = self.load_store(Op::Ldr, args, size).unwrap_or(Err(Stop::Unmodelled("a load that is none")));
        // Without writeback the base stays as it was.
        let loads_base = rt.index() == base.index() && !base.is_sp();
        let written = loaded.is_ok() && (address.addressing == Addressing::PreIndex || loads_base);
        if !written {
            self.set(base, signed);
        }
        loaded
    }

    /// Executes an instruction of FEAT_PAuth. The forms without operands are hints (Arm ARM C6.2 by instruction name).
    pub(super) fn authentication(&mut self, op: Op, args: &[Arg]) -> Executed {
        match (op, args) {
            (Op::Pacga, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => self.generic_code(rd, rn, rm),
            // Nothing is seen of the choice where there is nothing to strip.
            (Op::Xpaclri, _) if self.stripped(self.get(Reg::LINK), false) == self.get(Reg::LINK) => Ok(()),
            (Op::Xpaclri, _) => {
                if self.authenticates() {
                    self.strip(Reg::LINK, false);
                }
                Ok(())
            }
            (Op::Xpaci | Op::Xpacd, &[Arg::Reg(rd)]) => {
                if !self.authenticates() {
                    return Err(undefined());
                }
                self.strip(rd, op == Op::Xpacd);
                Ok(())
            }
            _ => self.sign_or_authenticate(op, args),
        }
    }
}
