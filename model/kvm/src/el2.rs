//! vCPUs that have EL2 themselves, KVM_ARM_VCPU_HAS_EL2: what they have of tags and of SVE.
//!
//! They begin at EL2 and have VHE only: HCR_EL2.E2H is 1, and CPTR_EL2 has the fields of CPACR_EL1. No document says whether they may
//! have tags; they are kept from it: ID_AA64PFR1_EL1.MTE is 0 (arch/arm64/kvm/nested.c, limit_nv_id_reg()), and so nothing else may
//! tell of them. SVE they have as others do, if it is asked for.

use arch::{Syndrome, SysReg};

use crate::kernel::{Errno, RegisterId};
use crate::registers;
use crate::vm::Vm;

mutants::defects!();

/// ESR_EL2 of an instruction that does not exist (EC 0), and of what CPTR_EL2.ZEN traps (EC 0x19); IL is 1.
const UNDEFINED: Syndrome = Syndrome::from_bits(1 << 25);
const SVE_TRAPPED: Syndrome = Syndrome::from_bits(0x19 << 26 | 1 << 25);

#[mutants::rules]
impl Vm {
    /// Creates and initialises a vCPU that has EL2, and if asked for SVE, which is to be finalized; returns its index, `None` if the
    /// host has no vCPUs with EL2.
    ///
    /// # Errors
    ///
    /// EINVAL: the host has no SVE.
    pub fn add_vcpu_el2(&mut self, sve: bool) -> Result<Option<usize>, Errno> {
        if !self.host.offers_el2() {
            return Ok(None);
        }
        self.el2 = true;
        self.features = registers::visible(&self.host, false);
        self.initialise_vcpu(sve).map(Some)
    }

    /// Lets a vCPU read a system register at EL2; `None` if it takes an exception.
    ///
    /// # Errors
    ///
    /// ENOENT: no such vCPU, or a register that is not modelled.
    pub fn read_at_el2(&self, cpu: usize, id: RegisterId) -> Result<Option<u64>, Errno> {
        let features = &self.features;
        if id == RegisterId::of(SysReg::GmidEl1) {
            return Ok((!features.gmid_trapped).then_some(features.tag_block_bs.into()));
        }
        if RegisterId::MTE.contains(&id) && features.tags_hidden {
            return Ok(None);
        }
        Ok(Some(self.register(cpu, id)? as u64))
    }

    /// Lets a vCPU write ZCR_EL2.LEN and then CPTR_EL2.ZEN at EL2, and execute RDVL; returns the bytes of a vector, or the syndrome of
    /// the exception. The length is the longest of the vCPU's that is no longer than `16 * (len + 1)` bytes (Arm ARM, ZCR_EL2.LEN);
    /// with ZEN 0b00 what depends on it is trapped to EL2 (Arm ARM, CPTR_EL2.ZEN where HCR_EL2.E2H is 1).
    ///
    /// # Errors
    ///
    /// As [`Self::finalized`].
    pub fn vector_bytes_at_el2(&self, cpu: usize, len: u8, zen: u8) -> Result<Result<u64, Syndrome>, Errno> {
        self.finalized(cpu)?;
        if !self.features.has_sve() {
            return Ok(Err(UNDEFINED));
        }
        if zen & 1 == 0 {
            return Ok(Err(SVE_TRAPPED));
        }
        let up_to = (0..=u32::from(len)).filter(|n| self.features.vector_lengths >> n & 1 != 0);
        Ok(Ok(up_to.max().map_or(0, |n| u64::from(n + 1) * 16)))
    }
}
