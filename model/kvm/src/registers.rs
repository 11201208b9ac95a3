//! A vCPU's registers by KVM's ids: which there are, what they hold, and which can be written.
//!
//! Documentation/virt/kvm/api.rst, KVM_GET_REG_LIST and KVM_SET_ONE_REG; arch/arm64/kvm/sys_regs.c and guest.c. One
//! table; a vCPU lists what KVM lists for the features that the model has: core, vector and system registers of EL1
//! and EL0, ID registers with fields that matter here, timers. No PMU, no EL2, no debug registers. Those of SVE are in
//! [`crate::scalable`].

use crate::contract::{Contract, Rule};
use crate::host::Host;
use crate::kernel::{Errno, RegisterId};
use crate::scalable;
use crate::vcpu::Vcpu;
use crate::vm::Vm;
use model::cpu::{Cpu, reset};
use model_base::{Features, Hypervisor};

mutants::defects!();

/// ID_AA64PFR1_EL1.MTE_frac: 0b1111 says that asynchronous faults are missing.
const MTE_FRAC: u64 = 0xf << 40;

/// ID_AA64PFR2_EL1.MTESTOREONLY.
const MTESTOREONLY: u64 = 0xf << 4;
/// ID_AA64PFR2_EL1.MTEFAR.
const MTEFAR: u64 = 0xf << 8;

/// Where a register's value is.
#[derive(Clone, Copy)]
enum Place {
    /// In the CPU.
    Live { get: fn(&Cpu) -> u64, set: fn(&mut Cpu, u64) },
    /// ZCR_EL1: the vector length, hidden without SVE.
    VectorLength,
    /// In the CPU, and hidden without MTE: the place in the four.
    Mte(usize),
    /// In the CPU, and hidden without pointer authentication: the place among the keys' halves.
    Key(usize),
    /// With the kernel; no instruction of the model uses it. The value at reset.
    Kept(u64),
    /// It follows from the features; the number is the vCPU's.
    Id(fn(&Features, usize) -> u64),
}

macro_rules! live {
    ($id:expr, $($field:ident).+) => {
        ($id, Place::Live { get: |cpu| cpu.$($field).+, set: |cpu, value| cpu.$($field).+ = value })
    };
}

