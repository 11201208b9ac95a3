//! Chapter: vCPUs that have EL2 themselves. No document says whether they may have tags; whatever they have, ID registers,
//! KVM_GET_REG_LIST, KVM_GET_ONE_REG and the guest must agree.

use arch::{Syndrome, SysReg};

use super::calls::{BASE, handed, succeeds};
use super::scalable::{scalable, value_of, vector_lengths};
use case::expect::{equal_hex, holds};
use case::{Case, CaseContext, CaseError, CaseResult};
use machine::capability::{Capability, El2Vcpus};
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Access, Backing, Errno, Vm};

const AGREE: &str = "arch/arm64/kvm/nested.c, limit_nv_id_reg(); arch/arm64/kvm/sys_regs.c, mte_visibility(); Arm ARM, \
                     ID_AA64PFR1_EL1.MTE";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.el2.without-mte",
        "a vCPU with EL2 in a VM without MTE has no level, no features and no registers of tags",
        AGREE,
        without_mte,
    )
    .needing(&[Need::Capability(Capability::El2Vcpus), Need::El2]),
    Case::new(
        "kvm.el2.id-registers",
        "a vCPU with EL2 reads ID_AA64PFR1_EL1 and PFR2 as KVM_GET_ONE_REG gives them, and has features of tags only with tags",
        AGREE,
        id_registers,
    )
    .needing(&[Need::Capability(Capability::El2Vcpus), Need::El2]),
    Case::new(
        "kvm.el2.listed-registers",
        "MTE's four registers of a vCPU with EL2 are listed, and there for KVM_GET_ONE_REG, if its ID registers tell of tags",
        AGREE,
        listed_registers,
    )
    .needing(&[Need::Capability(Capability::El2Vcpus), Need::El2]),
    Case::new(
        "kvm.el2.registers-of-the-guest",
        "MTE's four registers and GMID_EL1 can be read at EL2 if the ID registers tell of tags, and are UNDEFINED if not",
        AGREE,
        registers_of_the_guest,
    )
    .needing(&[Need::Capability(Capability::El2Vcpus), Need::El2]),
    Case::new(
        "kvm.el2.vector-lengths",
        "a vCPU with EL2 selects by ZCR_EL2 the vector lengths that KVM_GET_ONE_REG gives, and no others",
        "Arm ARM, ZCR_EL2.LEN; Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG: KVM_REG_ARM64_SVE_VLS",
        selected_lengths,
    )
    .needing(WITH_SVE),
    Case::new(
        "kvm.el2.vectors-trapped",
        "CPTR_EL2.ZEN of a vCPU with EL2 traps SVE at EL2 to EL2, or not",
        "Arm ARM, CPTR_EL2.ZEN where HCR_EL2.E2H is 1",
        vectors_trapped,
    )
    .needing(WITH_SVE),
    Case::new(
        "kvm.el2.vectors-if-asked-for",
        "a vCPU with EL2 has SVE if it was asked for, in ID_AA64PFR0_EL1, vector lengths and instructions, and else none of it",
        "Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_INIT: KVM_ARM_VCPU_SVE; Arm ARM, ID_AA64PFR0_EL1.SVE",
        vectors_if_asked_for,
    )
    .needing(WITH_SVE),
];

/// What cases about SVE at EL2 need. Whether tags are checked there is no question: such vCPUs have none.
const WITH_SVE: &[Need] =
    &[Need::Capability(Capability::El2Vcpus), Need::El2, Need::Capability(Capability::ScalableVectors), Need::Sve];

const ID_AA64PFR0_EL1: RegisterId = RegisterId::system(3, 0, 0, 4, 0);
const GMID_EL1: RegisterId = RegisterId::of(SysReg::GmidEl1);

/// A VM with a page of memory and a vCPU that has EL2.
struct Nested {
    vm: Box<dyn Vm>,
    cpu: usize,
}

impl Nested {
    fn new(cx: &mut CaseContext<'_>, mte: bool) -> Result<Self, CaseError> {
        Self::initialised(cx, mte, false)
    }

