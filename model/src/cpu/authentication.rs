//! Pointer authentication (FEAT_PAuth), as far as a block can use it.
//!
//! The firmware leaves SCTLR_EL1.{EnIA, EnIB, EnDA, EnDB} at 0, and what would happen with one of them set is not specified
//! here ([`super::system_registers`]): the codes are the CPU's own affair. With them clear PAC* and AUT* do nothing
//! (pseudocode `AddPACIA`, `AuthIA` and their like begin with that). XPAC* strips whatever they say.
//!
//! Where the top byte is ignored a code is in bits 54 down to the lowest that no address has, and never in bits 63:56, so
//! stripping keeps a logical tag (pseudocode `Strip`, `CalculateBottomPACBit`). LDRAA and LDRAB authenticate their base first,
//! which leaves it as it is while the keys are disabled.

use abi::map;
use arch::{Arg, Op, Reg, TaggedPtr};

use super::fault::undefined;
use super::platform::Hypervisor;
use super::state::{Core, Executed, Stop};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// A pointer without its code (pseudocode `Strip`): the bits of the code become bit 55.
    fn stripped(&self, pointer: u64) -> u64 {
        let top = if self.tbi(pointer) { 56 } else { 64 };
        let tag = if self.mtx(pointer) { 0xf << 56 } else { 0 };
        let code = u64::MAX >> (64 - top) & !(u64::MAX >> (64 - map::VA_BITS)) & !tag;
        if TaggedPtr::new(pointer).bit55() { pointer | code } else { pointer & !code }
    }

    /// XPACI, XPACD, XPACLRI. A register that is UNKNOWN stays so.
    fn strip(&mut self, register: Reg) {
        let (unknown, value) = (self.is_unknown(register), self.stripped(self.get(register)));
        self.set(register, value);
        if unknown {
            self.forget(register);
        }
    }

    /// PACGA: a code in the upper half. Which one is the CPU's affair, by a key that no block can read or write.
    fn generic_code(&mut self, rd: Reg) -> Executed {
        if !self.env.features.has_generic_authentication() {
            return Err(undefined());
        }
        self.set(rd, 0);
        self.forget(rd);
        Ok(())
    }

    /// Returns whether the CPU has pointer authentication of addresses. KVM hides it from a VM that did not ask for it; a CPU
    /// that has it then still executes what no key controls, or what is controlled by a key that is disabled (Arm ARM,
    /// HCR_EL2.API).
    fn authenticates(&mut self) -> bool {
        let hidden = self.env.platform.hypervisor == Hypervisor::Kvm;
        self.env.features.has_address_authentication() || hidden && self.env.choices.choose(2) == 1
    }

    /// PAC* and AUT* while their key is disabled.
    fn without_key(&self) -> Executed {
        Ok(())
    }

    /// LDRAA and LDRAB: a load by an authenticated base, which is checked for the alignment of SP afterwards.
    pub(super) fn load_authenticated(&mut self, args: &[Arg]) -> Executed {
        if !self.authenticates() {
            return Err(undefined());
        }
        let size = Some(isa::Access { bytes: 8, count: 1, signed: false });
        self.load_store(Op::Ldr, args, size).unwrap_or(Err(Stop::Unmodelled("a load that is none")))
    }

    /// Executes an instruction of FEAT_PAuth. The forms without operands are hints (Arm ARM C6.2 by instruction name).
    pub(super) fn authentication(&mut self, op: Op, args: &[Arg]) -> Executed {
        match (op, args) {
            (Op::Pacga, &[Arg::Reg(rd), ..]) => self.generic_code(rd),
            // Nothing is seen of the choice where there is nothing to strip.
            (Op::Xpaclri, _) if self.stripped(self.get(Reg::LINK)) == self.get(Reg::LINK) => Ok(()),
            (Op::Xpaclri, _) => {
                if self.authenticates() {
                    self.strip(Reg::LINK);
                }
                Ok(())
            }
            (_, []) => self.without_key(),
            _ if !self.authenticates() => Err(undefined()),
            (Op::Xpaci | Op::Xpacd, &[Arg::Reg(rd)]) => {
                self.strip(rd);
                Ok(())
            }
            (_, &[Arg::Reg(_), ..]) => self.without_key(),
            _ => Err(Stop::Unmodelled("an instruction that the model does not know")),
        }
    }
}
