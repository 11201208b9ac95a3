//! HVC: undefined at EL0, at EL1 a call of the hypervisor (Arm DEN 0028).
//!
//! A function is named in w0, and results are in x0 to x3; all else is preserved, and so is what MTE has of state. KVM
//! writes all four (include/kvm/arm_hypercalls.h, smccc_set_retval()), QEMU's board x0 alone. Neither looks at the
//! immediate, which the convention wants to be 0.

mod functions;

use self::functions::{Answer, INVALID_PARAMETERS, NOT_SUPPORTED};
use super::fault::undefined;
use super::{Core, Executed, Hypervisor, Stop};

crate::defects! {
    AT_EL0 "hvc.at-el0" "HVC at EL0 is a call";
    UNDEFINED "hvc.undefined-at-el1" "HVC at EL1 is UNDEFINED";
    X4 "hvc.x4-clobbered" "a call changes x4";
    X18 "hvc.x18-clobbered" "a call changes x18";
    X30 "hvc.x30-clobbered" "a call changes x30";
    STACK "hvc.sp-moved" "a call changes the stack pointer";
    FLAGS "hvc.flags-lost" "a call clears the flags";
    TCO "hvc.tco-cleared" "a call clears PSTATE.TCO";
    GCR "hvc.gcr-lost" "a call leaves the host's GCR_EL1";
    RGSR "hvc.rgsr-lost" "a call leaves the host's RGSR_EL1";
    TFSR "hvc.tfsr-cleared" "a call clears TFSR_EL1";
    TFSRE0 "hvc.tfsre0-cleared" "a call clears TFSRE0_EL1";
    FPCR "hvc.fpcr-lost" "a call clears FPCR";
    SKIPS "hvc.skips-an-instruction" "the instruction behind a call is skipped";
    ANSWER_LOST "hvc.answer-lost" "a call leaves x0 as it was";
    SUCCEEDS "hvc.unallocated-succeeds" "a function that does not exist gives 0";
    NARROW "hvc.answer-32-bits" "the upper half of x0 is 0 after an error";
    LEAKS "hvc.results-leak" "a call leaves something of the host's in x1 to x3";
    IMMEDIATE "hvc.immediate-matters" "a call with an immediate other than 0 is not handled";
    UPPER_HALF "hvc.upper-half-matters" "a call whose x0 has bits in its upper half is not handled";
    OLD_VERSION "hvc.psci-0-2" "PSCI_VERSION gives 0.2";
    OLD_SMCCC "hvc.smccc-1-0" "SMCCC_VERSION gives 1.0";
    ALL_FEATURES "hvc.features-all" "PSCI_FEATURES says that there is everything";
    NO_FEATURES "hvc.features-none" "PSCI_FEATURES says that there is nothing";
    EVERY_CPU "hvc.affinity-of-any" "AFFINITY_INFO says of CPUs that do not exist that they are on";
    FIRST_CPU_ONLY "hvc.affinity-of-first" "AFFINITY_INFO knows the first CPU only";
    MIGRATES "hvc.migrate-info" "MIGRATE_INFO_TYPE says that there is a trusted OS to migrate";
}

/// The fields of MPIDR_EL1 that are an affinity (arch/arm64/include/asm/cputype.h, MPIDR_HWID_BITMASK).
const AFFINITY: u64 = 0xff_00ff_ffff;

impl Core<'_, '_> {
    /// HVC.
    pub(super) fn hvc(&mut self, immediate: i64) -> Executed {
        if self.cpu.el == 0 && !self.defect(&AT_EL0) || self.cpu.el == 1 && self.defect(&UNDEFINED) {
            return Err(undefined());
        }
        if self.cpu.x_unknown & 0b111 != 0 {
            return Err(Stop::Unmodelled("a call whose arguments are UNKNOWN"));
        }
        match self.env.platform.hypervisor {
            Hypervisor::Kvm => self.call_kvm(immediate)?,
            Hypervisor::Board => self.call_board()?,
        }
        self.spoil();
        Ok(())
    }

    /// A call of KVM. The exception to EL2 records all asynchronous faults, and the return from it clears the exclusive
    /// monitor, as whenever a vCPU is left (`kvm/vcpu.rs`).
    fn call_kvm(&mut self, immediate: i64) -> Executed {
        let [x0, x1, x2, x3, ..] = self.cpu.x;
        let unheard = immediate != 0 && self.defect(&IMMEDIATE) || x0 >> 32 != 0 && self.defect(&UPPER_HALF);
        let answer = functions::answer(Hypervisor::Kvm, x0 as u32);
        let (results, count) = match if unheard { Answer::Value(NOT_SUPPORTED) } else { answer } {
            Answer::Applied => ([0; 4], 2),
            Answer::Words(words) => (words, 4),
            Answer::Outside(what) => return Err(Stop::Unmodelled(what)),
            answer => ([self.value(answer, x1, x2) as u64, 0, 0, 0], 4),
        };
        self.cpu.sys.synchronise();
        self.forget_monitor();
        self.answer(&results[..count]);
        if self.defect(&LEAKS) {
            self.cpu.x[1..4].copy_from_slice(&[x1 | 1, x2 | 1, x3 | 1]);
        }
        Ok(())
    }

