//! vCPUs with SVE: how they are made, and the registers that SVE adds (arch/arm64/kvm/guest.c, reset.c and arm.c;
//! Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_FINALIZE and KVM_SET_ONE_REG).
//!
//! KVM_ARM_VCPU_SVE is a feature of KVM_ARM_VCPU_INIT. Until KVM_ARM_VCPU_FINALIZE the vector lengths can be set and nothing
//! else of SVE can be reached; from then on it is the other way round. v0 to v31 are not among the registers of such a
//! vCPU: they are the first 16 bytes of z0 to z31.

use crate::kernel::{Errno, RegisterId};
use crate::vcpu::Vcpu;
use crate::vm::Vm;
use abi::mailbox::Scalable;
use model_base::Features;

mutants::defects!();

/// z0 to z31, p0 to p15.
const VECTORS: u64 = 32;
const PREDICATES: u64 = 16;

/// One of SVE's registers.
enum Register {
    Lengths,
    Vector(usize),
    Predicate(usize),
    FirstFault,
}

fn find(id: RegisterId) -> Option<Register> {
    if id == RegisterId::SVE_VLS {
        return Some(Register::Lengths);
    }
    if id == RegisterId::FFR {
        return Some(Register::FirstFault);
    }
    let vector = (0..VECTORS).find(|n| RegisterId::z(*n) == id).map(|n| Register::Vector(n as usize));
    vector.or_else(|| (0..PREDICATES).find(|n| RegisterId::p(*n) == id).map(|n| Register::Predicate(n as usize)))
}

/// Lists the registers that SVE adds, in the order of the kernel: what must be restored first is first.
#[mutants::rules]
pub(super) fn listed() -> impl Iterator<Item = RegisterId> {
    let vectors = (0..VECTORS).map(RegisterId::z);
    let predicates = (0..PREDICATES).map(RegisterId::p);
    Some(RegisterId::SVE_VLS).into_iter().chain(vectors).chain(predicates).chain(Some(RegisterId::FFR))
}

#[mutants::rules]
impl Vm {
    /// Returns whether KVM_CHECK_EXTENSION reports KVM_CAP_ARM_SVE.
    #[must_use]
    pub fn has_scalable_vectors(&self) -> bool {
        self.host.features.has_sve()
    }

    /// Creates and initialises a vCPU with KVM_ARM_VCPU_SVE or without; returns its index. All vCPUs of a VM have the same
    /// features.
    ///
    /// # Errors
    ///
    /// EINVAL: the host has no SVE.
    pub fn initialise_vcpu(&mut self, sve: bool) -> Result<usize, Errno> {
        if sve && !self.has_scalable_vectors() {
            return Err(Errno::EINVAL);
        }
        if !sve {
            self.features.sve_hidden = self.host.features.has_sve();
            self.features.vector_lengths = 0;
        }
        let mut vcpu = Vcpu::new(&self.features, self.contract());
        vcpu.finalized = !sve;
        self.vcpus.push(vcpu);
        Ok(self.vcpus.len() - 1)
    }

