//! HVC: undefined at EL0, at EL1 a call of the hypervisor (Arm DEN 0028).
//!
//! A function is named in w0, and results are in x0 to x3; all else is preserved, and so is what MTE has of state. KVM
//! writes all four (include/kvm/arm_hypercalls.h, smccc_set_retval()), QEMU's board x0 alone. Neither looks at the
//! immediate, which the convention wants to be 0.

use super::fault::undefined;
use super::state::{Core, Executed, Stop, TurnOn};
use model_base::Hypervisor;
use model_base::hypercalls::{self as functions, ALREADY_ON, Answer, INVALID_PARAMETERS, NOT_SUPPORTED};

mutants::defects!();

/// What AFFINITY_INFO says of a CPU that is off.
const OFF: i64 = 1;

/// The fields of MPIDR_EL1 that are an affinity (arch/arm64/include/asm/cputype.h, MPIDR_HWID_BITMASK).
const AFFINITY: u64 = 0xff_00ff_ffff;

#[mutants::rules]
impl Core<'_, '_> {
    /// HVC, whatever its immediate.
    pub(super) fn hvc(&mut self, immediate: i64) -> Executed {
        if self.cpu.el == 0 {
            return Err(undefined());
        }
        if self.cpu.x_unknown & 0b111 != 0 {
            return Err(Stop::Unmodelled("a call whose arguments are UNKNOWN"));
        }
        match self.env.platform.hypervisor {
            Hypervisor::Kvm => self.call_kvm()?,
            Hypervisor::Board => self.call_board()?,
        }
        Ok(())
    }

    /// A call of KVM. The exception to EL2 records all asynchronous faults, and the return from it clears the exclusive
    /// monitor, as whenever a vCPU is left (`kvm/vcpu.rs`).
    fn call_kvm(&mut self) -> Executed {
        let [x0, x1, x2, ..] = self.cpu.x;
        let (results, count) = match functions::answer(Hypervisor::Kvm, x0 as u32) {
            Answer::Applied => ([0; 4], 2),
            Answer::Words(words) => (words, 4),
            Answer::Outside(what) => return Err(Stop::Unmodelled(what)),
            answer => ([self.value(answer, x1, x2) as u64, 0, 0, 0], 4),
        };
        self.cpu.sys.synchronise();
        self.forget_monitor();
        self.answer(&results[..count]);
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

    /// Returns the number that a function returns.
    fn value(&mut self, answer: Answer, x1: u64, x2: u64) -> i64 {
        let kvm = self.env.platform.hypervisor == Hypervisor::Kvm;
        match answer {
            Answer::Value(value) => value,
            Answer::PsciVersion => 1 << 16 | self.psci_minor() as i64,
            Answer::PsciFeatures if kvm => functions::psci_feature_of_kvm(self.psci_minor(), x1 as u32),
            Answer::PsciFeatures => functions::psci_feature_of_board(x1),
            Answer::ArchFeatures => {
                let permitted = functions::arch_feature_of_kvm(x1 as u32);
                permitted[self.env.choices.choose(permitted.len() as u32) as usize]
            }
            Answer::TrngFeatures => functions::trng_feature_of_kvm(x1),
            Answer::AffinityInfo { wide: false } if kvm => self.affinity_info(x1 & 0xffff_ffff, x2 & 0xffff_ffff),
            Answer::AffinityInfo { .. } => self.affinity_info(x1, x2),
            Answer::CpuOn { wide: false } => self.cpu_on(x1 & 0xffff_ffff, x2 & 0xffff_ffff, !0 >> 32),
            Answer::CpuOn { wide: true } => self.cpu_on(x1, x2, !0),
            // These are no numbers, and are dealt with before.
            Answer::Applied | Answer::Words(_) | Answer::Outside(_) => NOT_SUPPORTED,
        }
    }

    /// The minor version of PSCI 1 (KVM_ARM_PSCI_LATEST; QEMU_PSCI_VERSION_1_1).
    fn psci_minor(&self) -> u64 {
        match self.env.platform.hypervisor {
            Hypervisor::Kvm => self.env.platform.psci_minor,
            Hypervisor::Board => 1,
        }
    }

    /// Turns a CPU on (psci.c, kvm_psci_vcpu_on()). The mask is for the context, x3.
    fn cpu_on(&mut self, affinity: u64, entry: u64, mask: u64) -> i64 {
        let platform = self.env.platform;
        let of = |cpu| self.env.features.mpidr_el1(cpu) & AFFINITY;
        let Some(cpu) = (0..platform.cpus).find(|cpu| of(*cpu) == affinity) else { return INVALID_PARAMETERS };
        if platform.off >> cpu & 1 == 0 {
            return ALREADY_ON;
        }
        self.cpu.turns_on = Some(TurnOn { cpu, entry, context: self.cpu.x[3] & mask });
        0
    }

    /// Returns whether a CPU of an affinity is on: 0, or 1 if all of them are off; `level` is the lowest field that counts
    /// (psci.c, kvm_psci_vcpu_affinity_info(); QEMU's arm_handle_psci_call()).
    fn affinity_info(&self, affinity: u64, level: u64) -> i64 {
        let platform = self.env.platform;
        let mask = match platform.hypervisor {
            Hypervisor::Board if level != 0 => return 0,
            Hypervisor::Board => !0,
            Hypervisor::Kvm if affinity & !AFFINITY != 0 || level > 3 => return INVALID_PARAMETERS,
            Hypervisor::Kvm => AFFINITY & !((1 << (8 * level)) - 1),
        };
        let of = |cpu| self.env.features.mpidr_el1(cpu) & AFFINITY & mask;
        let mut meant = (0..platform.cpus).filter(|cpu| of(*cpu) == affinity & mask).peekable();
        let there = meant.peek().is_some();
        let on = meant.any(|cpu| platform.off >> cpu & 1 == 0);
        match (there, on) {
            (false, _) => INVALID_PARAMETERS,
            (true, true) => 0,
            (true, false) => OFF,
        }
    }

    /// Writes the results, the first registers, which are known from then on.
    fn answer(&mut self, results: &[u64]) {
        self.cpu.x[..results.len()].copy_from_slice(results);
        self.cpu.x_unknown &= !0 << results.len();
    }
}