    /// A call of QEMU's board, which is no exception: nothing but x0 changes. It looks at all of x0, unlike DEN 0028, where
    /// the function's identifier is w0.
    fn call_board(&mut self) -> Executed {
        let [x0, x1, x2, ..] = self.cpu.x;
        let known =
            u32::try_from(x0).map_or(Answer::Value(NOT_SUPPORTED), |id| functions::answer(Hypervisor::Board, id));
        let value = match known {
            Answer::Outside(what) => return Err(Stop::Unmodelled(what)),
            answer => self.value(answer, x1, x2),
        };
        self.answer(&[value as u64]);
        Ok(())
    }

    /// Gives the number that a function gives.
    fn value(&mut self, answer: Answer, x1: u64, x2: u64) -> i64 {
        let kvm = self.env.platform.hypervisor == Hypervisor::Kvm;
        match answer {
            Answer::Value(NOT_SUPPORTED) if self.defect(&SUCCEEDS) => 0,
            Answer::Value(2) if self.defect(&MIGRATES) => 0,
            Answer::Value(0x1_0001) if self.defect(&OLD_SMCCC) => 0x1_0000,
            Answer::Value(value) => value,
            Answer::PsciVersion if self.defect(&OLD_VERSION) => 2,
            Answer::PsciVersion => 1 << 16 | self.psci_minor() as i64,
            Answer::PsciFeatures if self.defect(&ALL_FEATURES) => 0,
            Answer::PsciFeatures if self.defect(&NO_FEATURES) => NOT_SUPPORTED,
            Answer::PsciFeatures if kvm => functions::psci_feature_of_kvm(self.psci_minor(), x1 as u32),
            Answer::PsciFeatures => functions::psci_feature_of_board(x1),
            Answer::ArchFeatures => {
                let permitted = functions::arch_feature_of_kvm(x1 as u32);
                let count = permitted.len() as u32;
                permitted[if count == 1 { 0 } else { self.env.choices.choose(count) as usize }]
            }
            Answer::TrngFeatures => functions::trng_feature_of_kvm(x1),
            Answer::AffinityInfo { wide: false } if kvm => self.affinity_info(x1 & 0xffff_ffff, x2 & 0xffff_ffff),
            Answer::AffinityInfo { .. } => self.affinity_info(x1, x2),
            // These are no numbers, and are dealt with before.
            Answer::Applied | Answer::Words(_) | Answer::Outside(_) => NOT_SUPPORTED,
        }
    }

    /// The minor version of PSCI 1 (KVM_ARM_PSCI_LATEST; QEMU_PSCI_VERSION_1_1).
    fn psci_minor(&self) -> u64 {
        match self.env.platform.hypervisor {
            Hypervisor::Kvm => self.env.platform.contract.psci_minor(),
            Hypervisor::Board => 1,
        }
    }

    /// Tells whether a CPU of an affinity is on: 0, as all of them are; `level` is the lowest field that counts (psci.c,
    /// kvm_psci_vcpu_affinity_info(); QEMU's arm_handle_psci_call()).
    fn affinity_info(&self, affinity: u64, level: u64) -> i64 {
        let platform = self.env.platform;
        let mask = match platform.hypervisor {
            Hypervisor::Board if level != 0 => return 0,
            Hypervisor::Board => !0,
            Hypervisor::Kvm if affinity & !AFFINITY != 0 || level > 3 => return INVALID_PARAMETERS,
            Hypervisor::Kvm => AFFINITY & !((1 << (8 * level)) - 1),
        };
        let cpus = if self.defect(&FIRST_CPU_ONLY) { 1 } else { platform.cpus };
        let of = |cpu| self.env.features.mpidr_el1(cpu) & AFFINITY & mask;
        let there = self.defect(&EVERY_CPU) || (0..cpus).any(|cpu| of(cpu) == affinity & mask);
        if there { 0 } else { INVALID_PARAMETERS }
    }

    /// Writes the results, the first registers, which are known from then on.
    fn answer(&mut self, results: &[u64]) {
        if !self.defect(&ANSWER_LOST) {
            self.cpu.x[..results.len()].copy_from_slice(results);
        }
        self.cpu.x_unknown &= !((1 << results.len()) - 1);
        if self.defect(&NARROW) {
            self.cpu.x[0] &= 0xffff_ffff;
        }
    }

    /// Makes the mistakes of a call that has an effect.
    fn spoil(&mut self) {
        let injected = self.env.injected;
        let cpu = &mut *self.cpu;
        match injected {
            defect if defect.is(&X4) => cpu.x[4] = 0,
            defect if defect.is(&X18) => cpu.x[18] = 0,
            defect if defect.is(&X30) => cpu.x[30] = cpu.pc,
            defect if defect.is(&STACK) => cpu.sp = cpu.sp.wrapping_sub(16),
            defect if defect.is(&FLAGS) => cpu.nzcv = 0,
            defect if defect.is(&TCO) => cpu.tco = false,
            defect if defect.is(&GCR) => cpu.sys.gcr = 0,
            defect if defect.is(&RGSR) => cpu.sys.rgsr = 0,
            defect if defect.is(&TFSR) => cpu.sys.tfsr = 0,
            defect if defect.is(&TFSRE0) => cpu.sys.tfsre0 = 0,
            defect if defect.is(&FPCR) => cpu.fpcr = 0,
            defect if defect.is(&SKIPS) => cpu.pc = cpu.pc.wrapping_add(4),
            _ => {}
        }
    }
}