    /// Gives the vCPU SVE: of all lengths, or without the longest.
    fn with_vectors(cx: &mut CaseContext<'_>, mte: bool, all: bool) -> Result<Self, CaseError> {
        let mut nested = Self::initialised(cx, mte, true)?;
        let (cpu, mut lengths) = (nested.cpu, nested.lengths()?);
        let sve = scalable(&mut *nested.vm)?;
        if !all && lengths.count_ones() > 1 {
            lengths &= !(1 << lengths.ilog2());
            let fewer = sve.write_register(cpu, RegisterId::SVE_VLS, &value_of(lengths));
            succeeds("KVM_SET_ONE_REG of the vector lengths", fewer)?;
        }
        succeeds("KVM_ARM_VCPU_FINALIZE of a vCPU with EL2", sve.finalize_vcpu(cpu))?;
        Ok(nested)
    }

    fn initialised(cx: &mut CaseContext<'_>, mte: bool, sve: bool) -> Result<Self, CaseError> {
        let mut vm = cx.bare()?;
        if mte {
            succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
        }
        if sve {
            scalable(&mut *vm)?;
        }
        let page = vm.page_size();
        succeeds("a slot", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
        let added = handed(Capability::El2Vcpus, vm.el2_vcpus())?.add_vcpu_el2(sve);
        let cpu = succeeds("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_HAS_EL2", added)?;
        Ok(Self { vm, cpu })
    }

    fn el2(&mut self) -> Result<&mut (dyn El2Vcpus + 'static), CaseError> {
        handed(Capability::El2Vcpus, self.vm.el2_vcpus())
    }

    /// Reads a register as the guest does.
    fn seen(&mut self, id: RegisterId) -> Result<Option<u64>, CaseError> {
        let cpu = self.cpu;
        succeeds(&format!("KVM_RUN of MRS of {id}"), self.el2()?.read_at_el2(cpu, id))
    }

    /// Returns ID_AA64PFR1_EL1.MTE as the VMM reads it.
    fn level(&self) -> Result<u64, CaseError> {
        let pfr1 = self.vm.register(self.cpu, RegisterId::ID_AA64PFR1_EL1);
        Ok(succeeds("KVM_GET_ONE_REG of ID_AA64PFR1_EL1", pfr1)? >> 8 & 0xf)
    }

    /// Returns the vector lengths that the VMM reads: bit n for `16 * (n + 1)` bytes.
    fn lengths(&mut self) -> Result<u64, CaseError> {
        vector_lengths(scalable(&mut *self.vm)?, self.cpu)
    }

    /// Returns what RDVL gives at EL2, or its exception.
    fn vector_bytes(&mut self, len: u8, zen: u8) -> Result<Result<u64, Syndrome>, CaseError> {
        let cpu = self.cpu;
        succeeds("KVM_RUN of RDVL", self.el2()?.vector_bytes_at_el2(cpu, len, zen))
    }

    /// Expects RDVL to be an exception of this class, with nothing in ISS.
    fn no_vectors(&mut self, what: &str, class: u64, zen: u8) -> CaseResult {
        let found = self.vector_bytes(0, zen)?.err().map_or(0, Syndrome::bits);
        equal_hex(&format!("ESR_EL2 {what}"), class << 26 | 1 << 25, found)
    }

    /// Expects the four registers to be there for the VMM or not.
    fn listed(&mut self, there: bool) -> CaseResult {
        let listed = self.vm.registers(self.cpu)?;
        for id in RegisterId::MTE {
            let what = format!("how often KVM_GET_REG_LIST has {id} of a vCPU with EL2");
            equal_hex(&what, there.into(), listed.get(id).is_some().into())?;
            let read = self.vm.register(self.cpu, id);
            let expected = if there { "success" } else { "ENOENT" };
            let found = read.map_or_else(|errno| errno.to_string(), |value| format!("{value:#x}"));
            holds(&format!("KVM_GET_ONE_REG of {id}"), expected, found, (read == Err(Errno::ENOENT)) != there)?;
        }
        Ok(())
    }

    /// Expects the four registers and GMID_EL1 to be there for the guest or not.
    fn readable(&mut self, there: bool) -> CaseResult {
        for id in RegisterId::MTE.into_iter().chain([GMID_EL1]) {
            let readable = self.seen(id)?.is_some();
            equal_hex(&format!("whether a vCPU with EL2 can read {id}"), there.into(), readable.into())?;
        }
        Ok(())
    }

    /// Expects both sides to read the same ID registers; returns ID_AA64PFR2_EL1.
    fn id_registers(&mut self) -> Result<u64, CaseError> {
        let mut last = 0;
        for id in [RegisterId::ID_AA64PFR1_EL1, RegisterId::ID_AA64PFR2_EL1] {
            last = succeeds(&format!("KVM_GET_ONE_REG of {id}"), self.vm.register(self.cpu, id))?;
            let seen = self.seen(id)?.unwrap_or(!0);
            equal_hex(&format!("{id} as a vCPU with EL2 reads it"), last, seen)?;
        }
        Ok(last)
    }
}

fn without_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut nested = Nested::new(cx, false)?;
    equal_hex("ID_AA64PFR1_EL1.MTE", 0, nested.level()?)?;
    let pfr2 = nested.id_registers()?;
    equal_hex("ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY}", 0, pfr2 & RegisterId::TAG_FEATURES_OF_PFR2)?;
    nested.listed(false)?;
    nested.readable(false)
}

