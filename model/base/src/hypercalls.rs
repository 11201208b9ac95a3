//! The functions that HVC can call, by their identifiers, and what each gives: data.
//!
//! Arm DEN 0028 (SMC Calling Convention), DEN 0022 (PSCI), DEN 0098 (TRNG). What KVM does is in arch/arm64/kvm/hypercalls.c,
//! psci.c, trng.c and hyp/hyp-entry.S; what QEMU does instead of firmware in target/arm/tcg/psci.c.

use crate::platform::Hypervisor;

/// NOT_SUPPORTED (DEN 0028; DEN 0022).
pub const NOT_SUPPORTED: i64 = -1;
/// INVALID_PARAMETERS (DEN 0022).
pub const INVALID_PARAMETERS: i64 = -2;

/// ALREADY_ON (DEN 0022).
pub const ALREADY_ON: i64 = -4;

/// What a function gives.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// A number.
    Value(i64),
    /// Four words.
    Words([u64; 4]),
    /// It was applied on entry to EL2, and x2 and x3 are not even looked at.
    Applied,
    /// PSCI's version.
    PsciVersion,
    /// Whether there is the function of PSCI that the first argument names.
    PsciFeatures,
    /// Whether there is the function or the workaround that the first argument names.
    ArchFeatures,
    /// Whether there is the function of TRNG that the first argument names.
    TrngFeatures,
    /// Whether a CPU is on; all bits of the arguments count, or the lower half.
    AffinityInfo {
        /// Whether all bits count.
        wide: bool,
    },
    /// Turns a CPU on; all bits of the arguments count, or the lower half.
    CpuOn {
        /// Whether all bits count.
        wide: bool,
    },
    /// It does something that is not specified here.
    Outside(&'static str),
}

/// A function that a hypervisor has.
struct Function {
    /// Its identifier, which is passed in w0.
    id: u32,
    /// What KVM gives.
    kvm: Answer,
    /// What QEMU's board gives.
    board: Answer,
}

const fn both(id: u32, answer: Answer) -> Function {
    Function { id, kvm: answer, board: answer }
}

const fn of_kvm(id: u32, kvm: Answer) -> Function {
    Function { id, kvm, board: Answer::Value(NOT_SUPPORTED) }
}

const fn of_board(id: u32, board: Answer) -> Function {
    Function { id, kvm: Answer::Value(NOT_SUPPORTED), board }
}

/// A function with 64-bit arguments.
const WIDE: u32 = 1 << 30;

const SMCCC_VERSION: u32 = 0x8000_0000;
const WORKAROUND_1: u32 = 0x8000_8000;
const WORKAROUND_2: u32 = 0x8000_7fff;
const WORKAROUND_3: u32 = 0x8000_3fff;
const PSCI_VERSION: u32 = 0x8400_0000;
const CPU_SUSPEND: u32 = 0x8400_0001;
const CPU_OFF: u32 = 0x8400_0002;
const CPU_ON: u32 = 0x8400_0003;
const AFFINITY_INFO: u32 = 0x8400_0004;
const MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
const SYSTEM_OFF: u32 = 0x8400_0008;
const SYSTEM_RESET: u32 = 0x8400_0009;
const PSCI_FEATURES: u32 = 0x8400_000a;
const SYSTEM_RESET2: u32 = 0x8400_0012;
const SYSTEM_OFF2: u32 = 0x8400_0015;
const TRNG_VERSION: u32 = 0x8400_0050;
const TRNG_FEATURES: u32 = 0x8400_0051;
const TRNG_GET_UUID: u32 = 0x8400_0052;
const TRNG_RND: u32 = 0x8400_0053;
const PV_TIME_FEATURES: u32 = 0xc500_0020;
/// Functions of PSCI 0.1, which has no numbers of its own: those of QEMU's device tree.
const OLD_CPU_SUSPEND: u32 = 0x95c1_ba5e;
const OLD_CPU_OFF: u32 = 0x95c1_ba5f;
const OLD_CPU_ON: u32 = 0x95c1_ba60;

const SUSPENDS: Answer = Answer::Outside("a call that waits for an interrupt");
const TURNS_OFF: Answer = Answer::Outside("a call that turns the CPU off");
const TURNS_ON: Answer = Answer::Outside("a call that turns a CPU on");
const ENDS: Answer = Answer::Outside("a call that turns the machine off");
/// What a call is that resets the machine, for whoever drives it.
pub const RESETS: &str = "a call that resets the machine";
const RANDOM: Answer = Answer::Outside("a call that gives random numbers");
const TIME: Answer = Answer::Outside("a call that gives the time");