const fn kept(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> (RegisterId, Place) {
    (RegisterId::system(op0, op1, crn, crm, op2), Place::Kept(0))
}

/// A half of a key: APIAKeyLo_EL1 and its like, whose encodings follow each other, four for each CRm.
const fn key(place: u64) -> (RegisterId, Place) {
    (RegisterId::key(place), Place::Key(place as usize))
}

const fn id(crm: u64, op2: u64, value: fn(&Features, usize) -> u64) -> (RegisterId, Place) {
    (RegisterId::system(3, 0, 0, crm, op2), Place::Id(value))
}

/// The registers other than x0 to x30 and v0 to v31, in the order in which they are listed.
#[mutants::rules]
const TABLE: &[(RegisterId, Place)] = &[
    live!(RegisterId::SP_EL0, sp),
    live!(RegisterId::PC, pc),
    (RegisterId::PSTATE, Place::Live { get: Cpu::pstate, set: Cpu::set_pstate }),
    // SP_EL1, and SPSR_EL1 and ELR_EL1, which struct kvm_regs has among the core registers.
    (RegisterId::core(0x44), Place::Kept(0)),
    live!(RegisterId::core(0x46), sys.elr),
    live!(RegisterId::core(0x48), sys.spsr),
    live!(RegisterId::FPSR, fpsr),
    live!(RegisterId::FPCR, fpcr),
    (RegisterId::PSCI_VERSION, Place::Kept(0)),
    id(0, 0, |features, _| features.midr),
    id(0, 5, Features::mpidr_el1),
    id(0, 6, |features, _| features.revidr),
    id(4, 0, |features, _| features.id_aa64pfr0()),
    (RegisterId::ID_AA64PFR1_EL1, Place::Id(|features, _| features.id_aa64pfr1())),
    id(4, 2, |features, _| features.id_aa64pfr2()),
    id(4, 4, |features, _| features.id_aa64zfr0()),
    id(5, 0, |features, _| features.dfr0),
    id(6, 0, |features, _| features.id_aa64isar0()),
    id(6, 1, |features, _| features.isar1),
    id(6, 2, |features, _| features.id_aa64isar2()),
    id(6, 3, |features, _| features.isar3),
    id(7, 0, |features, _| features.mmfr0),
    id(7, 1, |features, _| features.mmfr1),
    id(7, 2, |features, _| features.id_aa64mmfr2()),
    live!(RegisterId::SCTLR_EL1, sys.sctlr),
    // CPACR_EL1, TTBR0_EL1, TTBR1_EL1.
    kept(3, 0, 1, 0, 2),
    kept(3, 0, 2, 0, 0),
    kept(3, 0, 2, 0, 1),
    (RegisterId::ZCR_EL1, Place::VectorLength),
    live!(RegisterId::TCR_EL1, sys.tcr),
    key(0),
    key(1),
    key(2),
    key(3),
    key(4),
    key(5),
    key(6),
    key(7),
    key(8),
    key(9),
    (RegisterId::RGSR_EL1, Place::Mte(0)),
    (RegisterId::GCR_EL1, Place::Mte(1)),
    (RegisterId::TFSR_EL1, Place::Mte(2)),
    (RegisterId::TFSRE0_EL1, Place::Mte(3)),
    // AFSR0_EL1, AFSR1_EL1.
    kept(3, 0, 5, 1, 0),
    kept(3, 0, 5, 1, 1),
    live!(RegisterId::system(3, 0, 5, 2, 0), sys.esr),
    live!(RegisterId::system(3, 0, 6, 0, 0), sys.far),
    // PAR_EL1.
    kept(3, 0, 7, 4, 0),
    (RegisterId::MAIR_EL1, Place::Kept(reset::MAIR)),
    // AMAIR_EL1, VBAR_EL1, CONTEXTIDR_EL1, TPIDR_EL1, CNTKCTL_EL1.
    kept(3, 0, 10, 3, 0),
    kept(3, 0, 12, 0, 0),
    kept(3, 0, 13, 0, 1),
    kept(3, 0, 13, 0, 4),
    kept(3, 0, 14, 1, 0),
    (RegisterId::CLIDR_EL1, Place::Id(|features, _| features.clidr)),
    // TPIDR_EL0, TPIDRRO_EL0.
    kept(3, 3, 13, 0, 2),
    kept(3, 3, 13, 0, 3),
    (RegisterId::CTR_EL0, Place::Id(|features, _| features.ctr)),
    // The virtual timer: CTL, and the two ids that the kernel exchanged.
    kept(3, 3, 14, 3, 1),
    (RegisterId::TIMER_CNT, Place::Kept(0)),
    kept(3, 3, 14, 0, 2),
];

/// CLIDR_EL1 as KVM makes it up (arch/arm64/kvm/sys_regs.c, reset_clidr()): the fewest caches that CTR_EL0 allows for. One that
/// needs no cleaning to the point of unification (IDC) is unified; one for instructions is there unless they need no
/// invalidation (DIC). With MTE tags are in the lines of the one at the level of coherence, beside the data.
#[mutants::rules]
fn clidr(ctr: u64, tags: bool) -> u64 {
    const IDC: u64 = 1 << 28;
    const DIC: u64 = 1 << 29;
    const INSTRUCTIONS: u64 = 0b001;
    const DATA: u64 = 0b010;
    const UNIFIED: u64 = 0b100;
    // LoUIS and LoUU.
    const UNIFICATION: u64 = 1 << 21 | 1 << 27;
    let coherence = if ctr & IDC != 0 && ctr & DIC == 0 { 2 } else { 1 };
    let data = if ctr & IDC != 0 { UNIFIED << (3 * (coherence - 1)) } else { DATA | UNIFICATION };
    let instructions = if ctr & DIC != 0 { 0 } else { INSTRUCTIONS };
    let tags = if tags { 0b10 << (33 + 2 * (coherence - 1)) } else { 0 };
    data | instructions | coherence << 24 | tags
}

/// Vector registers: v0 to v31.
const VECTORS: u64 = 32;
/// General registers: x0 to x30.
const GENERAL: u64 = 31;

/// What KVM shows to a guest of what the host's CPU has (sys_regs.c, the sanitised ID registers).
#[mutants::rules]
pub(super) fn visible(host: &Host, mte: bool) -> Features {
    let contract = Contract::for_release(host.release);
    let mut features = host.features.clone();
    if host.hypervisor == Hypervisor::Board {
        return features;
    }
    if !mte {
        features.tags_hidden = true;
        features.gmid_trapped = contract.holds(Rule::GmidTrappedWithoutMte);
    }
    features.mops &= contract.holds(Rule::MopsOffered);
    let shown = mte && contract.holds(Rule::TagFarVisible);
    features.store_only &= shown;
    features.tagged_far &= shown;
    if contract.holds(Rule::ClidrTellsTags) {
        features.clidr = clidr(features.ctr, mte);
    }
    if !mte || !contract.holds(Rule::MteFracVisible) {
        features.pfr1 &= !MTE_FRAC;
    }
    features
}

/// Returns an ID register of a CPU with these features; 0 for one that is not modelled.
pub(super) fn of_features(id: RegisterId, features: &Features) -> u64 {
    match find(id) {
        Some(Found::Row(_, Place::Id(value))) => value(features, 0),
        _ => 0,
    }
}

/// Returns the kernel's own registers after KVM_ARM_VCPU_INIT, by their place in the table.
#[mutants::rules]
pub(super) fn reset(contract: Contract) -> Vec<u64> {
    let value = |(id, place): &(RegisterId, Place)| match place {
        Place::Kept(_) if *id == RegisterId::PSCI_VERSION => 1 << 16 | contract.psci_minor(),
        Place::Kept(value) => *value,
        _ => 0,
    };
    TABLE.iter().map(value).collect()
}

/// A register, looked up.
enum Found {
    General(usize),
    Vector(usize),
    Row(usize, Place),
}

#[mutants::rules]
fn find(id: RegisterId) -> Option<Found> {
    if let Some(row) = TABLE.iter().position(|(row, _)| *row == id) {
        return Some(Found::Row(row, TABLE[row].1));
    }
    let general = (0..GENERAL).find(|n| RegisterId::x(*n) == id).map(|n| Found::General(n as usize));
    general.or_else(|| (0..VECTORS).find(|n| RegisterId::v(*n) == id).map(|n| Found::Vector(n as usize)))
}

#[mutants::rules]
impl Vm {
    /// Lists the registers of a vCPU (KVM_GET_REG_LIST).
    #[must_use]
    pub fn register_list(&self) -> Vec<RegisterId> {
        let sve = self.features.has_sve();
        let general = (0..GENERAL).map(RegisterId::x);
        let listed = |(_, place): &&(RegisterId, Place)| match place {
            Place::Mte(_) => self.shows_mte(),
            Place::VectorLength => sve,
            Place::Key(_) => self.features.has_keys(),
            _ => true,
        };
        let vectors = (0..VECTORS).map(RegisterId::v).filter(|_| !sve);
        let scalable = scalable::listed().filter(|_| sve);
        general.chain(vectors).chain(scalable).chain(TABLE.iter().filter(listed).map(|(id, _)| *id)).collect()
    }

    /// Whether vCPUs have what MTE adds to registers.
    fn shows_mte(&self) -> bool {
        self.mte && !self.el2
    }

    /// Refuses MTE's registers where they do not exist for the VMM.
    fn mte_registers(&self) -> Result<(), Errno> {
        if self.shows_mte() { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// Reads a register of up to 128 bits (KVM_GET_ONE_REG).
    ///
    /// # Errors
    ///
    /// ENOENT: no such vCPU or register; MTE's registers do not exist in a VM without MTE.
    pub fn register(&self, cpu: usize, id: RegisterId) -> Result<u128, Errno> {
        let vcpu = self.vcpus.get(cpu).ok_or(Errno::ENOENT)?;
        match find(id).ok_or(Errno::ENOENT)? {
            Found::General(n) => Ok(vcpu.cpu.x[n].into()),
            Found::Vector(_) if self.features.has_sve() => Err(Errno::EINVAL),
            Found::Vector(n) => Ok(u128::from(vcpu.cpu.v[n][1]) << 64 | u128::from(vcpu.cpu.v[n][0])),
            Found::Row(_, Place::Live { get, .. }) => Ok(get(&vcpu.cpu).into()),
            Found::Row(row, Place::Kept(_)) => Ok(vcpu.others[row].into()),
            Found::Row(_, Place::VectorLength) if !self.features.has_sve() => Err(Errno::ENOENT),
            Found::Row(_, Place::VectorLength) => Ok((u128::from(vcpu.cpu.vector_bytes) / 16).saturating_sub(1)),
            Found::Row(_, Place::Id(value)) => Ok(self.id_register(id, value, cpu).into()),
            Found::Row(_, Place::Mte(n)) => {
                self.mte_registers()?;
                Ok(mte_register(vcpu, n).into())
            }
            Found::Row(_, Place::Key(_)) if !self.features.has_keys() => Err(Errno::ENOENT),
            Found::Row(_, Place::Key(n)) => Ok(vcpu.cpu.sys.keys[n].into()),
        }
    }

    /// Reads an ID register.
    fn id_register(&self, id: RegisterId, value: fn(&Features, usize) -> u64, cpu: usize) -> u64 {
        value(&self.features, cpu)
    }

    /// Writes a register of up to 128 bits (KVM_SET_ONE_REG). All 64 bits of MTE's registers are kept until the vCPU runs.
    ///
    /// # Errors
    ///
    /// - ENOENT: no such vCPU or register; MTE's registers do not exist in a VM without MTE.
    /// - EINVAL: another value for an ID register (EBUSY instead, from Linux 6.7 on, once a vCPU of the VM ran), but for
    ///   features of tags that the VMM does without. That KVM lets a VMM lower other fields is not modelled.
    pub fn set_register(&mut self, cpu: usize, id: RegisterId, value: u128) -> Result<(), Errno> {
        let found = find(id).ok_or(Errno::ENOENT)?;
        if let Found::Row(_, Place::Id(_)) = found {
            return self.set_id_register(id, self.register(cpu, id)? as u64, value as u64);
        }
        if let Found::Row(_, Place::Mte(_)) = found {
            self.mte_registers()?;
        }
        let low = value as u64;
        let sve = self.features.has_sve();
        let keys = self.features.has_keys();
        let selected = self.features.selected_vector_bytes(low & 0xf);
        let vcpu = self.vcpus.get_mut(cpu).ok_or(Errno::ENOENT)?;
        match found {
            Found::General(n) => {
                vcpu.cpu.x[n] = low;
                vcpu.cpu.x_unknown &= !(1 << n);
            }
            Found::Vector(_) if sve => return Err(Errno::EINVAL),
            Found::Vector(n) => {
                vcpu.cpu.v[n] = [low, (value >> 64) as u64];
                vcpu.cpu.v_unknown &= !(1 << n);
            }
            Found::Row(_, Place::Live { set, .. }) => {
                set(&mut vcpu.cpu, low);
            }
            Found::Row(row, Place::Kept(_)) => vcpu.others[row] = low,
            Found::Row(_, Place::VectorLength) if !sve => return Err(Errno::ENOENT),
            Found::Row(_, Place::VectorLength) => vcpu.cpu.vector_bytes = selected,
            Found::Row(_, Place::Id(_)) => {}
            Found::Row(_, Place::Key(_)) if !keys => return Err(Errno::ENOENT),
            Found::Row(_, Place::Key(n)) => vcpu.cpu.sys.keys[n] = low,
            Found::Row(_, Place::Mte(n)) => vcpu.set[n] = Some(low),
        }
        Ok(())
    }

    /// arch/arm64/kvm/sys_regs.c, set_id_reg(): the value that is there, or, before a vCPU ran, one with less in the fields
    /// that can be changed than the host has to offer.
    fn set_id_register(&mut self, id: RegisterId, current: u64, value: u64) -> Result<(), Errno> {
        if value == current {
            return Ok(());
        }
        if self.ran && self.contract().holds(Rule::IdRegistersFrozenByRun) {
            return Err(Errno::EBUSY);
        }
        let mask = self.features_to_lower(id);
        let offered = visible(&self.host, self.mte).id_aa64pfr2();
        if value & !mask != current & !mask || value & mask & !offered != 0 {
            return Err(Errno::EINVAL);
        }
        self.features.store_only = value & MTESTOREONLY != 0;
        self.features.tagged_far = value & MTEFAR != 0;
        Ok(())
    }

    /// Returns which bits of an ID register a VMM may change, of those that concern tags.
    fn features_to_lower(&self, id: RegisterId) -> u64 {
        let lowered = id == RegisterId::ID_AA64PFR2_EL1 && self.contract().holds(Rule::TagFarVisible);
        if lowered { RegisterId::TAG_FEATURES_OF_PFR2 } else { 0 }
    }

    /// KVM_ARM_GET_REG_WRITABLE_MASKS: returns which bits of an ID register a VMM may change, of those that concern tags;
    /// `None` if the kernel does not report them.
    #[must_use]
    pub fn writable_mask(&self, id: RegisterId) -> Option<u64> {
        self.contract().holds(Rule::WritableMasks).then(|| self.features_to_lower(id))
    }
}

/// Returns what KVM_GET_ONE_REG says of one of MTE's registers.
#[mutants::rules]
fn mte_register(vcpu: &Vcpu, n: usize) -> u64 {
    let sys = &vcpu.cpu.sys;
    let live = [sys.rgsr, sys.gcr, sys.tfsr, sys.tfsre0][n];
    vcpu.set[n].unwrap_or(live)
}

#[cfg(test)]
mod tests;