fn id_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut nested = Nested::new(cx, true)?;
    let pfr2 = nested.id_registers()?;
    if nested.level()? < 2 {
        let features = pfr2 & RegisterId::TAG_FEATURES_OF_PFR2;
        equal_hex("ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY} where ID_AA64PFR1_EL1.MTE tells of no tags", 0, features)?;
    }
    Ok(())
}

fn listed_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut nested = Nested::new(cx, true)?;
    let there = nested.level()? >= 2;
    nested.listed(there)
}

fn registers_of_the_guest(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut nested = Nested::new(cx, true)?;
    let there = nested.level()? >= 2;
    nested.readable(there)
}

/// CPTR_EL2.ZEN: no trap at EL2.
const NO_TRAP: u8 = 0b11;

fn selected_lengths(cx: &mut CaseContext<'_>) -> CaseResult {
    for all in [true, false] {
        let mut nested = Nested::with_vectors(cx, true, all)?;
        let lengths = nested.lengths()?;
        holds(
            "the vector lengths of a vCPU with EL2",
            "16 bytes among them",
            format!("{lengths:#x}"),
            lengths & 1 != 0,
        )?;
        for len in [0, 1, 6, 15] {
            let longest = (0..=u64::from(len)).filter(|n| lengths >> n & 1 != 0).max().unwrap_or(0);
            let found = nested.vector_bytes(len, NO_TRAP)?.unwrap_or(0);
            equal_hex(&format!("RDVL at EL2 with ZCR_EL2.LEN {len}"), (longest + 1) * 16, found)?;
        }
    }
    Ok(())
}

fn vectors_trapped(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut nested = Nested::with_vectors(cx, true, true)?;
    for zen in 0..4 {
        if zen & 1 == 0 {
            nested.no_vectors(&format!("after RDVL at EL2 with CPTR_EL2.ZEN {zen:#04b}"), 0x19, zen)?;
        } else {
            let found = nested.vector_bytes(0, zen)?.unwrap_or(0);
            equal_hex(&format!("RDVL at EL2 with ZCR_EL2.LEN 0 and CPTR_EL2.ZEN {zen:#04b}"), 16, found)?;
        }
    }
    Ok(())
}

fn vectors_if_asked_for(cx: &mut CaseContext<'_>) -> CaseResult {
    for sve in [true, false] {
        let mut nested = if sve { Nested::with_vectors(cx, false, true)? } else { Nested::new(cx, false)? };
        let pfr0 = succeeds("KVM_GET_ONE_REG of ID_AA64PFR0_EL1", nested.vm.register(nested.cpu, ID_AA64PFR0_EL1))?;
        equal_hex(&format!("ID_AA64PFR0_EL1.SVE, asked for: {sve}"), sve.into(), pfr0 >> 32 & 0xf)?;
        let seen = nested.seen(ID_AA64PFR0_EL1)?.unwrap_or(!0);
        equal_hex("ID_AA64PFR0_EL1 as a vCPU with EL2 reads it", pfr0, seen)?;
        if sve {
            let found = nested.vector_bytes(0, NO_TRAP)?.unwrap_or(0);
            equal_hex("RDVL at EL2 with ZCR_EL2.LEN 0", 16, found)?;
        } else {
            nested.no_vectors("after RDVL at EL2 without SVE", 0, NO_TRAP)?;
        }
    }
    Ok(())
}