/// All functions that are not NOT_SUPPORTED everywhere.
///
/// SYSTEM_SUSPEND is: KVM has it only for a VMM that enabled KVM_CAP_ARM_SYSTEM_SUSPEND. So are those of paravirtualised
/// time, which nobody set up, and SYSTEM_OFF2 before PSCI 1.3, which is left outside all the same.
static FUNCTIONS: &[Function] = &[
    // ARM_SMCCC_VERSION_1_1.
    of_kvm(SMCCC_VERSION, Answer::Value(0x1_0001)),
    of_kvm(0x8000_0001, Answer::ArchFeatures),
    of_kvm(WORKAROUND_1, Answer::Applied),
    of_kvm(WORKAROUND_2, Answer::Applied),
    of_kvm(WORKAROUND_3, Answer::Applied),
    both(PSCI_VERSION, Answer::PsciVersion),
    both(CPU_SUSPEND, SUSPENDS),
    both(CPU_SUSPEND | WIDE, SUSPENDS),
    both(CPU_OFF, TURNS_OFF),
    Function { id: CPU_ON, kvm: Answer::CpuOn { wide: false }, board: TURNS_ON },
    Function { id: CPU_ON | WIDE, kvm: Answer::CpuOn { wide: true }, board: TURNS_ON },
    both(AFFINITY_INFO, Answer::AffinityInfo { wide: false }),
    both(AFFINITY_INFO | WIDE, Answer::AffinityInfo { wide: true }),
    // A trusted OS that may run anywhere, or none.
    both(MIGRATE_INFO_TYPE, Answer::Value(2)),
    both(SYSTEM_OFF, ENDS),
    both(SYSTEM_RESET, Answer::Outside(RESETS)),
    both(PSCI_FEATURES, Answer::PsciFeatures),
    of_kvm(SYSTEM_RESET2, Answer::Outside(RESETS)),
    of_kvm(SYSTEM_RESET2 | WIDE, Answer::Outside(RESETS)),
    of_kvm(SYSTEM_OFF2, ENDS),
    of_kvm(SYSTEM_OFF2 | WIDE, ENDS),
    of_board(OLD_CPU_SUSPEND, SUSPENDS),
    of_board(OLD_CPU_OFF, TURNS_OFF),
    of_board(OLD_CPU_ON, TURNS_ON),
    // ARM_SMCCC_TRNG_VERSION_1_0, and KVM's UUID for it.
    of_kvm(TRNG_VERSION, Answer::Value(0x1_0000)),
    of_kvm(TRNG_FEATURES, Answer::TrngFeatures),
    of_kvm(TRNG_GET_UUID, Answer::Words([0x00e0_210d, 0xeb11_8443, 0x4452_7080, 0x4c5a_4e55])),
    of_kvm(TRNG_RND, RANDOM),
    of_kvm(TRNG_RND | WIDE, RANDOM),
    // ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID: discovery itself, and the time.
    of_kvm(0x8600_0000, Answer::Words([0b11, 0, 0, 0])),
    of_kvm(0x8600_0001, TIME),
    // ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID.
    of_kvm(0x8600_ff01, Answer::Words([0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d])),
];

/// Returns what a hypervisor answers.
#[mutants::rules]
pub fn answer(hypervisor: Hypervisor, id: u32) -> Answer {
    let known = FUNCTIONS.iter().find(|function| function.id == id);
    known.map_or(Answer::Value(NOT_SUPPORTED), |function| match hypervisor {
        Hypervisor::Kvm => function.kvm,
        Hypervisor::Board => function.board,
    })
}

/// What PSCI_FEATURES says is there, on KVM and on the board.
const PSCI: [u32; 12] = [
    PSCI_VERSION,
    CPU_SUSPEND,
    CPU_SUSPEND | WIDE,
    CPU_OFF,
    CPU_ON,
    CPU_ON | WIDE,
    AFFINITY_INFO,
    AFFINITY_INFO | WIDE,
    MIGRATE_INFO_TYPE,
    SYSTEM_OFF,
    SYSTEM_RESET,
    PSCI_FEATURES,
];

/// Returns PSCI_FEATURES' answer of KVM, by the minor version of PSCI 1.
#[mutants::rules]
pub fn psci_feature_of_kvm(minor: u64, id: u32) -> i64 {
    /// PSCI_1_3_OFF_TYPE_HIBERNATE_OFF.
    const HIBERNATE_OFF: i64 = 1;
    match id & !WIDE {
        SYSTEM_RESET2 if minor >= 1 => 0,
        SYSTEM_OFF2 if minor >= 3 => HIBERNATE_OFF,
        _ if id == SMCCC_VERSION || PSCI.contains(&id) => 0,
        _ => NOT_SUPPORTED,
    }
}

/// Returns PSCI_FEATURES' answer of the board, which looks at all of x1.
#[mutants::rules]
pub fn psci_feature_of_board(id: u64) -> i64 {
    let there = |id: u32| PSCI.contains(&id) || [OLD_CPU_SUSPEND, OLD_CPU_OFF, OLD_CPU_ON].contains(&id);
    if u32::try_from(id).is_ok_and(there) { 0 } else { NOT_SUPPORTED }
}

/// Lists what SMCCC_ARCH_FEATURES may say of a function on KVM: of a workaround what the host's CPUs need, which no register
/// tells (arch/arm64/kernel/proton-pack.c). KVM says of SMCCC_ARCH_FEATURES itself that it is not there.
#[mutants::rules]
pub fn arch_feature_of_kvm(id: u32) -> &'static [i64] {
    /// SMCCC_ARCH_WORKAROUND_RET_UNAFFECTED.
    const UNAFFECTED: i64 = 1;
    /// SMCCC_RET_NOT_REQUIRED.
    const NOT_REQUIRED: i64 = -2;
    match id {
        WORKAROUND_1 | WORKAROUND_3 => &[UNAFFECTED, 0, NOT_SUPPORTED],
        WORKAROUND_2 => &[NOT_REQUIRED, NOT_SUPPORTED],
        PV_TIME_FEATURES => &[0],
        _ => &[NOT_SUPPORTED],
    }
}

/// Returns TRNG_FEATURES' answer of KVM, which looks at all of x1.
#[mutants::rules]
pub fn trng_feature_of_kvm(id: u64) -> i64 {
    const THERE: [u32; 5] = [TRNG_VERSION, TRNG_FEATURES, TRNG_GET_UUID, TRNG_RND, TRNG_RND | WIDE];
    if THERE.iter().any(|known| u64::from(*known) == id) { 0 } else { NOT_SUPPORTED }
}