    /// Finalizes SVE (KVM_ARM_VCPU_FINALIZE).
    ///
    /// # Errors
    ///
    /// - ENOENT: no such vCPU.
    /// - EINVAL: it has no SVE.
    /// - EPERM: it is finalized.
    pub fn finalize_vcpu(&mut self, cpu: usize) -> Result<(), Errno> {
        let sve = self.features.has_sve();
        let vcpu = self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)?;
        if !sve {
            return Err(Errno::EINVAL);
        }
        if vcpu.finalized {
            return Err(Errno::EPERM);
        }
        vcpu.finalized = true;
        Ok(())
    }

    /// Returns the error of what needs a finalized vCPU, KVM_RUN and KVM_GET_REG_LIST.
    ///
    /// # Errors
    ///
    /// - ENOENT: no such vCPU.
    /// - EPERM: it is not finalized.
    pub fn finalized(&self, cpu: usize) -> Result<(), Errno> {
        let vcpu = self.vcpus.get(cpu).ok_or(Errno::ENOENT)?;
        if vcpu.finalized { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Reads a register of any size. The buffer is as long as its id says.
    ///
    /// # Errors
    ///
    /// - ENOENT: no such vCPU or register.
    /// - EPERM: the vCPU is not finalized.
    /// - EINVAL: v0 to v31 of a vCPU with SVE.
    pub fn read_register(&self, cpu: usize, id: RegisterId, value: &mut [u8]) -> Result<(), Errno> {
        let Some(register) = find(id) else {
            let bytes = self.register(cpu, id)?.to_le_bytes();
            value.copy_from_slice(bytes.get(..value.len()).ok_or(Errno::EINVAL)?);
            return Ok(());
        };
        let vcpu = self.vcpus.get(cpu).ok_or(Errno::ENOENT)?;
        if !self.features.has_sve() {
            return Err(Errno::ENOENT);
        }
        value.fill(0);
        if let Register::Lengths = register {
            value[..2].copy_from_slice(&self.features.vector_lengths.to_le_bytes());
            return Ok(());
        }
        self.finalized(cpu)?;
        // Without a value they are 0.
        let held = vcpu.cpu.scalable.as_deref();
        match register {
            Register::Vector(n) => value.copy_from_slice(&vcpu.cpu.z(n)),
            Register::Predicate(n) => held.into_iter().for_each(|held| value.copy_from_slice(&held.p[n])),
            Register::FirstFault | Register::Lengths => {
                held.into_iter().for_each(|held| value.copy_from_slice(&held.ffr));
            }
        }
        Ok(())
    }

    /// Writes a register of any size.
    ///
    /// # Errors
    ///
    /// As [`Self::read_register`] and [`Self::set_register`]; of the vector lengths
    ///
    /// - EPERM: the vCPU is finalized.
    /// - EINVAL: none, or not those of the host up to some length.
    pub fn write_register(&mut self, cpu: usize, id: RegisterId, value: &[u8]) -> Result<(), Errno> {
        let Some(register) = find(id) else {
            let mut bytes = [0; 16];
            bytes.get_mut(..value.len()).ok_or(Errno::EINVAL)?.copy_from_slice(value);
            return self.set_register(cpu, id, u128::from_le_bytes(bytes));
        };
        if self.vcpus.len() <= cpu || !self.features.has_sve() {
            return Err(Errno::ENOENT);
        }
        if let Register::Lengths = register {
            return self.set_vector_lengths(cpu, value);
        }
        self.finalized(cpu)?;
        let longest = self.features.max_vector_bytes().into();
        let cpu = &mut self.vcpus[cpu].cpu;
        match register {
            Register::Vector(n) => {
                cpu.hold_z(n, &value[..longest]);
            }
            Register::Predicate(n) => {
                cpu.held_scalable().p[n][..longest / 8].copy_from_slice(&value[..longest / 8]);
            }
            Register::FirstFault | Register::Lengths => {
                cpu.held_scalable().ffr[..longest / 8].copy_from_slice(&value[..longest / 8]);
            }
        }
        Ok(())
    }

    /// Chooses the vector lengths of a vCPU (set_sve_vls()): those of the host up to some length.
    fn set_vector_lengths(&mut self, cpu: usize, value: &[u8]) -> Result<(), Errno> {
        if self.vcpus[cpu].finalized {
            return Err(Errno::EPERM);
        }
        let lengths = u16::from_le_bytes([value[0], value[1]]);
        let up_to = Features { vector_lengths: lengths, ..self.features.clone() }.max_vector_bytes() / 16;
        let offered = self.host.features.vector_lengths & (1_u32 << up_to).wrapping_sub(1) as u16;
        if lengths == 0 || lengths != offered || value[2..].iter().any(|byte| *byte != 0) {
            return Err(Errno::EINVAL);
        }
        self.features.vector_lengths = lengths;
        Ok(())
    }
}

const _: () = assert!(Scalable::MAX_BYTES == 256, "KVM_REG_ARM64_SVE_ZREG has 2048 bits in slice 0");
